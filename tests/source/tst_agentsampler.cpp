// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pools.h"
#include "core/source/agentsampler.h"
#include "core/wire/limits.h"

#include <QTest>

#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

/// An agent as the protocol has it: numbers its events, begins with a picture.
class Peer
{
public:
    Peer()
        : sampler(TargetId{1}, events())
        , state(sampler)
    {}

    void hello(std::vector<wire::PoolInfo> pools = {{"orders", "poolscope", "", {}}})
    {
        wire::Hello hello;
        hello.now = start;
        hello.agent = "test";
        hello.process = "shop";
        static const std::vector<std::string_view> can{"stacks", "reclaim"};
        hello.can = can;
        hello.pools = pools;
        state.take({n, hello});
    }
    void ready() { state.take({n, wire::Ready{}}); }
    template <class Body>
    void event(Body body)
    {
        state.take({++n, body});
    }
    template <class Body>
    void line(Body body)
    {
        state.take({n, body});
    }

    void checkout(std::string_view id, Timestamp at, std::string_view stack = "s1")
    {
        wire::Checkout c;
        c.pool = "orders";
        c.id = id;
        c.time = at;
        c.connection = "c1";
        c.by = "worker";
        c.stack = stack;
        event(c);
    }
    void checkin(std::string_view id, Timestamp at)
    {
        event(wire::Checkin{"orders", id, at, "c1"});
    }

    AgentSampler sampler;
    wire::PeerState state;
    std::uint64_t n = 0;
    int readies = 0;
    std::vector<std::uint64_t> gaps;
    AgentFacts facts;

private:
    AgentSampler::Events events()
    {
        AgentSampler::Events e;
        e.unsupported = [](std::uint64_t) {
        };
        e.challenged = [](std::string_view) {
        };
        e.greeted = [this](const AgentFacts& told, Timestamp, std::optional<Timestamp>) {
            facts = told;
        };
        e.ready = [this] {
            ++readies;
        };
        e.gap = [this](std::uint64_t lost) {
            gaps.push_back(lost);
        };
        e.pong = [](std::int64_t, Timestamp) {
        };
        e.outcome = [](std::int64_t, bool, const std::string&) {
        };
        return e;
    }
};

} // namespace

class TestAgentSampler : public QObject
{
    Q_OBJECT
private slots:
    void aPictureIsAFullSample();
    void briefHoldsAreSummedByPlace();
    void sumsOfTheAgentsOwn();
    void whatStaysOpenIsListedOnce();
    void useAndBeatsList();
    void theEndOfAListedOneIsNamed();
    void stacksOfEqualContentAreOne();
    void stacksThatComeLate();
    void stacksThatNeverCome();
    void aSecondPictureDropsWhatIsGone();
    void connectionsComeAndGo();
    void timeoutsAreBounded();
    void textsAreKeptFromTheLine();
    void statementsAreToldByPlace();
    void placesOfStatementsAreBounded();
    void randomTrafficFoldsToTheTruth();
};

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

/// Two stacks of the agent with the same lines are one place; what did not change is not told.
void TestAgentSampler::statementsAreToldByPlace()
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

void TestAgentSampler::placesOfStatementsAreBounded()
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

void TestAgentSampler::aPictureIsAFullSample()
{
    Peer peer;
    peer.hello();
    wire::Checkout open;
    open.pool = "orders";
    open.id = "7";
    open.time = start - 90s;
    open.open = true;
    open.server_pid = 4711;
    peer.line(open);
    peer.ready();
    QCOMPARE(peer.readies, 1);
    QVERIFY(peer.facts.may_reclaim);
    const PoolSample sample = peer.sampler.take();
    QVERIFY(sample.full);
    QCOMPARE(sample.pools.size(), 1U);
    QCOMPARE(sample.pools[0].kind.str(), std::string("poolscope"));
    QCOMPARE(sample.changed.size(), 1U);
    QCOMPARE(sample.changed[0].server_pid.value(), 4711);
    QCOMPARE(to_us(sample.changed[0].acquired), to_us(start - 90s));
    QVERIFY(!peer.sampler.take().full);
}

void TestAgentSampler::briefHoldsAreSummedByPlace()
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
void TestAgentSampler::sumsOfTheAgentsOwn()
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

void TestAgentSampler::whatStaysOpenIsListedOnce()
{
    Peer peer;
    peer.hello();
    peer.ready();
    peer.sampler.take();
    peer.checkout("1", start);
    QCOMPARE(peer.sampler.take().changed.size(), 1U);
    QVERIFY(peer.sampler.take().changed.empty());
}

void TestAgentSampler::useAndBeatsList()
{
    Peer peer;
    peer.hello();
    peer.ready();
    peer.checkout("1", start);
    peer.sampler.take();
    peer.event(wire::Use{"orders", "1", start + 1s, true, "SELECT ?"});
    peer.event(wire::Beat{"orders", "1", start + 2s});
    peer.event(wire::Leak{"orders", "1", start + 3s, "alert"});
    const PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.changed.size(), 1U);
    const Checkout& c = sample.changed[0];
    QCOMPARE(c.busy.value(), true);
    QCOMPARE(to_us(c.busy_since.value()), to_us(start + 1s));
    QCOMPARE(to_us(c.heartbeat.value()), to_us(start + 2s));
    QCOMPARE(c.statement.str(), std::string("SELECT ?"));
    QCOMPARE(c.reported.str(), std::string("alert"));
}

void TestAgentSampler::theEndOfAListedOneIsNamed()
{
    Peer peer;
    peer.hello();
    peer.ready();
    peer.checkout("1", start);
    peer.sampler.take();
    peer.checkin("1", start + 4s);
    const PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.ended.size(), 1U);
    QCOMPARE(to_us(sample.ended[0].returned), to_us(start + 4s));
    QVERIFY(sample.brief.empty());
}

void TestAgentSampler::stacksOfEqualContentAreOne()
{
    Peer peer;
    peer.hello();
    const std::array frames{wire::FrameView{"load", "orders.cpp", 41, true}};
    peer.line(wire::Stack{"s1", frames});
    peer.line(wire::Stack{"s2", frames});
    peer.ready();
    peer.checkout("1", start, "s1");
    peer.checkout("2", start, "s2");
    wire::Checkout inlined;
    inlined.pool = "orders";
    inlined.id = "3";
    inlined.time = start;
    inlined.frames = frames;
    peer.event(inlined);
    peer.checkout("4", start, "unknown");
    const PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.changed.size(), 4U);
    QVERIFY(sample.changed[0].stack);
    QCOMPARE(sample.changed[0].stack.get(), sample.changed[1].stack.get());
    QCOMPARE(sample.changed[0].stack.get(), sample.changed[2].stack.get());
    QVERIFY(!sample.changed[3].stack);
}

/// To find its function names may take an agent a while: it names a stack before it tells it.
void TestAgentSampler::stacksThatComeLate()
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

void TestAgentSampler::stacksThatNeverCome()
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

void TestAgentSampler::aSecondPictureDropsWhatIsGone()
{
    Peer peer;
    Pools pools;
    peer.hello();
    peer.ready();
    peer.checkout("1", start);
    peer.checkout("2", start);
    pools.apply(peer.sampler.take());
    peer.n += 3; // three events never came
    peer.checkout("3", start + 1s);
    QCOMPARE(peer.gaps, std::vector<std::uint64_t>{3});
    peer.hello();
    wire::Checkout open;
    open.pool = "orders";
    open.id = "2";
    open.time = start;
    open.open = true;
    peer.line(open);
    peer.ready();
    const PoolSample sample = peer.sampler.take();
    QVERIFY(sample.full);
    pools.apply(sample);
    QCOMPARE(pools.checkouts.size(), 1U);
    QVERIFY(pools.checkouts.contains(Text{"2"}));
}

void TestAgentSampler::connectionsComeAndGo()
{
    Peer peer;
    peer.hello();
    peer.ready();
    peer.sampler.take();
    peer.event(wire::Open{"orders", "c1", start, 11, {}});
    peer.event(wire::Open{"orders", "c2", start, 12, {}});
    peer.event(wire::Close{"orders", "c2", start, "idle"});
    PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.opened.size(), 1U);
    QVERIFY(sample.closed.empty());
    peer.event(wire::Health{"orders", start, "c1", "unhealthy", "no answer"});
    sample = peer.sampler.take();
    QCOMPARE(sample.opened.size(), 1U);
    QCOMPARE(sample.opened[0].health.str(), std::string("unhealthy"));
    peer.event(wire::Close{"orders", "c1", start, "broken"});
    sample = peer.sampler.take();
    QVERIFY(sample.opened.empty());
    QCOMPARE(sample.closed.size(), 1U);
}

void TestAgentSampler::timeoutsAreBounded()
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

/// A decoder's views die with its next line.
void TestAgentSampler::textsAreKeptFromTheLine()
{
    Peer peer;
    peer.hello();
    peer.ready();
    {
        std::string id(40, 'i');
        std::string tag(40, 't');
        wire::Checkout c;
        c.pool = "orders";
        c.id = id;
        c.time = start;
        c.by = tag;
        const std::array tags{wire::Pair{"order", tag}};
        c.tags = tags;
        peer.event(c);
        id.assign(40, 'x');
        tag.assign(40, 'x');
    }
    const Checkout c = peer.sampler.take().changed.at(0);
    QCOMPARE(c.key.id.str(), std::string(40, 'i'));
    QCOMPARE(c.acquired_by.str(), std::string(40, 't'));
    QCOMPARE(c.tags.at(0).second.str(), std::string(40, 't'));
}

void TestAgentSampler::randomTrafficFoldsToTheTruth()
{
    std::mt19937 random(42);
    Peer peer;
    Pools pools;
    peer.hello();
    peer.line(wire::Stack{"s1", {}});
    peer.ready();
    std::map<std::string, Timestamp> truth;
    Duration heldBrief{};
    Duration heldListed{};
    Duration heldTruth{};
    std::map<std::string, Timestamp> listed;
    Timestamp now = start;
    for (int step = 0; step < 20'000; ++step) {
        now += 1ms;
        const auto dice = random() % 100;
        if (dice < 45 || truth.empty()) {
            const std::string id = std::to_string(step);
            peer.checkout(id, now);
            truth[id] = now;
        } else if (dice < 90) {
            auto it = truth.begin();
            std::advance(it, random() % truth.size());
            peer.checkin(it->first, now);
            heldTruth += now - it->second;
            truth.erase(it);
        } else if (dice < 95) {
            auto it = truth.begin();
            std::advance(it, random() % truth.size());
            peer.event(wire::Beat{"orders", it->first, now});
        } else {
            const PoolSample sample = peer.sampler.take();
            for (const BriefHolds& brief : sample.brief)
                heldBrief += brief.held;
            for (const CheckoutEnd& end : sample.ended)
                heldListed += end.returned - listed.at(end.id.str());
            for (const Checkout& c : sample.changed)
                listed[c.key.id.str()] = c.acquired;
            pools.apply(sample);
            QCOMPARE(pools.checkouts.size(), truth.size());
            for (const auto& [id, at] : truth)
                QCOMPARE(to_us(pools.checkouts.at(Text{id}).acquired), to_us(at));
            QCOMPARE((heldBrief + heldListed).count(), heldTruth.count());
        }
    }
    QCOMPARE(pools.unmatched, 0U);
    QVERIFY(peer.gaps.empty());
}

QTEST_APPLESS_MAIN(TestAgentSampler)
#include "tst_agentsampler.moc"
