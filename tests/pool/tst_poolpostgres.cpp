// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pool/connectionpool.h"
#include "core/pool/postgresconnection.h"
#include "tests/support/pgcluster.h"

#include <QElapsedTimer>
#include <QTemporaryFile>
#include <QTest>

#include <algorithm>
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

using PgPool = ConnectionPool<PostgresConnection>;

namespace {

QByteArray value(PooledConnection<PostgresConnection>& guard, const char* query)
{
    PGresult* result = PQexec(guard->native(), query);
    const QByteArray text(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return text;
}

} // namespace

class TestPoolPostgres : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void describesTheSession();
    void openTransactionIsRolledBack();
    void halfDoneIsBroken_data();
    void halfDoneIsBroken();
    void discardAll();
    void terminatedIsReplaced();
    void reclaimEndsTheSession();
    void refusalIsTold();
    void addressHoldsNoPassword();
    void connectTimeoutIsTheUsers_data();
    void connectTimeoutIsTheUsers();
    void connectTimeoutIsTenSecondsElse();
    void leakNamesTheLine();

private:
    std::string conninfo() const { return cluster_.conninfo().toStdString(); }
    static PoolConfig config()
    {
        PoolConfig c;
        c.max_connections = 2;
        return c;
    }
    PgCluster cluster_;
};

void TestPoolPostgres::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here");
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    QVERIFY(PgClient(cluster_.conninfo()).exec(QStringLiteral("CREATE TABLE t (a int)")));
}

void TestPoolPostgres::describesTheSession()
{
    PgPool pool(config(), PostgresFactory(conninfo()));
    auto guard = pool.acquire("a");
    QVERIFY2(guard, guard ? "" : guard.error().sentence.c_str());
    QCOMPARE(std::ranges::count(pool.control().description().can, "server_pid"), 1);
    const PoolPicture picture = pool.control().picture();
    QCOMPARE(QByteArray::number(qint64(*picture.checkouts.at(0).server_pid)),
             value(guard.value(), "SELECT pg_backend_pid()"));
    QCOMPARE(QByteArray::number(*picture.checkouts.at(0).local_port),
             value(guard.value(),
                   "SELECT client_port FROM pg_stat_activity WHERE pid = pg_backend_pid()"));
}

void TestPoolPostgres::openTransactionIsRolledBack()
{
    PgPool pool(config(), PostgresFactory(conninfo()));
    for (const char* statement :
         {"BEGIN; INSERT INTO t VALUES (1)", "BEGIN; INSERT INTO t VALUES ('no number')"}) {
        auto guard = pool.acquire("a");
        value(guard.value(), statement);
    }
    auto guard = pool.acquire("b");
    QCOMPARE(PQtransactionStatus(guard.value()->native()), PQTRANS_IDLE);
    QCOMPARE(value(guard.value(), "SELECT count(*) FROM t"), QByteArray("0"));
    QCOMPARE(pool.stats().opened, 1U);
}

void TestPoolPostgres::halfDoneIsBroken_data()
{
    QTest::addColumn<int>("what");
    QTest::newRow("copy") << 0;
    QTest::newRow("running statement") << 1;
    QTest::newRow("pipeline") << 2;
}

void TestPoolPostgres::halfDoneIsBroken()
{
    QFETCH(int, what);
    PgPool pool(config(), PostgresFactory(conninfo()));
    {
        auto guard = pool.acquire("a");
        PGconn* native = guard.value()->native();
        if (what == 0)
            PQclear(PQexec(native, "COPY t FROM STDIN"));
        else if (what == 1)
            QCOMPARE(PQsendQuery(native, "SELECT pg_sleep(60)"), 1);
        else
            QCOMPARE(PQenterPipelineMode(native), 1);
    }
    QCOMPARE(pool.stats().closed, 1U);
    auto guard = pool.acquire("b");
    QCOMPARE(value(guard.value(), "SELECT 7"), QByteArray("7"));
}

void TestPoolPostgres::discardAll()
{
    PgPool plain(config(), PostgresFactory(conninfo()));
    PgPool strict(config(), PostgresFactory(conninfo(), true));
    for (PgPool* pool : {&plain, &strict}) {
        {
            auto guard = pool->acquire("a");
            value(guard.value(), "SET application_name = 'left over'");
        }
        auto guard = pool->acquire("a");
        QCOMPARE(value(guard.value(), "SHOW application_name") == "left over", pool == &plain);
    }
}

void TestPoolPostgres::terminatedIsReplaced()
{
    PoolConfig validating = config();
    validating.validation_on_acquire = true;
    PgPool pool(validating, PostgresFactory(conninfo()));
    QByteArray pid;
    {
        auto guard = pool.acquire("a");
        pid = value(guard.value(), "SELECT pg_backend_pid()");
    }
    PgClient admin(cluster_.conninfo());
    QCOMPARE(admin.value(
                 QStringLiteral("SELECT pg_terminate_backend(%1)").arg(QString::fromLatin1(pid))),
             QStringLiteral("t"));
    QTRY_COMPARE(admin.value(QStringLiteral("SELECT count(*) FROM pg_stat_activity WHERE pid = %1")
                                 .arg(QString::fromLatin1(pid))),
                 QStringLiteral("0"));
    auto guard = pool.acquire("a"); // the caller does not notice
    QVERIFY(guard);
    QCOMPARE(value(guard.value(), "SELECT 7"), QByteArray("7"));
    QCOMPARE(pool.stats().opened, 2U);
}

void TestPoolPostgres::reclaimEndsTheSession()
{
    PgPool pool(config(), PostgresFactory(conninfo()));
    QByteArray error;
    int pid = 0;
    std::atomic<bool> ready{false};
    std::thread holder([&] {
        auto guard = pool.acquire("stuck");
        pid = PQbackendPID(guard.value()->native());
        ready = true;
        PGresult* result = PQexec(guard.value()->native(), "SELECT pg_sleep(600)");
        error = PQresultErrorMessage(result);
        PQclear(result);
    });
    PgClient admin(cluster_.conninfo());
    QTRY_VERIFY(ready);
    const QString count =
        QStringLiteral(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = ") +
        QString::number(pid);
    QTRY_COMPARE(admin.value(count), QStringLiteral("1"));
    QVERIFY(pool.control().reclaim(pool.control().picture().checkouts.at(0).id));
    holder.join(); // at once, not after ten minutes
    QVERIFY(!error.isEmpty());
    QCOMPARE(pool.stats().total, 0);
    QVERIFY(pid != 0);
}

void TestPoolPostgres::refusalIsTold()
{
    PgPool pool(config(), PostgresFactory(conninfo() + " dbname=nowhere"));
    const auto refused = pool.acquire("a");
    QVERIFY(!refused);
    QVERIFY(refused.error().sentence.find("nowhere") != std::string::npos);
    PgPool unreadable(config(), PostgresFactory("host=x no sense"));
    QVERIFY(!unreadable.acquire("a"));
}

void TestPoolPostgres::addressHoldsNoPassword()
{
    QCOMPARE(PostgresFactory("host=db1 port=5433 dbname=shop user=me password=secret").address(),
             std::string("postgresql://db1:5433/shop"));
    QCOMPARE(PostgresFactory("postgresql://me:secret@db1/shop").address(),
             std::string("postgresql://db1/shop"));
    QCOMPARE(PostgresFactory("not a conninfo").address(), std::string());
}

void TestPoolPostgres::connectTimeoutIsTheUsers_data()
{
    QTest::addColumn<QByteArray>("variable");
    QTest::addColumn<QByteArray>("added");
    QTest::newRow("environment") << QByteArray("2") << QByteArray();
    QTest::newRow("service") << QByteArray() << QByteArray(" service=patient");
    QTest::newRow("connection string") << QByteArray() << QByteArray(" connect_timeout=2");
}

/// A server that takes connections and says nothing.
void TestPoolPostgres::connectTimeoutIsTheUsers()
{
    QFETCH(QByteArray, variable);
    QFETCH(QByteArray, added);
    QTemporaryFile services;
    QVERIFY(services.open());
    services.write("[patient]\nconnect_timeout=2\n");
    services.close();
    qputenv("PGSERVICEFILE", services.fileName().toUtf8());
    if (!variable.isEmpty())
        qputenv("PGCONNECT_TIMEOUT", variable);
    const int silent = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    QCOMPARE(bind(silent, reinterpret_cast<sockaddr*>(&address), length), 0);
    QCOMPARE(listen(silent, 4), 0);
    QCOMPARE(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &length), 0);
    PostgresFactory factory("host=127.0.0.1 sslmode=disable gssencmode=disable port=" +
                            std::to_string(ntohs(address.sin_port)) + added.toStdString());
    QElapsedTimer timer;
    timer.start();
    const auto opened = factory.open();
    const qint64 took = timer.elapsed();
    ::close(silent);
    qunsetenv("PGCONNECT_TIMEOUT");
    qunsetenv("PGSERVICEFILE");
    QVERIFY(!opened);
    QVERIFY2(opened.error().sentence.find("timeout expired") != std::string::npos,
             opened.error().sentence.c_str());
    QVERIFY2(took < 8000, qPrintable(QString::number(took)));
}

void TestPoolPostgres::connectTimeoutIsTenSecondsElse()
{
    auto opened = PostgresFactory(conninfo()).open();
    QVERIFY(opened);
    PQconninfoOption* const options = PQconninfo(opened.value().native());
    QByteArray timeout;
    for (const PQconninfoOption* option = options; option && option->keyword; ++option) {
        if (qstrcmp(option->keyword, "connect_timeout") == 0)
            timeout = option->val;
    }
    PQconninfoFree(options);
    QCOMPARE(timeout, QByteArray("10"));
}

void TestPoolPostgres::leakNamesTheLine()
{
    PoolConfig detecting = config();
    detecting.leak_detection = true;
    detecting.leak_threshold = 50ms;
    PgPool pool(detecting, PostgresFactory(conninfo()));
    const int line = __LINE__ + 1;
    auto leaked = pool.acquire("orders");
    QTRY_COMPARE(pool.stats().leaks_detected, 1U); // by the pool's own thread
    const OpenCheckout checkout = pool.control().picture().checkouts.at(0);
    const Frames frames = pool.control().frames(checkout.stack);
    QVERIFY(!frames.empty());
    QVERIFY(frames[0].file.ends_with("tst_poolpostgres.cpp"));
    QCOMPARE(frames[0].line, line);
}

QTEST_GUILESS_MAIN(TestPoolPostgres)
#include "tst_poolpostgres.moc"
