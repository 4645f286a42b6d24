// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/stream.h"

#include <QTest>

#include <random>
#include <set>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

World fold(const std::vector<Observation>& observations, Timestamp until = Timestamp::max())
{
    World world;
    for (const Observation& o : observations) {
        if (o.time > until)
            break;
        world.apply(o);
    }
    return world;
}

std::int32_t clients(const SeriesPoint& p)
{
    std::int32_t sum = 0;
    for (const std::int32_t count : p.counts)
        sum += count;
    return sum;
}

/// What series() must say, from the observations themselves.
std::map<TargetId, std::vector<SeriesPoint>> series_of(const std::vector<Observation>& observations)
{
    std::map<TargetId, std::vector<SeriesPoint>> all;
    World world;
    for (const Observation& o : observations) {
        const TargetState* const before = world.target(o.target);
        const bool gap = before && before->gap_since_sample;
        world.apply(o);
        if (before && std::holds_alternative<ServerSample>(o.what))
            all[o.target].push_back(world.series_point(*world.target(o.target), gap));
    }
    return all;
}

} // namespace

class RoundTrip : public QObject
{
    Q_OBJECT

private:
    /// Keyframes every few seconds, so that a short stream has many.
    static WriterOptions often() { return keyframes_every(20s); }

private slots:
    void observationsComeBack_data();
    void observationsComeBack();
    void keyframesAreTheFold();
    void seekEqualsPlay();
    void analysisIsTheSameInReplay();
    void analysisIsTheSameAfterASeek();
    void infoCountsWithoutReading();
    void readStopsAndGoesOn();
    void stepsSkipTicks();
    void seriesAreThePeaks();
    void longSeriesUseMinutes();
    void pastOfASession();
    void orderIsKept();
    void emptyRecording();
};

void RoundTrip::observationsComeBack_data()
{
    QTest::addColumn<int>("seed");
    QTest::addColumn<bool>("odd");
    for (int seed = 1; seed <= 8; ++seed)
        QTest::addRow("seed %d", seed) << seed << (seed % 2 == 0);
}

void RoundTrip::observationsComeBack()
{
    QFETCH(int, seed);
    QFETCH(bool, odd);
    Stream stream{static_cast<std::uint32_t>(seed), {3, 15, 0.3, true, odd}};
    const auto original = stream.take(2000);
    std::set<std::size_t> kinds;
    for (const Observation& o : original)
        kinds.insert(o.what.index());
    QCOMPARE(kinds.size(), std::variant_size_v<Fact>);

    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    QCOMPARE(files_in(folder.path()), std::size_t{1});
    std::string error;
    const auto copy = read_file(folder / "a.poolrec", &error);
    QCOMPARE(error, std::string{});
    QCOMPARE(copy.size(), original.size());
    for (std::size_t i = 0; i < copy.size(); ++i)
        QVERIFY2(copy[i] == original[i], qPrintable(QString::number(i)));
    QVERIFY(fold(copy) == fold(original));
}

void RoundTrip::keyframesAreTheFold()
{
    for (std::uint32_t seed = 20; seed < 26; ++seed) {
        const auto original = Stream{seed, {3, 15, 0.3, true, true}}.take(1500);
        const Folder folder;
        QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
        const auto reader = RecordingReader::open(folder / "a.poolrec");
        QVERIFY(reader);
        std::set<std::uint64_t> seen;
        World world;
        for (const Observation& o : original) {
            world.apply(o);
            const auto keyframe = reader.value()->keyframe(o.time);
            QVERIFY(keyframe);
            QVERIFY(keyframe.value().now() <= o.time);
            if (keyframe.value().sequence() == o.sequence && seen.insert(o.sequence.value).second)
                QVERIFY(keyframe.value() == world);
        }
        QVERIFY(seen.size() > 10);
        const auto before = reader.value()->keyframe(original.front().time - 1h);
        QVERIFY(before && before.value() == World{});
    }
}

void RoundTrip::seekEqualsPlay()
{
    const auto original = Stream{99, {2, 30, 0.2, true, true}}.take(3000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const Duration whole = original.back().time - original.front().time;
    std::mt19937_64 random{5};
    for (int i = 0; i < 200; ++i) {
        const Timestamp at = original.front().time - 1s +
                             Duration{static_cast<std::int64_t>(
                                 random() % static_cast<std::uint64_t>(to_us(whole + 2s)))};
        auto world = reader.value()->keyframe(at);
        QVERIFY(world);
        const auto done = reader.value()->read(world.value().sequence(), [&](const Observation& o) {
            if (o.time > at)
                return false;
            world.value().apply(o);
            return true;
        });
        QVERIFY(done);
        QVERIFY(world.value() == fold(original, at));
    }
}

void RoundTrip::analysisIsTheSameInReplay()
{
    const auto original = Stream{7, {2, 40, 0.05, true, false}}.take(2000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    Analysis live, replay;
    std::vector<Mark> live_marks, replay_marks;
    const auto play = [](Analysis& analysis, std::vector<Mark>& marks, const Observation& o) {
        WorldDelta delta;
        analysis.apply(o, delta);
        for (const Mark& mark : analysis.take_marks())
            marks.push_back(mark);
    };
    std::size_t i = 0;
    bool same = true;
    QVERIFY(reader.value()->read({}, [&](const Observation& o) {
        play(live, live_marks, original.at(i++));
        play(replay, replay_marks, o);
        same = same && live == replay;
        return same;
    }));
    QVERIFY(same);
    QCOMPARE(i, original.size());
    QVERIFY(live_marks == replay_marks);
    QVERIFY(!live_marks.empty());
}

/// And from a keyframe on, the longest window before.
void RoundTrip::analysisIsTheSameAfterASeek()
{
    const auto original = Stream{8, {1, 5, 0.05, true, false, 0.02, 1, 5}}.take(8000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    Analysis live;
    WorldDelta ignored;
    for (const Observation& o : original)
        live.apply(o, ignored);
    const Timestamp before = original.back().time - Analysis::longest_window;
    QVERIFY(before > original[1000].time);
    auto world = reader.value()->keyframe(before);
    QVERIFY(world);
    QVERIFY(world.value().sequence().value > 500);
    Analysis seeked;
    seeked.restore(world.value());
    QVERIFY(reader.value()->read(world.value().sequence(), [&](const Observation& o) {
        WorldDelta delta;
        seeked.apply(o, delta);
        return true;
    }));
    QVERIFY(seeked == live);
}

void RoundTrip::infoCountsWithoutReading()
{
    const auto original = Stream{3, {}}.take(1234);
    std::uint64_t gaps = 0;
    for (const Observation& o : original)
        gaps += std::holds_alternative<Gap>(o.what) ? 1 : 0;
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().version, 5);
    QVERIFY(info.value().complete);
    QVERIFY(!info.value().redacted);
    QCOMPARE(info.value().observations, std::uint64_t{1234});
    QCOMPARE(info.value().gaps, gaps);
    QVERIFY(info.value().started == original.front().time);
    QVERIFY(info.value().ended == original.back().time);
    QCOMPARE(info.value().first.value, std::uint64_t{1});
    QCOMPARE(info.value().last.value, std::uint64_t{1234});
    QCOMPARE(info.value().targets.size(), std::size_t{3});
    QCOMPARE(info.value().targets[0].name, std::string{"shop-db"});
    QCOMPARE(info.value().targets[2].kind, std::string{"pool"});
}

void RoundTrip::readStopsAndGoesOn()
{
    const auto original = Stream{4, {}}.take(1000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    std::vector<Observation> pieces;
    SequenceNumber after;
    while (pieces.size() < original.size()) {
        std::size_t taken = 0;
        const auto last = reader.value()->read(after, [&](const Observation& o) {
            pieces.push_back(o);
            return ++taken < 37;
        });
        QVERIFY(last);
        QVERIFY(last.value() > after);
        after = last.value();
    }
    QVERIFY(pieces == original);
    const auto end = reader.value()->read(after, [](const Observation&) { return true; });
    QVERIFY(end && end.value() == after);
    // A visitor may ask the same reader.
    const auto nested = reader.value()->read(
        {}, [&](const Observation& o) { return reader.value()->info() && o.sequence.value < 5; });
    QVERIFY(nested && nested.value().value == 5);
}

void RoundTrip::stepsSkipTicks()
{
    const auto original = Stream{8, {}}.take(800);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    std::vector<Timestamp> instants;
    for (const Observation& o : original) {
        if (!std::holds_alternative<Tick>(o.what))
            instants.push_back(o.time);
    }
    instants.erase(std::unique(instants.begin(), instants.end()), instants.end());
    Timestamp at = instants.front() - 1h;
    for (const Timestamp expected : instants) {
        const auto next = reader.value()->step(at, true);
        QVERIFY(next && next.value() == expected);
        at = expected;
    }
    QVERIFY(!reader.value()->step(at, true).value());
    at += 1h;
    for (auto expected = instants.rbegin(); expected != instants.rend(); ++expected) {
        const auto previous = reader.value()->step(at, false);
        QVERIFY(previous && previous.value() == *expected);
        at = *expected;
    }
    QVERIFY(!reader.value()->step(at, false).value());
}

void RoundTrip::seriesAreThePeaks()
{
    const auto original = Stream{11, {2, 20, 0.5, true, false}}.take(2000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const auto expected = series_of(original);
    const Timestamp from = original.front().time, to = original.back().time;

    const auto all = reader.value()->series(from, to, 100'000);
    QVERIFY(all);
    QCOMPARE(all.value().size(), expected.size());
    bool gaps = false;
    for (const TargetSeries& series : all.value()) {
        QVERIFY(series.points == expected.at(series.target));
        for (const SeriesPoint& p : series.points)
            gaps = gaps || p.gap_before;
    }
    QVERIFY(gaps);

    const auto few = reader.value()->series(from, to, 50);
    QVERIFY(few);
    const std::int64_t width = to_us(to - from) / 50 + 1;
    for (const TargetSeries& series : few.value()) {
        QVERIFY(series.points.size() <= 50);
        std::map<std::int64_t, std::int32_t> peaks;
        std::map<std::int64_t, bool> gap;
        for (const SeriesPoint& p : expected.at(series.target)) {
            const std::int64_t bucket = to_us(p.time - from) / width;
            peaks[bucket] = std::max(peaks[bucket], clients(p));
            gap[bucket] = gap[bucket] || p.gap_before;
        }
        QCOMPARE(series.points.size(), peaks.size());
        for (const SeriesPoint& p : series.points) {
            const std::int64_t bucket = to_us(p.time - from) / width;
            QCOMPARE(clients(p), peaks.at(bucket));
            QCOMPARE(p.gap_before, gap.at(bucket));
        }
    }

    // A part of it, from and to somewhere between.
    const Timestamp a = from + (to - from) / 3, b = from + (to - from) / 2;
    const auto part = reader.value()->series(a, b, 100'000);
    QVERIFY(part);
    for (const TargetSeries& series : part.value()) {
        std::vector<SeriesPoint> inside;
        for (const SeriesPoint& p : expected.at(series.target)) {
            if (p.time >= a && p.time <= b)
                inside.push_back(p);
        }
        QVERIFY(series.points == inside);
    }
    QVERIFY(reader.value()->series(to, from, 10).value().empty());
    QVERIFY(reader.value()->series(from, to, 0).value().empty());
    QVERIFY(reader.value()->series(Timestamp::min(), Timestamp::max(), 10));
}

void RoundTrip::longSeriesUseMinutes()
{
    // Two hours of one small target: the buckets become minutes wide.
    const auto original = Stream{12, {1, 5, 0.5, true, false, 0.02, 0}}.take(14'000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, {}, false), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const auto expected = series_of(original).at(TargetId{1});
    const Timestamp from = original.front().time, to = original.back().time;
    QVERIFY(to - from > 100min);
    const auto few = reader.value()->series(from, to, 20);
    QVERIFY(few);
    QCOMPARE(few.value().size(), std::size_t{1});
    const auto& points = few.value()[0].points;
    QVERIFY(points.size() <= 20);
    QVERIFY(points.size() >= 15);
    std::int32_t peak = 0, reported = 0;
    for (const SeriesPoint& p : expected)
        peak = std::max(peak, clients(p));
    for (const SeriesPoint& p : points) {
        reported = std::max(reported, clients(p));
        QVERIFY(std::any_of(expected.begin(), expected.end(), [&](const SeriesPoint& e) {
            return e.time == p.time && e.counts == p.counts;
        }));
    }
    QCOMPARE(reported, peak);
    // The end is there too, though its minute is not over.
    QVERIFY(to - points.back().time < to_us(to - from) / 19 * 1us + 2min);
}

void RoundTrip::pastOfASession()
{
    const auto original = Stream{13, {2, 10, 0.3, true, false}}.take(2000);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", original, often()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const Timestamp from = original[600].time, to = original[1700].time;
    std::set<SessionKey> keys;
    for (const Observation& o : original) {
        if (const auto* const sample = std::get_if<ServerSample>(&o.what)) {
            for (const Session& s : sample->changed)
                keys.insert(s.key);
        }
    }
    std::size_t changes = 0;
    for (const SessionKey& key : keys) {
        std::vector<RecordingReader::PastState> expected;
        World world;
        std::optional<SessionState> state;
        bool begun = false;
        for (const Observation& o : original) {
            if (o.time > to)
                break;
            if (o.time > from && !begun) {
                begun = true;
                if (state)
                    expected.push_back({from, state});
            }
            world.apply(o);
            const Session* const session = world.session(key);
            const auto now = session ? std::optional{session->state} : std::nullopt;
            if (begun && now != state)
                expected.push_back({o.time, now});
            state = now;
        }
        const auto past = reader.value()->past(key, from, to);
        QVERIFY(past);
        QCOMPARE(past.value().size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            QVERIFY(past.value()[i].from == expected[i].from);
            QVERIFY(past.value()[i].state == expected[i].state);
        }
        changes += expected.size();
    }
    QVERIFY(changes > 50);
    QVERIFY(reader.value()->past({TargetId{1}, Pid{1}, from}, from, to).value().empty());
}

void RoundTrip::orderIsKept()
{
    const Folder folder;
    auto writer = RecordingWriter::create(folder / "a.poolrec", {});
    QVERIFY(writer);
    const auto original = Stream{14, {}}.take(10);
    for (std::size_t i = 0; i < 5; ++i)
        QVERIFY(writer.value()->append(original[i]));
    QVERIFY(!writer.value()->append(original[2]));
    QVERIFY(!writer.value()->append(original[4]));
    // A hole is allowed: something was dropped.
    QVERIFY(writer.value()->append(original[7]));
    QVERIFY(writer.value()->close());
    QVERIFY(!writer.value()->append(original[8]));
    QVERIFY(!writer.value()->commit());
    QVERIFY(!writer.value()->close());
    QCOMPARE(read_file(folder / "a.poolrec").size(), std::size_t{6});
}

void RoundTrip::emptyRecording()
{
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", {}), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    QVERIFY(reader);
    const auto info = reader.value()->info();
    QVERIFY(info && info.value().observations == 0 && info.value().complete);
    QVERIFY(reader.value()->keyframe(Timestamp::max()).value() == World{});
    QVERIFY(read_all(*reader.value()).empty());
    QVERIFY(reader.value()->series(Timestamp{}, Timestamp::max(), 10).value().empty());
    QVERIFY(reader.value()->pool_series(Timestamp{}, Timestamp::max(), 10).value().empty());
    QVERIFY(!reader.value()->step(Timestamp{}, true).value());
}

QTEST_APPLESS_MAIN(RoundTrip)
#include "tst_roundtrip.moc"
