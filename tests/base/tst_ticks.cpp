// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/tickkeeper.h"
#include "core/base/ticks.h"

#include <QTest>

#include <thread>

using namespace poolscope;
using namespace std::chrono_literals;

class TestTicks : public QObject
{
    Q_OBJECT
private slots:
    void runsWithTheMonotonicClock();
    void aCounterThatFallsBehind();
    void turnsIntoWallTime();
    void countsBack();
};

/// Both clocks over the same 200 ms. The counter's interval lies within that of the monotonic
/// clock, however long the thread was kept off its processor between two readings.
void TestTicks::runsWithTheMonotonicClock()
{
    const auto outer_from = std::chrono::steady_clock::now();
    const Ticks from = now_ticks();
    const auto inner_from = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - inner_from < 200ms)
        std::this_thread::yield();
    const auto inner_to = std::chrono::steady_clock::now();
    const Ticks to = now_ticks();
    const auto outer_to = std::chrono::steady_clock::now();
    QVERIFY(to > from);
    const auto us = [](auto span) {
        return std::chrono::duration<double, std::micro>(span).count();
    };
    const double counted = us(between(from, to));
    QVERIFY2(counted > us(inner_to - inner_from) * 0.999, qPrintable(QString::number(counted)));
    QVERIFY2(counted < us(outer_to - outer_from) * 1.001, qPrintable(QString::number(counted)));
    const std::int64_t ticks = ticks_in(between(from, to));
    const double back = static_cast<double>(ticks) / static_cast<double>(to.value - from.value);
    QVERIFY(back > 0.9999 && back < 1.0001);
}

/// Two ticks a nanosecond; the machine sleeps and wakes with a counter that begins anew.
void TestTicks::aCounterThatFallsBehind()
{
    constexpr std::int64_t second = 1'000'000'000;
    TickKeeper keeper(0.5);
    const std::int64_t begin = 5'000 * second;
    QCOMPARE(keeper.fallen_behind(begin, 900 * second),
             std::int64_t{0}); // the first: nothing is known
    QCOMPARE(keeper.fallen_behind(begin + second, 902 * second), std::int64_t{0});
    QCOMPARE(keeper.fallen_behind(begin + 2 * second, 2 * second), 902 * second);
    QCOMPARE(keeper.fallen_behind(begin + 3 * second, 4 * second), std::int64_t{0}); // made up for
    QCOMPARE(keeper.fallen_behind(begin + 4 * second, 900 * second), std::int64_t{0}); // ahead
    QCOMPARE(keeper.fallen_behind(begin + 5 * second, 901 * second),
             std::int64_t{0}); // half a second
    const Ticks before = now_ticks();
    keep_ticks_going();
    keep_ticks_going();
    const Duration passed = between(before, now_ticks());
    QVERIFY(passed >= Duration{0} && passed < std::chrono::seconds{1}); // nothing has happened here
}

void TestTicks::turnsIntoWallTime()
{
    const Ticks begin{1'000'000};
    const Timestamp wall = timestamp_from_us(1'795'000'000'000'000);
    const TickEpoch epoch(begin, wall);
    QCOMPARE(to_us(epoch.wall(begin)), to_us(wall));
    const Ticks later{begin.value + ticks_in(90s)};
    QVERIFY(std::abs((epoch.wall(later) - wall - Duration{90s}).count()) <= 1);
}

void TestTicks::countsBack()
{
    const Ticks begin{5'000'000'000};
    const Ticks before{begin.value - ticks_in(1500us)};
    QVERIFY(std::abs((between(begin, before) + 1500us).count()) <= 1);
}

QTEST_APPLESS_MAIN(TestTicks)
#include "tst_ticks.moc"
