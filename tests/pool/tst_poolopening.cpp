// SPDX-License-Identifier: GPL-3.0-or-later
// An acquire that opens a connection, on its own thread: what comes meanwhile, and what if it
// fails.
#include "tests/pool/worker.h"

#include <QTest>

#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestPoolOpening : public QObject
{
    Q_OBJECT
private slots:
    void whoOpensHasBeenServed();
    void acquireTimeoutCutsNoOpen();
    void addedConnectionServes();
    void failedOpenPassesOn();
    void failedOpenLeavesTheUsersPlace_data();
    void failedOpenLeavesTheUsersPlace();
    void failedOpenTakesWhatCameBack_data();
    void failedOpenTakesWhatCameBack();
    void failedOpenLetsCloseGoOn();
    void openCircuitWaitsForWhatIsLent();
    void openCircuitIsTriedAgainForWhoWaits();
};

/// Whoever may open has had its turn: it is inside the factory, on its own thread, where nobody can
/// fetch it back. So what comes back meanwhile is kept for nobody: it goes to the next who waits or
/// comes by, and no connection is idle while somebody wants one.
void TestPoolOpening::whoOpensHasBeenServed()
{
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    auto held = pool.acquire("holder");
    HeldOpen held_open(backend);
    Worker opens(pool, "first");
    QTRY_COMPARE(pool.stats().opening, 1);
    QVERIFY(held_open.opener() ==
            opens.thread.get_id()); // a driver is called where it is asked for
    Worker second(pool, "second");
    QTRY_COMPARE(pool.stats().pending, 1);
    Worker third(pool, "third");
    QTRY_COMPARE(pool.stats().pending, 2);
    for (Worker* const next : {&second, &third}) {
        held.value().release();
        QTRY_VERIFY(next->done);
        QVERIFY2(next->guard && next->guard->number == 1, next->error.c_str());
        held = std::move(next->guard);
    }
    // Nobody waits: whoever comes by has it, also without any patience.
    held.value().release();
    AcquireOptions at_once;
    at_once.user = "passer-by";
    at_once.timeout = 0s;
    for (int i = 0; i < 2; ++i) {
        auto guard = pool.acquire(at_once);
        QVERIFY2(guard, guard ? "" : guard.error().sentence.c_str());
        QCOMPARE(guard.value()->number, 1);
    }
    QVERIFY(!opens.done);
    held_open.let_go();
    QTRY_VERIFY(opens.done);
    QVERIFY2(opens.guard && opens.guard->number == 2, opens.error.c_str());
    QCOMPARE(backend.opened.load(), 2); // for one who asked, one
    QCOMPARE(pool.stats().timeouts, 0U);
}

/// It bounds the queue: a connection that is there at last is lent, not closed.
void TestPoolOpening::acquireTimeoutCutsNoOpen()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.acquire_timeout = 1ms;
    FakePool pool(config, FakeFactory{&backend});
    backend.while_opening = [] {
        std::this_thread::sleep_for(20ms);
    };
    const auto late = pool.acquire("a");
    QVERIFY2(late, late ? "" : late.error().sentence.c_str());
    QCOMPARE(pool.stats().timeouts, 0U);
    // And who waits for that one place does so no longer than it wants to.
    QVERIFY(!pool.acquire("b"));
    QCOMPARE(pool.stats().timeouts, 1U);
}

void TestPoolOpening::addedConnectionServes()
{
    Backend backend;
    backend.fail_opens = 1000;
    PoolConfig config = small_config(2);
    FakePool pool(config, FakeFactory{&backend});
    QVERIFY(pool.add_connection({1, {}}, "x"));
    auto held = pool.acquire("a");
    QVERIFY(held);
    backend.fail_opens = 0;
    HeldOpen held_open(backend);
    Worker opens(pool, "b");
    QTRY_COMPARE(pool.stats().opening, 1);
    Worker waits(pool, "c");
    QTRY_COMPARE(pool.stats().pending, 1);
    held.value().release();
    QTRY_VERIFY(waits.done);
    QVERIFY(waits.guard);
    held_open.let_go();
}

void TestPoolOpening::failedOpenPassesOn()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.circuit.enabled = false;
    FakePool pool(config, FakeFactory{&backend});
    backend.fail_opens = 1;
    HeldOpen held_open(backend);
    Worker unlucky(pool, "a");
    QTRY_COMPARE(pool.stats().opening, 1);
    Worker next(pool, "b");
    QTRY_COMPARE(pool.stats().pending, 1);
    held_open.let_go();
    QTRY_VERIFY(unlucky.done && next.done);
    QCOMPARE(unlucky.error, std::string("too many connections"));
    QVERIFY(next.guard);
    QCOMPARE(pool.stats().total, 1);
}

void TestPoolOpening::failedOpenLeavesTheUsersPlace_data()
{
    QTest::addColumn<bool>("replaced");
    QTest::newRow("opened") << false;
    QTest::newRow("in place of one that is not fit") << true;
}

/// Who failed to open has its place among its user's until it says so: only then can the next of
/// the same user be served, and nobody else would.
void TestPoolOpening::failedOpenLeavesTheUsersPlace()
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
    backend.fail_opens = 1;
    HeldOpen held_open(backend);
    Worker unlucky(pool, "a");
    QTRY_COMPARE(pool.stats().opening, 1);
    Worker next(pool, "a");
    QTRY_COMPARE(pool.stats().pending, 1);
    held_open.let_go();
    QTRY_VERIFY(unlucky.done && next.done);
    QCOMPARE(unlucky.error, std::string("too many connections"));
    QVERIFY(next.guard);
}

void TestPoolOpening::failedOpenTakesWhatCameBack_data()
{
    QTest::addColumn<bool>("validated");
    QTest::addColumn<bool>("in_time");
    QTest::newRow("fit as it is") << false << true;
    QTest::newRow("fit as it is, late") << false << false;
    QTest::newRow("validated") << true << true;
    QTest::newRow("too late to validate") << true << false;
}

/// A server that is full is no reason to turn somebody away from a connection that is idle.
void TestPoolOpening::failedOpenTakesWhatCameBack()
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
    backend.fail_opens = 1;
    HeldOpen held_open(backend);
    Worker unlucky(pool, "b");
    QTRY_COMPARE(pool.stats().opening, 1);
    held.value().release();
    QTest::qWait(5); // beyond that 1 ms
    held_open.let_go();
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

void TestPoolOpening::failedOpenLetsCloseGoOn()
{
    Backend backend;
    FakePool pool(small_config(5), FakeFactory{&backend});
    backend.fail_opens = 1;
    HeldOpen held_open(backend);
    Worker unlucky(pool, "a");
    QTRY_COMPARE(pool.stats().opening, 1);
    std::atomic<bool> closed{false};
    std::thread closer([&] { closed = static_cast<bool>(pool.close(20s)); });
    QTest::qWait(50); // it gets as far as waiting; were it later, less would be tried
    held_open.let_go();
    const bool in_time = QTest::qWaitFor([&] { return closed.load(); }, 5000);
    closer.join();
    QVERIFY(in_time);
}

/// A server that is full refuses one more, and lends out the others all the same.
void TestPoolOpening::openCircuitWaitsForWhatIsLent()
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
void TestPoolOpening::openCircuitIsTriedAgainForWhoWaits()
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

QTEST_APPLESS_MAIN(TestPoolOpening)
#include "tst_poolopening.moc"
