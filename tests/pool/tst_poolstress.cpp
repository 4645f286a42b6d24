// SPDX-License-Identifier: GPL-3.0-or-later
// Many threads at once; also run under the thread sanitizer.
#include "tests/pool/testfactory.h"

#include <QTest>

#include <latch>
#include <random>
#include <set>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {
constexpr int threads = 8;
#if defined(__SANITIZE_THREAD__)
constexpr int rounds = 300;
#else
constexpr int rounds = 3000;
#endif
} // namespace

class TestPoolStress : public QObject
{
    Q_OBJECT
private slots:
    void oneHolderAtATime_data();
    void oneHolderAtATime();
    void claimIsExclusive();
    void everythingAtOnce();
    void pictureAndEventsAgree();
    void destroyedWhileGivenBack();
    void ownerAndLastHolderEndTogether();
};

void TestPoolStress::oneHolderAtATime_data()
{
    QTest::addColumn<quint32>("connections");
    QTest::addColumn<quint32>("perUser");
    QTest::newRow("exhausted") << 2U << 0U;
    QTest::newRow("one") << 1U << 0U;
    QTest::newRow("enough") << 16U << 0U;
    QTest::newRow("limited users") << 6U << 2U;
}

void TestPoolStress::oneHolderAtATime()
{
    QFETCH(quint32, connections);
    QFETCH(quint32, perUser);
    Backend backend;
    PoolConfig config = small_config(connections);
    config.acquire_timeout = 60s; // a lost wake-up shows as a timeout
    config.max_per_user = perUser;
    FakePool pool(config, FakeFactory{&backend});
    std::atomic<int> wrong{0};
    std::atomic<int> refused{0};
    std::atomic<bool> stop{false};
    std::latch ready(threads);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            const std::string user = "user" + std::to_string(t % 3);
            ready.arrive_and_wait();
            for (int i = 0; i < rounds; ++i) {
                auto guard = pool.acquire(user);
                if (!guard) {
                    ++refused;
                    continue;
                }
                wrong += guard.value()->holders->fetch_add(1) == 0 ? 0 : 1;
                if (i % 64 == 0)
                    std::this_thread::yield();
                guard.value()->holders->fetch_sub(1);
            }
        });
    }
    std::thread observer([&] {
        while (!stop) {
            const PoolStatistics s = pool.stats();
            const PoolFigures f = pool.control().figures();
            wrong += s.total == s.active + s.idle + s.opening ? 0 : 1;
            wrong += f.total == f.used + f.idle + f.opening ? 0 : 1;
            wrong += s.total <= connections && f.total <= connections ? 0 : 1;
            for (const OpenCheckout& c : pool.control().picture().checkouts)
                wrong += c.acquired_by.starts_with("user") && c.stack != StackId{} ? 0 : 1;
        }
    });
    for (std::thread& worker : workers)
        worker.join();
    stop = true;
    observer.join();
    QCOMPARE(wrong.load(), 0);
    QCOMPARE(refused.load(), 0);
    const PoolStatistics s = pool.stats();
    QCOMPARE(s.active, 0);
    QCOMPARE(s.pending, 0);
    QCOMPARE(s.acquired, std::uint64_t{threads} * rounds);
    QVERIFY(s.total <= connections);
}

/// Two threads that see the same connection idle: one gets it. They go from pool to pool in step,
/// and each time begin with the first connection; as there is one for each, all goes the way
/// without a lock.
void TestPoolStress::claimIsExclusive()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.stack_capture = StackCapture::off;
    std::vector<std::unique_ptr<FakePool>> pools; // more than a thread remembers
    for (int i = 0; i < 8; ++i) {
        pools.push_back(std::make_unique<FakePool>(config, FakeFactory{&backend}));
        const auto one = pools.back()->acquire("a");
        const auto two = pools.back()->acquire("a");
        QVERIFY(one && two);
    }
    std::atomic<int> wrong{0};
    std::atomic<std::uint64_t> arrived{0};
    std::atomic<bool> stop{false};
    const auto end = std::chrono::steady_clock::now() + 700ms;
    const auto work = [&] {
        for (std::uint64_t step = 1; !stop; ++step) {
            ++arrived;
            for (int spins = 0; arrived < 2 * step && !stop; ++spins) {
                if (spins % 1000 == 999)
                    std::this_thread::yield();
            }
            auto guard = pools[step % pools.size()]->acquire("a");
            wrong += guard.value()->holders->fetch_add(1) == 0 ? 0 : 1;
            for (int spin = 0; spin < 50; ++spin) // longer than two claims can be apart
                wrong += guard.value()->holders->load() == 1 ? 0 : 1;
            guard.value()->holders->fetch_sub(1);
            if (step % 64 == 0 && std::chrono::steady_clock::now() > end)
                stop = true;
        }
    };
    std::thread other(work);
    work();
    other.join();
    QCOMPARE(wrong.load(), 0);
}

void TestPoolStress::everythingAtOnce()
{
    Backend backend;
    PoolConfig config = small_config(5);
    config.acquire_timeout = 2ms; // timeouts too
    config.leak_detection = config.health_check = config.automatic_cleanup = true;
    config.leak_threshold = 1ms;
    config.leak_critical_threshold = 2ms;
    config.health_check_interval = config.cleanup_interval = 1ms;
    config.idle_timeout = 1ms;
    config.max_connection_age = 20ms;
    config.min_idle = 1;
    config.circuit.open_for = 1ms;
    FakePool pool(config, FakeFactory{&backend});
    std::vector<std::thread> workers;
    std::atomic<int> wrong{0};
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            std::mt19937 random(static_cast<unsigned>(t));
            for (int i = 0; i < rounds; ++i) {
                AcquireOptions options;
                options.user = "user";
                if (random() % 8 == 0)
                    options.tags = {{"i", std::to_string(i)}};
                auto guard = random() % 2 == 0 ? pool.acquire("user") : pool.acquire(options);
                if (!guard)
                    continue;
                wrong += guard.value()->holders->fetch_add(1) == 0 ? 0 : 1;
                if (random() % 16 == 0)
                    guard.value().heartbeat();
                if (random() % 16 == 0)
                    guard.value().expect(1ms);
                const CheckoutId id = guard.value().checkout_id();
                guard.value()->holders->fetch_sub(1);
                if (random() % 32 == 0)
                    guard.value().mark_broken();
                if (random() % 32 == 0)
                    static_cast<void>(pool.control().reclaim(id));
                if (random() % 64 == 0)
                    backend.fail_opens = 2;
                if (random() % 64 == 0)
                    backend.reset_ok = !backend.reset_ok;
                if (random() % 64 == 0)
                    backend.valid = !backend.valid;
            }
        });
    }
    RecordingSink sink;
    pool.control().set_sink(&sink);
    for (std::thread& worker : workers)
        worker.join();
    QVERIFY(pool.close(20s));
    pool.control().set_sink(nullptr);
    QCOMPARE(wrong.load(), 0);
    QCOMPARE(pool.stats().total, 0);
    QCOMPARE(backend.open_now(), 0);
    // What was noted while it came back is settled by the detector's next round.
    QTRY_COMPARE(pool.stats().currently_suspected, 0U);
    QCOMPARE(pool.stats().leaks_detected, pool.stats().leaks_resolved);
}

void TestPoolStress::pictureAndEventsAgree()
{
    Backend backend;
    FakePool pool(small_config(4), FakeFactory{&backend});
    std::atomic<bool> stop{false};
    std::atomic<bool> pause{false};
    std::atomic<int> paused{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&] {
            while (!stop) {
                auto guard = pool.acquire("a");
                if (pause) {
                    // Keeps it, so that there is something to compare.
                    AcquireOptions at_once;
                    ++paused;
                    while (pause)
                        std::this_thread::yield();
                    --paused;
                }
            }
        });
    }
    for (int round = 0; round < 100; ++round) {
        RecordingSink sink;
        pool.control().set_sink(&sink);
        const PoolPicture picture = pool.control().picture();
        pause = true;
        while (paused < 4)
            std::this_thread::yield();
        // All four connections are held now, and nothing moves.
        std::set<CheckoutId> open;
        for (const OpenCheckout& checkout : picture.checkouts)
            open.insert(checkout.id);
        {
            const std::lock_guard lock(sink.mutex);
            for (const auto& event : sink.seen) {
                if (event.kind == PoolEventKind::checkout)
                    open.insert(event.checkout);
            }
            for (const auto& event : sink.seen) {
                if (event.kind == PoolEventKind::checkin)
                    open.erase(event.checkout);
            }
        }
        std::set<CheckoutId> held;
        for (const OpenCheckout& checkout : pool.control().picture().checkouts)
            held.insert(checkout.id);
        pool.control().set_sink(nullptr);
        const bool same = open == held && held.size() == 4;
        pause = false;
        if (!same) {
            stop = true;
            for (std::thread& worker : workers)
                worker.join();
            QCOMPARE(open.size(), held.size());
            QFAIL("the picture and the events say something else than the pool");
        }
        while (paused > 0)
            std::this_thread::yield();
    }
    stop = true;
    for (std::thread& worker : workers)
        worker.join();
}

void TestPoolStress::destroyedWhileGivenBack()
{
    for (int round = 0; round < rounds / 10; ++round) {
        Backend backend;
        auto pool = std::make_unique<FakePool>(small_config(4), FakeFactory{&backend});
        std::vector<FakeGuard> guards;
        for (int i = 0; i < 4; ++i)
            guards.push_back(std::move(pool->acquire("a")).value());
        std::latch ready(3);
        std::thread one([&] {
            ready.arrive_and_wait();
            guards[0].release();
            guards[1].release();
        });
        std::thread two([&] {
            ready.arrive_and_wait();
            guards[2].release();
            guards[3].release();
        });
        ready.arrive_and_wait();
        pool.reset();
        one.join();
        two.join();
        QCOMPARE(backend.open_now(), 0);
    }
}

/// The owner leaves and the last holder gives back, at every distance from each other: the one
/// that says so last gives up the pool, and the other touches it no more (which a sanitizer sees).
void TestPoolStress::ownerAndLastHolderEndTogether()
{
    constexpr int distances = 40;
    for (int distance = 0; distance < distances; ++distance) {
        Backend backend;
        // Places that were used make the owner's last look at them all take its time.
        auto pool = std::make_unique<FakePool>(small_config(1000), FakeFactory{&backend});
        for (int i = 0; i < 1000; ++i)
            QVERIFY(pool->add_connection({}, "a"));
        FakeGuard last = std::move(pool->acquire("a")).value();
        QVERIFY(!pool->close(Duration{0})); // the other 999
        std::atomic<bool> leaving{false};
        std::latch ready(2);
        std::thread holder([&] {
            ready.arrive_and_wait();
            while (!leaving)
                std::this_thread::yield();
            const auto from = now_ticks().value;
            const auto pause = ticks_in(Duration{40}) * distance / distances;
            while (now_ticks().value - from < pause)
                ;
            last.release();
        });
        ready.arrive_and_wait();
        leaving = true;
        pool.reset();
        holder.join();
        QCOMPARE(backend.closed.load(), 1000);
    }
}

QTEST_APPLESS_MAIN(TestPoolStress)
#include "tst_poolstress.moc"
