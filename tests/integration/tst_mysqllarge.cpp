// SPDX-License-Identifier: GPL-3.0-or-later
// A real MariaDB or MySQL as clouds and large fleets have it: a process list of ten thousand rows,
// and an account that ends sessions by a procedure alone.
#include "tests/integration/mysqlprobe.h"
#include "tests/support/mariadb.h"

#include <QElapsedTimer>
#include <QScopeGuard>
#include <QTest>

#include <memory>
#include <vector>

#include <sys/resource.h>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlLarge : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void killByProcedure();
    void whoMayCallIt_data();
    void whoMayCallIt();
    void tenThousandRows();
};

namespace {

/// An account's ordinary limit is 1024. The server inherits it too: one that can open no more
/// accepts no more, and its clients wait.
bool letOpen(rlim_t files)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < files)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

} // namespace

void TestMySqlLarge::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
}

/// As Amazon's RDS has it: the right to KILL is kept, and a procedure of the server's own lent.
void TestMySqlLarge::killByProcedure()
{
    MariaDb server;
    QVERIFY2(server.start({}), qPrintable(server.error()));
    MariaClient admin(server, "admin");
    for (const char* const sql :
         {"CREATE USER dba@'%'", "GRANT PROCESS ON *.* TO dba@'%'",
          "CREATE PROCEDURE mysql.rds_kill(IN thread BIGINT UNSIGNED) KILL thread",
          "CREATE PROCEDURE mysql.rds_kill_query(IN thread BIGINT UNSIGNED) KILL QUERY thread",
          "GRANT EXECUTE ON PROCEDURE mysql.rds_kill TO dba@'%'",
          "GRANT EXECUTE ON PROCEDURE mysql.rds_kill_query TO dba@'%'"})
        QVERIFY2(admin.exec(QString::fromLatin1(sql)), sql);
    MariaClient victim(server), other(server), refused(server, "dba");
    QVERIFY(!refused.exec(QStringLiteral("KILL %1").arg(victim.id()))); // or this shows nothing
    QVERIFY(refused.error() == 1095 || refused.error() == 1094);
    MySqlProbe probe(server.url("dba", ""));
    probe.start();
    QVERIFY(victim.send(QStringLiteral("SELECT SLEEP(500)")));
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(victim.id()), SessionState::active, 20000);
    const SessionKey key = probe.keyOf(victim.id());
    ActionId action =
        probe.execute(ActionVerb::cancel, key, probe.session(victim.id())->statement_since);
    QTRY_VERIFY2_WITH_TIMEOUT(probe.phases(action) == QStringLiteral("sent accepted observed"),
                              qPrintable(probe.outcome(action)), 20000);
    // MariaDB says that the statement was interrupted, MySQL ends SLEEP with 1.
    QCOMPARE(victim.finish(), MariaDb::isMySql());
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(victim.id()), SessionState::idle, 20000);
    action = probe.execute(ActionVerb::terminate, key);
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent accepted observed"),
                              20000);
    QVERIFY(!victim.exec(QStringLiteral("SELECT 1")));
    QVERIFY(other.exec(QStringLiteral("SELECT 1")));
}

/// The window offers to end sessions, or says what would help, by what it is told here.
void TestMySqlLarge::whoMayCallIt_data()
{
    QTest::addColumn<QString>("procedure");
    QTest::addColumn<QString>("grant");
    QTest::addColumn<bool>("may");
    const QString one = QStringLiteral("GRANT EXECUTE ON PROCEDURE mysql.%1 TO dba@'%'");
    QTest::newRow("Amazon's") << "rds_kill" << one.arg(QStringLiteral("rds_kill")) << true;
    QTest::newRow("Azure's") << "az_kill" << one.arg(QStringLiteral("az_kill")) << true;
    QTest::newRow("all of them") << "rds_kill"
                                 << "GRANT EXECUTE ON *.* TO dba@'%'" << true;
    QTest::newRow("nobody's") << "rds_kill"
                              << "" << false;
    QTest::newRow("another one") << "my_kill" << one.arg(QStringLiteral("my_kill")) << false;
    QTest::newRow("seen, not called") << "rds_kill"
                                      << "GRANT SELECT ON *.* TO dba@'%'" << false;
}

void TestMySqlLarge::whoMayCallIt()
{
    QFETCH(const QString, procedure);
    QFETCH(const QString, grant);
    QFETCH(const bool, may);
    static MariaDb server;
    if (server.port() == 0)
        QVERIFY2(server.start({}), qPrintable(server.error()));
    MariaClient admin(server, "admin");
    QStringList all{QStringLiteral("DROP USER IF EXISTS dba@'%'"),
                    QStringLiteral("CREATE USER dba@'%'"),
                    QStringLiteral("GRANT PROCESS ON *.* TO dba@'%'")};
    for (const char* const name : {"rds_kill", "az_kill", "my_kill"})
        all << QStringLiteral("DROP PROCEDURE IF EXISTS mysql.%1").arg(QLatin1String(name));
    all << QStringLiteral("CREATE PROCEDURE mysql.%1(IN thread BIGINT UNSIGNED) KILL thread")
               .arg(procedure);
    if (!grant.isEmpty())
        all << grant;
    for (const QString& sql : all)
        QVERIFY2(admin.exec(sql), qPrintable(sql));
    MariaClient victim(server);
    MySqlProbe probe(server.url("dba", ""));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(victim.id()), SessionState::idle, 20000);
    QVERIFY(probe.state().facts->sees_all);
    QCOMPARE(probe.state().facts->can_signal, may);
    // That right is nobody's to grant in a cloud.
    const std::string& missing = probe.state().facts->missing_grant;
    QVERIFY2((missing.find("GRANT CONNECTION") == std::string::npos) == may, missing.c_str());
    const ActionId action = probe.execute(ActionVerb::terminate, probe.keyOf(victim.id()));
    QTRY_COMPARE_WITH_TIMEOUT(
        probe.phases(action),
        may ? QStringLiteral("sent accepted observed") : QStringLiteral("sent refused"), 20000);
}

void TestMySqlLarge::tenThousandRows()
{
    if (MariaDb::isMySql())
        QSKIP("MySQL has a thread for each: MariaDB's pool of threads is asked for that many");
    constexpr int wanted = 10'000;
    if (!letOpen(wanted + 2'000))
        QSKIP("this account may not have twelve thousand files open (ulimit -Hn)");
    MariaDb server;
    MariaDb::Options options;
    options.performanceSchema = false; // the classic list, and no memory for each of its tables
    options.settings = {QStringLiteral("--max-connections=10100"),
                        QStringLiteral("--thread-handling=pool-of-threads"),
                        QStringLiteral("--back-log=1000"),
                        QStringLiteral("--open-files-limit=20000")};
    QVERIFY2(server.start(options), qPrintable(server.error()));
    std::vector<std::unique_ptr<MariaClient>> clients;
    // Ten thousand goodbyes take longer than all the rest.
    const auto crash = qScopeGuard([&server] { server.stop(9); });
    while (clients.size() < wanted) {
        auto client = std::make_unique<MariaClient>(server);
        if (!client->ok())
            break;
        clients.push_back(std::move(client));
    }
    const int count = static_cast<int>(clients.size());
    if (count < 1000)
        QSKIP("this machine lets no thousand connections be open at once");
    MariaClient lengthy(server);
    const QString text(1'000'000, QLatin1Char('x'));
    QVERIFY(lengthy.send(QStringLiteral("SELECT SLEEP(500) /* %1 */").arg(text)));
    QElapsedTimer since;
    since.start();
    MySqlSource::Timings timings = MySqlProbe::quick();
    timings.resync =
        std::chrono::minutes{10}; // no full sample but the first, however long it takes
    MySqlProbe probe(server.url(), timings);
    probe.start();
    const auto listed = [&] {
        return static_cast<int>(probe.state().sessions.size());
    };
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && listed() >= count + 2, 30'000); // it, and ourselves
    const qint64 first = since.elapsed();
    QCOMPARE(listed(), count + 2);
    QCOMPARE(probe.stateOf(clients.front()->id()), SessionState::idle);
    QCOMPARE(probe.stateOf(clients.back()->id()), SessionState::idle);
    QTRY_COMPARE(probe.stateOf(lengthy.id()), SessionState::active);
    QVERIFY(probe.session(lengthy.id())->statement.str().size() <= 64 * 1024);
    // Further polls tell what changes, and find who left.
    const int samples = probe.samples, full = probe.fullSamples;
    const SessionKey gone = probe.keyOf(clients.back()->id());
    clients.pop_back();
    QTRY_VERIFY_WITH_TIMEOUT(!probe.session(static_cast<qint64>(gone.pid.value)), 20'000);
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples > samples + 2, 20'000);
    QCOMPARE(probe.fullSamples, full);
    QCOMPARE(listed(), count + 1);
    QCOMPARE(probe.failing, 0);
    qInfo("%d sessions: a picture after %lld ms", count, static_cast<long long>(first));
}

QTEST_GUILESS_MAIN(TestMySqlLarge)
#include "tst_mysqllarge.moc"
