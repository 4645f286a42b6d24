// SPDX-License-Identifier: GPL-3.0-or-later
// Lending and giving back, one thread at a time.
#include "tests/pool/testfactory.h"

#include <QTest>

#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPool : public QObject
{
    Q_OBJECT
private slots:
    void lendsAndTakesBack();
    void contradictionsThrow();
    void guardGivesBackOnce();
    void exceptionsAndErrorsGiveBack();
    void brokenIsReplaced();
    void resetDecides_data();
    void resetDecides();
    void openFails();
    void circuitBreaks();
    void credentialsStayInside_data();
    void credentialsStayInside();
    void validationOnAcquire();
    void oldIsReplaced();
    void perUserLimit();
    void addedConnections();
    void closeDrains();
    void guardOutlivesPool();
    void releaseAtThreadEnd();
    void idsAreNeverTwice();
};

void TestPool::lendsAndTakesBack()
{
    Backend backend;
    FakePool pool(small_config(3), FakeFactory{&backend});
    QCOMPARE(backend.opened.load(), 0); // on demand
    int first = 0;
    {
        auto guard = pool.acquire("orders");
        QVERIFY(guard);
        first = guard.value()->number;
        QVERIFY(guard.value().connection_id() != ConnectionId{});
        const PoolStatistics s = pool.stats();
        QCOMPARE(s.total, 1);
        QCOMPARE(s.active, 1);
        QCOMPARE(s.idle, 0);
        QCOMPARE(s.acquired, 1U);
        QCOMPARE(s.currently_tracked, 0U); // leak detection is off
    }
    QCOMPARE(pool.stats().idle, 1);
    QCOMPARE(backend.resets.load(), 1);
    QCOMPARE(pool.acquire("orders").value()->number, first); // the same again
    QCOMPARE(backend.opened.load(), 1);
    auto a = pool.acquire("a");
    auto b = pool.acquire("b");
    auto c = pool.acquire("c");
    QVERIFY(a.value()->number != b.value()->number);
    QVERIFY(b.value()->number != c.value()->number);
    QCOMPARE(pool.stats().active, 3);
    QCOMPARE(pool.stats().acquired, 5U);
}

void TestPool::contradictionsThrow()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.min_idle = 4;
    QVERIFY_THROWS_EXCEPTION(std::invalid_argument, FakePool(config, FakeFactory{&backend}));
}

void TestPool::guardGivesBackOnce()
{
    Backend backend;
    FakePool pool(small_config(3), FakeFactory{&backend});
    FakeGuard guard = std::move(pool.acquire("a")).value();
    QVERIFY(guard);
    FakeGuard moved(std::move(guard));
    QVERIFY(!guard); // NOLINT(bugprone-use-after-move): that is what is asked
    QCOMPARE(guard.connection_id(), ConnectionId{});
    guard.heartbeat();
    guard.release();
    QCOMPARE(pool.stats().active, 1);
    FakeGuard other = std::move(pool.acquire("b")).value();
    QCOMPARE(pool.stats().active, 2);
    other = std::move(moved);
    QCOMPARE(pool.stats().active, 1);
    other.release();
    other.release();
    QCOMPARE(pool.stats().active, 0);
    QCOMPARE(pool.stats().idle, pool.stats().total);
}

void TestPool::exceptionsAndErrorsGiveBack()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    const auto work = [&](int how) {
        auto guard = pool.acquire("a");
        if (how == 0)
            return; // early
        if (how == 1)
            throw std::runtime_error("in the middle");
    };
    for (int i = 0; i < 20; ++i) {
        try {
            work(i % 3);
        } catch (const std::runtime_error&) {
        }
    }
    QCOMPARE(pool.stats().active, 0);
    QCOMPARE(pool.stats().acquired, 20U);
    QCOMPARE(backend.opened.load(), 1);
}

void TestPool::brokenIsReplaced()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    {
        auto guard = pool.acquire("a");
        guard.value().mark_broken();
    }
    QCOMPARE(backend.closed.load(), 1);
    QCOMPARE(backend.resets.load(), 0);
    QCOMPARE(pool.stats().total, 0);
    QCOMPARE(pool.acquire("a").value()->number, 2);
    QCOMPARE(pool.stats().total, 1);
}

void TestPool::resetDecides_data()
{
    QTest::addColumn<bool>("throws");
    QTest::newRow("false") << false;
    QTest::newRow("exception") << true;
}

void TestPool::resetDecides()
{
    QFETCH(bool, throws);
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    (throws ? backend.throw_on_reset : backend.reset_ok) = throws;
    backend.throw_on_close = true; // and even that does not matter
    pool.acquire("a").value().release();
    QCOMPARE(pool.stats().total, 0);
    QCOMPARE(backend.closed.load(), 1);
    backend.throw_on_reset = false;
    backend.reset_ok = true;
    QVERIFY(pool.acquire("a"));
    QCOMPARE(pool.stats().total, 1);
}

void TestPool::openFails()
{
    Backend backend;
    backend.fail_opens = 1;
    FakePool pool(small_config(1), FakeFactory{&backend});
    const auto refused = pool.acquire("a");
    QVERIFY(!refused);
    QCOMPARE(refused.error().sentence, std::string("too many connections"));
    QCOMPARE(pool.stats().total, 0);
    QCOMPARE(pool.stats().open_failures, 1U);
    backend.throw_on_open = true;
    QVERIFY(pool.acquire("a").error().sentence.find("the network is gone") != std::string::npos);
    backend.throw_on_open = false;
    QVERIFY(pool.acquire("a"));
}

void TestPool::circuitBreaks()
{
    Backend backend;
    backend.fail_opens = 1000;
    PoolConfig config = small_config(5);
    config.circuit = {true, 0.5, 3, 60s, 1h, 1};
    FakePool pool(config, FakeFactory{&backend});
    for (int i = 0; i < 3; ++i)
        QVERIFY(!pool.acquire("a"));
    QCOMPARE(pool.stats().circuit, CircuitState::open);
    const int tried = 1000 - backend.fail_opens;
    const auto refused = pool.acquire("a");
    QVERIFY(refused.error().sentence.find("circuit breaker") != std::string::npos);
    QVERIFY(refused.error().sentence.find("too many connections") != std::string::npos);
    QCOMPARE(1000 - backend.fail_opens, tried); // not even tried
    QCOMPARE(pool.control().figures().circuit, std::string("open"));
    QCOMPARE(pool.stats().circuit_opened, 1U);
    QVERIFY(pool.stats().pending == 0);
}

void TestPool::validationOnAcquire()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.validation_on_acquire = true;
    FakePool pool(config, FakeFactory{&backend});
    pool.acquire("a").value().release();
    QCOMPARE(backend.validations.load(), 0); // fresh
    pool.acquire("a").value().release();
    QCOMPARE(backend.validations.load(), 1);
    QCOMPARE(backend.opened.load(), 1);
    backend.valid = false;
    const ConnectionId before = pool.control().picture().connections.at(0).id;
    auto guard = pool.acquire("a");
    QVERIFY(guard); // replaced, and the caller does not notice
    QCOMPARE(backend.opened.load(), 2);
    QCOMPARE(backend.closed.load(), 1);
    QVERIFY(guard.value().connection_id() != before);
    guard.value().release();
    backend.throw_on_validate = true;
    QVERIFY(pool.acquire("a"));
    backend.fail_opens = 1;
    QVERIFY(!pool.acquire("a")); // neither the old nor a new one
    QCOMPARE(pool.stats().total, 0);
    QCOMPARE(pool.stats().acquired, 4U);
}

void TestPool::oldIsReplaced()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.idle_timeout = 0s;
    config.max_connection_age = 1us;
    FakePool pool(config, FakeFactory{&backend});
    for (int i = 0; i < 5; ++i)
        pool.acquire("a").value().release();
    QVERIFY(backend.opened >= 4);
    QCOMPARE(backend.open_now(), 1);
    QCOMPARE(pool.stats().acquired, 5U);
    for (const StackCapture capture : {StackCapture::off, StackCapture::always}) {
        config.stack_capture = capture;
        config.max_connection_age = 1h;
        Backend young;
        FakePool other(config, FakeFactory{&young});
        for (int i = 0; i < 5; ++i)
            other.acquire("a").value().release();
        QCOMPARE(young.opened.load(), 1);
    }
}

void TestPool::perUserLimit()
{
    Backend backend;
    PoolConfig config = small_config(4);
    config.max_per_user = 2;
    FakePool pool(config, FakeFactory{&backend});
    auto a = pool.acquire("a");
    auto b = pool.acquire("a");
    AcquireOptions at_once;
    at_once.user = "a";
    at_once.timeout = 0s;
    const auto refused = pool.acquire(at_once);
    QVERIFY(!refused);
    QVERIFY(refused.error().sentence.find("a has its 2 (max_per_user)") != std::string::npos);
    QVERIFY(pool.acquire("b"));
    b.value().release();
    QVERIFY(pool.acquire(at_once));
    a.value().mark_broken();
    a.value().release();
    QVERIFY(pool.acquire(at_once));
    auto c = pool.acquire("a");
    auto d = pool.acquire("a");
    QVERIFY(c && d);
    QVERIFY(!pool.acquire(at_once));
}

void TestPool::addedConnections()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.max_per_user = 2;
    FakePool pool(config, FakeFactory{&backend});
    const auto id =
        pool.add_connection({70, {}}, "importer", {"", "shop", "tcp", "db1:5432", {}, 5, 6});
    QVERIFY(id);
    QCOMPARE(pool.stats().idle, 1);
    const PoolPicture picture = pool.control().picture();
    QCOMPARE(picture.connections.at(0).id, id.value());
    QCOMPARE(picture.connections.at(0).server_pid, std::optional<std::int64_t>(5));
    auto guard = pool.acquire("a");
    QCOMPARE(guard.value()->number, 70);
    QCOMPARE(guard.value().connection_id(), id.value());
    const ConnectionMetadata& metadata = guard.value().metadata();
    QVERIFY((metadata == ConnectionMetadata{"importer", "shop", "tcp", "db1:5432", {}, 5, 6}));
    QVERIFY(FakeGuard().metadata() == ConnectionMetadata());
    QVERIFY(pool.add_connection({71, {}}, "importer"));
    QVERIFY(!pool.add_connection({72, {}}, "importer")); // max_per_user
    QVERIFY(pool.add_connection({73, {}}, "other"));
    QVERIFY(!pool.add_connection({74, {}}, "third")); // max_connections
    guard.value().mark_broken();
    guard.value().release();
    QVERIFY(pool.add_connection({75, {}}, "importer"));
    QCOMPARE(pool.stats().total, 3);
    // What was not taken is not left open: two of these, and the broken one.
    QCOMPARE(backend.closed.load(), 3);
    backend.throw_on_close = true;
    QVERIFY(!pool.add_connection({76, {}}, "importer"));
    QCOMPARE(backend.closed.load(), 4);
    backend.throw_on_close = false;

    // One that went wrong in other ways is not counted for its user for ever either.
    config.max_per_user = 1;
    config.validation_on_acquire = true;
    FakePool strict(config, FakeFactory{&backend});
    QVERIFY(strict.add_connection({80, {}}, "importer"));
    backend.valid = false;
    backend.fail_opens = 1;
    QVERIFY(!strict.acquire("a"));
    QVERIFY(strict.add_connection({81, {}}, "importer"));
}

void TestPool::closeDrains()
{
    Backend backend;
    FakePool pool(small_config(3), FakeFactory{&backend});
    auto out = pool.acquire("reports");
    pool.acquire("b").value().release();
    const auto refused = pool.close(1ms);
    QVERIFY(!refused);
    QVERIFY(refused.error().sentence.find("1 connection is still out") != std::string::npos);
    QVERIFY(refused.error().sentence.find("1 by reports") != std::string::npos);
    QCOMPARE(backend.closed.load(), 1);
    QVERIFY(pool.acquire("c").error().sentence.find("closed") != std::string::npos);
    QVERIFY(!pool.add_connection({}, "c"));
    QCOMPARE(backend.closed.load(), 2); // the one that it did not take, too
    std::thread holder([&] { out.value().release(); });
    QVERIFY(pool.close(20s));
    holder.join();
    QCOMPARE(backend.closed.load(), 3);
    QCOMPARE(pool.stats().total, 0);
}

void TestPool::guardOutlivesPool()
{
    Backend backend;
    FakeGuard first;
    FakeGuard second;
    {
        FakePool pool(small_config(3), FakeFactory{&backend});
        first = std::move(pool.acquire("a")).value();
        second = std::move(pool.acquire("a")).value();
        pool.acquire("b").value().release();
    }
    QCOMPARE(backend.closed.load(), 1);
    QCOMPARE(first->number, 1); // still there
    first.heartbeat();
    first.release();
    QCOMPARE(backend.closed.load(), 2);
    second.mark_broken();
    second.release();
    QCOMPARE(backend.closed.load(), 3);
}

void TestPool::releaseAtThreadEnd()
{
    Backend backend;
    FakePool pool(small_config(3), FakeFactory{&backend});
    for (int i = 0; i < 20; ++i) {
        std::thread([&] {
            static thread_local FakeGuard kept; // goes after whatever the pool keeps for the thread
            kept = std::move(pool.acquire("a")).value();
        }).join();
    }
    QCOMPARE(pool.stats().active, 0);
    QCOMPARE(backend.opened.load(), 1);
}

void TestPool::idsAreNeverTwice()
{
    Backend backend;
    std::vector<CheckoutId> ids;
    std::vector<ConnectionId> connections;
    for (int round = 0; round < 3; ++round) {
        FakePool pool(small_config(2), FakeFactory{&backend});
        FakePool other(small_config(2), FakeFactory{&backend});
        for (int i = 0; i < 10; ++i) {
            auto a = pool.acquire("a");
            auto b = other.acquire("a");
            ids.push_back(a.value().checkout_id());
            ids.push_back(b.value().checkout_id());
            if (i == 0) {
                connections.push_back(a.value().connection_id());
                connections.push_back(b.value().connection_id());
            }
        }
    }
    std::ranges::sort(ids);
    QVERIFY(std::ranges::adjacent_find(ids) == ids.end());
    std::ranges::sort(connections);
    QVERIFY(std::ranges::adjacent_find(connections) == connections.end());
}

void TestPool::credentialsStayInside_data()
{
    QTest::addColumn<QByteArray>("given");
    QTest::addColumn<QByteArray>("told");
    const auto row = [](const char* given, const char* told) {
        QTest::newRow(given) << QByteArray(given) << QByteArray(told);
    };
    row("postgresql://db1:5432/shop", "postgresql://db1:5432/shop");
    row("postgresql://user:SECRET@db1:5432/shop?password=SECRET&sslpassword=SECRET",
        "postgresql://db1:5432/shop");
    row("postgresql://SECRET@db1,db2:5433/shop#SECRET", "postgresql://db1,db2:5433/shop");
    row("postgresql://user:SECRET/@SECRET@db1/shop", "postgresql://db1/shop");
    row("postgresql://user:SECRET?SECRET@db1/shop", "postgresql://db1/shop");
    row("postgresql://user:SECRET", "postgresql://");
    row("postgresql://db1/shop?user=a@SECRET", "postgresql://db1/shop");
    row("postgresql://db1/shop password=SECRET", "postgresql://db1/shop");
    row("postgresql://u:SECRET@[fe80::1%25eth0]:5432/shop",
        "postgresql://[fe80::1%25eth0]:5432/shop");
    row("postgresql:///shop?host=/run/SECRET", "postgresql:///shop");
    row("jdbc:postgresql://db1/shop?password=SECRET", "jdbc:postgresql://db1/shop");
    row("jdbc:sqlserver://db1:1433;databaseName=shop;password=SECRET", "jdbc:sqlserver://db1:1433");
    row("jdbc:oracle:thin:user/SECRET@db1:1521:shop", "db1:1521:shop");
    row("host=db1 port=5433 dbname='my shop' user=u password='SEC RET'",
        "postgresql://db1:5433/my shop");
    row("host = db1 password = SECRET dbname=shop", "postgresql://db1/shop");
    row("host=a,b port=5432,5433 dbname=shop", "postgresql://a:5432,b:5433/shop");
    row("host=a,b port=5433 dbname=shop", "postgresql://a:5433,b:5433/shop");
    row("host=a,b,c port=5433,5434 dbname=shop", "postgresql://a,b,c/shop");
    row("hostaddr=2001:db8::1 port=5433 dbname=shop", "postgresql://[2001:db8::1]:5433/shop");
    row("port=5433 dbname=shop", "postgresql://:5433/shop");
    row("dbname=postgresql://u:SECRET@db1/shop", "postgresql://db1/shop");
    row("password='SECRET", "");
    row("Server=db1;Password=SECRET", "");
    row("user:SECRET@tcp(db1:3306)/shop?tls=SECRET", "tcp(db1:3306)/shop");
    row("shop", "shop");
    row("sqlite:/var/lib/shop.db", "sqlite:/var/lib/shop.db");
    row("/var/lib/a=b.db", "/var/lib/a=b.db");
    row("", "");
}

void TestPool::credentialsStayInside()
{
    QFETCH(QByteArray, given);
    QFETCH(QByteArray, told);
    Backend backend;
    PoolConfig config = small_config(1);
    config.database = given.toStdString();
    FakePool pool(config, FakeFactory{&backend});
    const QByteArray database = QByteArray::fromStdString(pool.control().description().database);
    QCOMPARE(database, told);
    QVERIFY(!database.contains("SEC"));
}

QTEST_APPLESS_MAIN(TestPool)
#include "tst_pool.moc"
