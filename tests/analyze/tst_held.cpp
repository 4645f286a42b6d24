// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/held.h"

#include <QTest>

#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
const TargetId target{1};
/// The process's clock is ahead of ours.
constexpr Duration ahead = 90s;

StackRef at_line(int line)
{
    return make_stack({{Text{"work"}, Text{"work.cpp"}, line, true}});
}

Checkout checkout(const std::string& id, Timestamp acquired, int line = 1)
{
    Checkout c;
    c.key = {target, Text{id}};
    c.pool = Text{"main"};
    c.acquired = acquired + ahead;
    c.stack = at_line(line);
    return c;
}

/// Folds what it is told, as a reader of a recording would.
struct Range
{
    World world;
    HeldFold fold;
    Timestamp last;
    std::uint64_t n = 0;

    Range(Timestamp from, Timestamp to)
        : fold(from, to)
        , last(to)
    {
        tell(start, TargetAttached{{target, "pool", "shop", ""}});
    }
    void tell(Timestamp when, Fact fact)
    {
        if (when > last)
            return;
        if (auto* const sample = std::get_if<PoolSample>(&fact))
            sample->clock_offset = ahead;
        const Observation o{SequenceNumber{++n}, when, target, std::move(fact)};
        fold.watch(world, o);
        world.apply(o);
    }
    void begin(Timestamp when, const Checkout& what)
    {
        PoolSample sample;
        sample.changed = {what};
        tell(when, sample);
    }
    void end(Timestamp when, const std::string& id)
    {
        PoolSample sample;
        sample.ended = {{Text{id}, when + ahead}};
        tell(when, sample);
    }
};

} // namespace

class TestHeld : public QObject
{
    Q_OBJECT
private slots:
    void onlyTheRangeCounts();
    void whatIsStillOpenCountsToTheEnd();
    void briefOnesCountWithTheirSample();
    void aPictureEndsWhatItDoesNotName();
    void placesAreApart();
    void theSumIsTheTimeThatWasHeld();
};

void TestHeld::onlyTheRangeCounts()
{
    Range range{start + 10s, start + 20s};
    range.begin(start + 1s, checkout("before", start + 1s));
    range.end(start + 9s, "before");
    range.begin(start + 9s, checkout("into", start + 9s));
    range.end(start + 12s, "into");
    range.begin(start + 18s, checkout("out", start + 18s));
    range.end(start + 30s, "out");
    const auto held = range.fold.finish(range.world);
    QCOMPARE(held.size(), 1U);
    QCOMPARE(held[0].held, Duration{4s});
    QCOMPARE(held[0].count, 2U);
}

void TestHeld::whatIsStillOpenCountsToTheEnd()
{
    Range range{start, start + 20s};
    range.begin(start + 5s, checkout("a", start + 5s));
    const auto held = range.fold.finish(range.world);
    QCOMPARE(held.size(), 1U);
    QCOMPARE(held[0].held, Duration{15s});
    QVERIFY(range.fold.finish(World{}).empty());
}

void TestHeld::briefOnesCountWithTheirSample()
{
    Range range{start + 10s, start + 20s};
    PoolSample sample;
    sample.brief = {{Text{"main"}, at_line(7), 30, 3s, 1s}};
    range.tell(start + 10s, sample);
    range.tell(start + 11s, sample);
    range.tell(start + 20s, sample);
    range.tell(start + 21s, sample);
    const auto held = range.fold.finish(range.world);
    QCOMPARE(held.size(), 1U);
    QCOMPARE(held[0].count, 60U);
    QCOMPARE(held[0].held, Duration{6s});
    QCOMPARE(acquiring_line(held[0].stack.get())->line, 7);
}

void TestHeld::aPictureEndsWhatItDoesNotName()
{
    Range range{start, start + 60s};
    range.begin(start + 5s, checkout("a", start + 5s));
    range.begin(start + 5s, checkout("b", start + 5s, 2));
    range.tell(start + 10s, PoolSample{});
    range.tell(start + 11s, Gap{"lost"});
    PoolSample picture;
    picture.full = true;
    picture.changed = {checkout("b", start + 5s, 2)};
    range.tell(start + 40s, picture);
    const auto held = range.fold.finish(range.world);
    QCOMPARE(held.size(), 2U);
    QCOMPARE(held[0].held, Duration{55s});
    QCOMPARE(held[1].held, Duration{5s}); // held for certain until the sample before the gap
}

void TestHeld::placesAreApart()
{
    Range range{start, start + 60s};
    range.begin(start + 10s, checkout("a", start + 10s, 1));
    range.begin(start + 10s, checkout("b", start + 20s, 1));
    range.begin(start + 10s, checkout("c", start + 5s, 2));
    Checkout other = checkout("d", start + 50s, 1);
    other.pool = Text{"reports"};
    range.begin(start + 51s, other);
    Checkout unknown = checkout("e", start + 59s);
    unknown.stack = nullptr;
    range.begin(start + 59s, unknown);
    const auto held = range.fold.finish(range.world);
    QCOMPARE(held.size(), 4U);
    QCOMPARE(held[0].held, Duration{90s});
    QCOMPARE(held[0].count, 2U);
    QCOMPARE(held[1].held, Duration{55s});
    QCOMPARE(held[2].pool.str(), std::string{"reports"});
    QVERIFY(!held[3].stack);
}

/// However it is cut into samples, the parts of a range add up to the whole.
void TestHeld::theSumIsTheTimeThatWasHeld()
{
    std::mt19937 random{5};
    Range whole{start, start + 300s};
    Range left{start, start + 137s};
    Range right{start + 137s, start + 300s};
    std::map<std::string, Timestamp> open;
    Duration expected{0};
    for (int second = 1; second <= 300; ++second) {
        const Timestamp now = start + std::chrono::seconds{second};
        PoolSample sample;
        for (auto it = open.begin(); it != open.end();) {
            if (random() % 20 == 0) {
                sample.ended.push_back({Text{it->first}, now + ahead});
                expected += now - it->second;
                it = open.erase(it);
            } else {
                ++it;
            }
        }
        if (random() % 2 == 0) {
            const std::string id = "c" + std::to_string(1000 + second);
            open[id] = now;
            sample.changed.push_back(checkout(id, now, static_cast<int>(random() % 4)));
        }
        for (Range* const range : {&whole, &left, &right}) {
            range->tell(now, sample);
        }
    }
    for (const auto& [id, since] : open)
        expected += start + 300s - since;
    const auto sum = [](Range& range) {
        Duration all{0};
        for (const HeldPlace& place : range.fold.finish(range.world))
            all += place.held;
        return all;
    };
    QCOMPARE(sum(whole), expected);
    QCOMPARE(sum(left) + sum(right), expected);
}

QTEST_APPLESS_MAIN(TestHeld)
#include "tst_held.moc"
