// SPDX-License-Identifier: GPL-3.0-or-later
// What an acquire and a return take in the uncontended case: no memory and no lock, counted where
// the process asks for them.
#include "tests/pool/testfactory.h"

#include <QTest>

#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <new>
#include <pthread.h>
#include <string_view>

namespace {

thread_local int allocations = 0; ///< of this thread
thread_local int locks = 0;

void* allocate(std::size_t size)
{
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}

template <class Lock>
int count_and_call(const char* name, Lock* lock)
{
    ++locks;
    const auto real = reinterpret_cast<int (*)(Lock*)>(dlsym(RTLD_NEXT, name));
    return real(lock);
}

} // namespace

// clang-format off
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
extern "C" {
int pthread_mutex_lock(pthread_mutex_t* lock) { return count_and_call("pthread_mutex_lock", lock); }
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) { return count_and_call("pthread_rwlock_rdlock", lock); }
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) { return count_and_call("pthread_rwlock_wrlock", lock); }
}
// clang-format on

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolHotPath : public QObject
{
    Q_OBJECT
private slots:
    void countsWhatIsTaken();
    void takesNothing_data();
    void takesNothing();
};

void TestPoolHotPath::countsWhatIsTaken()
{
    allocations = 0;
    locks = 0;
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    QVERIFY(allocations > 0);
    locks = 0;
    QVERIFY(pool.acquire("first")); // opened, under the mutex
    QVERIFY(locks > 0);
}

void TestPoolHotPath::takesNothing_data()
{
    QTest::addColumn<bool>("tracking");
    QTest::addColumn<unsigned>("limit");
    QTest::addColumn<bool>("in_turn"); ///< another user each time
    QTest::newRow("off") << false << 0U << false;
    QTest::newRow("on") << true << 0U << false;
    QTest::newRow("on, limited") << true << 2U << false;
    QTest::newRow("on, users in turn") << true << 0U << true;
    QTest::newRow("on, limited, users in turn") << true << 2U << true;
}

void TestPoolHotPath::takesNothing()
{
    QFETCH(bool, tracking);
    QFETCH(unsigned, limit);
    QFETCH(bool, in_turn);
    Backend backend;
    PoolConfig config = small_config(2);
    config.max_per_user = limit;
    config.leak_detection = tracking;
    config.stack_capture = tracking ? StackCapture::always : StackCapture::off;
    config.capture_method = CaptureMethod::frame_pointers; // the other ones look, now and then
    FakePool pool(config, FakeFactory{&backend});
    constexpr std::array<std::string_view, 3> users{
        "orders", "billing", "a user whose name is longer than a string holds without memory"};
    const auto cycle = [&](std::size_t i) {
        const auto guard = pool.acquire(users[in_turn ? i % users.size() : 0]);
        return static_cast<bool>(guard);
    };
    // The first one opens a connection, and each user is met once: nothing else may be new.
    for (std::size_t i = 0; i < (in_turn ? users.size() : 1); ++i)
        QVERIFY(cycle(i));
    int failed = 0;
    allocations = 0;
    locks = 0;
    for (std::size_t i = 0; i < 1000; ++i)
        failed += cycle(i) ? 0 : 1;
    const int allocated = allocations;
    const int locked = locks;
    QCOMPARE(failed, 0);
    QCOMPARE(allocated, 0);
    QCOMPARE(locked, 0);
}

QTEST_APPLESS_MAIN(TestPoolHotPath)
#include "tst_poolhotpath.moc"
