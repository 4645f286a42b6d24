// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pools.h"
#include "core/wire/limits.h"
#include "tests/source/samplerpeer.h"

#include <QTest>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

wire::Prepared prepared(std::string_view stack, std::int64_t count)
{
    wire::Prepared line;
    line.pool = "orders";
    line.time = start;
    line.count = count;
    line.stack = stack;
    if (count > 0) {
        line.oldest = start - 90s;
        line.distinct = 1;
        line.statement = "SELECT 1";
    }
    return line;
}

} // namespace

/// What the sampler sums up by place, and what waits for its lines.
class TestAgentSums : public QObject
{
    Q_OBJECT
private slots:
    void briefHoldsAreSummedByPlace();
    void sumsOfTheAgentsOwn();
    void placesOfSumsAreBounded();
    void stacksThatComeLate();
    void stacksThatNeverCome();
    void statementsAreToldByPlace();
    void placesOfStatementsAreBounded();
    void timeoutsAreBounded();
};

void TestAgentSums::briefHoldsAreSummedByPlace()
{
    Peer peer;
    peer.hello();
    const std::array frames{wire::FrameView{"load", "orders.cpp", 41, true}};
    peer.line(wire::Stack{"s1", frames});
    peer.ready();
    peer.sampler.take();
    for (int i = 0; i < 1000; ++i) {
        const std::string id = std::to_string(i);
        peer.checkout(id, start + i * 1ms);
        peer.checkin(id, start + i * 1ms + (i == 500 ? 9ms : 1ms));
    }
    const PoolSample sample = peer.sampler.take();
    QVERIFY(sample.changed.empty());
    QVERIFY(sample.ended.empty());
    QCOMPARE(sample.brief.size(), 1U);
    QCOMPARE(sample.brief[0].count, 1000U);
    QCOMPARE(sample.brief[0].held, Duration{1008ms});
    QCOMPARE(sample.brief[0].longest, Duration{9ms});
    QCOMPARE(sample.brief[0].stack->lines.at(0).line, 41);
}

/// An agent that was asked to sums up by itself: what it says so and what came one by one add up.
void TestAgentSums::sumsOfTheAgentsOwn()
{
    Peer peer;
    peer.hello();
    peer.ready();
    peer.sampler.take();
    const auto brief = [&](std::int64_t count, std::string_view stack, std::optional<Duration> held,
                           std::string_view pool = "orders") {
        wire::Brief sum;
        sum.pool = pool;
        sum.time = start;
        sum.count = count;
        sum.stack = stack;
        sum.total = held;
        sum.longest = held;
        peer.event(sum);
    };
    const std::vector<wire::FrameView> frames{{"shop::load", "shop.cpp", 41, true}};
    brief(9000, "s1", Duration{450ms}); // before its lines are told
    peer.line(wire::Stack{"s1", frames});
    brief(500, "s1", Duration{50ms});
    brief(12, "", {});
    brief(0, "s1", {});
    brief(7, "s1", {}, "nobody's");
    peer.checkout("7", start);
    peer.checkin("7", start + 3ms);
    const PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.brief.size(), 2U);
    QVERIFY(!sample.brief[0].stack);
    QCOMPARE(sample.brief[0].count, 12U);
    QCOMPARE(sample.brief[0].held, Duration{0});
    QCOMPARE(sample.brief[1].count, 9501U);
    QCOMPARE(sample.brief[1].held, Duration{503ms});
    QCOMPARE(sample.brief[1].longest, Duration{450ms});
    QCOMPARE(sample.brief[1].stack->lines.at(0).line, 41);
    QVERIFY(peer.gaps.empty()); // they have numbers of their own
    QCOMPARE(peer.state.figures().unknown_pool, std::uint64_t{1});
    // As much as a line may say, as often as one likes.
    for (int i = 0; i < 5000; ++i)
        brief(wire::max_number, "s1", Duration{wire::max_number});
    const PoolSample hostile = peer.sampler.take();
    QCOMPARE(hostile.brief.size(), 1U);
    QCOMPARE(hostile.brief[0].count, static_cast<std::uint64_t>(wire::max_number));
    QCOMPARE(hostile.brief[0].held, Duration::max());
}

/// A hostile agent invents a line of code for each: what is beyond counts under its pool.
void TestAgentSums::placesOfSumsAreBounded()
{
    constexpr int many = 30'000;
    Peer peer;
    peer.hello({{"orders", "poolscope", "", {}}, {"billing", "poolscope", "", {}}});
    peer.ready();
    const auto tell = [&](bool linesFirst) {
        for (int i = 0; i < many; ++i) {
            const std::string id = (linesFirst ? "a" : "b") + std::to_string(i);
            const std::vector<wire::FrameView> frames{{"f", "f.go", i + 1, true}};
            if (linesFirst)
                peer.line(wire::Stack{id, frames});
            for (const char* const pool : {"orders", "billing"}) {
                wire::Brief brief;
                brief.pool = pool;
                brief.count = 2;
                brief.total = 10us;
                brief.longest = 7us;
                brief.stack = id;
                peer.event(brief);
            }
            if (!linesFirst && i % 2 == 0)
                peer.line(wire::Stack{id, frames});
        }
    };
    for (const bool linesFirst : {true, false}) {
        const std::uint64_t before = peer.sampler.placesLeftOut();
        tell(linesFirst);
        std::uint64_t count = 0;
        Duration held{};
        std::size_t most = 0;
        for (int sample = 0; sample < 12; ++sample) { // some wait for lines that never come
            const PoolSample taken = peer.sampler.take();
            most = std::max(most, taken.brief.size());
            for (const BriefHolds& brief : taken.brief) {
                count += brief.count;
                held += brief.held;
                QCOMPARE(brief.longest, 7us);
            }
        }
        QVERIFY2(most <= 10'002, std::to_string(most).c_str());
        QCOMPARE(count, std::uint64_t{4 * many});
        QCOMPARE(held, 10us * 2 * many);
        QVERIFY(peer.sampler.placesLeftOut() - before >= 2 * (2 * many - 10'000));
    }
    // The next sample has room again.
    wire::Brief brief;
    brief.pool = "orders";
    brief.count = 1;
    brief.stack = "a17";
    const std::uint64_t before = peer.sampler.placesLeftOut();
    peer.event(brief);
    const PoolSample taken = peer.sampler.take();
    QCOMPARE(taken.brief.size(), 1U);
    QVERIFY(taken.brief[0].stack);
    QCOMPARE(peer.sampler.placesLeftOut(), before);
}

/// To find its function names may take an agent a while: it names a stack before it tells it.
void TestAgentSums::stacksThatComeLate()
{
    Peer peer;
    const std::array frames{wire::FrameView{"load", "orders.cpp", 41, true}};
    peer.hello();
    wire::Checkout open;
    open.pool = "orders";
    open.id = "0";
    open.time = start;
    open.open = true;
    open.stack = "s0";
    peer.line(open);
    peer.line(wire::Stack{"s0", frames});
    peer.ready();
    PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.changed.size(), 1U);
    QVERIFY(sample.changed[0].stack);

    peer.checkout("1", start);
    peer.checkout("2", start);
    peer.checkout("3", start);
    peer.checkin("3", start + 2ms);
    wire::Timeout timeout;
    timeout.pool = "orders";
    timeout.time = start;
    timeout.stack = "s1";
    peer.event(timeout);
    sample = peer.sampler.take();
    QCOMPARE(sample.changed.size(), 2U); // those are told at once, as far as they are known
    QVERIFY(!sample.changed[0].stack);
    QVERIFY(sample.brief.empty() && sample.timeouts.empty());
    peer.checkin("2", start + 3ms);
    peer.line(wire::Stack{"s1", frames});
    sample = peer.sampler.take();
    QCOMPARE(sample.changed.size(), 1U);
    QCOMPARE(sample.changed[0].key.id.str(), std::string("1"));
    QVERIFY(sample.changed[0].stack);
    QCOMPARE(sample.ended.size(), 1U);
    QCOMPARE(sample.brief.size(), 1U);
    QCOMPARE(sample.brief[0].count, 1U);
    QCOMPARE(sample.brief[0].held, Duration{2ms});
    QCOMPARE(sample.brief[0].pool.str(), std::string("orders"));
    QVERIFY(sample.brief[0].stack);
    QCOMPARE(sample.timeouts.size(), 1U);
    QVERIFY(sample.timeouts[0].stack);
    peer.checkin("1", start + 4ms);
    sample = peer.sampler.take();
    QCOMPARE(sample.ended.size(), 1U);
    QVERIFY(sample.brief.empty() && sample.timeouts.empty());
}

void TestAgentSums::stacksThatNeverCome()
{
    Peer peer;
    peer.hello();
    peer.ready();
    peer.sampler.take();
    std::uint64_t brief = 0;
    std::size_t timeouts = 0;
    for (int round = 0; round < 40; ++round) {
        for (int i = 0; i < 20; ++i) {
            const std::string id = std::to_string(round * 20 + i);
            peer.checkout(id, start, "s" + id);
            if (i % 2 == 0)
                peer.checkin(id, start + 1ms);
        }
        wire::Timeout timeout;
        timeout.pool = "orders";
        timeout.time = start;
        timeout.stack = "never";
        if (round < 20)
            peer.event(timeout);
        const PoolSample sample = peer.sampler.take();
        for (const BriefHolds& holds : sample.brief)
            brief += holds.count;
        timeouts += sample.timeouts.size();
        QCOMPARE(sample.changed.size(), 10U);
    }
    QVERIFY(brief >= 290 && brief < 400); // the last ones wait still
    QCOMPARE(timeouts, 20U);
    for (int i = 1; i < 800; i += 2)
        peer.checkin(std::to_string(i), start + 5ms);
    QCOMPARE(peer.sampler.take().ended.size(), 400U);
}

/// Two stacks of the agent with the same lines are one place; what did not change is not told.
void TestAgentSums::statementsAreToldByPlace()
{
    Peer peer;
    peer.hello();
    const std::vector<wire::FrameView> frames{{"work", "work.go", 41, true}};
    peer.line(wire::Stack{"s1", frames});
    peer.line(wire::Stack{"s2", frames});
    peer.line(prepared("s1", 20));
    peer.line(prepared("s2", 3));
    peer.line(prepared("late", 5));
    peer.ready();
    PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.prepared.size(), 2U);
    const auto& of = sample.prepared[1];
    QCOMPARE(of.open, std::uint64_t{23});
    QCOMPARE(of.distinct, std::optional<std::uint64_t>{2}); // of places that may share them
    QCOMPARE(of.oldest, std::optional<Timestamp>{start - 90s});
    QCOMPARE(of.statement.str(), std::string("SELECT 1"));
    QCOMPARE(of.stack->lines.at(0).line, 41);
    QVERIFY(!sample.prepared[0].stack); // nobody has told its lines yet
    QVERIFY(peer.sampler.take().prepared.empty());

    peer.line(wire::Stack{"late", std::vector<wire::FrameView>{{"late", "late.go", 1, true}}});
    peer.line(prepared("s1", 0));
    sample = peer.sampler.take();
    Pools pools;
    QCOMPARE(sample.prepared.size(), 3U);
    QCOMPARE(std::count_if(sample.prepared.begin(), sample.prepared.end(),
                           [](const PreparedStatements& p) { return p.open == 0; }),
             std::ptrdiff_t{1});
    QVERIFY(std::is_sorted(sample.prepared.begin(), sample.prepared.end(),
                           [](const auto& a, const auto& b) { return key_of(a) < key_of(b); }));
    pools.apply(sample);
    QCOMPARE(pools.prepared.size(), 2U);

    // A picture names what there is.
    peer.hello();
    peer.line(prepared("s2", 4));
    peer.ready();
    sample = peer.sampler.take();
    QVERIFY(sample.full);
    QCOMPARE(sample.prepared.size(), 1U);
    pools.apply(sample);
    QCOMPARE(pools.prepared.begin()->second.open, std::uint64_t{4});
    QVERIFY(peer.sampler.take().prepared.empty());
}

void TestAgentSums::placesOfStatementsAreBounded()
{
    Peer peer;
    peer.hello();
    peer.ready();
    for (int i = 0; i < 20'000; ++i) {
        const std::string id = std::to_string(i);
        peer.line(wire::Stack{id, std::vector<wire::FrameView>{{"f", "f.go", i + 1, true}}});
        peer.line(prepared(id, 1));
    }
    QVERIFY(peer.sampler.take().prepared.size() <= 4'000);
}

void TestAgentSums::timeoutsAreBounded()
{
    Peer peer;
    peer.hello();
    peer.ready();
    for (int i = 0; i < 250; ++i) {
        wire::Timeout timeout;
        timeout.pool = "orders";
        timeout.time = start;
        timeout.wait = 5s;
        peer.event(timeout);
    }
    QCOMPARE(peer.sampler.take().timeouts.size(), 100U);
    QCOMPARE(peer.sampler.timeoutsLeftOut(), 150U);
}

QTEST_GUILESS_MAIN(TestAgentSums)
#include "tst_agentsums.moc"
