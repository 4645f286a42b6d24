// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"

#include <QTest>

#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
const TargetId target{1};

/// An instrumented process, told second by second.
struct Process
{
    Analysis analysis;
    std::uint64_t n = 0;
    std::vector<Observation> told;

    Process() { tell(start, TargetAttached{{target, "pool", "shop", ""}}); }
    void tell(Timestamp when, Fact fact, TargetId about = target)
    {
        told.push_back({SequenceNumber{++n}, when, about, std::move(fact)});
        WorldDelta delta;
        analysis.apply(told.back(), delta);
    }
    void tick(Timestamp when) { tell(when, Tick{}, TargetId{0}); }
    std::vector<std::string> marks()
    {
        std::vector<std::string> sentences;
        for (const Mark& mark : analysis.take_marks())
            sentences.push_back(mark.sentence);
        return sentences;
    }
};

Checkout checkout(const std::string& id, Timestamp acquired, int line)
{
    Checkout c;
    c.key = {target, Text{id}};
    c.pool = Text{"main"};
    c.acquired = acquired;
    c.stack = make_stack({{Text{"place_order"}, Text{"/src/checkout.cpp"}, line, true}});
    return c;
}

PoolSample with(std::vector<Checkout> checkouts)
{
    PoolSample sample;
    sample.changed = std::move(checkouts);
    return sample;
}

using Sentences = std::vector<std::string>;

} // namespace

class TestPoolMarks : public QObject
{
    Q_OBJECT
private slots:
    void aPlaceIsMarkedOnceASeverity();
    void anExhaustedPoolIsOneMark();
    void timeAloneMakesALeak();
    void anAgentsClockCounts();
    void foldingAndLookingGivesTheSame();
};

void TestPoolMarks::aPlaceIsMarkedOnceASeverity()
{
    Process p;
    p.tell(start, with({checkout("1", start, 88), checkout("2", start + 5s, 88)}));
    p.tick(start + 29s);
    QVERIFY(p.marks().empty());
    p.tick(start + 30s);
    QCOMPARE(p.marks(), Sentences{"main held for 30 s by checkout.cpp:88"});
    p.tick(start + 36s); // the second of the same place is the same thing
    QVERIFY(p.marks().empty());
    p.tick(start + 301s);
    QCOMPARE(p.marks().size(), 1U);
    QCOMPARE(p.analysis.findings(target).places.size(), 1U);
    QCOMPARE(p.analysis.findings(target).places[0].severity, LeakSeverity::critical);
    PoolSample back;
    back.ended = {{Text{"1"}, start + 310s}, {Text{"2"}, start + 310s}};
    p.tell(start + 310s, back);
    QVERIFY(p.analysis.findings(target).places.empty());
    p.tell(start + 400s, with({checkout("3", start + 360s, 88)}));
    QCOMPARE(p.marks().size(), 1U); // it is back: that is news
}

void TestPoolMarks::anExhaustedPoolIsOneMark()
{
    Process p;
    PoolSample sample;
    sample.timeouts = {{Text{"main"}, start, 5s, Text{"ann"}, nullptr}};
    for (int second = 1; second <= 600; ++second)
        p.tell(start + std::chrono::seconds{second}, sample);
    QCOMPARE(p.marks(), Sentences{"acquire from main timed out after 5 s"});
    p.tell(start + 901s, sample);
    QCOMPARE(p.marks().size(), 1U);
}

void TestPoolMarks::timeAloneMakesALeak()
{
    Process p;
    p.tell(start, with({checkout("1", start, 88)}));
    p.tell(start + 1s, ThresholdsChanged{{5s, 50s}});
    p.tick(start + 4s);
    QCOMPARE(p.analysis.findings(target).places[0].suspected, 0);
    p.tick(start + 5s);
    QCOMPARE(p.analysis.findings(target).places[0].suspected, 1);
}

void TestPoolMarks::anAgentsClockCounts()
{
    Process p;
    PoolSample sample = with({checkout("1", start + 1h, 88)});
    sample.clock_offset = 1h;
    p.tell(start, sample);
    p.tick(start + 31s);
    QCOMPARE(p.analysis.findings(target).places[0].holders[0].age, Duration{31s});
}

/// The way of a replay: fold to an instant, then look.
void TestPoolMarks::foldingAndLookingGivesTheSame()
{
    std::mt19937 random{3};
    Process live;
    Analysis replay;
    std::size_t folded = 0;
    int places = 0;
    for (int second = 1; second <= 900; ++second) {
        const Timestamp now = start + std::chrono::seconds{second};
        PoolSample sample;
        for (const auto& [id, open] : live.analysis.world().target(target)->pools.checkouts) {
            if (random() % 60 == 0)
                sample.ended.push_back({id, now});
        }
        if (random() % 3 == 0)
            sample.changed = {
                checkout(std::to_string(10000 + second), now, static_cast<int>(random() % 5))};
        live.tell(now, sample);
        live.tick(now);
        if (random() % 40 != 0)
            continue;
        for (; folded < live.told.size(); ++folded) {
            WorldDelta delta;
            replay.fold(live.told[folded], delta);
        }
        replay.look();
        QVERIFY(replay == live.analysis);
        places += static_cast<int>(replay.findings(target).places.size());
    }
    QVERIFY(places > 50);
}

QTEST_APPLESS_MAIN(TestPoolMarks)
#include "tst_poolmarks.moc"
