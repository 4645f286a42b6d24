// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/analyze/alertplay.h"

#include <QTest>

#include <array>
#include <random>
#include <set>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

constexpr auto nearly = "[[rule]]\nname = 'nearly'\nmeasure = 'used_ratio'\nat_least = 0.95\n"
                        "clear_below = 0.80\nfor = '10s'\nclear_for = '5s'\n"
                        "severity = 'critical'\n";

} // namespace

class TestAlerts : public QObject
{
    Q_OBJECT
private slots:
    void fromPendingToResolved();
    void hysteresis();
    void aDipEndsAPendingOne();
    void whatOnlyTouchesTheLineResolves();
    void patterns();
    void disabled();
    void waits();
    void growth();
    void timeouts();
    void countersBeginAnew();
    void notReportedIsNoZero();
    void server();
    void unreachable();
    void leaks();
    void poolsGo();
    void theSameFromAnyInstant();
    void anHealthyDayIsQuiet();
    void manyPools();
};

void TestAlerts::fromPendingToResolved()
{
    Play p(nearly);
    p.used(30, 10);
    QVERIFY(p.alerts().empty());
    p.used(5, 19);
    QVERIFY(p.only());
    QCOMPARE(p.only()->state, AlertState::pending);
    QVERIFY(p.onsets.empty());
    const Timestamp began = start + 31s;
    QCOMPARE(p.only()->since, began);
    p.used(7, 20);
    const Alert firing = p.only().value();
    QCOMPARE(firing.state, AlertState::firing);
    QCOMPARE(firing.severity, AlertSeverity::critical);
    QCOMPARE(firing.since, began);
    QVERIFY(!firing.longer);
    QCOMPARE(firing.sentence, std::string("orders: 20 of 20 connections are used."));
    QCOMPARE(firing.value.value(), 1.0);
    QCOMPARE(firing.threshold, 0.95);
    QCOMPARE(p.onsets.size(), std::size_t{1});

    p.used(4, 10);
    QCOMPARE(p.only()->state, AlertState::firing);
    p.used(3, 10);
    QCOMPARE(p.only()->state, AlertState::resolved);
    p.used(50, 10);
    QCOMPARE(p.only()->state, AlertState::resolved);
    p.used(12, 10);
    QVERIFY(p.alerts().empty());
    QCOMPARE(p.onsets.size(), std::size_t{1});

    // Older than is remembered: said so.
    p.used(400, 20);
    QVERIFY(p.only()->longer);
    QCOMPARE(p.only()->since, p.now - alert_memory);
    QCOMPARE(p.onsets.size(), std::size_t{2});
}

void TestAlerts::hysteresis()
{
    Play p(nearly);
    p.used(15, 20);
    QCOMPARE(p.only()->state, AlertState::firing);
    // Between the thresholds it stays, and a short dip below both does, too.
    p.used(20, 17);
    p.used(4, 10);
    p.used(20, 17);
    QCOMPARE(p.only()->state, AlertState::firing);
    QCOMPARE(p.onsets.size(), std::size_t{1});
}

void TestAlerts::aDipEndsAPendingOne()
{
    Play p(nearly);
    for (int i = 0; i < 10; ++i) {
        p.used(8, 20);
        p.used(1, 18);
    }
    QVERIFY(p.onsets.empty());
    QVERIFY(p.alerts().empty());
}

void TestAlerts::whatOnlyTouchesTheLineResolves()
{
    Play p(nearly);
    p.used(15, 20);
    for (int i = 0; i < 20; ++i) {
        p.used(2, 20);
        p.used(8, 18);
    }
    QVERIFY(p.alerts().empty() || p.only()->state != AlertState::firing);
}

void TestAlerts::patterns()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'used_ratio'\nat_least = 0.5\npool = 'bill*'\n"
           "[[rule]]\nname = 'b'\nmeasure = 'used_ratio'\nat_least = 0.5\ntarget = 'other'\n"
           "[[rule]]\nname = 'c'\nmeasure = 'used_ratio'\nat_least = 0.5\npool = 'ord*'\n"
           "target = 'SHOP'\n");
    p.used(3, 20);
    QVERIFY(p.only());
    QCOMPARE(p.only()->rule, std::string("c"));
}

void TestAlerts::disabled()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'used_ratio'\nat_least = 0.5\nenabled = false\n");
    p.used(3, 20);
    QVERIFY(p.alerts().empty());
}

void TestAlerts::waits()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'wait'\nat_least = '1s'\nclear_below = '500ms'\n");
    const auto wait = [](Duration each) {
        return [each](Pool& pool, int) {
            if (!pool.wait_time)
                pool.wait_time = DurationSummary{0, Duration{}, std::nullopt, std::nullopt};
            pool.wait_time->count += 10;
            *pool.wait_time->total += each * 10;
        };
    };
    p.run(30, wait(100ms));
    QVERIFY(p.alerts().empty());
    p.run(12, wait(1500ms));
    QVERIFY(p.only());
    QVERIFY(p.only()->value.value() > 1.4 && p.only()->value.value() < 1.6);
    QCOMPARE(p.only()->sentence,
             std::string("orders: an acquire waited for 1.5 s on average in the last 10 s."));
    p.run(20, wait(100ms));
    QCOMPARE(p.only()->state, AlertState::resolved);
}

void TestAlerts::growth()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'wait_growth'\nat_least = 4\nclear_below = 2\n");
    const auto wait = [](Duration a_second) {
        return [a_second](Pool& pool, int) {
            if (!pool.wait_time)
                pool.wait_time = DurationSummary{0, Duration{}, std::nullopt, std::nullopt};
            pool.wait_time->count += 1;
            *pool.wait_time->total += a_second;
        };
    };
    p.run(70, wait(200ms));
    QVERIFY(p.alerts().empty());
    p.run(10, wait(1800ms));
    QVERIFY(p.only());
    QVERIFY2(p.only()->value.value() > 7 && p.only()->value.value() < 10,
             qPrintable(QString::number(p.only()->value.value())));
    // What stays high no longer rises.
    p.run(70, wait(1800ms));
    QVERIFY(p.alerts().empty() || p.only()->state == AlertState::resolved);

    // Of next to nothing many times more is next to nothing.
    Play small("[[rule]]\nname = 'a'\nmeasure = 'wait_growth'\nat_least = 4\n");
    small.run(70, wait(1ms));
    small.run(15, wait(100ms));
    QVERIFY(small.alerts().empty());
}

void TestAlerts::timeouts()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'timeouts'\nat_least = 1\n");
    // What was counted before the attach is none of now.
    p.run(70, [](Pool& pool, int) { pool.timeouts = 40; });
    QVERIFY(p.alerts().empty());
    p.run(1, [](Pool& pool, int) { pool.timeouts = 42; });
    QVERIFY(p.only());
    QCOMPARE(p.only()->sentence, std::string("orders: 2 acquires timed out within 60 s."));
    p.run(55, [](Pool&, int) {});
    QCOMPARE(p.only()->state, AlertState::firing);
    p.run(8); // time alone, without a sample
    QCOMPARE(p.only()->state, AlertState::resolved);
}

void TestAlerts::countersBeginAnew()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'timeouts'\nat_least = 1\n");
    p.run(10, [](Pool& pool, int) { pool.timeouts = 1000; });
    p.run(10, [](Pool& pool, int) { pool.timeouts = 3; });
    QVERIFY(p.alerts().empty());
    p.run(1, [](Pool& pool, int) { pool.timeouts = 4; });
    QCOMPARE(p.only()->value.value(), 1.0);
}

void TestAlerts::notReportedIsNoZero()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'idle'\nat_most = 0\n"
           "[[rule]]\nname = 'b'\nmeasure = 'used_ratio'\nat_most = 0\n");
    p.run(5, [](Pool& pool, int) { pool.max.reset(); });
    QVERIFY(p.alerts().empty());
    p.run(5, [](Pool& pool, int) { pool.idle = 0; });
    QCOMPARE(p.only()->rule, std::string("a"));
    // It stops being told: nothing is claimed of it for ever.
    p.run(119, [](Pool& pool, int) { pool.idle.reset(); });
    QCOMPARE(p.only()->state, AlertState::firing);
    QCOMPARE(p.only()->sentence, std::string("orders: idle is not reported any more."));
    p.run(3, [](Pool&, int) {});
    QCOMPARE(p.only()->state, AlertState::resolved);
}

void TestAlerts::server()
{
    Play p("[[rule]]\nname = 'full'\nmeasure = 'connections_ratio'\nat_least = 0.9\n"
           "[[rule]]\nname = 'locks'\nmeasure = 'lock_waiters'\nat_least = 3\n");
    ServerFacts facts;
    facts.max_connections = 10;
    p.tell(shop, FactsReported{facts});
    const auto sessions = [&](int waiting, int idle) {
        ServerSample sample;
        sample.full = true;
        for (int i = 0; i < waiting + idle; ++i) {
            Session session;
            session.key = {shop, Pid{100 + i}, start};
            session.backend_type = Text{"client backend"};
            session.state = i < waiting ? SessionState::waiting : SessionState::idle;
            sample.changed.push_back(session);
        }
        p.tell(shop, sample);
        p.run(1);
    };
    sessions(2, 6);
    QVERIFY(p.alerts().empty());
    sessions(3, 5);
    QCOMPARE(p.only()->sentence, std::string("shop: 3 sessions wait for a lock."));
    sessions(0, 9);
    QCOMPARE(p.alerts().front().rule, std::string("full"));
    QCOMPARE(p.alerts().front().sentence, std::string("shop: 9 of 10 connections are open."));
    QVERIFY(p.alerts().front().pool.is_null());

    // Nobody but a superuser gets one of the reserved.
    facts.max_connections = 12;
    p.tell(shop, FactsReported{facts});
    p.run(1);
    QCOMPARE(p.alerts().front().state, AlertState::resolved);
    facts.reserved = 3;
    p.tell(shop, FactsReported{facts});
    p.run(1);
    QCOMPARE(p.alerts().front().state, AlertState::firing);
    QCOMPARE(p.alerts().front().sentence,
             std::string("shop: 9 of 12 connections are open, 3 are reserved."));
}

void TestAlerts::unreachable()
{
    Play p("[[rule]]\nname = 'down'\nmeasure = 'unreachable'\nat_least = 1\nfor = '5s'\n");
    p.reach(Reach::connecting);
    p.run(20);
    QVERIFY(p.alerts().empty());
    p.reach(Reach::failing);
    p.run(4);
    QCOMPARE(p.only()->state, AlertState::pending);
    p.run(3);
    QCOMPARE(p.only()->state, AlertState::firing);
    QVERIFY(p.only()->sentence.starts_with("shop does not answer. Nothing listens there."));
    p.reach(Reach::up);
    p.run(1);
    QCOMPARE(p.only()->state, AlertState::resolved);
}

void TestAlerts::leaks()
{
    Play p("[[rule]]\nname = 'leak'\nmeasure = 'leaks'\nat_least = 1\n"
           "[[rule]]\nname = 'critical'\nmeasure = 'critical_leaks'\nat_least = 1\n"
           "severity = 'critical'\n");
    p.used(1, 1);
    Place place;
    place.pool = Text{"orders"};
    place.holders.resize(3);
    place.holders[0].severity = LeakSeverity::alert;
    place.holders[0].age = 40s;
    place.holders[1].severity = LeakSeverity::alert;
    place.holders[1].age = 35s;
    p.findings[shop].places = {place};
    QVERIFY(p.only());
    QCOMPARE(p.only()->sentence, std::string("orders: 2 suspected leaks."));
    QCOMPARE(p.only()->since, p.now - 10s);
    place.holders[0].severity = LeakSeverity::critical;
    place.holders[0].age = 310s;
    p.findings[shop].places = {place};
    QCOMPARE(p.alerts().size(), std::size_t{2});
    QCOMPARE(p.alerts().front().rule, std::string("critical"));
    QCOMPARE(p.alerts().front().since, p.now - 10s);
    QCOMPARE(p.alerts().front().pool.str(), std::string("orders"));
}

void TestAlerts::poolsGo()
{
    Play p(nearly);
    p.used(20, 20);
    QVERIFY(p.only());
    PoolSample without;
    without.full = true;
    p.tell(shop, without);
    p.run(1);
    QVERIFY(p.alerts().empty());
}

void TestAlerts::theSameFromAnyInstant()
{
    const quint64 seed = qEnvironmentVariableIsSet("POOLSCOPE_SEED")
                             ? qEnvironmentVariable("POOLSCOPE_SEED").toULongLong()
                             : 20'261'122;
    qInfo("POOLSCOPE_SEED=%llu", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    Play p;
    std::vector<std::pair<std::size_t, World>> pictures;
    int level = 10;
    const auto says = [&](Pool& pool, int second) {
        if (random() % 20 == 0)
            level = static_cast<int>(random() % 21);
        pool.used = std::clamp(level + static_cast<int>(random() % 3) - 1, 0, 20);
        pool.idle = 20 - *pool.used;
        pool.pending = *pool.used > 18 ? static_cast<std::int64_t>(random() % 3) : 0;
        pool.timeouts = pool.timeouts.value_or(0) + (random() % 200 == 0 ? 1 : 0);
        if (random() % 30 == 0) {
            constexpr std::array states{"closed", "closed", "closed", "open", "half-open"};
            pool.circuit = Text{states.at(random() % states.size())};
        }
        if (!pool.wait_time || second % 1500 == 0)
            pool.wait_time = DurationSummary{0, Duration{}, std::nullopt, std::nullopt};
        pool.wait_time->count += random() % 5;
        *pool.wait_time->total += Duration{std::chrono::milliseconds{random() % 3000}};
    };
    std::size_t seen = 0;
    std::set<AlertMeasure> measures;
    for (int minute = 0; minute < 60; ++minute) {
        pictures.emplace_back(p.all.size(), p.world);
        TargetStatus status;
        status.reach = Reach::up;
        if (random() % 3 == 0)
            status.sentence = "It refused a connection lately: all of max_connections were taken.";
        p.tell(shop, StatusChanged{status});
        p.run(60, says);
        if (minute < 11)
            continue;
        // From a picture as old as the window, or a little older.
        const auto& [from, world] = pictures[static_cast<std::size_t>(minute) - 10 -
                                             static_cast<std::size_t>(random() % 2)];
        World again = world;
        AlertBook book;
        book.restore(again);
        for (std::size_t i = from; i < p.all.size(); ++i) {
            again.apply(p.all[i]);
            book.watch(again, p.all[i]);
        }
        const std::vector<Alert> played = p.alerts();
        const std::vector<Alert> sought = book.alerts(again, p.findings);
        for (const Alert& each : played)
            seen |= std::size_t{1} << static_cast<int>(each.state);
        for (const Alert& each : played)
            measures.insert(each.measure);
        QCOMPARE(sought.size(), played.size());
        for (std::size_t i = 0; i < played.size(); ++i)
            QVERIFY2(sought[i] == played[i],
                     (played[i].rule + ": " + std::string(name_of(played[i].state)) + ", " +
                      std::string(name_of(sought[i].state)))
                         .c_str());
    }
    QCOMPARE(seen, std::size_t{7}); // pending, firing and resolved ones were among them
    QVERIFY(measures.contains(AlertMeasure::circuit_open));
    QVERIFY(measures.contains(AlertMeasure::refusing));
    QVERIFY(p.onsets.size() > 10);
}

void TestAlerts::anHealthyDayIsQuiet()
{
    // An hour of a pool at half its size, now and then at three quarters, with little waiting.
    std::mt19937_64 random(7);
    Play p;
    p.run(3600, [&](Pool& pool, int second) {
        pool.used = second % 300 < 40 ? 15 : 8 + static_cast<std::int64_t>(random() % 5);
        pool.idle = 20 - *pool.used;
        pool.pending = 0;
        pool.timeouts = 0;
        if (!pool.wait_time)
            pool.wait_time = DurationSummary{0, Duration{}, std::nullopt, std::nullopt};
        pool.wait_time->count += 200;
        *pool.wait_time->total += Duration{200 * (20 + random() % 100)};
    });
    for (const AlertBook::Onset& onset : p.onsets)
        qWarning("%s", onset.sentence.c_str());
    QVERIFY(p.onsets.empty());
    QVERIFY(p.alerts().empty());
}

void TestAlerts::manyPools()
{
    // What does not change costs next to nothing: a fleet is thousands of pools.
    Play p;
    PoolSample sample;
    sample.full = true;
    for (int i = 0; i < 5000; ++i) {
        Pool pool;
        pool.name = Text{"pool " + std::to_string(i)};
        pool.max = 10;
        pool.used = i % 11;
        pool.pending = 0;
        sample.pools.push_back(pool);
    }
    p.tell(shop, sample);
    p.run(90);
    // Those with ten of ten, critical and warning.
    QCOMPARE(p.alerts().size(), std::size_t{2 * 454 + 454 * 2});
}

QTEST_APPLESS_MAIN(TestAlerts)
#include "tst_alerts.moc"
