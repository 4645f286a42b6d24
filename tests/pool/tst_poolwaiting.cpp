// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits is served in order, woken, told why not.
#include "tests/pool/worker.h"

#include <QTest>

#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolWaiting : public QObject
{
    Q_OBJECT
private slots:
    void closingMeetsALook();
    void firstComeFirstServed();
    void nobodyOvertakes();
    void nobodySlipsInWhileTheQueueIsServed();
    void lendsWithoutTheMutex();
    void userAtItsLimitHoldsNobodyUp();
    void timeoutSaysWhoHolds();
    void timeoutLeavesTheQueue();
    void brokenReturnOpensForTheNext();
    void closeWakesAll();
    void neverIsNotAtOnce();
};

void TestPoolWaiting::firstComeFirstServed()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto first = pool.acquire("holder");
    std::vector<std::unique_ptr<Worker>> queue;
    for (int i = 0; i < 6; ++i) {
        queue.push_back(std::make_unique<Worker>(pool, "w" + std::to_string(i)));
        QTRY_COMPARE(pool.stats().pending, i + 1);
    }
    first.value().release();
    for (std::size_t i = 0; i < queue.size(); ++i) {
        QTRY_VERIFY(queue[i]->done);
        QVERIFY(queue[i]->guard);
        for (std::size_t j = i + 1; j < queue.size(); ++j)
            QVERIFY(!queue[j]->done);
        queue[i]->guard.release();
    }
    QCOMPARE(backend.opened.load(), 1);
    const PoolFigures figures = pool.control().figures();
    QCOMPARE(figures.wait_time->count, 7U);
    QCOMPARE(figures.pending, std::optional<std::int64_t>(0));
}

void TestPoolWaiting::nobodyOvertakes()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto mine = pool.acquire("greedy");
    for (int round = 0; round < 15; ++round) {
        Worker patient(pool, "patient");
        QTRY_COMPARE(pool.stats().pending, 1);
        // This thread gives back and wants it again at once: it had its turn.
        mine.value().release();
        std::thread giver([&] {
            while (!patient.done)
                std::this_thread::yield();
            patient.guard.release();
        });
        mine = pool.acquire("greedy");
        QVERIFY(mine);
        QVERIFY(patient.done);
        giver.join();
    }
}

/// Between a connection's return and the look at the queue it is idle, and somebody waits for it:
/// it is not for who comes by just then. Here whoever gives back is held up at the pool's mutex.
void TestPoolWaiting::nobodySlipsInWhileTheQueueIsServed()
{
    Backend backend;
    std::atomic<bool> go_on{false};
    std::atomic<bool> interrupting{false};
    backend.while_interrupting = [&] {
        interrupting = true;
        while (!go_on)
            std::this_thread::yield();
    };
    FakePool pool(small_config(2), FakeFactory{&backend});
    auto returned = pool.acquire("a");
    auto reclaimed = pool.acquire("b");
    returned.value().release();
    returned = pool.acquire("a"); // without the mutex now, so that its return takes it last
    Worker patient(pool, "patient");
    QTRY_COMPARE(pool.stats().pending, 1);
    std::thread reclaimer(
        [&] { static_cast<void>(pool.control().reclaim(reclaimed.value().checkout_id())); });
    QTRY_VERIFY(interrupting);
    const int resets = backend.resets;
    std::thread giver([&] { returned.value().release(); });
    QTRY_COMPARE(backend.resets.load(), resets + 1);
    QTest::qWait(10); // it gets as far as the mutex; were it later, less would be tried
    Worker passer_by(pool, "passer-by");
    QTest::qWait(10);
    const bool overtook = passer_by.done;
    go_on = true;
    reclaimer.join();
    giver.join();
    QTRY_VERIFY(patient.done);
    patient.guard.release();
    QTRY_VERIFY(passer_by.done);
    passer_by.guard.release();
    reclaimed.value().release();
    QVERIFY(!overtook);
}

/// While nobody waits: here another thread has the mutex, and does not let it go.
void TestPoolWaiting::lendsWithoutTheMutex()
{
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    auto leaked = pool.acquire("a");
    pool.acquire("b").value().release();
    std::atomic<int> lent{0};
    backend.while_interrupting = [&] {
        std::thread passer_by([&] {
            for (int i = 0; i < 100; ++i) {
                auto guard = pool.acquire("b");
                lent += guard ? 1 : 0;
            }
        });
        passer_by.join();
    };
    std::atomic<bool> done{false};
    std::thread reclaimer([&] {
        static_cast<void>(pool.control().reclaim(leaked.value().checkout_id()));
        done = true;
    });
    if (!QTest::qWaitFor([&] { return done.load(); }, 20000))
        qFatal("who lends or gives back waits for the mutex"); // and would wait for ever
    reclaimer.join();
    QCOMPARE(lent.load(), 100);
    QCOMPARE(backend.opened.load(), 2);
}

void TestPoolWaiting::userAtItsLimitHoldsNobodyUp()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.max_per_user = 1;
    FakePool pool(config, FakeFactory{&backend});
    auto a = pool.acquire("a");
    Worker second(pool, "a");
    QTRY_COMPARE(pool.stats().pending, 1);
    auto b = pool.acquire("b"); // came later, but need not wait
    QVERIFY(b);
    b.value().release();
    QVERIFY(!second.done);
    a.value().release();
    QTRY_VERIFY(second.done);
    QVERIFY(second.guard);
}

void TestPoolWaiting::timeoutSaysWhoHolds()
{
    Backend backend;
    PoolConfig config = small_config(3);
    config.acquire_timeout = 30ms;
    FakePool pool(config, FakeFactory{&backend});
    RecordingSink sink;
    pool.control().set_sink(&sink);
    auto a = pool.acquire("orders");
    auto b = pool.acquire("orders");
    auto c = pool.acquire("billing");
    const auto refused = pool.acquire("mail");
    QVERIFY(!refused);
    const QString sentence = QString::fromStdString(refused.error().sentence);
    QVERIFY2(sentence.contains(QStringLiteral("3 of 3 are checked out: 2 by orders (the oldest ")),
             qPrintable(sentence));
    QVERIFY2(sentence.contains(QStringLiteral(", 1 by billing (the oldest ")),
             qPrintable(sentence));
    QVERIFY(!refused.error().next_step.empty());
    QCOMPARE(pool.stats().timeouts, 1U);
    const auto timeouts = sink.of(PoolEventKind::timeout);
    QCOMPARE(timeouts.size(), std::size_t{1});
    QCOMPARE(timeouts[0].by, std::string("mail"));
    QVERIFY(timeouts[0].raw.wait >= 30ms);
    const Frames frames = pool.control().frames(timeouts[0].stack);
    QVERIFY(!frames.empty());
    QVERIFY(frames[0].function.ends_with("TestPoolWaiting::timeoutSaysWhoHolds"));
    const auto pending = sink.of(PoolEventKind::pending);
    QCOMPARE(pending.size(), std::size_t{2});
    QCOMPARE(pending[0].number, 1);
    QCOMPARE(pending[1].number, 0);
    pool.control().set_sink(nullptr);
}

void TestPoolWaiting::timeoutLeavesTheQueue()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto held = pool.acquire("a");
    AcquireOptions impatient;
    impatient.user = "b";
    impatient.timeout = 0s;
    QVERIFY(!pool.acquire(impatient));
    QCOMPARE(pool.stats().pending, 0);
    held.value().release();
    QCOMPARE(pool.stats().idle, 1); // nobody has taken it in their name
    QVERIFY(pool.acquire(impatient));
}

void TestPoolWaiting::brokenReturnOpensForTheNext()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto held = pool.acquire("a");
    Worker next(pool, "b");
    QTRY_COMPARE(pool.stats().pending, 1);
    held.value().mark_broken();
    held.value().release();
    QTRY_VERIFY(next.done);
    QVERIFY(next.guard);
    QCOMPARE(next.guard->number, 2);
}

void TestPoolWaiting::closeWakesAll()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto held = pool.acquire("a");
    Worker one(pool, "b");
    Worker two(pool, "c");
    QTRY_COMPARE(pool.stats().pending, 2);
    QVERIFY(!pool.close(0s));
    QTRY_VERIFY(one.done && two.done);
    QVERIFY(one.error.find("closed") != std::string::npos);
    QVERIFY(two.error.find("closed") != std::string::npos);
    held.value().release();
    QCOMPARE(backend.open_now(), 0);
}

/// Duration::max() is what people write for "never".
void TestPoolWaiting::neverIsNotAtOnce()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto held = pool.acquire("a");
    AcquireOptions patient;
    patient.timeout = Duration::max();
    patient.expected_duration = Duration::max();
    Result<FakeGuard> next = Error{};
    std::atomic<bool> done{false};
    std::thread taker([&] {
        next = pool.acquire(patient);
        done = true;
    });
    QTRY_VERIFY(done || pool.stats().pending == 1);
    QTest::qWait(20); // and does not give up
    held.value().release();
    taker.join();
    QVERIFY2(next, next ? "" : next.error().sentence.c_str());
    const auto expected_in_bounds = [&] {
        const auto expected = pool.control().picture().checkouts.at(0).expected;
        return expected && *expected > 24h * 365 && *expected < 24h * 365 * 20;
    };
    QVERIFY(expected_in_bounds());
    next.value().expect(Duration::max());
    QVERIFY(expected_in_bounds());
    std::thread later([&] {
        std::this_thread::sleep_for(20ms);
        next.value().release();
    });
    const auto closed = pool.close(Duration::max());
    later.join();
    QVERIFY2(closed, closed ? "" : closed.error().sentence.c_str());
    AcquireOptions impatient;
    impatient.timeout = -1s;
    QVERIFY(!pool.acquire(impatient));
}

namespace {

/// Looks at a connection by what a test says.
struct LookingFactory : FakeFactory
{
    std::function<bool()> look;
    bool seems_there(FakeConnection&) { return look(); }
};

} // namespace

/// A pool is closed while a connection is looked at that is then not lent: it is closed too, and
/// who closes does not wait for the deadline.
void TestPoolWaiting::closingMeetsALook()
{
    Backend backend;
    std::atomic<bool> looking{false};
    std::atomic<bool> look_on{true};
    const auto look = [&] {
        looking = true;
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (look_on && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        return false;
    };
    FakePool pool(small_config(1), LookingFactory{{&backend}, look});
    ++backend.opened;
    QVERIFY(pool.add_connection(FakeConnection{7, {}}, "a"));
    Worker worker(pool, "b");
    QTRY_VERIFY(looking);
    std::atomic<bool> closed{false};
    std::thread closer([&] {
        static_cast<void>(pool.close(15s));
        closed = true;
    });
    AcquireOptions at_once;
    at_once.timeout = 0s;
    QTRY_COMPARE(pool.acquire(at_once).error().sentence, std::string("The pool is closed."));
    std::this_thread::sleep_for(50ms); // it has looked at the slots by now
    look_on = false;
    const auto from = std::chrono::steady_clock::now();
    closer.join();
    const auto waited = std::chrono::steady_clock::now() - from;
    worker.join();
    QCOMPARE(worker.error, std::string("The pool is closed."));
    QCOMPARE(backend.open_now(), 0);
    QVERIFY(waited < 10s);
}

QTEST_APPLESS_MAIN(TestPoolWaiting)
#include "tst_poolwaiting.moc"
