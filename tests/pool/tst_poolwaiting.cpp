// SPDX-License-Identifier: GPL-3.0-or-later
// Who waits is served in order, woken, told why not.
#include "tests/pool/testfactory.h"

#include <QTest>

#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolWaiting : public QObject
{
    Q_OBJECT
private slots:
    void firstComeFirstServed();
    void nobodyOvertakes();
    void nobodySlipsInWhileTheQueueIsServed();
    void userAtItsLimitHoldsNobodyUp();
    void timeoutSaysWhoHolds();
    void timeoutLeavesTheQueue();
    void brokenReturnOpensForTheNext();
    void failedOpenPassesOn();
    void failedOpenLeavesTheUsersPlace_data();
    void failedOpenLeavesTheUsersPlace();
    void failedOpenTakesWhatCameBack_data();
    void failedOpenTakesWhatCameBack();
    void failedOpenLetsCloseGoOn();
    void openCircuitWaitsForWhatIsLent();
    void openCircuitIsTriedAgainForWhoWaits();
    void closeWakesAll();
    void neverIsNotAtOnce();
    void addedConnectionServes();
};

namespace {

/// A thread that acquires and keeps until it is told to give back.
struct Worker
{
    Worker(FakePool& pool, std::string user)
        : thread([this, &pool, name = std::move(user)] {
            auto result = pool.acquire(name);
            if (result)
                guard = std::move(result).value();
            else
                error = result.error().sentence;
            done = true;
        })
    {}
    ~Worker() { join(); }
    void join()
    {
        if (thread.joinable())
            thread.join();
    }
    FakeGuard guard;
    std::string error;
    std::atomic<bool> done{false};
    std::thread thread;
};

} // namespace

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

void TestPoolWaiting::failedOpenPassesOn()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.circuit.enabled = false;
    FakePool pool(config, FakeFactory{&backend});
    std::atomic<bool> go{false};
    backend.fail_opens = 1;
    backend.while_opening = [&] {
        while (!go)
            std::this_thread::yield();
    };
    Worker unlucky(pool, "a");
    QTRY_COMPARE(pool.stats().opening, 1);
    Worker next(pool, "b");
    QTRY_COMPARE(pool.stats().pending, 1);
    go = true;
    QTRY_VERIFY(unlucky.done && next.done);
    QCOMPARE(unlucky.error, std::string("too many connections"));
    QVERIFY(next.guard);
    QCOMPARE(pool.stats().total, 1);
}

void TestPoolWaiting::failedOpenLeavesTheUsersPlace_data()
{
    QTest::addColumn<bool>("replaced");
    QTest::newRow("opened") << false;
    QTest::newRow("in place of one that is not fit") << true;
}

/// Who failed to open has its place among its user's until it says so: only then can the next of
/// the same user be served, and nobody else would.
void TestPoolWaiting::failedOpenLeavesTheUsersPlace()
{
    QFETCH(bool, replaced);
    Backend backend;
    PoolConfig config = small_config(5);
    config.max_per_user = 1;
    config.validation_on_acquire = replaced;
    config.circuit.enabled = false;
    FakePool pool(config, FakeFactory{&backend});
    if (replaced)
        pool.acquire("a").value().release();
    backend.valid = false;
    std::atomic<bool> go{false};
    backend.fail_opens = 1;
    backend.while_opening = [&] {
        while (!go)
            std::this_thread::yield();
    };
    Worker unlucky(pool, "a");
    QTRY_COMPARE(pool.stats().opening, 1);
    Worker next(pool, "a");
    QTRY_COMPARE(pool.stats().pending, 1);
    go = true;
    QTRY_VERIFY(unlucky.done && next.done);
    QCOMPARE(unlucky.error, std::string("too many connections"));
    QVERIFY(next.guard);
}

void TestPoolWaiting::failedOpenTakesWhatCameBack_data()
{
    QTest::addColumn<bool>("validated");
    QTest::addColumn<bool>("in_time");
    QTest::newRow("fit as it is") << false << true;
    QTest::newRow("fit as it is, late") << false << false;
    QTest::newRow("validated") << true << true;
    QTest::newRow("too late to validate") << true << false;
}

/// A server that is full is no reason to turn somebody away from a connection that is idle.
void TestPoolWaiting::failedOpenTakesWhatCameBack()
{
    QFETCH(bool, validated);
    QFETCH(bool, in_time);
    Backend backend;
    PoolConfig config = small_config(2);
    config.validation_on_acquire = validated;
    if (!in_time)
        config.acquire_timeout = 1ms;
    FakePool pool(config, FakeFactory{&backend});
    auto held = pool.acquire("a");
    std::atomic<bool> go{false};
    backend.fail_opens = 1;
    backend.while_opening = [&] {
        while (!go)
            std::this_thread::yield();
    };
    Worker unlucky(pool, "b");
    QTRY_COMPARE(pool.stats().opening, 1);
    held.value().release();
    QTest::qWait(5); // beyond that 1 ms
    go = true;
    QTRY_VERIFY(unlucky.done);
    QCOMPARE(backend.validations.load(), validated && in_time ? 1 : 0);
    if (validated && !in_time)
        QCOMPARE(unlucky.error, std::string("too many connections"));
    else
        QVERIFY2(unlucky.guard && unlucky.guard->number == 1, unlucky.error.c_str());
    unlucky.guard.release();
    const PoolStatistics statistics = pool.stats();
    QCOMPARE(statistics.idle, 1);
    QCOMPARE(statistics.total, 1);
    QCOMPARE(statistics.acquired, validated && !in_time ? 1U : 2U);
    QCOMPARE(statistics.open_failures, 1U);
}

void TestPoolWaiting::failedOpenLetsCloseGoOn()
{
    Backend backend;
    FakePool pool(small_config(5), FakeFactory{&backend});
    std::atomic<bool> go{false};
    backend.fail_opens = 1;
    backend.while_opening = [&] {
        while (!go)
            std::this_thread::yield();
    };
    Worker unlucky(pool, "a");
    QTRY_COMPARE(pool.stats().opening, 1);
    std::atomic<bool> closed{false};
    std::thread closer([&] { closed = static_cast<bool>(pool.close(20s)); });
    QTest::qWait(50); // it gets as far as waiting; were it later, less would be tried
    go = true;
    const bool in_time = QTest::qWaitFor([&] { return closed.load(); }, 5000);
    closer.join();
    QVERIFY(in_time);
}

/// A server that is full refuses one more, and lends out the others all the same.
void TestPoolWaiting::openCircuitWaitsForWhatIsLent()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.circuit = {true, 0.5, 2, 60s, 1h, 1};
    FakePool pool(config, FakeFactory{&backend});
    auto held = pool.acquire("a");
    backend.fail_opens = 1000;
    QVERIFY(!pool.acquire("b"));
    QCOMPARE(pool.stats().circuit, CircuitState::open);
    Worker patient(pool, "c");
    QTRY_VERIFY(patient.done || pool.stats().pending == 1);
    AcquireOptions impatient;
    impatient.user = "d";
    impatient.timeout = 10ms;
    const auto refused = pool.acquire(impatient);
    QVERIFY(!refused);
    const QString sentence = QString::fromStdString(refused.error().sentence);
    QVERIFY2(sentence.contains(QStringLiteral("1 of 2 are checked out: 1 by a")) &&
                 sentence.contains(QStringLiteral("circuit breaker")) &&
                 sentence.contains(QStringLiteral("too many connections")),
             qPrintable(sentence));
    QCOMPARE(backend.fail_opens.load(), 999); // nobody has hammered
    held.value().release();
    QTRY_VERIFY(patient.done);
    QVERIFY2(patient.guard, patient.error.c_str());
    // Nothing is lent any more, so nothing can come back: told at once.
    patient.guard.mark_broken();
    patient.guard.release();
    const auto at_once = pool.acquire("e");
    QVERIFY(!at_once);
    QVERIFY(at_once.error().sentence.find("circuit breaker") != std::string::npos);
    QCOMPARE(pool.stats().timeouts, 1U);
}

/// The only one that is lent never comes back, and nobody else asks.
void TestPoolWaiting::openCircuitIsTriedAgainForWhoWaits()
{
    Backend backend;
    PoolConfig config = small_config(4);
    config.circuit = {true, 0.5, 2, 60s, 200ms, 1};
    FakePool pool(config, FakeFactory{&backend});
    auto held = pool.acquire("a");
    backend.fail_opens = 1;
    QVERIFY(!pool.acquire("b"));
    // One probe; the others are served once it has closed the circuit.
    Worker first(pool, "c");
    Worker second(pool, "c");
    Worker third(pool, "c");
    QTRY_VERIFY(first.done && second.done && third.done);
    QVERIFY2(first.guard && second.guard && third.guard,
             (first.error + second.error + third.error).c_str());
    QCOMPARE(pool.stats().circuit, CircuitState::closed);
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

void TestPoolWaiting::addedConnectionServes()
{
    Backend backend;
    backend.fail_opens = 1000;
    PoolConfig config = small_config(2);
    FakePool pool(config, FakeFactory{&backend});
    QVERIFY(pool.add_connection({1, {}}, "x"));
    auto held = pool.acquire("a");
    QVERIFY(held);
    std::atomic<bool> go{false};
    backend.fail_opens = 0;
    backend.while_opening = [&] {
        while (!go)
            std::this_thread::yield();
    };
    Worker opens(pool, "b");
    QTRY_COMPARE(pool.stats().opening, 1);
    Worker waits(pool, "c");
    QTRY_COMPARE(pool.stats().pending, 1);
    held.value().release();
    QTRY_VERIFY(waits.done);
    QVERIFY(waits.guard);
    go = true;
}

QTEST_APPLESS_MAIN(TestPoolWaiting)
#include "tst_poolwaiting.moc"
