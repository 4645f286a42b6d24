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
#include <poll.h>
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
    void terminatedIsReplaced_data();
    void terminatedIsReplaced();
    void noticesDoNotEndIt();
    void interruptReachesItsOwnSocket();
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

void TestPoolPostgres::terminatedIsReplaced_data()
{
    QTest::addColumn<bool>("validating");
    QTest::addColumn<bool>("held"); ///< when the server ends it
    QTest::addColumn<bool>("precise");
    QTest::newRow("validated") << true << false << true;
    QTest::newRow("idle") << false << false << true;
    QTest::newRow("idle, coarse clock") << false << false << false;
    QTest::newRow("held") << false << true << true;
}

void TestPoolPostgres::terminatedIsReplaced()
{
    QFETCH(bool, validating);
    QFETCH(bool, held);
    QFETCH(bool, precise);
    PoolConfig checked = config();
    checked.validation_on_acquire = validating;
    if (!precise)
        checked.stack_capture = StackCapture::off;
    PgPool pool(checked, PostgresFactory(conninfo()));
    const auto lent = std::chrono::steady_clock::now();
    auto first = pool.acquire("a");
    const QByteArray pid = value(first.value(), "SELECT pg_backend_pid()");
    if (!held)
        first.value().release();
    PgClient admin(cluster_.conninfo());
    QCOMPARE(admin.value(
                 QStringLiteral("SELECT pg_terminate_backend(%1)").arg(QString::fromLatin1(pid))),
             QStringLiteral("t"));
    QTRY_COMPARE(admin.value(QStringLiteral("SELECT count(*) FROM pg_stat_activity WHERE pid = %1")
                                 .arg(QString::fromLatin1(pid))),
                 QStringLiteral("0"));
    if (held) { // off the list it is before its socket is closed
        pollfd end{PQsocket(first.value()->native()), POLLRDHUP, 0};
        QCOMPARE(::poll(&end, 1, 10000), 1);
    }
    first.value().release();
    if (!validating && !held) // what was lent a moment ago is believed to be there
        std::this_thread::sleep_until(lent + 1100ms);
    auto guard = pool.acquire("a"); // the caller does not notice
    QVERIFY(guard);
    QCOMPARE(value(guard.value(), "SELECT 7"), QByteArray("7"));
    QCOMPARE(pool.stats().opened, 2U);
}

/// What a server says unasked while a connection is idle is for who reads it next.
void TestPoolPostgres::noticesDoNotEndIt()
{
    PgPool pool(config(), PostgresFactory(conninfo()));
    {
        auto guard = pool.acquire("a");
        value(guard.value(), "LISTEN news");
    }
    const auto lent = std::chrono::steady_clock::now();
    QVERIFY(PgClient(cluster_.conninfo()).exec(QStringLiteral("NOTIFY news, 'today'")));
    std::this_thread::sleep_until(lent + 1100ms);
    auto guard = pool.acquire("a");
    QCOMPARE(pool.stats().opened, 1U);
    QCOMPARE(value(guard.value(), "SELECT 7"), QByteArray("7"));
    PGnotify* const news = PQnotifies(guard.value()->native());
    QVERIFY(news);
    QCOMPARE(QByteArray(news->extra), QByteArray("today"));
    PQfreemem(news);
}

/// The number of a socket that libpq has closed may be somebody else's by now.
void TestPoolPostgres::interruptReachesItsOwnSocket()
{
    PostgresFactory factory(conninfo());
    auto opened = factory.open();
    QVERIFY(opened);
    PostgresConnection connection = std::move(opened).value();
    const int number = PQsocket(connection.native());
    int pair[2] = {-1, -1};
    QCOMPARE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int kept = dup(number);
    QCOMPARE(dup2(pair[0], number), number); // libpq does not know
    factory.interrupt(connection);
    QCOMPARE(send(pair[1], "x", 1, MSG_NOSIGNAL), ssize_t{1}); // its peer is still there
    QCOMPARE(dup2(kept, number), number);
    char byte = 0;
    QCOMPARE(recv(number, &byte, 1, 0), ssize_t{0}); // and it is the session that has ended
    for (const int fd : {pair[0], pair[1], kept})
        ::close(fd);
    factory.close(connection);
    QCOMPARE(connection.socket(), -1);
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
