// SPDX-License-Identifier: GPL-3.0-or-later
// What is remembered of a pool's last minutes, where readings are slow, missing or hostile.
#include "core/analyze/poolflow.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'795'270'000'000'000);

Pool counting(std::uint64_t returned, Duration held)
{
    Pool pool;
    pool.name = Text{"shop"};
    pool.used = 1;
    pool.max = 10;
    pool.pending = 0;
    pool.use_time = DurationSummary{returned, held, {}, {}};
    return pool;
}

TargetState shop_target()
{
    TargetState target;
    target.info.id = TargetId{1};
    Pool pool = counting(0, 0ms);
    target.pools.pools[pool.name] = pool;
    return target;
}

/// Comings and goings of that many places, from a number on.
PoolSample of_places(int first, int count)
{
    PoolSample sample;
    for (int i = first; i < first + count; ++i) {
        BriefHolds brief;
        brief.pool = Text{"shop"};
        brief.stack = make_stack({{Text{"serve"}, Text{"/shop.cpp"}, i, true}});
        brief.count = 1;
        brief.held = brief.longest = 3ms;
        sample.brief.push_back(brief);
    }
    return sample;
}

PlaceKey place(int line)
{
    return {Text{"shop"},
            make_stack({{Text{"serve"}, Text{"/shop.cpp"}, line, true}})->fingerprint};
}

} // namespace

class TestPoolFlow : public QObject
{
    Q_OBJECT
private slots:
    void slowReadings();
    void tooSeldom();
    void aQuietPoolThatIsRead();
    void aCounterIsMissing();
    void aFullTableThaws();
    void hugeNumbers();
};

void TestPoolFlow::slowReadings()
{
    // Forty a second, read every 12 s: at whatever moment it is looked at.
    PoolFlow flow;
    Timestamp read = start;
    for (int i = 0; i < 25; ++i) {
        const Timestamp before = read;
        read = start + i * 12s;
        flow.note(counting(1000 + 480 * i, (1000 + 480 * i) * 20ms), 0, 0ms, read, before);
    }
    for (int later = 0; later <= 9; ++later) {
        const Timestamp now = read + std::chrono::seconds{later};
        const auto rate = flow.between(now - 10s, now);
        QVERIFY(rate);
        QVERIFY2(rate->arrivals > 20 && rate->arrivals < 44,
                 qPrintable(QString::number(rate->arrivals)));
        const auto past = flow.between(now - 130s, now - 15s);
        QVERIFY(past);
        QVERIFY2(past->arrivals > 36 && past->arrivals < 44,
                 qPrintable(QString::number(past->arrivals)));
    }
}

void TestPoolFlow::tooSeldom()
{
    PoolFlow flow;
    for (int i = 0; i < 10; ++i)
        flow.note(counting(1000 + 800 * i, (1000 + 800 * i) * 20ms), 0, 0ms, start + i * 20s,
                  start + std::max(0, i - 1) * 20s);
    QVERIFY(!flow.between(start + 170s, start + 180s));
}

void TestPoolFlow::aQuietPoolThatIsRead()
{
    // Read every second, told only when something changed: that was within the last second.
    PoolFlow flow;
    flow.note(counting(1000, 20s), 0, 0ms, start, start);
    flow.note(counting(1100, 22s), 0, 0ms, start + 90s, start + 89s);
    const auto rate = flow.between(start + 80s, start + 90s);
    QVERIFY(rate);
    QCOMPARE(rate->arrivals, 10.0);
}

void TestPoolFlow::aCounterIsMissing()
{
    PoolFlow flow;
    for (int i = 0; i < 30; ++i) {
        Pool pool = counting(1000, 20s);
        if (i != 20 && i >= 10)
            pool.timeouts = 5000;
        flow.note(pool, 0, 0ms, start + i * 1s, start + std::max(0, i - 1) * 1s);
    }
    const auto rate = flow.between(start + 5s, start + 29s);
    QVERIFY(rate);
    QCOMPARE(rate->arrivals, 0.0);
    QCOMPARE(flow.newest().timeouts, std::uint64_t{5000});
}

void TestPoolFlow::aFullTableThaws()
{
    const TargetState target = shop_target();
    FlowHistory history;
    const auto tell = [&](const PoolSample& sample, Timestamp now) {
        history.expect(target, sample, now);
        history.watch(target, sample, now);
    };
    tell(of_places(1, 600), start);
    tell(of_places(601, 600), start + 1s);
    QCOMPARE(history.returns(place(1), start - 10s).count, std::uint64_t{1});
    // Of those that found no room it is not known, and said so.
    QVERIFY(!history.returns(place(1150), start - 10s).known);
    const Timestamp later = start + 6min;
    tell(of_places(5000, 100), later);
    const PlaceReturns back = history.returns(place(5050), later - 4min);
    QVERIFY(back.known);
    QCOMPARE(back.count, std::uint64_t{1});
}

void TestPoolFlow::hugeNumbers()
{
    const TargetState target = shop_target();
    FlowHistory history;
    PoolSample sample = of_places(1, 1);
    sample.brief.front().count = UINT64_MAX;
    sample.brief.front().held = sample.brief.front().longest = Duration::max();
    for (int i = 0; i < 3; ++i) {
        history.expect(target, sample, start + i * 1s);
        history.watch(target, sample, start + i * 1s);
    }
    const PlaceReturns back = history.returns(place(1), start - 10s);
    QCOMPARE(back.held, Duration::max());
    QCOMPARE(back.count, UINT64_MAX);
    QVERIFY(history.pool(Text{"shop"}) != nullptr);

    PoolFlow flow; // of a pool that counts nothing itself
    Pool pool = counting(0, 0ms);
    pool.use_time.reset();
    for (int i = 0; i < 3; ++i)
        flow.note(pool, 1, Duration::max(), start + i * 1s, start + i * 1s);
    QCOMPARE(flow.newest().held, Duration::max());
    const auto rate = flow.between(start, start + 2s);
    QVERIFY(rate && rate->use && *rate->use >= Duration{0});
    QVERIFY(*rate->use * 10 > Duration{-1}); // what is reckoned with it does not overflow
}

QTEST_APPLESS_MAIN(TestPoolFlow)
#include "tst_poolflow.moc"
