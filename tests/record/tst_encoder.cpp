// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/inserts.h"
#include "core/record/minutes.h"
#include "core/record/redactions.h"
#include "core/record/textnumbers.h"

#include <QTest>
#include <SQLiteCpp/Exception.h>

#include <set>

using namespace poolscope;
using namespace poolscope::record;
using namespace std::chrono_literals;

namespace {

std::int64_t integer(const Value& value)
{
    return std::get<std::int64_t>(value);
}

SessionRow row(std::int64_t id, std::initializer_list<SessionRow::Column> columns)
{
    SessionRow made;
    made.id = id;
    for (const SessionRow::Column column : columns)
        made.put(column, id * 100 + column);
    return made;
}

} // namespace

/// The parts that rows come from, and go into the file by.
class Encoding : public QObject
{
    Q_OBJECT

private slots:
    void aTextHasOneNumber();
    void addressesAreNotMistaken();
    void forgottenTextsGetANewNumber();
    void statementsAreRedactedOnce();
    void aMinuteKeepsItsPeak();
    void rowsArriveAsTheyAre();
    void aQueryEndsOnce();
    void aFailedStatementIsReadyAgain();
};

void Encoding::aTextHasOneNumber()
{
    TextNumbers numbers;
    bool added = false;
    const Text one{"SELECT 1"}, same{"SELECT 1"}, other{"SELECT 2"};
    QCOMPARE(numbers.number(one, added).id, std::int64_t{1});
    QVERIFY(added);
    QCOMPARE(numbers.number(one, added).id, std::int64_t{1});
    QVERIFY(!added);
    QCOMPARE(numbers.number(same, added).id, std::int64_t{1});
    QVERIFY(!added);
    QCOMPARE(numbers.number(other, added).id, std::int64_t{2});
    QVERIFY(added);
    // What is noted of a text stays with it, whichever way it is found.
    numbers.number(one, added).used = 7;
    QCOMPARE(numbers.number(same, added).used, std::int64_t{7});
}

/// Texts come and go, so that the same addresses come again with others in them.
void Encoding::addressesAreNotMistaken()
{
    TextNumbers numbers;
    bool added = false;
    constexpr int many = 200'000;
    for (int i = 1; i <= many; ++i) {
        const auto id = numbers.number(Text{std::to_string(i)}, added).id;
        if (id != i || !added)
            QCOMPARE(id, std::int64_t{i});
    }
    // Of late: known. From long ago: given a second number, which no other text has.
    QCOMPARE(numbers.number(Text{std::to_string(many)}, added).id, std::int64_t{many});
    QCOMPARE(numbers.number(Text{std::to_string(many - 60'000)}, added).id,
             std::int64_t{many - 60'000});
    QCOMPARE(numbers.number(Text{"1"}, added).id, std::int64_t{many + 1});
    QVERIFY(added);
}

void Encoding::forgottenTextsGetANewNumber()
{
    TextNumbers numbers;
    bool added = false;
    const Text kept{"kept"}, forgotten{"forgotten"};
    numbers.number(kept, added).used = 20;
    numbers.number(forgotten, added).used = 10;
    numbers.forget_before(15);
    QCOMPARE(numbers.number(kept, added).id, std::int64_t{1});
    QVERIFY(!added);
    QCOMPARE(numbers.number(forgotten, added).id, std::int64_t{3});
    QVERIFY(added);
}

void Encoding::statementsAreRedactedOnce()
{
    Redactions redactions;
    ServerSample sample;
    sample.full = true;
    sample.poll_cost = 5ms;
    const Text statement{"SELECT 'secret'"};
    for (const Text& text : {statement, Text{}, statement}) {
        Session session;
        session.statement = text;
        session.user = Text{"o'brien"};
        sample.changed.push_back(session);
    }
    const ServerSample made = redactions.without_literals(sample);
    QCOMPARE(made.changed[0].statement.str(), std::string{"SELECT ?"});
    QVERIFY(made.changed[1].statement.is_null());
    QVERIFY(made.changed[2].statement.identity() == made.changed[0].statement.identity());
    // Nothing else is touched.
    QCOMPARE(made.changed[0].user.str(), std::string{"o'brien"});
    QVERIFY(made.full && made.poll_cost == 5ms);
    QCOMPARE(redactions.without_literals(sample).changed[0].statement.identity(),
             made.changed[0].statement.identity());
}

void Encoding::aMinuteKeepsItsPeak()
{
    Minutes minutes;
    Pending pending;
    minutes.flush(SequenceNumber{1}, pending);
    QVERIFY(pending.plain.empty());
    const Timestamp noon = timestamp_from_us(std::int64_t{43'200'000'000});
    QVERIFY(!minutes.over(noon));
    minutes.count(TargetId{1}, noon, 10, 5, false);
    minutes.count(TargetId{1}, noon + 1s, 11, 9, true);
    minutes.count(TargetId{1}, noon + 2s, 12, 9, false);
    minutes.count(TargetId{2}, noon + 3s, 13, 0, false);
    QVERIFY(!minutes.over(noon + 59s));
    QVERIFY(minutes.over(noon + 60s));
    QVERIFY(minutes.over(noon - 1us));
    minutes.flush(SequenceNumber{13}, pending);
    QCOMPARE(pending.plain.size(), std::size_t{2});
    const auto expect = [&](std::size_t at, std::int64_t target, std::int64_t peak, bool gap) {
        const PlainRow& made = pending.plain[at];
        QVERIFY(made.table == schema::Table::minute);
        QCOMPARE(integer(made.values[0]), schema::row_id(13, at));
        QCOMPARE(integer(made.values[1]), target);
        QCOMPARE(integer(made.values[2]), peak);
        QCOMPARE(integer(made.values[3]), std::int64_t{gap});
    };
    // The first of equal ones, and a sample without anybody counts as well.
    expect(0, 1, 11, true);
    expect(1, 2, 13, false);
    QVERIFY(!minutes.over(noon + 60s));
}

/// Statements of many rows are used again with other columns set: none may keep an older value.
void Encoding::rowsArriveAsTheyAre()
{
    SQLite::Database db{":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
    for (std::size_t i = 0; i < schema::table_count; ++i)
        db.exec(std::string{schema::definition(static_cast<schema::Table>(i)).sql});
    Inserts inserts{db};
    std::vector<SessionRow> all;
    const auto write = [&](std::size_t rows, std::initializer_list<SessionRow::Column> columns) {
        Pending pending;
        for (std::size_t i = 0; i < rows; ++i) {
            all.push_back(row(static_cast<std::int64_t>(all.size() + 1), columns));
            pending.changes.push_back(all.back());
            pending.plain.push_back(
                {schema::Table::text, {all.back().id, std::monostate{}, Text{"text"}}});
        }
        inserts.begin();
        inserts.write(pending);
        inserts.commit();
    };
    write(63, {SessionRow::session, SessionRow::state, SessionRow::xmin});
    write(63, {SessionRow::session, SessionRow::statement});
    write(101, {SessionRow::session, SessionRow::state, SessionRow::xid, SessionRow::xmin});
    write(1, {SessionRow::session});
    QCOMPARE(ask(db, "SELECT count(*) FROM text WHERE body = 'text' AND used IS NULL"),
             static_cast<std::int64_t>(all.size()));
    Query query{db, "SELECT * FROM session_change ORDER BY id"};
    for (const SessionRow& expected : all) {
        QVERIFY(query.step());
        const Row found{query};
        QCOMPARE(found.integer(0), expected.id);
        for (int i = 0; i < 11; ++i) {
            const auto column = static_cast<SessionRow::Column>(i);
            const auto value = found.optional_integer(i + 1);
            QCOMPARE(value.has_value(), expected.has(column));
            QVERIFY(!value || *value == expected.values[column]);
        }
    }
    QVERIFY(!query.step());
}

void Encoding::aQueryEndsOnce()
{
    SQLite::Database db{":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
    Query query{db, "SELECT 1, 'one', NULL"};
    QVERIFY(query.step());
    const Row found{query};
    QCOMPARE(found.integer(0), std::int64_t{1});
    QCOMPARE(found.text(1), std::string{"one"});
    QVERIFY(found.null(2) && !found.optional_integer(2));
    QVERIFY_THROWS_EXCEPTION(Damaged, found.integer(1));
    QVERIFY_THROWS_EXCEPTION(Damaged, found.integer(2));
    QVERIFY_THROWS_EXCEPTION(Damaged, found.text(0));
    QVERIFY(!query.step());
    // SQLite itself would begin again.
    QVERIFY(!query.step());
    query.reset();
    QVERIFY(query.step());
    QVERIFY_THROWS_EXCEPTION(SQLite::Exception, Query(db, "SELEC 1"));
}

void Encoding::aFailedStatementIsReadyAgain()
{
    SQLite::Database db{":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
    db.exec("CREATE TABLE t(a INTEGER PRIMARY KEY)");
    Query insert{db, "INSERT INTO t VALUES (?)"};
    insert.bind(1, 5);
    insert.run();
    QVERIFY_THROWS_EXCEPTION(SQLite::Exception, insert.run());
    insert.bind(1, 6);
    insert.run();
    QCOMPARE(ask(db, "SELECT count(*) FROM t"), std::int64_t{2});
}

QTEST_APPLESS_MAIN(Encoding)
#include "tst_encoder.moc"
