// SPDX-License-Identifier: GPL-3.0-or-later
// What a pool does by itself, one round at a time: it looks for leaks, checks, clears up, keeps
// some ready.
#include "tests/pool/testfactory.h"

#include <QTest>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolUpkeep : public QObject
{
    Q_OBJECT
private slots:
    void leaksAreFound();
    void expectedAndHeartbeat();
    void whatWorksIsNoLeak();
    void whatIsSaidLateCountsToo();
    void signalsAreTheApplications();
    void countersNeverGoBack();
    void aReplacementIsNobodysOwn();
    void aMoveThatThrowsLosesNoPlace();
    void healthCheck();
    void cleanUp();
    void cleansUpByItself();
    void neverClosesWhatIsOut();
    void minIdle();
    void goesWhileItsHealthIsWatched();
    void hangingValidationHidesNoLeak();
};

void TestPoolUpkeep::leaksAreFound()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.leak_detection = true;
    FakePool pool(config, FakeFactory{&backend});
    RecordingSink sink;
    pool.control().set_sink(&sink);
    auto kept = pool.acquire("a");
    auto brief = pool.acquire("b");
    brief.value().release();
    pool.maintain(in_future(29s));
    QCOMPARE(pool.stats().leaks_detected, 0U);
    pool.maintain(in_future(31s));
    QCOMPARE(pool.stats().leaks_detected, 1U);
    QCOMPARE(pool.stats().currently_tracked, 1U);
    QCOMPARE(pool.stats().currently_suspected, 1U);
    pool.maintain(in_future(32s));
    pool.maintain(in_future(301s));
    QCOMPARE(pool.stats().leaks_detected, 1U);
    kept.value().release();
    QCOMPARE(pool.stats().leaks_resolved, 1U);
    QCOMPARE(pool.stats().currently_suspected, 0U);
    const auto leaks = sink.of(PoolEventKind::leak);
    QCOMPARE(leaks.size(), std::size_t{3});
    QCOMPARE(leaks[0].text, std::string("alert"));
    QCOMPARE(leaks[1].text, std::string("critical"));
    QCOMPARE(leaks[2].text, std::string("resolved"));
    QCOMPARE(leaks[0].checkout, leaks[2].checkout);
    pool.control().set_sink(nullptr);
}

void TestPoolUpkeep::expectedAndHeartbeat()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.leak_detection = true;
    FakePool pool(config, FakeFactory{&backend});
    AcquireOptions batch;
    batch.user = "batch";
    batch.expected_duration = 10min;
    auto a = pool.acquire(batch);
    auto b = pool.acquire("import");
    b.value().expect(10min);
    pool.maintain(in_future(10min + 20s));
    QCOMPARE(pool.stats().leaks_detected, 0U);
    pool.maintain(in_future(10min + 31s));
    QCOMPARE(pool.stats().leaks_detected, 2U);
    a.value().release();
    b.value().release();
    // What one checkout said is not the next one's.
    auto c = pool.acquire("orders");
    auto d = pool.acquire("orders");
    pool.maintain(in_future(40s));
    QCOMPARE(pool.stats().currently_suspected, 2U);
    c.value().release();
    d.value().release();
    auto e = pool.acquire("beating");
    e.value().heartbeat();
    pool.maintain(in_future(29s));
    QCOMPARE(pool.stats().currently_suspected, 0U);
    pool.maintain(in_future(2h)); // the heartbeat is long ago
    QCOMPARE(pool.stats().currently_suspected, 1U);
}

void TestPoolUpkeep::whatWorksIsNoLeak()
{
    Backend backend;
    PoolConfig config = small_config(3); // thresholds: 30 s, 300 s
    config.leak_detection = true;
    FakePool pool(config, FakeFactory{&backend});
    auto runs = pool.acquire("report");
    auto ended = pool.acquire("orders");
    runs.value().begin_statement("SELECT pg_sleep(3600)");
    ended.value().begin_statement("SELECT 1");
    ended.value().end_statement();
    pool.maintain(in_future(29s));
    QCOMPARE(pool.stats().leaks_detected, 0U);
    pool.maintain(in_future(31s));
    QCOMPARE(pool.stats().leaks_detected, 1U); // that one has done nothing since
    ended.value().release();
    pool.maintain(in_future(299s));
    QCOMPARE(pool.stats().currently_suspected, 0U);
    pool.maintain(in_future(1h)); // ten critical thresholds: whatever it does
    QCOMPARE(pool.stats().currently_suspected, 1U);
    // Whoever gave back while its statement ran does not speak for the next.
    runs.value().release();
    auto a = pool.acquire("next");
    auto b = pool.acquire("next");
    pool.maintain(in_future(31s));
    QCOMPARE(pool.stats().currently_suspected, 2U);
}

/// A statement after the threshold: the checkout is no suspect while it works, and one in all.
void TestPoolUpkeep::whatIsSaidLateCountsToo()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.leak_detection = config.health_check = true;
    config.health_check_interval = 1h;
    FakePool pool(config, FakeFactory{&backend});
    RecordingSink sink;
    pool.control().set_sink(&sink);
    auto late = pool.acquire("late");
    const ConnectionId connection = late.value().connection_id();
    const auto is_leaked = [&] {
        pool.health().check_all();
        const auto all = pool.health().all();
        return std::ranges::find(all, connection, &HealthStatus::id)->is_leaked;
    };
    pool.maintain(in_future(31s));
    QCOMPARE(pool.stats().currently_suspected, 1U);
    QVERIFY(is_leaked());
    late.value().begin_statement("SELECT pg_sleep(3600)");
    pool.maintain(in_future(32s));
    QCOMPARE(pool.stats().currently_suspected, 0U);
    QVERIFY(!is_leaked());
    QCOMPARE(pool.stats().leaks_resolved, 0U); // it has not come back
    late.value().end_statement();
    pool.maintain(in_future(33s));
    QCOMPARE(pool.stats().currently_suspected, 1U);
    late.value().expect(10min);
    pool.maintain(in_future(5min));
    QCOMPARE(pool.stats().currently_suspected, 0U);
    QCOMPARE(pool.stats().leaks_detected, 1U);
    late.value().release();
    QCOMPARE(pool.stats().leaks_resolved, 1U);
    std::vector<std::string> told;
    for (const auto& leak : sink.of(PoolEventKind::leak))
        told.push_back(leak.text);
    QCOMPARE(told, (std::vector<std::string>{"alert", "resolved", "alert", "resolved"}));
    pool.control().set_sink(nullptr);
}

/// Of every thread that the pool starts.
void TestPoolUpkeep::signalsAreTheApplications()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.name = "sig";
    config.leak_detection = config.health_check = true;
    FakePool pool(config, FakeFactory{&backend});
    pool.health().start();
    const auto blocked = [](const std::string& thread) {
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            std::ifstream status(task.path() / "status");
            std::string line;
            bool named = false;
            while (std::getline(status, line)) {
                named = named || line == "Name:\t" + thread;
                if (named && line.starts_with("SigBlk:"))
                    return std::stoull(line.substr(7), nullptr, 16);
            }
        }
        return 0ULL;
    };
    for (const char* const thread : {"leaks-sig", "pool-sig", "pool-health"}) {
        QTRY_VERIFY2((blocked(thread) >> (SIGTERM - 1) & 1U) == 1, thread);
        QTRY_VERIFY2((blocked(thread) >> (SIGCHLD - 1) & 1U) == 1, thread);
    }
}

/// A look at a connection that is claimed, and comes to nothing.
void TestPoolUpkeep::countersNeverGoBack()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.validation_on_acquire = true;
    FakePool pool(config, FakeFactory{&backend});
    QVERIFY(pool.acquire("a"));
    PoolStatistics during;
    PoolFigures figures;
    backend.while_validating = [&] {
        during = pool.stats();
        figures = pool.control().figures();
    };
    backend.valid = false;
    backend.fail_opens = 1;
    QVERIFY(!pool.acquire("a"));
    QVERIFY(pool.stats().acquired >= during.acquired);
    QVERIFY(pool.control().figures().wait_time->count >= figures.wait_time->count);
    backend.while_validating = {};
    backend.valid = true;
    for (int i = 0; i < 3; ++i)
        QVERIFY(pool.acquire("a"));
    QCOMPARE(pool.stats().acquired, 4U); // and is right again
}

void TestPoolUpkeep::aReplacementIsNobodysOwn()
{
    Backend backend;
    PoolConfig config = small_config(4);
    config.max_per_user = 1;
    config.validation_on_acquire = true;
    FakePool pool(config, FakeFactory{&backend});
    const auto add = [&] {
        ++backend.opened;
        return bool(pool.add_connection(FakeConnection{}, "importer"));
    };
    QVERIFY(add());
    QVERIFY(!add());
    backend.valid = false; // replaced when it is lent
    QVERIFY(pool.acquire("a"));
    QCOMPARE(pool.stats().closed, 1U);
    QVERIFY(add());
    QVERIFY(!add());
}

void TestPoolUpkeep::aMoveThatThrowsLosesNoPlace()
{
    struct Heavy
    {
        explicit Heavy(int* to)
            : left(to)
        {}
        Heavy(Heavy&& other)
            : left(other.left)
        {
            if (--*left < 0)
                throw std::runtime_error("too heavy");
        }
        Heavy& operator=(Heavy&&) = default;
        int* left;
    };
    struct HeavyFactory
    {
        int* moves;
        int* closed;
        Result<Heavy> open() { return Heavy(moves); }
        bool validate(Heavy&) { return true; }
        bool reset(Heavy&) { return true; }
        void close(Heavy&) { ++*closed; }
    };
    int moves = 1; // into the parameter, not into the pool
    int closed = 0;
    {
        ConnectionPool<Heavy> pool(small_config(1), HeavyFactory{&moves, &closed});
        Heavy heavy(&moves);
        bool thrown = false;
        try {
            static_cast<void>(pool.add_connection(std::move(heavy), "a"));
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        QVERIFY(thrown);
        QCOMPARE(closed, 1);
        QCOMPARE(pool.stats().total, 0);
        moves = 100;
        AcquireOptions at_once;
        at_once.timeout = 0s;
        QVERIFY(pool.acquire(at_once));
    }
    QCOMPARE(closed, 2);
}

void TestPoolUpkeep::healthCheck()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.health_check = true;
    config.health_check_interval = 1h;
    config.leak_detection = true;
    FakePool pool(config, FakeFactory{&backend});
    auto out = pool.acquire("a");
    pool.acquire("b").value().release();
    pool.maintain(now_ticks());
    QCOMPARE(backend.validations.load(), 1); // not the one that is checked out
    QCOMPARE(pool.health().all().size(), std::size_t{2});
    backend.valid = false;
    for (int i = 0; i < 3; ++i)
        pool.maintain(now_ticks());
    QCOMPARE(pool.health().unhealthy().size(), std::size_t{1});
    QCOMPARE(pool.stats().health, Health::unhealthy);
    QCOMPARE(pool.stats().total, 2); // only observed
    // But it is looked at before it is lent again.
    backend.valid = true;
    const int before = backend.validations;
    pool.acquire("b").value().release();
    QCOMPARE(backend.validations.load(), before + 1);
    pool.maintain(in_future(31s));
    const auto status = pool.health().check(out.value().connection_id());
    QVERIFY(status && status->is_leaked && status->skipped > 0 && status->checks == 0);
    out.value().mark_broken();
    out.value().release();
    QCOMPARE(pool.health().all().size(), std::size_t{1});
}

void TestPoolUpkeep::cleanUp()
{
    Backend backend;
    PoolConfig config = small_config(4);
    config.automatic_cleanup = true;
    config.cleanup_interval = 1h;
    config.health_check = true;
    config.health_check_interval = 1h;
    config.min_idle = 1;
    FakePool pool(config, FakeFactory{&backend});
    {
        auto a = pool.acquire("a");
        auto b = pool.acquire("b");
        auto c = pool.acquire("c");
    }
    QTRY_VERIFY(pool.stats().idle >= 3 && pool.stats().opening == 0); // min_idle may add one
    pool.maintain(now_ticks());
    pool.maintain(in_future(299s));
    QVERIFY(pool.stats().idle >= 3);
    pool.maintain(in_future(301s));
    QCOMPARE(pool.stats().idle, 1); // down to min_idle
    backend.valid = false;
    for (int i = 0; i < 3; ++i)
        pool.maintain(now_ticks());
    backend.valid = true;
    pool.maintain(now_ticks()); // unhealthy: closed, and min_idle opens another
    QCOMPARE(pool.stats().idle, 1);
    QVERIFY(pool.health().unhealthy().empty());
    const int closed = backend.closed;
    pool.maintain(in_future(2h)); // too old
    QCOMPARE(backend.closed.load(), closed + 1);
    QCOMPARE(pool.stats().idle, 1);
}

/// At its interval, and nobody asks for it.
void TestPoolUpkeep::cleansUpByItself()
{
    Backend backend;
    PoolConfig config = small_config(4);
    config.automatic_cleanup = true;
    config.cleanup_interval = 10ms;
    config.idle_timeout = 30ms;
    FakePool pool(config, FakeFactory{&backend});
    auto out = pool.acquire("a");
    pool.acquire("b").value().release();
    QTRY_COMPARE(backend.closed.load(), 1);
    QTRY_COMPARE(pool.stats().total, 1);
    QTest::qWait(100); // longer than it may be idle: but it is not
    QCOMPARE(backend.closed.load(), 1);
    QCOMPARE(out.value()->number, 1);
    config.automatic_cleanup = false;
    FakePool observing(config, FakeFactory{&backend});
    observing.acquire("a").value().release();
    QTest::qWait(100);
    QCOMPARE(observing.stats().idle, 1); // by default nothing is closed
}

void TestPoolUpkeep::neverClosesWhatIsOut()
{
    Backend backend;
    PoolConfig config = PoolConfig::development();
    config.max_connections = 10;
    config.health_check_interval = 1h;
    config.cleanup_interval = 1h;
    FakePool pool(config, FakeFactory{&backend});
    auto out = pool.acquire("a");
    pool.acquire("b").value().release();
    pool.maintain(in_future(5h));
    pool.maintain(in_future(10h));
    QCOMPARE(backend.closed.load(), 1);
    QCOMPARE(pool.stats().active, 1);
    QCOMPARE(out.value()->number, 1);
}

void TestPoolUpkeep::minIdle()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.min_idle = 2;
    FakePool pool(config, FakeFactory{&backend});
    QTRY_COMPARE(pool.stats().idle, 2);
    QCOMPARE(pool.stats().acquired, 0U);
    auto a = pool.acquire("a");
    auto b = pool.acquire("a");
    pool.maintain();
    QTRY_COMPARE(pool.stats().total, 3); // no more than max_connections
}

/// Whoever starts the pool's monitor need not stop it.
void TestPoolUpkeep::goesWhileItsHealthIsWatched()
{
    for (int i = 0; i < 20; ++i) {
        Backend backend;
        backend.while_validating = [] {
            std::this_thread::sleep_for(10ms);
        };
        {
            PoolConfig config = small_config(4);
            config.health_check = true;
            config.health_check_interval = 1h;
            FakePool pool(config, FakeFactory{&backend});
            {
                auto a = pool.acquire("a");
                auto b = pool.acquire("b");
                auto c = pool.acquire("c");
            }
            pool.health().start();
            while (backend.validations == 0)
                std::this_thread::yield();
        }
        QCOMPARE(backend.open_now(), 0);
    }
}

/// When the database hangs, a connection that is never given back is news all the more.
void TestPoolUpkeep::hangingValidationHidesNoLeak()
{
    std::atomic<bool> go{false};
    Backend backend;
    backend.while_validating = [&] {
        while (!go)
            std::this_thread::sleep_for(1ms);
    };
    PoolConfig config = small_config(4);
    config.health_check = true;
    config.health_check_interval = 10ms;
    config.leak_detection = true;
    config.leak_threshold = 300ms;
    {
        FakePool pool(config, FakeFactory{&backend});
        auto kept = pool.acquire("kept");
        pool.acquire("brief").value().release();
        QTRY_COMPARE(backend.validations.load(), 1);
        const bool found = QTest::qWaitFor([&] { return pool.stats().leaks_detected == 1; }, 3000);
        go = true;
        QVERIFY(found);
    }
}

QTEST_APPLESS_MAIN(TestPoolUpkeep)
#include "tst_poolupkeep.moc"
