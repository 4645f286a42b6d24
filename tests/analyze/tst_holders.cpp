// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/holders.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp now = timestamp_from_us(1'763'735'320'000'000);
const Judging thresholds; // nobody chose: 30 s and 300 s

StackRef place(const char* file, int line)
{
    return make_stack({{Text{"Pool::acquire"}, Text{"pool.h"}, 90, false},
                       {Text{"work"}, Text{file}, line, true}});
}

Checkout held(const std::string& id, Duration age, const StackRef& stack)
{
    Checkout c;
    c.key = {TargetId{1}, Text{id}};
    c.pool = Text{"orders"};
    c.acquired = now - age;
    c.stack = stack;
    return c;
}

Pools pools_with(std::vector<Checkout> checkouts, std::optional<std::int64_t> max = 20)
{
    Pools pools;
    Pool pool;
    pool.name = Text{"orders"};
    pool.max = max;
    pool.used = static_cast<std::int64_t>(checkouts.size());
    pools.pools[pool.name] = pool;
    for (Checkout& c : checkouts)
        pools.checkouts[c.key.id] = std::move(c);
    return pools;
}

bool says(const std::vector<std::string>& sentences, const char* words)
{
    for (const std::string& sentence : sentences)
        if (sentence.find(words) != std::string::npos)
            return true;
    return false;
}

} // namespace

class TestHolders : public QObject
{
    Q_OBJECT
private slots:
    void fortyLeaksOfOnePlaceAreOne();
    void everyHolderIsListed();
    void anExpectedDurationAndABeatKeepOffTheList();
    void whoWorksIsNoLeakUntilItIsIdle();
    void whatNoPoolEstablishedIsABypass();
    void equalStacksOfOtherObjectsAreOnePlace();
    void growthIsThatOfTheSuspects();
    void aSteadyPlaceDoesNotGrow();
    void fullInFollowsFromGrowth();
    void anUnknownSizeGivesNoForecast();
    void evidenceNamesTheLine();
    void aSharedHelperIsToldByItsCallers();
    void thresholdsOfThePool_data();
    void thresholdsOfThePool();
    void aPoolJudgesByItsOwn();
    void aClockThatRunsBehindGivesNoNegativeAge();
};

void TestHolders::fortyLeaksOfOnePlaceAreOne()
{
    std::vector<Checkout> open;
    for (int i = 0; i < 40; ++i)
        open.push_back(held(std::to_string(i), 60s + i * 1s, place("orders.cpp", 41)));
    open.push_back(held("x", 400s, place("report.cpp", 7)));
    const auto places = find_places(pools_with(open, 100), thresholds, now);
    QCOMPARE(places.size(), 2U);
    // A critical one outranks forty alerts.
    QCOMPARE(places[0].severity, LeakSeverity::critical);
    QCOMPARE(places[1].holders.size(), 40U);
    QCOMPARE(places[1].suspected, 40);
    QCOMPARE(places[1].holders.front().age, Duration{99s});
    QCOMPARE(acquiring_line(places[1].stack.get())->line, 41);
}

void TestHolders::everyHolderIsListed()
{
    const auto places = find_places(
        pools_with({held("1", 1s, place("a.cpp", 1)), held("2", 29s, nullptr)}), thresholds, now);
    QCOMPARE(places.size(), 2U);
    for (const Place& p : places) {
        QCOMPARE(p.severity, LeakSeverity::none);
        QCOMPARE(p.suspected, 0);
        QCOMPARE(p.growth_per_minute, 0.0);
    }
}

void TestHolders::anExpectedDurationAndABeatKeepOffTheList()
{
    Checkout expected = held("1", 200s, place("a.cpp", 1));
    expected.expected = 10min;
    Checkout alive = held("2", 200s, place("b.cpp", 1));
    alive.heartbeat = now - 5s;
    Checkout silent = held("3", 200s, place("c.cpp", 1));
    silent.heartbeat = now - 31s;
    Checkout endless = held("4", 3001s, place("d.cpp", 1));
    endless.heartbeat = now - 1s;
    const auto places =
        find_places(pools_with({expected, alive, silent, endless}), thresholds, now);
    std::map<std::string, Holder> by;
    for (const Place& p : places)
        by[p.holders.front().checkout.id.str()] = p.holders.front();
    QCOMPARE(by["1"].severity, LeakSeverity::none);
    QVERIFY(by["1"].long_running);
    QCOMPARE(by["2"].severity, LeakSeverity::none);
    QVERIFY(by["2"].long_running);
    QCOMPARE(by["3"].severity, LeakSeverity::alert);
    QVERIFY(!by["3"].long_running);
    QCOMPARE(by["4"].severity, LeakSeverity::critical);
}

void TestHolders::whoWorksIsNoLeakUntilItIsIdle()
{
    Checkout c = held("1", 200s, place("a.cpp", 1));
    c.busy = true;
    c.busy_since = now - 190s;
    const auto judged = [&] {
        return find_places(pools_with({c}), thresholds, now)[0].holders[0];
    };
    QCOMPARE(judged().severity, LeakSeverity::none);
    QVERIFY(judged().long_running);
    QVERIFY(says(evidence_of(judged(), c, nullptr, nullptr, now), "has run a statement for 3 min"));
    c.busy = false;
    c.busy_since = now - 29s;
    QCOMPARE(judged().severity, LeakSeverity::none);
    c.busy_since = now - 30s;
    QCOMPARE(judged().severity, LeakSeverity::alert);
    QVERIFY(!judged().long_running);
    // Idle since it was lent is what a picture says of one that nobody knew: judged at once.
    c.busy_since = c.acquired;
    QCOMPARE(judged().severity, LeakSeverity::alert);
    c.busy = {};
    QCOMPARE(judged().severity, LeakSeverity::alert);
}

void TestHolders::whatNoPoolEstablishedIsABypass()
{
    Checkout other = held("2", 40s, place("report.rs", 12));
    other.pool = Text{"outside of the pools"};
    Pools pools = pools_with({held("1", 40s, place("a.cpp", 1)), other});
    pools.pools[other.pool].name = other.pool;
    pools.pools[other.pool].kind = Text{"bypass"};
    const auto places = find_places(pools, thresholds, now);
    QCOMPARE(places.size(), 2U);
    for (const Place& p : places) {
        const bool outside = p.pool == other.pool;
        QCOMPARE(p.kind, outside ? LeakKind::bypass : LeakKind::checkout);
        const auto sentences = evidence_of(
            p.holders[0], pools.checkouts.at(p.holders[0].checkout.id), nullptr, &p, now);
        QCOMPARE(says(sentences, "Established past the pools, and open for 40 s. The alert"),
                 outside);
        QCOMPARE(says(sentences, "Established at report.rs:12, in work."), outside);
        QCOMPARE(says(sentences, "Acquired at a.cpp:1, in work."), !outside);
    }
    QCOMPARE(name_of(LeakKind::bypass), std::string_view("bypass"));
    QCOMPARE(name_of(LeakKind::checkout), std::string_view("checkout"));
}

void TestHolders::equalStacksOfOtherObjectsAreOnePlace()
{
    const auto places = find_places(
        pools_with({held("1", 60s, place("a.cpp", 1)), held("2", 61s, place("a.cpp", 1)),
                    held("3", 62s, place("a.cpp", 2))}),
        thresholds, now);
    QCOMPARE(places.size(), 2U);
}

/// One every 15 s since 4 min ago: 4 a minute. The two that are too young to be suspect do not
/// count yet.
void TestHolders::growthIsThatOfTheSuspects()
{
    std::vector<Checkout> open;
    for (int i = 0; i < 16; ++i)
        open.push_back(held(std::to_string(i), 1s + i * 15s, place("a.cpp", 1)));
    const auto places = find_places(pools_with(open), thresholds, now);
    QCOMPARE(places.size(), 1U);
    QVERIFY2(std::abs(places[0].growth_per_minute - 4.0) < 0.4,
             qPrintable(QString::number(places[0].growth_per_minute)));
}

void TestHolders::aSteadyPlaceDoesNotGrow()
{
    std::vector<Checkout> open;
    for (int i = 0; i < 10; ++i)
        open.push_back(held(std::to_string(i), 1h + i * 1s, place("a.cpp", 1)));
    const auto places = find_places(pools_with(open), thresholds, now);
    QCOMPARE(places[0].growth_per_minute, 0.0);
    QVERIFY(!places[0].full_in);
}

void TestHolders::fullInFollowsFromGrowth()
{
    std::vector<Checkout> open;
    for (int i = 0; i < 10; ++i)
        open.push_back(held(std::to_string(i), 40s + i * 30s, place("a.cpp", 1)));
    const auto half = find_places(pools_with(open, 20), thresholds, now);
    QVERIFY(half[0].growth_per_minute > 1.5 && half[0].growth_per_minute < 2.5);
    QVERIFY(half[0].full_in.has_value());
    QVERIFY(*half[0].full_in > 4min && *half[0].full_in < 7min);
    const auto full = find_places(pools_with(open, 10), thresholds, now);
    QCOMPARE(full[0].full_in.value(), Duration{0});
}

void TestHolders::anUnknownSizeGivesNoForecast()
{
    std::vector<Checkout> open;
    for (int i = 0; i < 10; ++i)
        open.push_back(held(std::to_string(i), 40s + i * 30s, place("a.cpp", 1)));
    QVERIFY(!find_places(pools_with(open, {}), thresholds, now)[0].full_in);
}

void TestHolders::evidenceNamesTheLine()
{
    Checkout c = held("1", 372s, place("orders.cpp", 41));
    c.busy = false;
    c.busy_since = now - 370s;
    const Pools pools = pools_with({c}, 1);
    const auto places = find_places(pools, thresholds, now);
    const auto sentences =
        evidence_of(places[0].holders[0], c, &pools.pools.begin()->second, places.data(), now);
    QVERIFY(says(sentences, "Held for 6 min 12 s. The critical threshold is 5 min"));
    QVERIFY(says(sentences, "Acquired at orders.cpp:41, in work."));
    QVERIFY(says(sentences, "No statement has run for 6 min 10 s."));
    QVERIFY(says(sentences, "exhausted: 1 of 1"));
    QVERIFY(!says(sentences, "alive"));
}

void TestHolders::aSharedHelperIsToldByItsCallers()
{
    const auto from = [](const char* caller) {
        return make_stack(
            {{Text{"connection"}, Text{"db.py"}, 12, true}, {Text{"f"}, Text{caller}, 7, true}});
    };
    Pools pools = pools_with({held("a", 400s, from("web.py")), held("b", 40s, from("orders.py")),
                              held("c", 1s, place("main.py", 3))});
    // The same line in another pool stands in another list.
    Checkout other = held("d", 2s, from("admin.py"));
    other.pool = Text{"reports"};
    pools.checkouts[other.key.id] = other;
    const auto places = find_places(pools, thresholds, now);
    QCOMPARE(places.size(), std::size_t{4});
    QCOMPARE(places[0].by_way_of, std::string("web.py:7"));
    QCOMPARE(places[1].by_way_of, std::string("orders.py:7"));
    QVERIFY(places[2].by_way_of.empty() && places[3].by_way_of.empty());
    // Alone it needs no such word.
    pools.checkouts.erase(Text{"b"});
    const auto alone = find_places(pools, thresholds, now);
    QVERIFY(alone[0].by_way_of.empty());
    QVERIFY(!(alone[0] == places[0]));
}

void TestHolders::aClockThatRunsBehindGivesNoNegativeAge()
{
    const auto places =
        find_places(pools_with({held("1", -5s, place("a.cpp", 1))}), thresholds, now);
    QCOMPARE(places[0].holders[0].age, Duration{0});
}

void TestHolders::thresholdsOfThePool_data()
{
    using Settings = std::vector<std::pair<std::string, std::string>>;
    QTest::addColumn<Settings>("settings");
    QTest::addColumn<qint64>("alert");
    QTest::addColumn<qint64>("critical");
    const auto row = [](const char* name, const Settings& settings, Duration alert,
                        Duration critical) {
        QTest::newRow(name) << settings << qint64{to_us(alert)} << qint64{to_us(critical)};
    };
    row("nothing", {}, 30s, 300s);
    row("ours", {{"leak_detection", "true"}, {"leak_threshold", "10 s"}}, 10s, 300s);
    row("both", {{"leak_threshold", "1500 ms"}, {"leak_critical_threshold", "60 s"}}, 1500ms, 60s);
    row("microseconds", {{"leak_threshold", "1234567 us"}}, 1234567us, 300s);
    row("above the critical one", {{"leak_threshold", "600 s"}}, 600s, 600s);
    row("critical below", {{"leak_threshold", "60 s"}, {"leak_critical_threshold", "1 s"}}, 60s,
        60s);
    row("off", {{"leak_detection", "false"}, {"leak_threshold", "10 s"}}, 30s, 300s);
    row("hikari", {{"leakDetectionThreshold", "60000"}}, 60s, 300s);
    row("hikari off", {{"leakDetectionThreshold", "0"}}, 30s, 300s);
    row("no duration", {{"leak_threshold", "soon"}}, 30s, 300s);
    row("negative", {{"leak_threshold", "-5 s"}}, 30s, 300s);
    row("without end", {{"leak_threshold", std::string(4000, '9') + " us"}}, 30s, 300s);
    row("empty", {{"leak_threshold", ""}, {"leakDetectionThreshold", " "}}, 30s, 300s);
}

void TestHolders::thresholdsOfThePool()
{
    using Settings = std::vector<std::pair<std::string, std::string>>;
    QFETCH(Settings, settings);
    Pool pool;
    pool.configuration = settings;
    const LeakThresholds own = Judging{}.of(&pool).thresholds;
    QTEST(qint64{to_us(own.alert)}, "alert");
    QTEST(qint64{to_us(own.critical)}, "critical");
    // Whoever chooses gets it, also what is the default; of one pool before all else.
    for (const LeakThresholds chosen : {LeakThresholds{5s, 50s}, LeakThresholds{}}) {
        const Judging judging{chosen, {{Text{"orders"}, {7s, 70s}}}};
        QVERIFY((judging.of(&pool) == PoolJudging{chosen, JudgedBy::choice}));
        QVERIFY((judging.of(nullptr) == PoolJudging{chosen, JudgedBy::choice}));
        pool.name = Text{"orders"};
        QVERIFY((judging.of(&pool) == PoolJudging{{7s, 70s}, JudgedBy::pool_choice}));
        pool.name = {};
        // Also while nothing but its checkouts is known of it.
        QVERIFY(
            (judging.of(Pools{}, Text{"orders"}) == PoolJudging{{7s, 70s}, JudgedBy::pool_choice}));
        QVERIFY((judging.of(Pools{}, Text{"other"}) == PoolJudging{chosen, JudgedBy::choice}));
    }
}

void TestHolders::aPoolJudgesByItsOwn()
{
    Pools pools = pools_with({held("1", 12s, place("a.cpp", 1))});
    Checkout other = held("2", 12s, place("a.cpp", 1));
    other.pool = Text{"reports"};
    pools.checkouts[other.key.id] = other;
    pools.pools[Text{"orders"}].configuration = {{"leak_threshold", "10 s"}};
    const auto places = find_places(pools, Judging{}, now);
    QCOMPARE(places.size(), 2U);
    QCOMPARE(places[0].pool.str(), std::string("orders"));
    QCOMPARE(places[0].severity, LeakSeverity::alert);
    QCOMPARE(places[0].thresholds.alert, Duration{10s});
    QCOMPARE(places[1].severity, LeakSeverity::none);
    const Pool& pool = pools.pools.at(Text{"orders"});
    QVERIFY(says(
        evidence_of(places[0].holders[0], pools.checkouts.at(Text{"1"}), &pool, places.data(), now),
        "The alert threshold is 10 s, the pool's own."));
    QCOMPARE(find_places(pools, {LeakThresholds{15s, 300s}, {}}, now)[0].severity,
             LeakSeverity::none);
}

QTEST_APPLESS_MAIN(TestHolders)
#include "tst_holders.moc"
