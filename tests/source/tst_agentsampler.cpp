// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pools.h"
#include "core/wire/limits.h"
#include "tests/source/samplerpeer.h"

#include <QTest>

#include <algorithm>
#include <random>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestAgentSampler : public QObject
{
    Q_OBJECT
private slots:
    void aPictureIsAFullSample();
    void whatStaysOpenIsListedOnce();
    void useAndBeatsList();
    void credentialsStayOutside();
    void aPictureKeepsWhatItDoesNotName();
    void theEndOfAListedOneIsNamed();
    void stacksOfEqualContentAreOne();
    void aSecondPictureDropsWhatIsGone();
    void connectionsComeAndGo();
    void textsAreKeptFromTheLine();
    void randomTrafficFoldsToTheTruth();
};

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
    QVERIFY(!c.expected);
    peer.event(wire::Beat{"orders", "1", start + 4s, 10min});
    peer.event(wire::Beat{"orders", "1", start + 5s}); // says nothing of it
    QCOMPARE(to_us(peer.sampler.take().changed.at(0).expected.value()), to_us(Duration{10min}));
    QCOMPARE(c.statement.str(), std::string("SELECT ?"));
    QCOMPARE(c.reported.str(), std::string("alert"));
}

/// An agent should have left them out; a recording never holds them.
void TestAgentSampler::credentialsStayOutside()
{
    Peer peer;
    peer.hello({{"orders",
                 "poolscope",
                 "postgresql://user:hunter2@db1:5432/shop?password=hunter3&sslpassword=hunter4",
                 {}}});
    peer.ready();
    const PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.pools.at(0).database.str(), std::string("postgresql://db1:5432/shop"));
}

/// Neither the statement nor since when it runs stands in a picture: who knew it still does.
void TestAgentSampler::aPictureKeepsWhatItDoesNotName()
{
    Peer peer;
    peer.hello();
    peer.ready();
    for (const char* const id : {"1", "2"}) {
        peer.checkout(id, start - 60s);
        peer.event(wire::Use{"orders", id, start - 10s, true, "SELECT ?"});
    }
    peer.event(wire::Leak{"orders", "1", start - 5s, "alert"});
    peer.sampler.take();
    peer.hello();
    for (const char* const id : {"1", "2", "3"}) {
        wire::Checkout c;
        c.pool = "orders";
        c.id = id;
        c.time = start - 60s;
        c.open = true;
        c.busy = std::string_view{id} == "1";
        peer.line(c);
    }
    peer.ready();
    const PoolSample sample = peer.sampler.take();
    QCOMPARE(sample.changed.size(), 3U);
    const Checkout& same = sample.changed[0];
    QCOMPARE(to_us(same.busy_since.value()), to_us(start - 10s));
    QCOMPARE(same.statement.str(), std::string("SELECT ?"));
    QCOMPARE(same.reported.str(), std::string("alert"));
    // It ended at some time since: no earlier than is known for sure.
    const Checkout& ended = sample.changed[1];
    QCOMPARE(ended.busy.value(), false);
    QCOMPARE(to_us(ended.busy_since.value()), to_us(start));
    // Of one that nobody knew: at most since it was lent.
    QCOMPARE(to_us(sample.changed[2].busy_since.value()), to_us(start - 60s));
    QVERIFY(sample.changed[2].statement.empty());
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
