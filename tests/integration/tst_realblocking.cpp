// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits behind whom, as real servers tell it: queues whose members block each other softly,
// deadlocks that the server has not broken, prepared transactions of nobody; live and from a
// recording.
#include "tests/support/clijson.h"
#include "tests/support/mariadb.h"
#include "tests/support/pgcluster.h"
#include "tests/support/say.h"

#include <QMap>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// "reader(alter(late))": names by pid, in the order that is shown. In a circle the one at the root
/// stands below again.
using Names = QMap<qint64, QString>;
QString shape(const QJsonObject& node, const Names& names)
{
    QString text = names.value(node[say("pid")].toInteger(), say("?"));
    if (node[say("queued")].toBool())
        text += u'+';
    QStringList waiting;
    for (const QJsonValue& each : node[say("waiting")].toArray())
        waiting += shape(each.toObject(), names);
    return waiting.isEmpty() ? text : text + u'(' + waiting.join(u' ') + u')';
}

/// Of all trees, sorted; those with a circle are marked.
QStringList shapes(const QJsonArray& blocking, const Names& names)
{
    QStringList all;
    for (const QJsonValue& each : blocking) {
        const QJsonObject tree = each.toObject();
        all += (tree[say("cycle")].toBool() ? say("circle ") : QString()) +
               shape(tree[say("tree")].toObject(), names);
    }
    all.sort();
    return all;
}

} // namespace

class TestRealBlocking : public QObject
{
    Q_OBJECT
private slots:
    void onPostgres();
    void onMySql();

private:
    /// The same live and from a recording, in JSON and in words.
    void check(const QString& target, const Names& names, const QStringList& expected);

    QTemporaryDir dir_{say("/tmp/psk-XXXXXX")};
};

void TestRealBlocking::check(const QString& target, const Names& names, const QStringList& expected)
{
    const QString all = expected.join(say(" | "));
    QCOMPARE(shapes(told({say("blocking"), target}), names).join(say(" | ")), all);
    const QString file = dir_.filePath(
        say("%1-%2.poolrec").arg(say(QTest::currentTestFunction())).arg(expected.size()));
    QVERIFY(recorded(file, say("2s"), {target}));
    QCOMPARE(shapes(told({say("blocking"), file}), names).join(say(" | ")), all);
    const Run words = runProgram(inBuild("app/poolscope"), {say("blocking"), file});
    QCOMPARE(words.code, 0);
    const bool circle = expected.filter(say("circle")).size() > 0;
    QCOMPARE(words.out.contains("circle"), circle);
    QCOMPARE(words.out.contains("prepared transaction"), expected.filter(say("nobody")).size() > 0);
}

void TestRealBlocking::onPostgres()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    PgCluster cluster;
    PgCluster::Options options;
    options.settings = {say("max_prepared_transactions = 2"),
                        say("deadlock_timeout = 10min")}; // it does not look for circles
    QVERIFY2(cluster.start(options), qPrintable(cluster.error()));
    PgClient admin(cluster.conninfo());
    for (const char* const table : {"read", "queue", "rows"}) {
        QVERIFY(admin.exec(say("CREATE TABLE %1 (id int PRIMARY KEY, n int)").arg(say(table))));
        QVERIFY(admin.exec(
            say("INSERT INTO %1 SELECT g, 0 FROM generate_series(1, 9) g").arg(say(table))));
    }
    std::map<QString, std::unique_ptr<PgClient>> clients;
    Names names{{0, say("nobody")}};
    const auto client = [&](const char* name) -> PgClient& {
        auto& made = clients[say(name)];
        if (!made) {
            made = std::make_unique<PgClient>(cluster.conninfo());
            names[made->pid()] = say(name);
        }
        return *made;
    };
    int waiting = 0;
    const auto waits = [&](const char* name, const char* sql) {
        if (!client(name).send(say(sql)))
            return false;
        const QString all = QString::number(++waiting);
        return QTest::qWaitFor(
            [&] {
                return admin.value(say("SELECT count(*) FROM pg_stat_activity WHERE "
                                       "wait_event_type = 'Lock'")) == all;
            },
            20'000);
    };
    // A reader that forgot its transaction: those that read behind the ALTER do not conflict with
    // it.
    QVERIFY(client("reader").exec(say("BEGIN; SELECT * FROM read")));
    QVERIFY(waits("alter", "ALTER TABLE read ADD extra int"));
    QVERIFY(waits("late", "SELECT * FROM read"));
    QVERIFY(waits("later", "SELECT * FROM read"));
    // A queue, where the server names everyone ahead.
    QVERIFY(client("first").exec(say("BEGIN; LOCK TABLE queue")));
    QVERIFY(waits("second", "BEGIN; LOCK TABLE queue"));
    QVERIFY(waits("third", "BEGIN; LOCK TABLE queue"));
    QVERIFY(waits("fourth", "BEGIN; LOCK TABLE queue"));
    // Two in a circle, and one behind them.
    QVERIFY(client("egg").exec(say("BEGIN; UPDATE rows SET n = 1 WHERE id = 1")));
    QVERIFY(client("hen").exec(say("BEGIN; UPDATE rows SET n = 1 WHERE id = 2")));
    QVERIFY(waits("egg", "UPDATE rows SET n = 1 WHERE id = 2"));
    QVERIFY(waits("hen", "UPDATE rows SET n = 1 WHERE id = 1"));
    QVERIFY(waits("behind", "UPDATE rows SET n = 1 WHERE id = 2"));
    // A transaction of nobody.
    {
        PgClient gone(cluster.conninfo());
        QVERIFY(gone.exec(say("BEGIN; UPDATE rows SET n = 1 WHERE id = 3")));
        QVERIFY(gone.exec(say("PREPARE TRANSACTION 'forgotten'")));
    }
    QVERIFY(waits("orphaned", "UPDATE rows SET n = 2 WHERE id = 3"));

    // In a circle the lowest pid stands at the root. The last one queues with the egg for the hen's
    // row.
    const bool egg = client("egg").pid() < client("hen").pid();
    const QString circle = egg ? say("circle egg(hen(behind+))") : say("circle hen(egg behind+)");
    QStringList expected{circle, say("first(second third+ fourth+)"), say("nobody(orphaned)"),
                         say("reader(alter(late later))")};
    expected.sort();
    check(cluster.uri(), names, expected);
    if (QTest::currentTestFailed())
        return;

    // What helps, helps.
    QCOMPARE(admin.value(say("SELECT pg_cancel_backend(%1)").arg(client("egg").pid())), say("t"));
    QVERIFY(admin.exec(say("ROLLBACK PREPARED 'forgotten'")));
    QVERIFY(client("orphaned").finish());
    QVERIFY(!client("egg").finish() && client("egg").exec(say("ROLLBACK")));
    QVERIFY(client("hen").finish());
    check(cluster.uri(), names,
          {say("first(second third+ fourth+)"), say("hen(behind)"),
           say("reader(alter(late later))")});
}

void TestRealBlocking::onMySql()
{
    if (!MariaDb::available())
        QSKIP("this needs a MariaDB or MySQL server");
    MariaDb server;
    MariaDb::Options options;
    options.settings = {say("--innodb-deadlock-detect=OFF")};
    QVERIFY2(server.start(options), qPrintable(server.error()));
    MariaClient admin(server, "admin");
    for (const char* const table : {"t_read", "t_queue", "t_rows"}) {
        QVERIFY(admin.exec(say("CREATE TABLE %1 (id INT PRIMARY KEY, n INT)").arg(say(table))));
        QVERIFY(admin.exec(say("INSERT INTO %1 VALUES (1, 0), (2, 0), (3, 0)").arg(say(table))));
    }
    std::map<QString, std::unique_ptr<MariaClient>> clients;
    Names names{{0, say("nobody")}};
    const auto client = [&](const char* name) -> MariaClient& {
        auto& made = clients[say(name)];
        if (!made) {
            made = std::make_unique<MariaClient>(server, "admin");
            names[made->id()] = say(name);
        }
        return *made;
    };
    const auto waits = [&](const char* name, const char* sql) {
        if (!client(name).send(say(sql)))
            return false;
        const QString id = QString::number(client(name).id());
        return admin.comesTo(say("SELECT (SELECT COUNT(*) FROM information_schema.innodb_trx WHERE "
                                 "trx_mysql_thread_id = %1 AND trx_state = 'LOCK WAIT') + "
                                 "(SELECT COUNT(*) FROM information_schema.processlist WHERE "
                                 "ID = %1 AND STATE LIKE '%metadata lock')")
                                 .arg(id),
                             say("1"));
    };
    QVERIFY(client("reader").exec(say("BEGIN")) &&
            client("reader").exec(say("SELECT * FROM t_read")));
    QVERIFY(waits("alter", "ALTER TABLE t_read ADD extra INT"));
    QVERIFY(waits("late", "SELECT * FROM t_read"));
    QVERIFY(client("first").exec(say("BEGIN")) &&
            client("first").exec(say("UPDATE t_queue SET n = 1 WHERE id = 1")));
    QVERIFY(waits("second", "UPDATE t_queue SET n = 2 WHERE id = 1"));
    QVERIFY(waits("third", "UPDATE t_queue SET n = 3 WHERE id = 1"));
    for (const char* const name : {"egg", "hen"})
        QVERIFY(client(name).exec(say("BEGIN")));
    QVERIFY(client("egg").exec(say("UPDATE t_rows SET n = 1 WHERE id = 1")));
    QVERIFY(client("hen").exec(say("UPDATE t_rows SET n = 1 WHERE id = 2")));
    QVERIFY(waits("egg", "UPDATE t_rows SET n = 1 WHERE id = 2"));
    QVERIFY(waits("hen", "UPDATE t_rows SET n = 1 WHERE id = 1"));
    {
        MariaClient gone(server, "admin");
        QVERIFY(gone.exec(say("XA START 'forgotten'")));
        QVERIFY(gone.exec(say("UPDATE t_rows SET n = 1 WHERE id = 3")));
        QVERIFY(gone.exec(say("XA END 'forgotten'")) && gone.exec(say("XA PREPARE 'forgotten'")));
    }
    QVERIFY(waits("orphaned", "UPDATE t_rows SET n = 2 WHERE id = 3"));

    const QStringList expected{say("circle egg(hen)"), say("first(second third+)"),
                               say("nobody(orphaned)"), say("reader(alter(late))")};
    check(server.url(), names, expected);
    if (QTest::currentTestFailed())
        return;
    QVERIFY(admin.exec(say("KILL QUERY %1").arg(client("hen").id())));
    QVERIFY(!client("hen").finish());
    QVERIFY(client("hen").exec(say("ROLLBACK")) && client("egg").finish());
    QVERIFY(admin.exec(say("XA ROLLBACK 'forgotten'")) && client("orphaned").finish());
    check(server.url(), names, {say("first(second third+)"), say("reader(alter(late))")});
}

QTEST_GUILESS_MAIN(TestRealBlocking)
#include "tst_realblocking.moc"
