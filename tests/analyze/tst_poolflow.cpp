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
    void aStrainBegins_data();
    void aStrainBegins();
    void aStrainEnds();
    void aSilentServer();
    void theFirstUse();
    void lateReturns_data();
    void lateReturns();
};

/// One reading a second: '.' with room, '-' all lent, 'x' somebody waits.
PoolFlow flow_of(const char* readings)
{
    PoolFlow flow;
    int i = 0;
    for (const char* each = readings; *each != 0; ++each, ++i) {
        Pool pool = counting(1000 + 40 * i, (1000 + 40 * i) * 20ms);
        pool.used = *each == '.' ? 3 : 10;
        pool.pending = *each == 'x' ? 2 : 0;
        flow.note(pool, 0, 0ms, start + i * 1s, start + std::max(0, i - 1) * 1s);
    }
    return flow;
}

void TestPoolFlow::aStrainBegins_data()
{
    QTest::addColumn<QByteArray>("readings");
    QTest::addColumn<int>("since"); // -1: it never was
    QTest::newRow("at once") << QByteArray("..........xxxxxxxxx") << 10;
    QTest::newRow("with pauses") << QByteArray("....xxxxx....xxxxx...xxxxx") << 4;
    QTest::newRow("after a lone one") << QByteArray("..x........xxxxxxxx") << 11;
    QTest::newRow("after lone ones, again and again")
        << QByteArray("x.....x.....x.....x.....xxxxxxxx") << 24;
    QTest::newRow("all were lent before") << QByteArray("-------------xxxxxx") << 13;
    QTest::newRow("calm behind it") << QByteArray("....xxxxxx....") << 4;
    QTest::newRow("long ago") << QByteArray("....xxxxxx............") << -1;
    QTest::newRow("never") << QByteArray("....----......") << -1;
}

void TestPoolFlow::aStrainBegins()
{
    QFETCH(const QByteArray, readings);
    QFETCH(const int, since);
    const PoolFlow flow = flow_of(readings.constData());
    const auto began = flow.strained_since(Strain::exhausted, flow.newest().time);
    QCOMPARE(began ? (*began - start) / 1s : -1, std::int64_t{since});
}

/// What was read calm may have been strained until the reading before.
void TestPoolFlow::aStrainEnds()
{
    const auto until = [](const char* readings) {
        const PoolFlow flow = flow_of(readings);
        const Timestamp now = flow.newest().time + 500ms;
        const auto ended = flow.strained_until(Strain::nearly, now);
        return ended == now ? "now" : ended ? std::to_string((*ended - start) / 1s) : "never";
    };
    QCOMPARE(until("...xxxx"), std::string("now"));
    QCOMPARE(until("...xxx-"), std::string("now"));
    QCOMPARE(until("...xxxx..."), std::string("6"));
    QCOMPARE(until("......."), std::string("never"));
}

void TestPoolFlow::aSilentServer()
{
    TargetState server;
    server.last_sample = start;
    FlowHistory history;
    history.watch(server, ServerSample{}, start);
    QCOMPARE(history.unseen(start - 10s, start + 40s), Duration{0});
    history.interrupt();
    history.interrupt(); // asked again, and no answer
    history.watch(server, ServerSample{}, start + 24s);
    QCOMPARE(history.unseen(start - 10s, start + 40s), Duration{24s});
    QCOMPARE(history.unseen(start + 20s, start + 40s), Duration{4s});
    QCOMPARE(history.unseen(start + 30s, start + 40s), Duration{0});
    // The same from a recording that is entered meanwhile.
    server.gap_since_sample = true;
    FlowHistory entered;
    entered.restore(server, start + 12s);
    entered.watch(server, ServerSample{}, start + 24s);
    QCOMPARE(entered.unseen(start - 10s, start + 40s), Duration{24s});
}

void TestPoolFlow::theFirstUse()
{
    PoolFlow flow;
    for (int i = 0; i < 60; ++i) {
        const int slow = std::max(0, i - 20);
        flow.note(counting(1000 + 40 * i, (1000 + 40 * i) * 20ms + slow * 40 * 300ms), 0, 0ms,
                  start + i * 1s, start + std::max(0, i - 1) * 1s);
        if (i < 20)
            QVERIFY(!flow.first_use(start + i * 1s));
    }
    QCOMPARE(flow.first_use(start + 59s), std::optional<Duration>{20ms});
}

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
    QCOMPARE(history.returns(place(1), start - 10s, start + 1h).count, std::uint64_t{1});
    // Of those that found no room it is not known, and said so.
    QVERIFY(!history.returns(place(1150), start - 10s, start + 1h).known);
    const Timestamp later = start + 6min;
    tell(of_places(5000, 100), later);
    const PlaceReturns back = history.returns(place(5050), later - 4min, start + 1h);
    QVERIFY(back.known);
    QCOMPARE(back.count, std::uint64_t{1});
}

void TestPoolFlow::lateReturns_data()
{
    QTest::addColumn<int>("heldMs");
    QTest::addColumn<double>("share");
    // One comes back each second: so many were out at a time.
    QTest::newRow("quick") << 1999 << 0.0;
    QTest::newRow("late") << 2000 << 2.0;
    QTest::newRow("later") << 6000 << 6.0;
    QTest::newRow("of ten seconds no more than these are recent") << 600'000 << 10.0;
}

/// A mean hides what is held for long now and then among the quick ones: it is told beside it.
void TestPoolFlow::lateReturns()
{
    QFETCH(const int, heldMs);
    QFETCH(const double, share);
    TargetState target = shop_target();
    FlowHistory history;
    for (int i = 0; i < 20; ++i) {
        const Timestamp now = start + i * 1s;
        Checkout checkout;
        checkout.key = {TargetId{1}, Text{"late"}};
        checkout.pool = Text{"shop"};
        checkout.acquired = now - std::chrono::milliseconds{heldMs};
        target.pools.checkouts = {{checkout.key.id, checkout}};
        target.pools.pools[Text{"shop"}] = counting(1000 + 500 * i, (1000 + 500 * i) * 3ms);
        PoolSample sample = of_places(1, 9);
        sample.ended.push_back({checkout.key.id, now});
        history.expect(target, sample, now);
        history.watch(target, sample, now);
    }
    const auto rate = history.pool(Text{"shop"})->between(start + 5s, start + 15s);
    QVERIFY(rate);
    QCOMPARE(rate->lasting, share);
    QCOMPARE(rate->use, std::optional<Duration>(3ms));
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
    const PlaceReturns back = history.returns(place(1), start - 10s, start + 1h);
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
