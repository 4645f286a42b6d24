// SPDX-License-Identifier: GPL-3.0-or-later
// Of pools over time, out of a recording: what a live window would have drawn.
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/recordedprocess.h"

#include <QTest>

#include <algorithm>
#include <map>
#include <random>
#include <string>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Name = std::pair<TargetId, Text>;
using Points = std::map<Name, std::vector<PoolPoint>>;

std::int64_t busy(const PoolPoint& p)
{
    return p.used.value_or(0) + p.pending.value_or(0);
}

/// The points that a live window would have drawn.
Points live_points(const std::vector<Observation>& observations)
{
    Points all;
    World world;
    for (const Observation& o : observations) {
        const TargetState* const before = world.target(o.target);
        const bool gap = before && before->gap_since_sample;
        world.apply(o);
        const auto* const sample = std::get_if<PoolSample>(&o.what);
        if (!before || !sample)
            continue;
        for (const Pool& pool : sample->pools)
            all[{o.target, pool.name}].push_back(pool_point(pool, o.time, gap));
    }
    return all;
}

Points points_of(const std::vector<PoolSeries>& series)
{
    Points all;
    for (const PoolSeries& one : series)
        all[{one.target, one.pool}] = one.points;
    return all;
}

/// "0:3 5:4": seconds after the beginning, and how many are in use; "!" after a gap.
std::string line_of(const Points& points, const char* pool)
{
    std::string line;
    const auto found = points.find({TargetId{1}, Text{pool}});
    if (found == points.end())
        return "none";
    for (const PoolPoint& p : found->second)
        line += (line.empty() ? "" : " ") + std::to_string((p.time - begin) / 1s) + ":" +
                std::to_string(p.used.value_or(-1)) + (p.gap_before ? "!" : "");
    return line;
}

} // namespace

class PoolSeriesTest : public QObject
{
    Q_OBJECT
private slots:
    void seriesAreTheLivePoints();
    void seriesBeginWithHowItStood();
    void aPoolThatIsGoneDoesNotStand();
    void aRingBeginsWithItsKeyframe();
    void fewPointsAreThePeaks();
    void longSeriesUseMinutes();
};

void PoolSeriesTest::seriesAreTheLivePoints()
{
    const auto original = Stream{201, {1, 5, 0.3, true, false, 0.05, 2}}.take(1500);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, keyframes_every(20s)), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const Timestamp from = original.front().time, to = original.back().time;
    const Points expected = live_points(original);
    QCOMPARE(expected.size(), std::size_t{6});
    const auto all = reader.value()->pool_series(from, to, 100'000);
    QVERIFY(all);
    QVERIFY(points_of(all.value()) == expected);
    int gaps = 0;
    for (const auto& [name, points] : expected)
        gaps += static_cast<int>(std::count_if(points.begin(), points.end(),
                                               [](const PoolPoint& p) { return p.gap_before; }));
    QVERIFY(gaps > 5);

    // Parts of it: how each pool stood, and what came then.
    for (int part = 1; part < 40; ++part) {
        const Timestamp a = from + (to - from) / 40 * part, b = a + (to - from) / 10;
        World world;
        for (const Observation& o : original) {
            if (o.time >= a)
                break;
            world.apply(o);
        }
        Points inside;
        for (const auto& [id, target] : world.targets()) {
            for (const auto& [name, pool] : target.pools.pools)
                inside[{id, name}].push_back(pool_point(pool, a, false));
        }
        for (const auto& [name, points] : expected) {
            for (const PoolPoint& p : points) {
                if (p.time == a)
                    inside[name].clear();
                if (p.time >= a && p.time <= b)
                    inside[name].push_back(p);
            }
        }
        const auto some = reader.value()->pool_series(a, b, 100'000);
        QVERIFY(some);
        QVERIFY2(points_of(some.value()) == inside, qPrintable(QString::number(part)));
    }
    QVERIFY(reader.value()->pool_series(to, from, 10).value().empty());
    QVERIFY(reader.value()->pool_series(from, to, 0).value().empty());
    QVERIFY(reader.value()->pool_series(Timestamp::min(), Timestamp::max(), 10));
}

void PoolSeriesTest::seriesBeginWithHowItStood()
{
    RecordedProcess process;
    process.sample({{"a", 3}, {"b", 1}}, true); // 1 s
    process.sample({{"a", 4}});
    process.sample({});
    process.add(Gap{"away"});
    process.sample({{"a", 5}, {"b", 2}}, true); // 4 s
    process.sample({{"b", 7}});
    const Folder folder;
    for (const Duration every : {Duration{10min}, Duration{1s}}) {
        const auto file = folder / (every == 1s ? "often.poolrec" : "once.poolrec");
        QCOMPARE(record_all(file, process.all(), keyframes_every(every)), std::string{});
        const auto reader = RecordingReader::open(file);
        const auto series = [&](Duration from, Duration to, std::size_t points = 100) {
            return points_of(reader.value()->pool_series(begin + from, begin + to, points).value());
        };
        QCOMPARE(line_of(series(0s, 9s), "a"), std::string{"1:3 2:4 4:5!"});
        QCOMPARE(line_of(series(0s, 9s), "b"), std::string{"1:1 4:2! 5:7"});
        QCOMPARE(line_of(series(2s, 9s), "a"), std::string{"2:4 4:5!"});
        QCOMPARE(line_of(series(2s, 9s), "b"), std::string{"2:1 4:2! 5:7"});
        QCOMPARE(line_of(series(3s, 3s), "a"), std::string{"3:4"});
        QCOMPARE(line_of(series(8s, 9s), "a"), std::string{"8:5"});
        QCOMPARE(line_of(series(8s, 9s), "b"), std::string{"8:7"});
        QCOMPARE(line_of(series(0s, 0s), "a"), std::string{"none"});
        QCOMPARE(line_of(series(3s, 9s, 1), "b"), std::string{"5:7!"});
        QCOMPARE(line_of(series(3s, 9s, 2), "b"), std::string{"3:1 5:7!"});
    }
}

void PoolSeriesTest::aPoolThatIsGoneDoesNotStand()
{
    RecordedProcess process;
    process.sample({{"a", 3}, {"b", 1}}, true);
    process.sample({{"b", 2}}, true);
    process.sample({{"b", 3}});
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", process.all()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    const auto late = points_of(reader.value()->pool_series(begin + 5s, begin + 9s, 9).value());
    QCOMPARE(line_of(late, "a"), std::string{"none"});
    QCOMPARE(line_of(late, "b"), std::string{"5:3"});
    QCOMPARE(line_of(points_of(reader.value()->pool_series(begin, begin + 9s, 9).value()), "a"),
             std::string{"1:3"});
}

void PoolSeriesTest::aRingBeginsWithItsKeyframe()
{
    RecordedProcess process;
    process.sample({{"quiet", 3}, {"loud", 0}}, true);
    for (int i = 1; i < 100; ++i)
        process.sample({{"loud", i}});
    const Folder folder;
    WriterOptions options = keyframes_every(10s);
    options.keep_for = 30s;
    QCOMPARE(record_all(folder / "a.poolrec", process.all(), options), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    const Timestamp started = reader.value()->info().value().started;
    QVERIFY(started > begin + 50s);
    const Points all = points_of(reader.value()->pool_series(begin - 1h, begin + 1h, 1000).value());
    const std::vector<PoolPoint>& quiet = all.at({TargetId{1}, Text{"quiet"}});
    QCOMPARE(quiet.size(), std::size_t{1});
    QVERIFY(quiet.front().time == started && quiet.front().used == 3);
    const std::vector<PoolPoint>& loud = all.at({TargetId{1}, Text{"loud"}});
    QVERIFY(loud.front().time == started);
    QCOMPARE(*loud.back().used, std::int64_t{99});
}

void PoolSeriesTest::fewPointsAreThePeaks()
{
    const auto original = Stream{202, {1, 5, 0.3, true, false, 0.02, 2}}.take(2000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, keyframes_every(20s)), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    const Timestamp from = original.front().time + 30s, to = original.back().time;
    const Points expected = live_points(original);
    const auto few = reader.value()->pool_series(from, to, 41);
    QVERIFY(few);
    QCOMPARE(few.value().size(), expected.size());
    const std::int64_t width = to_us(to - from) / 40 + 1;
    for (const PoolSeries& series : few.value()) {
        QVERIFY(series.points.size() <= 41);
        QVERIFY(series.points.front().time == from);
        std::map<std::int64_t, std::int64_t> peaks;
        std::map<std::int64_t, bool> gap;
        for (const PoolPoint& p : expected.at({series.target, series.pool})) {
            if (p.time < from)
                continue;
            const std::int64_t bucket = to_us(p.time - from) / width;
            const auto [at, added] = peaks.try_emplace(bucket, busy(p));
            at->second = std::max(at->second, busy(p));
            gap[bucket] = gap[bucket] || p.gap_before;
        }
        QCOMPARE(series.points.size(), peaks.size() + 1);
        for (std::size_t i = 1; i < series.points.size(); ++i) {
            const PoolPoint& p = series.points[i];
            const std::int64_t bucket = to_us(p.time - from) / width;
            QCOMPARE(busy(p), peaks.at(bucket));
            QCOMPARE(p.gap_before, gap.at(bucket));
        }
    }
}

void PoolSeriesTest::longSeriesUseMinutes()
{
    // Three hours: the buckets become minutes wide.
    RecordedProcess process;
    std::mt19937 random{203};
    for (int i = 0; i < 10'800; ++i)
        process.sample({{"a", static_cast<std::int64_t>(random() % 1000)}});
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", process.all(), {}, false), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    const auto expected = live_points(process.all()).at({TargetId{1}, Text{"a"}});
    const Timestamp from = begin, to = process.all().back().time;
    const auto few = reader.value()->pool_series(from, to, 20).value();
    QCOMPARE(few.size(), std::size_t{1});
    const auto& points = few[0].points;
    QVERIFY(points.size() <= 20 && points.size() >= 15);
    std::int64_t peak = 0, reported = 0;
    for (const PoolPoint& p : expected)
        peak = std::max(peak, busy(p));
    for (const PoolPoint& p : points) {
        reported = std::max(reported, busy(p));
        QVERIFY(std::any_of(expected.begin(), expected.end(), [&](const PoolPoint& e) {
            return e.time == p.time && e.used == p.used;
        }));
    }
    QCOMPARE(reported, peak);
    // The end is there too, though its minute is not over.
    QVERIFY(to - points.back().time < (to - from) / 15 + 2min);
    // From the middle on, it begins with how it stood.
    const auto half = reader.value()->pool_series(from + 1h + 500ms, to, 20).value();
    QVERIFY(half[0].points.front().time == from + 1h + 500ms);
    QCOMPARE(busy(half[0].points.front()), busy(expected.at(3599)));
}

QTEST_APPLESS_MAIN(PoolSeriesTest)
#include "tst_poolseries.moc"
