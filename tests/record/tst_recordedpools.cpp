// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/samplerecording.h"

#include <QTest>
#include <SQLiteCpp/Database.h>

#include <limits>
#include <random>
#include <set>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

const Timestamp begin = timestamp_from_us(1'795'271'320'000'000);

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

/// A process with a sample a second.
class Process
{
public:
    Process() { add(TargetAttached{{TargetId{1}, "pool", "shop-api", "pool://shop-api"}}); }
    void add(Fact what)
    {
        observations_.push_back(
            {SequenceNumber{observations_.size() + 1}, now_, TargetId{1}, std::move(what)});
    }
    void sample(const std::vector<std::pair<const char*, std::int64_t>>& pools, bool full = false)
    {
        PoolSample sample;
        sample.full = full;
        for (const auto& [name, used] : pools) {
            Pool pool;
            pool.name = Text{name};
            pool.used = used;
            sample.pools.push_back(pool);
        }
        now_ += 1s;
        add(sample);
    }
    void pass(Duration time) { now_ += time; }
    const std::vector<Observation>& all() const { return observations_; }

private:
    Timestamp now_ = begin;
    std::vector<Observation> observations_;
};

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

/// What agents told, in a recording and out of it.
class RecordedPools : public QObject
{
    Q_OBJECT

private slots:
    void everyFieldComesBack();
    void seriesAreTheLivePoints();
    void seriesBeginWithHowItStood();
    void aPoolThatIsGoneDoesNotStand();
    void aRingBeginsWithItsKeyframe();
    void fewPointsAreThePeaks();
    void longSeriesUseMinutes();
    void stacksAndListsAreStoredOnce();
    void aRingForgetsThem();
    void aRingKeepsWhatIsHeld();
    void oneWhoseStackAloneChangesIsAnother();
    void actionsKeepTheirOrder();
    void viewsSayWhoHeld();
    void tooManyAreRefused();
    void anOldRecordingHasNone();
};

/// Each field alone differs from its default, so that none can hide behind another.
void RecordedPools::everyFieldComesBack()
{
    const auto text = [](const char* body) {
        return Text{body};
    };
    const StackRef stack = make_stack(
        {{text("shop::checkout"), text("src/checkout.cpp"), 88, true}, {text(""), {}, -1, false}});
    std::vector<Fact> facts;
    std::vector<AgentFacts> agents(8);
    agents[1].protocol = 1;
    agents[2].agent = "poolscope-cpp 0.1";
    agents[3].process = "shop-api";
    agents[4].host = "web1";
    agents[5].pid = -4711;
    agents[6].can = {"stacks", "", "wait"};
    agents[7].may_reclaim = true;
    for (const AgentFacts& agent : agents)
        facts.emplace_back(AgentReported{agent});

    std::vector<Pool> pools(19);
    pools[0].name = text("orders");
    pools[1].kind = text("hikaricp");
    pools[2].database = text("");
    pools[3].configuration = {{"max", "10"}, {"", ""}};
    pools[4].used = 0;
    pools[5].idle = 1;
    pools[6].total = 2;
    pools[7].max = 3;
    pools[8].idle_min = 4;
    pools[9].idle_max = 5;
    pools[10].pending = std::numeric_limits<std::int64_t>::min();
    pools[11].timeouts = ~std::uint64_t{0};
    pools[12].wait_time = DurationSummary{1, 2us, 3us, 4us};
    pools[13].use_time = DurationSummary{5, 6us, 7us, 8us};
    pools[14].create_time = DurationSummary{~std::uint64_t{0}, 9us, 10us, 11us};
    pools[15].leaks_detected = 12;
    pools[16].tracked = 13;
    pools[17].circuit = text("open");
    pools[18].health = text("healthy");

    std::vector<PoolConnection> connections(6);
    connections[1].key.pool = text("orders");
    connections[2].key.id = text("conn-1");
    connections[3].opened = begin;
    connections[4].server_pid = 99;
    connections[4].local_port = std::uint16_t{65535};
    connections[5].health = text("degraded");

    std::vector<Checkout> checkouts(20);
    for (std::size_t i = 1; i < checkouts.size(); ++i)
        checkouts[i].key = {TargetId{1}, text(("c" + std::to_string(i)).c_str())};
    checkouts[2].key.target = TargetId{7};
    checkouts[3].pool = text("orders");
    checkouts[4].connection = text("conn-1");
    checkouts[5].server_pid = 4711;
    checkouts[6].local_port = std::uint16_t{0};
    checkouts[7].acquired = Timestamp::min();
    checkouts[8].wait = 0us;
    checkouts[9].acquired_by = text("GET /cart");
    checkouts[10].thread = text("worker-3");
    checkouts[11].trace_id = text("");
    checkouts[12].tags = {{text("tenant"), text("a")}, {text("job"), {}}, {{}, text("")}};
    checkouts[13].stack = stack;
    checkouts[14].expected = Duration::max();
    checkouts[15].heartbeat = Timestamp::max();
    checkouts[16].busy = false;
    checkouts[17].busy_since = begin - 1us;
    checkouts[18].statement = text("SELECT 1");
    checkouts[19].reported = text("critical");
    checkouts[19].stack = make_stack({});

    PoolSample everything;
    everything.pools = pools;
    everything.opened = connections;
    everything.closed = {{{}, text("a")}, {text("b"), {}}};
    everything.changed = checkouts;
    everything.ended = {{{}, begin}, {text("stranger"), Timestamp::max()}};
    everything.brief = {{{}, {}, 0, 0us, 0us},
                        {text("orders"), make_stack(stack->lines), ~std::uint64_t{0}, 5us, -1us}};
    everything.timeouts = {{{}, begin, 0us, {}, {}},
                           {text("orders"), Timestamp::min(), 30s, text("GET /"), stack}};
    facts.emplace_back(everything);
    std::vector<PoolSample> samples(4);
    samples[0].full = true;
    samples[1].clock_offset = Duration{-5};
    samples[2].lost = ~std::uint64_t{0};
    samples[3].unreadable = 3;
    for (const PoolSample& sample : samples)
        facts.emplace_back(sample);
    facts.emplace_back(everything);
    facts.emplace_back(ActionReported{ActionId{~std::uint64_t{0}},
                                      ActionVerb::reclaim,
                                      {},
                                      ActionPhase::observed,
                                      "it came back",
                                      {TargetId{3}, text("c1")}});
    facts.emplace_back(
        ActionReported{ActionId{1}, ActionVerb::reclaim, {}, ActionPhase::requested, "", {}});

    Process process;
    for (const Fact& fact : facts)
        process.add(fact);
    const Folder folder;
    // A keyframe after each one.
    QCOMPARE(record(folder / "a.poolrec", process.all(), keyframes_every(0s)), std::string{});
    std::string error;
    const auto read = read_file(folder / "a.poolrec", &error);
    QCOMPARE(error, std::string{});
    QCOMPARE(read.size(), process.all().size());
    for (std::size_t i = 0; i < read.size(); ++i)
        QVERIFY2(read[i] == process.all()[i], qPrintable(QString::number(i)));
    World world;
    for (const Observation& o : process.all())
        world.apply(o);
    const auto keyframe = RecordingReader::open(folder / "a.poolrec").value()->keyframe(begin);
    QVERIFY2(keyframe, keyframe ? "" : keyframe.error().sentence.c_str());
    QVERIFY(keyframe.value() == world);
    QVERIFY(!world.target(TargetId{1})->pools.checkouts.empty());
}

void RecordedPools::seriesAreTheLivePoints()
{
    const auto original = Stream{201, {1, 5, 0.3, true, false, 0.05, 2}}.take(1500);
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", original, keyframes_every(20s)), std::string{});
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

void RecordedPools::seriesBeginWithHowItStood()
{
    Process process;
    process.sample({{"a", 3}, {"b", 1}}, true); // 1 s
    process.sample({{"a", 4}});
    process.sample({});
    process.add(Gap{"away"});
    process.sample({{"a", 5}, {"b", 2}}, true); // 4 s
    process.sample({{"b", 7}});
    const Folder folder;
    for (const Duration every : {Duration{10min}, Duration{1s}}) {
        const auto file = folder / (every == 1s ? "often.poolrec" : "once.poolrec");
        QCOMPARE(record(file, process.all(), keyframes_every(every)), std::string{});
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

void RecordedPools::aPoolThatIsGoneDoesNotStand()
{
    Process process;
    process.sample({{"a", 3}, {"b", 1}}, true);
    process.sample({{"b", 2}}, true);
    process.sample({{"b", 3}});
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", process.all()), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    const auto late = points_of(reader.value()->pool_series(begin + 5s, begin + 9s, 9).value());
    QCOMPARE(line_of(late, "a"), std::string{"none"});
    QCOMPARE(line_of(late, "b"), std::string{"5:3"});
    QCOMPARE(line_of(points_of(reader.value()->pool_series(begin, begin + 9s, 9).value()), "a"),
             std::string{"1:3"});
}

void RecordedPools::aRingBeginsWithItsKeyframe()
{
    Process process;
    process.sample({{"quiet", 3}, {"loud", 0}}, true);
    for (int i = 1; i < 100; ++i)
        process.sample({{"loud", i}});
    const Folder folder;
    WriterOptions options = keyframes_every(10s);
    options.keep_for = 30s;
    QCOMPARE(record(folder / "a.poolrec", process.all(), options), std::string{});
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

void RecordedPools::fewPointsAreThePeaks()
{
    const auto original = Stream{202, {1, 5, 0.3, true, false, 0.02, 2}}.take(2000);
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", original, keyframes_every(20s)), std::string{});
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

void RecordedPools::longSeriesUseMinutes()
{
    // Three hours: the buckets become minutes wide.
    Process process;
    std::mt19937 random{203};
    for (int i = 0; i < 10'800; ++i)
        process.sample({{"a", static_cast<std::int64_t>(random() % 1000)}});
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", process.all(), {}, false), std::string{});
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

void RecordedPools::stacksAndListsAreStoredOnce()
{
    const auto original = Stream{204, {1, 5, 0.3, true, true, 0.02, 2}}.take(2000);
    const Folder folder;
    const auto file = folder / "a.poolrec";
    QCOMPARE(record(file, original, keyframes_every(20s)), std::string{});
    std::set<std::uint64_t> stacks;
    for (const Observation& o : original) {
        const auto* const sample = std::get_if<PoolSample>(&o.what);
        if (!sample)
            continue;
        for (const Checkout& c : sample->changed) {
            if (c.stack)
                stacks.insert(c.stack->fingerprint);
        }
        for (const BriefHolds& b : sample->brief) {
            if (b.stack)
                stacks.insert(b.stack->fingerprint);
        }
        for (const AcquireTimeout& t : sample->timeouts) {
            if (t.stack)
                stacks.insert(t.stack->fingerprint);
        }
    }
    SQLite::Database db{file.string(), SQLite::OPEN_READONLY};
    QVERIFY(stacks.size() > 20);
    QCOMPARE(db.execAndGet("SELECT count(*) FROM stack").getInt64(),
             static_cast<std::int64_t>(stacks.size()));
    QVERIFY(db.execAndGet("SELECT count(*) FROM property_list").getInt64() > 10);
    QCOMPARE(db.execAndGet("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name"
                           " NOT IN ('meta')")
                 .getInt64(),
             std::int64_t{0});
}

/// Whatever a ring still says can be read, and the rest is gone.
void RecordedPools::aRingForgetsThem()
{
    Stream stream{205, {1, 5, 0.3, true, true, 0.02, 2, 15}};
    const auto original = stream.take(6000);
    const Folder folder;
    const auto whole = folder / "whole.poolrec", ring = folder / "ring.poolrec";
    QCOMPARE(record(whole, original, keyframes_every(10s)), std::string{});
    WriterOptions options = keyframes_every(10s);
    options.keep_for = 60s;
    QCOMPARE(record(ring, original, options), std::string{});
    QCOMPARE(use(ring), std::string{});
    const auto rest = read_file(ring);
    QVERIFY(rest.size() > 100 && rest.size() < 1000);
    QVERIFY(std::equal(rest.begin(), rest.end(),
                       original.end() - static_cast<std::ptrdiff_t>(rest.size())));
    SQLite::Database large{whole.string(), SQLite::OPEN_READONLY};
    SQLite::Database small{ring.string(), SQLite::OPEN_READONLY};
    for (const std::string table :
         {"agent", "pool_sample", "pool", "connection_change", "connection_close", "checkout",
          "checkout_change", "checkout_end", "brief_hold", "acquire_timeout", "text",
          "property_list", "property", "pool_minute", "keyframe_process", "keyframe_pool",
          "keyframe_connection", "keyframe_checkout"}) {
        const auto count = [&](SQLite::Database& db) {
            return db.execAndGet("SELECT count(*) FROM " + table).getInt();
        };
        QVERIFY2(count(small) > 0, table.c_str());
        QVERIFY2(count(small) * 2 < count(large), table.c_str());
    }
    // The lines of stacks and lists go with them; what a person did stays.
    QCOMPARE(small.execAndGet("SELECT sum(lines) FROM stack").getInt(),
             small.execAndGet("SELECT count(*) FROM stack_line").getInt());
    QCOMPARE(small.execAndGet("SELECT sum(properties) FROM property_list").getInt(),
             small.execAndGet("SELECT count(*) FROM property").getInt());
    QCOMPARE(small.execAndGet("SELECT count(*) FROM reclaim").getInt(),
             large.execAndGet("SELECT count(*) FROM reclaim").getInt());
}

/// One checkout outlives everything that a ring remembers of its beginning.
void RecordedPools::aRingKeepsWhatIsHeld()
{
    Process process;
    const auto checkout = [](int number) {
        const std::string n = std::to_string(number);
        Checkout c;
        c.key = {TargetId{1}, Text{"c" + n}};
        c.thread = Text{"thread-" + n};
        c.tags = {{Text{"tag-" + n}, Text{"value-" + n}}};
        c.stack = make_stack({{Text{"function-" + n}, Text{"file-" + n}, number, true}});
        return c;
    };
    PoolSample first;
    first.full = true;
    first.changed = {checkout(0)};
    process.add(first);
    for (int i = 1; i <= 200; ++i) {
        PoolSample sample;
        sample.changed = {checkout(i)};
        if (i > 1)
            sample.ended = {{Text{"c" + std::to_string(i - 1)}, begin}};
        process.pass(1s);
        process.add(sample);
    }
    World expected;
    for (const Observation& o : process.all())
        expected.apply(o);
    const Folder folder;
    WriterOptions options = keyframes_every(5s);
    options.keep_for = 20s;
    QCOMPARE(record(folder / "a.poolrec", process.all(), options), std::string{});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    auto world = reader.value()->keyframe(Timestamp::max());
    QVERIFY2(world, world ? "" : world.error().sentence.c_str());
    const auto done = reader.value()->read(world.value().sequence(), [&](const Observation& o) {
        world.value().apply(o);
        return true;
    });
    QVERIFY(done);
    QVERIFY(world.value() == expected);
    QCOMPARE(world.value().target(TargetId{1})->pools.checkouts.size(), std::size_t{2});
    SQLite::Database db{(folder / "a.poolrec").string(), SQLite::OPEN_READONLY};
    for (const std::string table :
         {"checkout", "stack", "stack_line", "property_list", "property"}) {
        const int rows = db.execAndGet("SELECT count(*) FROM " + table).getInt();
        QVERIFY2(rows > 15 && rows < 40, table.c_str());
    }
}

void RecordedPools::oneWhoseStackAloneChangesIsAnother()
{
    Process process;
    PoolSample sample;
    sample.changed.resize(1);
    for (const int line : {1, 2, 2, 1}) {
        sample.changed[0].stack = make_stack({{{}, Text{"a.cpp"}, line, true}});
        process.add(sample);
    }
    sample.changed[0].stack = {};
    process.add(sample);
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", process.all()), std::string{});
    QVERIFY(read_file(folder / "a.poolrec") == process.all());
    SQLite::Database db{(folder / "a.poolrec").string(), SQLite::OPEN_READONLY};
    QCOMPARE(db.execAndGet("SELECT count(*) FROM checkout").getInt(), 4);
    QCOMPARE(db.execAndGet("SELECT count(*) FROM stack").getInt(), 2);
}

/// Cancels and reclaims lie in two tables, and their numbers are given together.
void RecordedPools::actionsKeepTheirOrder()
{
    Process process;
    for (std::uint64_t i = 1; i <= 20; ++i) {
        ActionReported action;
        action.action = ActionId{1 + (i * 7) % 11};
        action.verb = i % 2 == 0 ? ActionVerb::reclaim : ActionVerb::cancel;
        action.sentence = std::to_string(i);
        if (i % 2 == 0)
            action.checkout = {TargetId{1}, Text{"c" + std::to_string(i)}};
        process.pass(1s);
        process.add(action);
    }
    process.sample({{"a", 1}}, true);
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", process.all(), keyframes_every(3s)), std::string{});
    World world;
    for (const Observation& o : process.all())
        world.apply(o);
    QCOMPARE(world.actions().size(), std::size_t{11});
    const auto reader = RecordingReader::open(folder / "a.poolrec");
    auto seeked = reader.value()->keyframe(Timestamp::max()).value();
    QVERIFY(seeked.sequence().value > 15);
    QVERIFY(reader.value()->read(seeked.sequence(), [&](const Observation& o) {
        seeked.apply(o);
        return true;
    }));
    QVERIFY(seeked == world);
}

void RecordedPools::viewsSayWhoHeld()
{
    Process process;
    PoolSample sample;
    sample.clock_offset = 2s;
    Checkout c;
    c.key = {TargetId{1}, Text{"c1"}};
    c.pool = Text{"orders"};
    c.acquired = begin + 2s - 90s;
    c.tags = {{Text{"tenant"}, Text{"x y"}}, {Text{"job"}, Text{"7"}}};
    c.stack = make_stack({{Text{"pool::take"}, Text{"lib/pool.cpp"}, 5, false},
                          {Text{"shop::pay"}, Text{"src/pay.cpp"}, 88, true}});
    c.statement = Text{"SELECT 1"};
    sample.changed = {c};
    AgentFacts agent;
    agent.can = {"stacks", "wait"};
    process.add(AgentReported{agent});
    process.add(sample);
    process.pass(10s);
    PoolSample end;
    end.clock_offset = 2s;
    end.ended = {{Text{"c1"}, begin + 2s + 7s}};
    process.add(end);
    process.add(
        ActionReported{ActionId{1}, ActionVerb::reclaim, {}, ActionPhase::accepted, "told", c.key});
    // One more, which a full sample does not list any more.
    sample.changed.front().key.id = Text{"c2"};
    process.add(sample);
    PoolSample nobody;
    nobody.full = true;
    process.add(nobody);
    const Folder folder;
    QCOMPARE(record(folder / "a.poolrec", process.all()), std::string{});
    SQLite::Database db{(folder / "a.poolrec").string(), SQLite::OPEN_READONLY};
    const auto ask = [&](const char* sql) {
        return QString::fromStdString(db.execAndGet(sql).getString());
    };
    QCOMPARE(ask("SELECT line || ' ' || tags || ' ' || pool FROM v_checkouts WHERE name = 'c1'"),
             QStringLiteral("src/pay.cpp:88 tenant=x y,job=7 orders"));
    QCOMPARE(ask("SELECT group_concat(state || ' ' || held_s) FROM v_checkout_changes"
                 " WHERE name = 'c1'"),
             QStringLiteral("held 90.0,returned 97.0"));
    QCOMPARE(ask("SELECT group_concat(state) FROM v_checkout_changes WHERE name = 'c2'"),
             QStringLiteral("held,returned"));
    // It was not told, so it does not come back as told.
    QVERIFY(read_file(folder / "a.poolrec") == process.all());
    QCOMPARE(ask("SELECT verb || ' ' || checkout || ' ' || phase FROM v_actions"),
             QStringLiteral("reclaim c1 accepted"));
    QCOMPARE(ask("SELECT can FROM v_agents"), QStringLiteral("stacks,wait"));
    QCOMPARE(ask("SELECT what FROM v_timeline ORDER BY sequence DESC LIMIT 1"),
             QStringLiteral("reclaim"));
    QCOMPARE(ask("SELECT function || line || own FROM v_stacks WHERE depth = 1"),
             QStringLiteral("shop::pay881"));
}

void RecordedPools::tooManyAreRefused()
{
    const Folder folder;
    auto writer = RecordingWriter::create(folder / "a.poolrec", {});
    Process process;
    QVERIFY(writer.value()->append(process.all().front()));
    PoolSample many;
    many.ended.resize(std::size_t{1} << 20);
    process.add(many);
    PoolSample deep;
    deep.brief.resize(1);
    deep.brief[0].stack = make_stack(std::vector<StackLine>(std::size_t{1} << 20));
    process.add(deep);
    for (std::size_t i = 1; i < 3; ++i) {
        const auto refused = writer.value()->append(process.all()[i]);
        QVERIFY(!refused);
        QVERIFY(refused.error().sentence.find("not recorded") != std::string::npos);
    }
    process.sample({{"a", 1}});
    QVERIFY(writer.value()->append(process.all().back()));
    QVERIFY(writer.value()->close());
    QCOMPARE(read_file(folder / "a.poolrec").size(), std::size_t{2});
}

void RecordedPools::anOldRecordingHasNone()
{
    const std::filesystem::path old = POOLSCOPE_DATA "/v1.poolrec";
    const std::string before = contents(old);
    const auto reader = RecordingReader::open(old);
    QVERIFY(reader);
    QVERIFY(reader.value()->pool_series(Timestamp::min(), Timestamp::max(), 9).value().empty());
    QCOMPARE(use(old), std::string{});
    const Folder folder;
    QVERIFY(save_recording(old, folder / "copy.poolrec", {}));
    QCOMPARE(RecordingReader::open(folder / "copy.poolrec").value()->info().value().version, 1);
    QVERIFY(read_file(folder / "copy.poolrec") == read_file(old));
    QVERIFY(contents(old) == before);
}

QTEST_APPLESS_MAIN(RecordedPools)
#include "tst_recordedpools.moc"
