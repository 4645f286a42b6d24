// SPDX-License-Identifier: GPL-3.0-or-later
// What is read of a real MariaDB server and done there, with performance_schema and without.
#include "core/analyze/blocking.h"
#include "tests/integration/mysqlprobe.h"
#include "tests/support/mariadb.h"

#include <QDateTime>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlSessions : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void facts();
    void states_data() { kinds(); }
    void states();
    void chainOfThree_data() { kinds(); }
    void chainOfThree();
    void metadataLock_data() { kinds(); }
    void metadataLock();
    void locksOfTheWatched();
    void cancel_data() { kinds(); }
    void cancel();
    void terminate_data() { kinds(); }
    void terminate();
    void otherIdentity();
    void withoutProcess();
    void withoutSchema();
    void mayNotKill();
    void longStatement();
    void hostileNames();
    void churn();
    void quietServerIsQuiet();

private:
    static void kinds()
    {
        QTest::addColumn<bool>("schema");
        QTest::newRow("performance_schema") << true;
        QTest::newRow("information_schema") << false;
    }
    MariaDb& server()
    {
        QFETCH(bool, schema);
        return schema ? on_ : off_;
    }

    MariaDb on_, off_;
};

void TestMySqlSessions::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
    MariaDb::Options options;
    QVERIFY2(on_.start(options), qPrintable(on_.error()));
    options.performanceSchema = false;
    QVERIFY2(off_.start(options), qPrintable(off_.error()));
    for (MariaDb* each : {&on_, &off_}) {
        MariaClient admin(*each, "admin");
        QVERIFY(admin.exec(QStringLiteral("CREATE TABLE t (id INT PRIMARY KEY, v INT)")));
        QVERIFY(admin.exec(QStringLiteral("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")));
        QVERIFY(admin.exec(QStringLiteral("CREATE USER reader@'%'")));
        QVERIFY(admin.exec(QStringLiteral("GRANT PROCESS ON *.* TO reader@'%'")));
    }
}

void TestMySqlSessions::facts()
{
    MySqlProbe probe(on_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    const ServerFacts& facts = *probe.state().facts;
    QVERIFY2(facts.version.starts_with(MariaDb::isMySql() ? "MySQL " : "MariaDB 1"),
             facts.version.c_str());
    QVERIFY(facts.version_number >= 50700);
    MariaClient admin(on_, "admin");
    QCOMPARE(facts.max_connections.value_or(0),
             admin.value(QStringLiteral("SELECT @@max_connections")).toInt());
    QCOMPARE(facts.role, std::string("admin"));
    QVERIFY(facts.sees_all && facts.can_signal && !facts.in_recovery);
    QVERIFY2(facts.missing_grant.empty(), facts.missing_grant.c_str());
    const double uptime =
        admin
            .value(
                QStringLiteral("SELECT UNIX_TIMESTAMP() - VARIABLE_VALUE FROM "
                               "performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'"))
            .toDouble();
    QVERIFY(std::abs(static_cast<double>(to_us(*facts.server_started)) / 1e6 - uptime) <= 2);
    QVERIFY(probe.own());
    QCOMPARE(probe.own()->application.str(), std::string("poolscope"));
    QVERIFY2(!probe.sentence().contains(QStringLiteral("information_schema")),
             qPrintable(probe.sentence()));
    // Which list it is stands on screen where it is not the better one.
    MySqlProbe other(off_.url());
    other.start();
    QTRY_VERIFY_WITH_TIMEOUT(other.up(), 20000);
    QVERIFY2(other.sentence().contains(QStringLiteral("information_schema.PROCESSLIST")),
             qPrintable(other.sentence()));
}

void TestMySqlSessions::states()
{
    QFETCH(bool, schema);
    MySqlProbe probe(server().url());
    MariaClient idle(server(), "app", "shop-api"), open(server()), runs(server());
    probe.start();
    QVERIFY(open.exec(QStringLiteral("BEGIN")) &&
            open.exec(QStringLiteral("UPDATE t SET v = v + 1 WHERE id = 3")));
    QVERIFY(runs.send(QStringLiteral("SELECT SLEEP(6)")));
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(open.id()), SessionState::idle_in_transaction, 20000);
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(runs.id()), SessionState::active, 20000);
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(idle.id()), SessionState::idle, 20000);
    const Session s = *probe.session(open.id());
    QVERIFY(s.transaction_since && s.state_since);
    const Timestamp now =
        timestamp_from_us(QDateTime::currentMSecsSinceEpoch() * 1000) + probe.state().clock_offset;
    QVERIFY(now - *s.transaction_since < std::chrono::seconds{60});
    QVERIFY(now - *s.state_since < std::chrono::seconds{60});
    QVERIFY(now >= *s.state_since);
    QCOMPARE(s.user.str(), std::string("app"));
    QCOMPARE(s.database.str(), std::string("shop"));
    QVERIFY2(s.client.str().starts_with("127.0.0.1:"), s.client.str().c_str());
    QVERIFY(s.is_client());
    if (schema)
        QCOMPARE(probe.session(idle.id())->application.str(), std::string("shop-api"));
    QCOMPARE(probe.session(runs.id())->statement.str(), std::string("SELECT SLEEP(6)"));
    QVERIFY(probe.session(runs.id())->statement_since.has_value());
    // An age does not wobble from poll to poll.
    const int samples = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples > samples + 8, 20000);
    QCOMPARE(probe.session(open.id())->state_since, s.state_since);
    QVERIFY(open.exec(QStringLiteral("COMMIT")));
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(open.id()), SessionState::idle, 20000);
    QVERIFY(!probe.session(open.id())->transaction_since);
    QVERIFY(runs.finish());
}

void TestMySqlSessions::chainOfThree()
{
    MySqlProbe probe(server().url());
    MariaClient first(server()), second(server()), third(server());
    QVERIFY(first.exec(QStringLiteral("BEGIN")) &&
            first.exec(QStringLiteral("UPDATE t SET v = 0 WHERE id = 1")));
    QVERIFY(second.exec(QStringLiteral("BEGIN")) &&
            second.exec(QStringLiteral("UPDATE t SET v = 0 WHERE id = 2")) &&
            second.send(QStringLiteral("UPDATE t SET v = 0 WHERE id = 1")));
    QVERIFY(third.send(QStringLiteral("UPDATE t SET v = 0 WHERE id = 2")));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(third.id()), SessionState::waiting, 20000);
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(second.id()), SessionState::waiting, 20000);
    QCOMPARE(probe.stateOf(first.id()), SessionState::idle_in_transaction);
    QCOMPARE(probe.session(second.id())->wait_event.str(), std::string("InnoDB row lock"));
    QFETCH(bool, schema);
    if (MariaDb::isMySql() && !schema) {
        // It tells who holds a row in performance_schema alone.
        QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("rows that sessions wait for")),
                     qPrintable(probe.sentence()));
        QVERIFY(probe.blockersOf(second.id()).empty());
    } else {
        QTRY_COMPARE_WITH_TIMEOUT(probe.blockersOf(third.id()), std::vector<Pid>{Pid{second.id()}},
                                  20000);
        QTRY_COMPARE_WITH_TIMEOUT(probe.blockersOf(second.id()), std::vector<Pid>{Pid{first.id()}},
                                  20000);
        const Blocking blocking = find_blocking(probe.state());
        QCOMPARE(blocking.blocks.at(Pid{first.id()}), 2);
        QCOMPARE(blocking.trees.size(), std::size_t{1});
        QCOMPARE(blocking.trees[0].root.key.pid, Pid{first.id()});
    }
    QVERIFY(first.exec(QStringLiteral("ROLLBACK")));
    QVERIFY(second.finish() && second.exec(QStringLiteral("ROLLBACK")));
    QVERIFY(third.finish());
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(third.id()), SessionState::idle, 20000);
    QVERIFY(probe.blockersOf(third.id()).empty());
}

void TestMySqlSessions::metadataLock()
{
    QFETCH(bool, schema);
    MySqlProbe probe(server().url());
    MariaClient reads(server()), alters(server()), queues(server());
    QVERIFY(reads.exec(QStringLiteral("BEGIN")) && reads.exec(QStringLiteral("SELECT * FROM t")));
    QVERIFY(alters.send(QStringLiteral("ALTER TABLE t ADD COLUMN w INT")));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(alters.id()), SessionState::waiting, 20000);
    QVERIFY(queues.send(QStringLiteral("SELECT * FROM t")));
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(queues.id()), SessionState::waiting, 20000);
    QCOMPARE(probe.session(alters.id())->wait_event.str(),
             std::string("Waiting for table metadata lock"));
    if (schema) {
        QTRY_COMPARE_WITH_TIMEOUT(probe.blockersOf(alters.id()), std::vector<Pid>{Pid{reads.id()}},
                                  20000);
        QTRY_COMPARE_WITH_TIMEOUT(probe.blockersOf(queues.id()), std::vector<Pid>{Pid{alters.id()}},
                                  20000);
    } else {
        QTRY_VERIFY_WITH_TIMEOUT(
            probe.sentence().contains(QStringLiteral("metadata locks that sessions wait for")),
            20000);
        QVERIFY(probe.blockersOf(alters.id()).empty());
    }
    QVERIFY(reads.exec(QStringLiteral("ROLLBACK")));
    QVERIFY(alters.finish() && queues.finish());
    QVERIFY(alters.exec(QStringLiteral("ALTER TABLE t DROP COLUMN w")));
}

void TestMySqlSessions::locksOfTheWatched()
{
    MySqlProbe probe(on_.url());
    MariaClient holds(on_), waits(on_);
    QVERIFY(holds.exec(QStringLiteral("BEGIN")) &&
            holds.exec(QStringLiteral("UPDATE t SET v = 0 WHERE id = 1")));
    QVERIFY(waits.send(QStringLiteral("UPDATE t SET v = 0 WHERE id = 1")));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(waits.id()), SessionState::waiting, 20000);
    probe.source().setWatched({probe.keyOf(holds.id()), probe.keyOf(waits.id())});
    const auto locksOf = [&](qint64 id) {
        std::vector<Lock> found;
        for (const Fact& fact : probe.facts) {
            const auto* const told = std::get_if<LocksReported>(&fact);
            if (told && told->session.pid == Pid{id})
                found = told->locks;
        }
        return found;
    };
    const auto has = [&](qint64 id, const char* type, bool granted) {
        const auto locks = locksOf(id);
        return std::any_of(locks.begin(), locks.end(), [&](const Lock& lock) {
            return lock.type == type && lock.granted == granted && lock.relation == "shop.t";
        });
    };
    QTRY_VERIFY_WITH_TIMEOUT(has(holds.id(), "record", true), 20000);
    QVERIFY(has(holds.id(), "metadata table", true));
    QVERIFY(has(waits.id(), "record", false));
    QVERIFY(holds.exec(QStringLiteral("ROLLBACK")) && waits.finish());
}

void TestMySqlSessions::cancel()
{
    MySqlProbe probe(server().url());
    MariaClient runs(server());
    QVERIFY(runs.exec(QStringLiteral("BEGIN")) && runs.exec(QStringLiteral("SELECT * FROM t")));
    QVERIFY(runs.send(QStringLiteral("SELECT SLEEP(500) FROM t")));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(runs.id()), SessionState::active, 20000);
    const SessionKey key = probe.keyOf(runs.id());
    const auto since = probe.session(runs.id())->statement_since;
    // A statement that is over by now.
    ActionId action = probe.execute(ActionVerb::cancel, key, *since - std::chrono::seconds{100});
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent refused"), 20000);
    QVERIFY2(probe.outcome(action).contains(QStringLiteral("another statement")),
             qPrintable(probe.outcome(action)));
    action = probe.execute(ActionVerb::cancel, key, since);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent accepted observed"),
                              20000);
    QVERIFY(!runs.finish());
    QCOMPARE(runs.error(), 1317U);
    // The session lives on, and its transaction.
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(runs.id()), SessionState::idle_in_transaction, 20000);
    QVERIFY(runs.exec(QStringLiteral("ROLLBACK")));
    // For a moment after its answer MySQL lists a statement as running.
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(runs.id()), SessionState::idle, 20000);
    action = probe.execute(ActionVerb::cancel, key);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent refused"), 20000);
    QVERIFY2(probe.outcome(action).contains(QStringLiteral("runs no statement")),
             qPrintable(probe.outcome(action)));
}

void TestMySqlSessions::terminate()
{
    MySqlProbe probe(server().url());
    MariaClient victim(server()), other(server());
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(victim.id()), SessionState::idle, 20000);
    const SessionKey key = probe.keyOf(victim.id());
    const ActionId action = probe.execute(ActionVerb::terminate, key);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent accepted observed"),
                              20000);
    QVERIFY(!probe.session(victim.id()));
    QVERIFY(!victim.exec(QStringLiteral("SELECT 1")));
    QVERIFY(other.exec(QStringLiteral("SELECT 1")));
    const ActionId again = probe.execute(ActionVerb::terminate, key);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(again), QStringLiteral("sent refused"), 20000);
}

void TestMySqlSessions::otherIdentity()
{
    MySqlProbe probe(on_.url());
    MariaClient bystander(on_);
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(bystander.id()), SessionState::idle, 20000);
    // The same id, of an earlier life of the server.
    SessionKey key = probe.keyOf(bystander.id());
    key.started -= std::chrono::minutes{5};
    ActionId action = probe.execute(ActionVerb::terminate, key);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent refused"), 20000);
    // Ours.
    action = probe.execute(ActionVerb::terminate, probe.own()->key);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("refused"), 20000);
    // A worker of the server itself.
    for (const auto& [pid, session] : probe.state().sessions) {
        if (session.is_client())
            continue;
        action = probe.execute(ActionVerb::terminate, session.key);
        QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("refused"), 20000);
    }
    QVERIFY(bystander.exec(QStringLiteral("SELECT 1")));
}

void TestMySqlSessions::withoutProcess()
{
    MariaClient other(on_), same(on_, "app");
    MySqlProbe probe(on_.url("app"));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    const ServerFacts& facts = *probe.state().facts;
    QVERIFY(!facts.sees_all && !facts.can_signal);
    QVERIFY(!facts.max_connections); // one of 151 would be a lie
    QVERIFY2(facts.missing_grant.find("GRANT PROCESS ON *.* TO `app`@`%`;") != std::string::npos,
             facts.missing_grant.c_str());
    QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("Without PROCESS")),
                 qPrintable(probe.sentence()));
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(same.id()), SessionState::idle, 20000);
    // Its own sessions it may end all the same.
    const ActionId action = probe.execute(ActionVerb::terminate, probe.keyOf(same.id()));
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent accepted observed"),
                              20000);
}

void TestMySqlSessions::withoutSchema()
{
    // PROCESS shows everyone, but performance_schema wants a right of its own.
    MariaClient other(on_);
    MySqlProbe probe(on_.url("reader", ""));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(other.id()), SessionState::idle, 20000);
    QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("may not read performance_schema")),
                 qPrintable(probe.sentence()));
    QVERIFY(probe.state().facts->sees_all);
    QVERIFY(probe.state().facts->max_connections);
    QVERIFY(probe.state().facts->missing_grant.find("GRANT SELECT ON performance_schema.*") !=
            std::string::npos);
}

void TestMySqlSessions::mayNotKill()
{
    MariaClient other(on_, "admin");
    MySqlProbe probe(on_.url("reader", ""));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(other.id()), SessionState::idle, 20000);
    QVERIFY(!probe.state().facts->can_signal);
    const ActionId action = probe.execute(ActionVerb::terminate, probe.keyOf(other.id()));
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent refused"), 20000);
    QVERIFY2(probe.outcome(action).contains(QStringLiteral("GRANT CONNECTION")),
             qPrintable(probe.outcome(action)));
    QVERIFY(other.exec(QStringLiteral("SELECT 1")));
}

void TestMySqlSessions::longStatement()
{
    MySqlProbe probe(off_.url());
    MariaClient runs(off_);
    QVERIFY(runs.send(QStringLiteral("SELECT SLEEP(500), '") +
                      QString(1024 * 1024, QLatin1Char('x')) + QStringLiteral("'")));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(runs.id()), SessionState::active, 20000);
    // MySQL lists a statement that still arrives, without its text.
    const auto text = [&] {
        return probe.session(runs.id())->statement.str().size();
    };
    QTRY_VERIFY_WITH_TIMEOUT(probe.session(runs.id()) && text() > 0, 20000);
    const std::size_t length = text();
    QVERIFY2(length > 60000 && length <= 65536 + 3, qPrintable(QString::number(length)));
    probe.execute(ActionVerb::terminate, probe.keyOf(runs.id()));
    QTRY_VERIFY_WITH_TIMEOUT(!probe.session(runs.id()), 20000);
}

void TestMySqlSessions::hostileNames()
{
    MySqlProbe probe(on_.url());
    const MariaClient odd(on_, "app", "\x1b[31mred\nline<b>\x07");
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.session(odd.id()), 20000);
    const std::string name = probe.session(odd.id())->application.str();
    QVERIFY2(name.find("red line<b>") != std::string::npos, name.c_str());
    for (const char c : name)
        QVERIFY(static_cast<unsigned char>(c) >= 0x20);
}

void TestMySqlSessions::churn()
{
    // Sessions that come and go are told as such, each once.
    MySqlProbe probe(on_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    for (int i = 0; i < 3; ++i) {
        std::vector<std::unique_ptr<MariaClient>> crowd;
        for (int n = 0; n < 5; ++n)
            crowd.push_back(std::make_unique<MariaClient>(on_));
        for (const auto& each : crowd)
            QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(each->id()), SessionState::idle, 20000);
        const qint64 last = crowd.back()->id();
        crowd.clear();
        QTRY_VERIFY_WITH_TIMEOUT(!probe.session(last), 20000);
    }
    QCOMPARE(probe.fullSamples, 1);
}

void TestMySqlSessions::quietServerIsQuiet()
{
    const MariaClient idle(on_);
    MySqlProbe probe(on_.url());
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(idle.id()), SessionState::idle, 20000);
    const int before = probe.samples;
    probe.facts.clear();
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples > before + 15, 20000);
    int told = 0;
    for (const Fact& fact : probe.facts) {
        if (const auto* const sample = std::get_if<ServerSample>(&fact))
            told += static_cast<int>(sample->changed.size() + sample->gone.size());
    }
    QVERIFY2(told <= 2, qPrintable(QString::number(told)));
}

QTEST_GUILESS_MAIN(TestMySqlSessions)
#include "tst_mysqlsessions.moc"
