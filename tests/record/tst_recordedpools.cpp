// SPDX-License-Identifier: GPL-3.0-or-later
// What agents told, into a recording and out of it again.
#include "core/base/bounds.h"
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/recordedprocess.h"
#include "tests/support/places.h"

#include <QTest>
#include <SQLiteCpp/Database.h>

#include <limits>
#include <string>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class RecordedPools : public QObject
{
    Q_OBJECT
private slots:
    void everyFieldComesBack();
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
    checkouts[7].acquired = timestamp_from_us(-farthest_us);
    checkouts[8].wait = 0us;
    checkouts[9].acquired_by = text("GET /cart");
    checkouts[10].thread = text("worker-3");
    checkouts[11].trace_id = text("");
    checkouts[12].tags = {{text("tenant"), text("a")}, {text("job"), {}}, {{}, text("")}};
    checkouts[13].stack = stack;
    checkouts[14].expected = Duration::max();
    checkouts[15].heartbeat = timestamp_from_us(farthest_us);
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
    everything.ended = {{{}, begin}, {text("stranger"), timestamp_from_us(farthest_us)}};
    everything.brief = {{{}, {}, 0, 0us, 0us},
                        {text("orders"), make_stack(stack->lines), ~std::uint64_t{0}, 5us, -1us}};
    everything.timeouts = {
        {{}, begin, 0us, {}, {}},
        {text("orders"), timestamp_from_us(-farthest_us), 30s, text("GET /"), stack}};
    std::vector<PreparedStatements> places(6);
    for (PreparedStatements& at : places)
        at.open = 1;
    places[0].open = 0;
    places[1].pool = text("a");
    places[2].pool = text("b");
    places[2].stack = stack;
    places[2].oldest = timestamp_from_us(farthest_us);
    places[3].pool = text("c");
    places[3].distinct = ~std::uint64_t{0};
    places[4].pool = text("d");
    places[4].statement = text("SELECT 1");
    places[5].pool = text("e");
    places[5].open = ~std::uint64_t{0};
    everything.prepared = places;
    facts.emplace_back(everything);
    facts.emplace_back(ThresholdsChanged{{1us, std::chrono::hours{24 * 365}}, text("a"), false});
    facts.emplace_back(ThresholdsChanged{{}, text("a"), true});
    facts.emplace_back(ThresholdsChanged{{}, {}, true});
    facts.emplace_back(ThresholdsChanged{{2us, 3us}, text("b"), false});
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

    RecordedProcess process;
    for (const Fact& fact : facts)
        process.add(fact);
    const Folder folder;
    // A keyframe after each one.
    QCOMPARE(record_all(folder / "a.poolrec", process.all(), keyframes_every(0s)), std::string{});
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

void RecordedPools::oneWhoseStackAloneChangesIsAnother()
{
    RecordedProcess process;
    PoolSample sample;
    sample.changed.resize(1);
    for (const int line : {1, 2, 2, 1}) {
        sample.changed[0].stack = make_stack({{{}, Text{"a.cpp"}, line, true}});
        process.add(sample);
    }
    sample.changed[0].stack = {};
    process.add(sample);
    const Folder folder;
    QCOMPARE(record_all(folder / "a.poolrec", process.all()), std::string{});
    QVERIFY(read_file(folder / "a.poolrec") == process.all());
    SQLite::Database db{(folder / "a.poolrec").string(), SQLite::OPEN_READONLY};
    QCOMPARE(db.execAndGet("SELECT count(*) FROM checkout").getInt(), 4);
    QCOMPARE(db.execAndGet("SELECT count(*) FROM stack").getInt(), 2);
}

/// Cancels and reclaims lie in two tables, and their numbers are given together.
void RecordedPools::actionsKeepTheirOrder()
{
    RecordedProcess process;
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
    QCOMPARE(record_all(folder / "a.poolrec", process.all(), keyframes_every(3s)), std::string{});
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
    RecordedProcess process;
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
    QCOMPARE(record_all(folder / "a.poolrec", process.all()), std::string{});
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
    RecordedProcess process;
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
    const std::filesystem::path old = inTree("tests/data/v1.poolrec").toStdString();
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
