// SPDX-License-Identifier: GPL-3.0-or-later
// What an agent sees of a pool, and may do with it.
#include "tests/pool/testfactory.h"

#include <QTest>

#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolControl : public QObject
{
    Q_OBJECT
private slots:
    void pictureHasEverything();
    void pictureOfCoarsePool();
    void stackNamesTheCaller();
    void stackModes();
    void events();
    void eventBeforeItShows();
    void pictureWaitsForWhatWasTold();
    void figuresHaveTheNames();
    void descriptionHasTheSettings();
    void reclaimTakesAway();
    void reclaimOfWhatIsGone();
    void reclaimManyTimes();
    void sinkMayGo();
};

void TestPoolControl::pictureHasEverything()
{
    Backend backend;
    FakePool pool(small_config(4), FakeFactory{&backend});
    AcquireOptions options;
    options.user = "orders";
    options.tags = {{"route", "/orders"}};
    options.trace_id = "4bf92f";
    options.expected_duration = 5s;
    auto a = pool.acquire(options);
    auto b = pool.acquire("plain");
    pool.acquire("idle").value().release();
    a.value().heartbeat();
    const auto before = std::chrono::system_clock::now();
    const PoolPicture picture = pool.control().picture();
    QCOMPARE(picture.connections.size(), std::size_t{3});
    QCOMPARE(picture.checkouts.size(), std::size_t{2});
    const OpenCheckout& one = picture.checkouts[0];
    QCOMPARE(one.id, a.value().checkout_id());
    QCOMPARE(one.connection, a.value().connection_id());
    QCOMPARE(one.acquired_by, std::string("orders"));
    QCOMPARE(one.tags, options.tags);
    QCOMPARE(one.trace_id, options.trace_id);
    QCOMPARE(one.expected, std::optional<Duration>(5s));
    QVERIFY(one.heartbeat);
    QCOMPARE(one.server_pid, std::optional<std::int64_t>(1001));
    QCOMPARE(one.local_port, std::optional<std::uint16_t>(40001));
    QVERIFY(one.thread != 0);
    QVERIFY(one.stack != StackId{});
    QVERIFY(std::chrono::abs(before - one.acquired) < 10s);
    const OpenCheckout& two = picture.checkouts[1];
    QCOMPARE(two.acquired_by, std::string("plain"));
    QVERIFY(two.tags.empty() && !two.expected && !two.heartbeat && two.trace_id.empty());
    QVERIFY(!one.busy && !two.busy);
    a.value().begin_statement("SELECT 1");
    b.value().begin_statement("SELECT 2");
    b.value().end_statement();
    const PoolPicture working = pool.control().picture();
    QCOMPARE(working.checkouts[0].busy, std::optional(true));
    QCOMPARE(working.checkouts[1].busy, std::optional(false));
    QCOMPARE(picture.figures.used, 2);
    QCOMPARE(picture.figures.total, 3);
    // Nothing of one checkout is left for the next of that connection.
    const auto slot_of_a = a.value().connection_id();
    a.value().release();
    auto c = pool.acquire("next");
    auto d = pool.acquire("next"); // these two are the ones that are idle
    QVERIFY(c.value().connection_id() == slot_of_a || d.value().connection_id() == slot_of_a);
    const PoolPicture after = pool.control().picture();
    for (const OpenCheckout& checkout : after.checkouts)
        QVERIFY(checkout.tags.empty() && !checkout.expected && !checkout.heartbeat &&
                (!checkout.busy || checkout.acquired_by == "plain"));
}

void TestPoolControl::pictureOfCoarsePool()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.stack_capture = StackCapture::off;
    FakePool pool(config, FakeFactory{&backend});
    pool.acquire("a").value().release();
    auto held = pool.acquire("a");
    const auto now = std::chrono::system_clock::now();
    const PoolPicture picture = pool.control().picture();
    QCOMPARE(picture.checkouts.size(), std::size_t{1});
    QVERIFY(std::chrono::abs(now - picture.checkouts[0].acquired) < 5s);
    QCOMPARE(picture.checkouts[0].stack, StackId{});
    QVERIFY(!picture.figures.use_time); // not measured
    QCOMPARE(picture.figures.wait_time->count, 2U);
}

namespace {
__attribute__((noinline)) FakeGuard leaky_handler(FakePool& pool, int& line)
{
    line = __LINE__ + 1;
    auto guard = pool.acquire("orders");
    return std::move(guard).value();
}
} // namespace

void TestPoolControl::stackNamesTheCaller()
{
    Backend backend;
    FakePool pool(small_config(4), FakeFactory{&backend});
    for (int i = 0; i < 2; ++i) { // through the slow way, which opens, and the fast one
        int line = 0;
        const FakeGuard guard = leaky_handler(pool, line);
        const PoolPicture picture = pool.control().picture();
        const Frames frames = pool.control().frames(picture.checkouts.at(0).stack);
        QVERIFY(frames.size() >= 2);
        QVERIFY2(frames[0].function.ends_with("leaky_handler"), frames[0].function.c_str());
        QCOMPARE(frames[0].line, line);
        QVERIFY(frames[0].file.ends_with("tst_poolcontrol.cpp"));
        QVERIFY(frames[0].own);
        QVERIFY(frames[1].function.ends_with("TestPoolControl::stackNamesTheCaller"));
    }
    QVERIFY(pool.control().frames(StackId{123'456'789}).empty());
}

void TestPoolControl::stackModes()
{
    Backend backend;
    const auto with_stack = [&](FakePool& pool) {
        int count = 0;
        for (const OpenCheckout& checkout : pool.control().picture().checkouts)
            count += checkout.stack != StackId{} ? 1 : 0;
        return count;
    };
    for (const StackCapture capture : {StackCapture::off, StackCapture::sampled,
                                       StackCapture::always, StackCapture::near_exhaustion}) {
        PoolConfig config = small_config(10);
        config.stack_capture = capture;
        config.sample_every = 5;
        FakePool pool(config, FakeFactory{&backend});
        std::vector<FakeGuard> held;
        int at_half = 0;
        for (int i = 0; i < 10; ++i) {
            held.push_back(std::move(pool.acquire("a")).value());
            if (i == 4)
                at_half = with_stack(pool);
        }
        const int at_end = with_stack(pool);
        switch (capture) {
        case StackCapture::off:
            QCOMPARE(at_end, 0);
            break;
        case StackCapture::sampled:
            QVERIFY(at_end <= 10); // by chance: see tst_poolstacks
            break;
        case StackCapture::always:
            QCOMPARE(at_end, 10);
            break;
        case StackCapture::near_exhaustion:
            QCOMPARE(at_half, 0);
            QCOMPARE(at_end, 3); // the 8th, the 9th, the 10th
            held.clear();
            held.push_back(std::move(pool.acquire("a")).value());
            QCOMPARE(with_stack(pool), 0); // over
            break;
        }
    }
}

void TestPoolControl::events()
{
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    RecordingSink sink;
    pool.control().set_sink(&sink);
    AcquireOptions options;
    options.user = "orders";
    options.tags = {{"route", "/orders"}};
    {
        auto guard = pool.acquire(options);
        guard.value().begin_statement("select ?");
        guard.value().end_statement();
        guard.value().heartbeat();
        guard.value().mark_broken();
    }
    pool.acquire("plain").value().release();
    pool.control().set_sink(nullptr);
    pool.acquire("unseen").value().release();
    std::vector<PoolEventKind> kinds;
    for (const auto& event : sink.seen)
        kinds.push_back(event.kind);
    QCOMPARE(kinds, (std::vector<PoolEventKind>{PoolEventKind::opened, PoolEventKind::checkout,
                                                PoolEventKind::busy, PoolEventKind::idle,
                                                PoolEventKind::beat, PoolEventKind::checkin,
                                                PoolEventKind::closed, PoolEventKind::opened,
                                                PoolEventKind::checkout, PoolEventKind::checkin}));
    QCOMPARE(sink.seen[0].raw.server_pid, 1001);
    QCOMPARE(sink.seen[1].by, std::string("orders"));
    QCOMPARE(sink.seen[1].tags, options.tags);
    QCOMPARE(sink.seen[1].raw.server_pid, 1001);
    QCOMPARE(sink.seen[1].raw.local_port, 40001);
    QCOMPARE(sink.seen[1].connection, sink.seen[0].connection);
    QVERIFY(sink.seen[1].raw.thread != 0);
    QCOMPARE(sink.seen[2].text, std::string("select ?"));
    QCOMPARE(sink.seen[5].checkout, sink.seen[1].checkout);
    QCOMPARE(sink.seen[6].text, std::string("broken"));
    QVERIFY(sink.seen[8].stack != StackId{});
    for (std::size_t i = 1; i < sink.seen.size(); ++i)
        QVERIFY(sink.seen[i].raw.time >= sink.seen[i - 1].raw.time);
}

void TestPoolControl::eventBeforeItShows()
{
    // Asks for what the pool shows at each event. Not what a sink may do, but enough for a look
    // from the outside: the statistics take no part in it.
    struct Looking final : EventSink
    {
        void take(const PoolEvent& event) noexcept override
        {
            if (event.kind != PoolEventKind::checkout && event.kind != PoolEventKind::checkin)
                return;
            const auto open = pool->control().picture().checkouts;
            shown.push_back(std::ranges::count(open, event.checkout, &OpenCheckout::id) == 1);
        }
        FakePool* pool = nullptr;
        std::vector<bool> shown;
    };
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    Looking sink;
    sink.pool = &pool;
    pool.acquire("warm").value().release();
    pool.control().set_sink(&sink);
    pool.acquire("a").value().release();
    pool.control().set_sink(nullptr);
    QCOMPARE(sink.shown, (std::vector<bool>{false, true}));
}

/// A thread is held up right between telling a sink and showing it in the pool. A picture begun
/// then has what was told.
void TestPoolControl::pictureWaitsForWhatWasTold()
{
    struct Holding final : EventSink
    {
        void take(const PoolEvent& event) noexcept override
        {
            if (event.kind != hold)
                return;
            told = true;
            while (!go)
                std::this_thread::yield();
        }
        std::atomic<PoolEventKind> hold{PoolEventKind::checkout};
        std::atomic<bool> told{false};
        std::atomic<bool> go{false};
    };
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    pool.acquire("warm").value().release();
    Holding sink;
    pool.control().set_sink(&sink);
    const auto open_meanwhile = [&] {
        while (!sink.told)
            std::this_thread::yield();
        auto picture = std::async(std::launch::async,
                                  [&] { return pool.control().picture().checkouts.size(); });
        const bool waits = picture.wait_for(50ms) == std::future_status::timeout;
        sink.go = true;
        return waits ? static_cast<int>(picture.get()) : -1;
    };
    auto guard = std::async(std::launch::async, [&] { return pool.acquire("a"); });
    QCOMPARE(open_meanwhile(), 1);
    auto held = guard.get();
    sink.told = false;
    sink.go = false;
    sink.hold = PoolEventKind::checkin;
    auto back = std::async(std::launch::async, [&] { held.value().release(); });
    QCOMPARE(open_meanwhile(), 0);
    back.get();
    pool.control().set_sink(nullptr);
}

void TestPoolControl::figuresHaveTheNames()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.leak_detection = true;
    config.health_check = true;
    config.health_check_interval = 1h;
    FakePool pool(config, FakeFactory{&backend});
    auto a = pool.acquire("a");
    for (int i = 0; i < 5; ++i)
        pool.acquire("b").value().release();
    pool.maintain();
    const PoolFigures f = pool.control().figures();
    QCOMPARE(f.used, 1);
    QCOMPARE(f.idle, 1);
    QCOMPARE(f.total, 2);
    QCOMPARE(f.max, std::optional<std::int64_t>(3));
    QCOMPARE(f.idle_min, std::optional<std::int64_t>(0));
    QCOMPARE(f.pending, std::optional<std::int64_t>(0));
    QCOMPARE(f.timeouts, std::optional<std::uint64_t>(0));
    QCOMPARE(f.create_time->count, 2U);
    QCOMPARE(f.wait_time->count, 6U);
    QVERIFY(f.use_time->count >= 1);
    QCOMPARE(f.tracked, std::optional<std::uint64_t>(1));
    QCOMPARE(f.circuit, std::string("closed"));
    QCOMPARE(f.health, std::string("healthy"));

    // What is not watched is not there, rather than zero.
    FakePool plain(small_config(3), FakeFactory{&backend});
    const PoolFigures g = plain.control().figures();
    QVERIFY(!g.leaks_detected && !g.tracked);
    QVERIFY(g.health.empty());
}

void TestPoolControl::descriptionHasTheSettings()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.database = "postgresql://db1:5432/shop";
    FakePool pool(config, FakeFactory{&backend});
    const PoolDescription d = pool.control().description();
    QCOMPARE(d.name, std::string("test"));
    QCOMPARE(d.kind, std::string("poolscope"));
    QCOMPARE(d.database, config.database);
    const std::map<std::string, std::string> settings(d.configuration.begin(),
                                                      d.configuration.end());
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"max_connections", "3"},
                                            {"sample_every", "16"},
                                            {"circuit.failure_rate", "0.5"},
                                            {"circuit.minimum_calls", "5"},
                                            {"circuit.window", "30 s"},
                                            {"circuit.open_for", "5 s"},
                                            {"circuit.probes", "2"}}) {
        QVERIFY2(settings.contains(name), name.c_str());
        QCOMPARE(settings.at(name), value);
    }
}

void TestPoolControl::reclaimTakesAway()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.max_per_user = 1;
    FakePool pool(config, FakeFactory{&backend});
    RecordingSink sink;
    pool.control().set_sink(&sink);
    auto leaked = pool.acquire("a");
    QVERIFY(pool.control().reclaim(leaked.value().checkout_id()));
    QCOMPARE(backend.interrupts.load(), 1);
    QCOMPARE(backend.closed.load(), 0); // not under its holder's hands
    QCOMPARE(pool.stats().total, 0);
    QCOMPARE(pool.stats().reclaimed, 1U);
    QVERIFY(pool.control().picture().checkouts.empty());
    QCOMPARE(sink.of(PoolEventKind::checkin).size(), std::size_t{1});
    QCOMPARE(sink.of(PoolEventKind::closed).at(0).text, std::string("reclaimed"));
    auto other = pool.acquire("a"); // there is room again, for that user too
    QVERIFY(other);
    QCOMPARE(leaked.value()->number, 1); // still safe to touch
    QVERIFY(!pool.control().reclaim(leaked.value().checkout_id()));
    leaked.value().release();
    QCOMPARE(backend.closed.load(), 1);
    QCOMPARE(pool.stats().total, 1);
    QCOMPARE(sink.of(PoolEventKind::checkin).size(), std::size_t{1});
    other.value().release();
    QCOMPARE(pool.stats().idle, 1);
    pool.control().set_sink(nullptr);
}

void TestPoolControl::reclaimOfWhatIsGone()
{
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    auto guard = pool.acquire("a");
    const CheckoutId id = guard.value().checkout_id();
    guard.value().release();
    QVERIFY(!pool.control().reclaim(id));
    auto next = pool.acquire("a");
    QVERIFY(!pool.control().reclaim(id)); // the same connection, but another checkout
    QVERIFY(!pool.control().reclaim(CheckoutId{}));
    QCOMPARE(pool.stats().active, 1);
}

void TestPoolControl::reclaimManyTimes()
{
    // Of each the pool gets a place back, until there is no more room for what was lost.
    Backend backend;
    FakeGuard survivor;
    {
        FakePool pool(small_config(1), FakeFactory{&backend});
        std::vector<FakeGuard> leaked;
        AcquireOptions at_once;
        at_once.timeout = 0s;
        std::string refused;
        while (refused.empty() && leaked.size() < 3000) {
            auto guard = pool.acquire(at_once);
            QVERIFY2(guard, guard ? "" : guard.error().sentence.c_str());
            const auto taken = pool.control().reclaim(guard.value().checkout_id());
            if (taken)
                leaked.push_back(std::move(guard).value());
            else // and then the holder keeps what it has
                refused = taken.error().sentence;
        }
        QCOMPARE(leaked.size(), std::size_t{1024});
        QVERIFY2(refused.find("1024 were, and have not come back") != std::string::npos,
                 refused.c_str());
        const auto holder = pool.acquire(at_once);
        QVERIFY(holder);
        const std::string full = pool.acquire(at_once).error().sentence;
        QVERIFY2(full.find("1 of 1 are checked out") != std::string::npos &&
                     full.find("1024 that were reclaimed have not come back") != std::string::npos,
                 full.c_str());
        leaked.resize(5); // some come back after all
        QVERIFY(pool.control().reclaim(holder.value().checkout_id()));
        QVERIFY(pool.acquire(at_once));
        QCOMPARE(pool.stats().total, 1);
        survivor = std::move(leaked[0]);
    }
    QCOMPARE(backend.open_now(), 1);
    survivor.release();
    QCOMPARE(backend.open_now(), 0);
}

void TestPoolControl::sinkMayGo()
{
    Backend backend;
    FakePool pool(small_config(4), FakeFactory{&backend});
    std::atomic<bool> stop{false};
    std::vector<std::thread> workers;
    for (int t = 0; t < 3; ++t) {
        workers.emplace_back([&] {
            while (!stop)
                pool.acquire("a").value().release();
        });
    }
    struct Fragile final : EventSink
    {
        ~Fragile() override { alive = false; }
        void take(const PoolEvent&) noexcept override
        {
            if (!alive)
                std::abort();
            ++count;
        }
        std::atomic<bool> alive{true};
        std::atomic<int> count{0};
    };
    for (int i = 0; i < 50; ++i) {
        const auto sink = std::make_unique<Fragile>();
        pool.control().set_sink(sink.get());
        while (sink->count < 5)
            std::this_thread::yield();
        if (i % 2 == 0)
            pool.control().set_sink(nullptr);
        else {
            Fragile other;
            pool.control().set_sink(&other); // straight from one to the next
            pool.control().set_sink(nullptr);
        }
    }
    stop = true;
    for (std::thread& worker : workers)
        worker.join();
    QCOMPARE(pool.stats().active, 0);
}

QTEST_APPLESS_MAIN(TestPoolControl)
#include "tst_poolcontrol.moc"
