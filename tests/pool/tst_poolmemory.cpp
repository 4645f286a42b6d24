// SPDX-License-Identifier: GPL-3.0-or-later
// A pool whose process has no memory left: each allocation of an acquire fails once, and nothing is
// lost by it.
#include "tests/pool/testfactory.h"

#include "core/leak/leakdetector.h"
#include "core/stack/capture.h"
#include "core/stack/modules.h"

#include <QTest>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <new>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int unlimited = -1;
thread_local int allocations_left = unlimited; ///< of this thread; then the next one fails
thread_local bool allocation_failed = false;

void* allocate(std::size_t size, std::size_t alignment) noexcept
{
    if (allocations_left == 0) {
        allocation_failed = true;
        allocations_left = unlimited; // one, not all: what follows may need some
        return nullptr;
    }
    if (allocations_left > 0)
        --allocations_left;
    if (alignment <= alignof(std::max_align_t))
        return std::malloc(size == 0 ? 1 : size);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment)
{
    if (void* const memory = allocate(size, alignment))
        return memory;
    throw std::bad_alloc();
}

} // namespace

// clang-format off
void* operator new(std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t to) { return allocate_or_throw(size, std::size_t(to)); }
void* operator new[](std::size_t size, std::align_val_t to) { return allocate_or_throw(size, std::size_t(to)); }
void* operator new(std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept { return allocate(size, std::size_t(to)); }
void* operator new[](std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept { return allocate(size, std::size_t(to)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
// clang-format on

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolMemory : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void acquireLosesNothing_data();
    void acquireLosesNothing();
    void addingLosesNothing();
    void aNewPlaceNeedsNone();
    void beginningLosesNothing();
    void endingNeedsNone();
    void trackingLosesNothing();
};

namespace {

const std::string a_user(40, 'u'); ///< longer than what a string holds without memory

/// Says more of a connection than fits without memory.
struct WordyFactory : FakeFactory
{
    ConnectionMetadata describe(FakeConnection& connection)
    {
        ConnectionMetadata metadata = FakeFactory::describe(connection);
        metadata.remote_address = std::string(40, 'r');
        return metadata;
    }
};

/// Runs `what` with the allocation after `granted` ones failing. Whether that one was reached.
template <class What>
bool fails_after(int granted, const What& what)
{
    allocation_failed = false;
    allocations_left = granted;
    try {
        what();
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): it may
    }
    allocations_left = unlimited;
    return allocation_failed;
}

/// Everything has come back, and the only place there is can be had.
void verify_whole(FakePool& pool)
{
    const PoolStatistics statistics = pool.stats();
    QCOMPARE(statistics.pending, 0);
    QCOMPARE(statistics.active, 0);
    QCOMPARE(statistics.opening, 0);
    AcquireOptions at_once;
    at_once.user = a_user;
    at_once.timeout = 0s;
    QTRY_VERIFY(pool.acquire(at_once)); // a circuit may have to close before
    QCOMPARE(pool.stats().total, 1);
}

} // namespace

namespace {

enum class First { whole, unreached, lost, ended };

/// The first acquire of a process: in one of its own, in which the allocation after `granted` ones
/// fails.
First first_acquire(int granted, bool tracking)
{
    const pid_t child = fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        std::signal(SIGABRT, SIG_DFL); // not Qt's handler, which shows stacks
        Backend backend;
        bool reached = false;
        bool whole = false;
        {
            PoolConfig config = small_config(1);
            config.max_per_user = 1;
            config.stack_capture = tracking ? StackCapture::always : StackCapture::off;
            FakePool pool(config, WordyFactory{{&backend}});
            AcquireOptions options;
            options.user = a_user;
            options.timeout = std::chrono::seconds{0};
            options.trace_id = std::string(40, 'i');
            reached = fails_after(granted, [&] { static_cast<void>(pool.acquire(options)); });
            const PoolStatistics statistics = pool.stats();
            whole = statistics.active == 0 && statistics.opening == 0 && statistics.pending == 0;
            whole = whole && pool.acquire(options) && pool.stats().total == 1;
        }
        whole = whole && backend.open_now() == 0;
        _exit(static_cast<int>(!whole ? First::lost : reached ? First::whole : First::unreached));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return First::lost;
    return WIFEXITED(status) ? static_cast<First>(WEXITSTATUS(status)) : First::ended;
}

} // namespace

/// What a process and a thread need once for all is asked for by the first acquire alone, so this
/// is before there was one. Without memory for the record of its thread a process ends, as without
/// memory for the thread itself; without any other it loses nothing.
void TestPoolMemory::initTestCase()
{
    for (const bool tracking : {false, true}) {
        int ended = 0;
        int granted = 0;
        for (;; ++granted) {
            const First first = first_acquire(granted, tracking);
            QVERIFY2(first != First::lost, std::to_string(granted).c_str());
            if (first == First::unreached)
                break;
            ended += first == First::ended ? 1 : 0;
        }
        qInfo("%d allocations of a first acquire", granted);
        QCOMPARE(ended, 1);
        QVERIFY(granted > 1);
    }
    // The others need the record.
    Backend backend;
    FakePool pool(small_config(1), WordyFactory{{&backend}});
    QVERIFY(pool.acquire("once"));
}

void TestPoolMemory::acquireLosesNothing_data()
{
    QTest::addColumn<bool>("idle"); ///< one there already
    QTest::addColumn<bool>("valid");
    QTest::addColumn<int>("failing"); ///< opens
    QTest::addColumn<bool>("throwing");
    QTest::addColumn<bool>("refused"); ///< by an open circuit
    QTest::addColumn<bool>("held");    ///< by another
    QTest::newRow("opened") << false << true << 0 << false << false << false;
    QTest::newRow("not opened") << false << true << 1 << false << false << false;
    QTest::newRow("open throws") << false << true << 0 << true << false << false;
    QTest::newRow("idle") << true << true << 0 << false << false << false;
    QTest::newRow("replaced") << true << false << 0 << false << false << false;
    QTest::newRow("not replaced") << true << false << 1 << false << false << false;
    QTest::newRow("circuit open") << false << true << 1 << false << true << false;
    QTest::newRow("timed out") << true << true << 0 << false << false << true;
}

void TestPoolMemory::acquireLosesNothing()
{
    QFETCH(bool, idle);
    QFETCH(bool, valid);
    QFETCH(int, failing);
    QFETCH(bool, throwing);
    QFETCH(bool, refused);
    QFETCH(bool, held);
    int granted = 0;
    for (bool reached = true; reached; ++granted) {
        Backend backend;
        {
            PoolConfig config = small_config(1);
            config.max_per_user = 1;
            config.health_check = true;
            config.health_check_interval = 1h;
            config.validation_on_acquire = !valid;
            config.circuit = {refused, 0.5, 1, 60s, 50ms, 1};
            FakePool pool(config, WordyFactory{{&backend}});
            Result<FakeGuard> other = Error{};
            if (idle)
                other = pool.acquire("another");
            if (!held)
                other = Error{};
            backend.valid = valid;
            backend.fail_opens = failing;
            if (refused)
                QVERIFY(!pool.acquire("another"));
            backend.throw_on_open = throwing;
            AcquireOptions options;
            options.user = a_user;
            options.timeout = 1ms;
            options.tags = {{"route", std::string(40, 't')}};
            options.trace_id = std::string(40, 'i');
            reached = fails_after(granted, [&] {
                auto guard = pool.acquire(options);
                if (guard)
                    QCOMPARE(pool.stats().active, 1);
            });
            backend.throw_on_open = false;
            backend.fail_opens = 0;
            other = Error{};
            verify_whole(pool);
            if (QTest::currentTestFailed())
                return;
            QCOMPARE(backend.open_now(), 1);
        }
        QCOMPARE(backend.open_now(), 0);
    }
    qInfo("%d allocations", granted - 1);
    QVERIFY(granted > 1);
}

void TestPoolMemory::addingLosesNothing()
{
    int granted = 0;
    for (bool reached = true; reached; ++granted) {
        Backend backend;
        {
            PoolConfig config = small_config(1);
            config.max_per_user = 1;
            config.health_check = true;
            config.health_check_interval = 1h;
            FakePool pool(config, WordyFactory{{&backend}});
            FakeConnection connection{7, {}};
            ++backend.opened;
            reached = fails_after(granted, [&] {
                static_cast<void>(pool.add_connection(std::move(connection), a_user));
            });
            QCOMPARE(backend.open_now(), static_cast<int>(pool.stats().total));
            verify_whole(pool);
            if (QTest::currentTestFailed())
                return;
        }
        QCOMPARE(backend.open_now(), 0);
    }
    QVERIFY(granted > 1);
}

/// The first capture of a place asks which modules are whose, which needs memory.
template <int place>
__attribute__((noinline)) Addresses captured_at()
{
    const Addresses here = capture_here();
    asm volatile("" ::: "memory"); // no tail call
    return here;
}

void TestPoolMemory::aNewPlaceNeedsNone()
{
    bool failed = false;
    const auto at = [&](int granted, Addresses (*place)()) {
        // As after a dlopen: the list of modules is to be read again.
        Modules::process().set_system_folders({"/lib", "/usr/lib"});
        Addresses taken;
        failed = fails_after(granted, [&] { taken = place(); }) || failed;
        QVERIFY(taken.count >= 2);
        QVERIFY(place().count >= 2);
    };
    at(0, captured_at<0>);
    at(1, captured_at<1>);
    at(2, captured_at<2>);
    at(3, captured_at<3>);
    QVERIFY(failed);
}

/// Says by its count of owners whether it is still there.
struct OwningFactory : WordyFactory
{
    std::shared_ptr<int> owned;
};

/// A pool whose threads cannot all be started is none: what there was of it goes.
void TestPoolMemory::beginningLosesNothing()
{
    int granted = 0;
    for (bool reached = true; reached; ++granted) {
        Backend backend;
        const auto owned = std::make_shared<int>(7);
        PoolConfig config = small_config(3);
        config.leak_detection = true;
        config.automatic_cleanup = true;
        reached = fails_after(granted, [&] {
            const FakePool pool(config, OwningFactory{{{&backend}}, owned});
        });
        QCOMPARE(owned.use_count(), 1L);
    }
    QVERIFY(granted > 3);
}

/// A pool that goes while something is lent: its destructor has nobody to tell that memory ran out.
void TestPoolMemory::endingNeedsNone()
{
    int granted = 0;
    for (bool reached = true; reached; ++granted) {
        Backend backend;
        PoolConfig config = small_config(3);
        config.health_check = true;
        config.health_check_interval = 1h;
        auto pool = std::make_unique<FakePool>(config, WordyFactory{{&backend}});
        Result<FakeGuard> kept = pool->acquire(a_user);
        static_cast<void>(pool->acquire("another"));
        reached = fails_after(granted, [&] { pool.reset(); });
        QVERIFY(kept);
        kept.value().release();
        QCOMPARE(backend.open_now(), 0);
    }
}

/// What cannot be tracked is counted, and its release is that of something unknown.
void TestPoolMemory::trackingLosesNothing()
{
    int granted = 0;
    bool dropped = false;
    for (bool reached = true; reached; ++granted) {
        LeakDetector detector({{}, 10, false, CaptureMethod::automatic});
        ResourceInfo info{ResourceType::cursor, a_user, {{"route", "/orders"}}, {}, {}};
        TrackOutcome tracked = TrackOutcome::duplicate;
        reached = fails_after(granted, [&] {
            tracked = detector.track(ResourceId{7}, std::move(info), now_ticks());
        });
        const bool full = tracked == TrackOutcome::full;
        QVERIFY(full || tracked == TrackOutcome::tracked);
        dropped = dropped || full;
        const LeakStatistics statistics = detector.statistics(now_ticks());
        QCOMPARE(statistics.dropped, full ? 1U : 0U);
        QCOMPARE(statistics.currently_tracked, std::size_t{full ? 0U : 1U});
        QCOMPARE(detector.release(ResourceId{7}),
                 full ? ReleaseOutcome::unknown : ReleaseOutcome::released);
        for (std::uint64_t id = 10; id < 20; ++id) // there is room for as many as before
            QCOMPARE(detector.track(ResourceId{id}, {}, now_ticks()), TrackOutcome::tracked);
    }
    QVERIFY(dropped);
    // A release finds no memory to remember that it was: it happens all the same.
    for (granted = 0; granted < 3; ++granted) {
        LeakDetector detector({{}, 10'000, false, CaptureMethod::automatic});
        for (std::uint64_t id = 0; id < 5'000; ++id) {
            detector.track(ResourceId{id}, {}, now_ticks());
            ReleaseOutcome released = ReleaseOutcome::unknown;
            fails_after(granted, [&] { released = detector.release(ResourceId{id}); });
            QCOMPARE(released, ReleaseOutcome::released);
        }
        QCOMPARE(detector.statistics(now_ticks()).currently_tracked, std::size_t{0});
    }
}

QTEST_APPLESS_MAIN(TestPoolMemory)
#include "tst_poolmemory.moc"
