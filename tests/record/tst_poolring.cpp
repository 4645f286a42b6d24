// SPDX-License-Identifier: GPL-3.0-or-later
// What is stored once of pools, and what a ring keeps and lets go of it.
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/recordedprocess.h"

#include <QTest>
#include <SQLiteCpp/Database.h>

#include <set>
#include <string>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class PoolRingTest : public QObject
{
    Q_OBJECT
private slots:
    void stacksAndListsAreStoredOnce();
    void aRingForgetsThem();
    void aRingKeepsWhatIsHeld();
};

void PoolRingTest::stacksAndListsAreStoredOnce()
{
    const auto original = Stream{204, {1, 5, 0.3, true, true, 0.02, 2}}.take(2000);
    const Folder folder;
    const auto file = folder / "a.poolrec";
    QCOMPARE(record_all(file, original, keyframes_every(20s)), std::string{});
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
void PoolRingTest::aRingForgetsThem()
{
    Stream stream{205, {1, 5, 0.3, true, true, 0.02, 2, 15}};
    const auto original = stream.take(6000);
    const Folder folder;
    const auto whole = folder / "whole.poolrec", ring = folder / "ring.poolrec";
    QCOMPARE(record_all(whole, original, keyframes_every(10s)), std::string{});
    WriterOptions options = keyframes_every(10s);
    options.keep_for = 60s;
    QCOMPARE(record_all(ring, original, options), std::string{});
    QCOMPARE(use(ring), std::string{});
    const auto rest = read_file(ring);
    QVERIFY(rest.size() > 100 && rest.size() < 1000);
    QVERIFY(std::equal(rest.begin(), rest.end(),
                       original.end() - static_cast<std::ptrdiff_t>(rest.size())));
    SQLite::Database large{whole.string(), SQLite::OPEN_READONLY};
    SQLite::Database small{ring.string(), SQLite::OPEN_READONLY};
    for (const std::string table : {"agent",
                                    "pool_sample",
                                    "pool",
                                    "connection_change",
                                    "connection_close",
                                    "checkout",
                                    "checkout_change",
                                    "checkout_end",
                                    "brief_hold",
                                    "acquire_timeout",
                                    "text",
                                    "property_list",
                                    "property",
                                    "pool_minute",
                                    "keyframe_process",
                                    "keyframe_pool",
                                    "keyframe_connection",
                                    "keyframe_checkout",
                                    "prepared",
                                    "keyframe_prepared",
                                    "settings",
                                    "setting",
                                    "keyframe_settings"}) {
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
    QCOMPARE(small.execAndGet("SELECT sum(settings) FROM settings").getInt(),
             small.execAndGet("SELECT count(*) FROM setting").getInt());
    QCOMPARE(small.execAndGet("SELECT count(*) FROM reclaim").getInt(),
             large.execAndGet("SELECT count(*) FROM reclaim").getInt());
}

/// One checkout outlives everything that a ring remembers of its beginning.
void PoolRingTest::aRingKeepsWhatIsHeld()
{
    RecordedProcess process;
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
    const ServerSettings told{{{SettingScope::role, "app", "connection_limit", "8", ""}}, false};
    process.add(SettingsReported{told});
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
    QCOMPARE(record_all(folder / "a.poolrec", process.all(), options), std::string{});
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
    QVERIFY(world.value().target(TargetId{1})->settings == told); // once, at the very beginning
    SQLite::Database db{(folder / "a.poolrec").string(), SQLite::OPEN_READONLY};
    for (const std::string table :
         {"checkout", "stack", "stack_line", "property_list", "property"}) {
        const int rows = db.execAndGet("SELECT count(*) FROM " + table).getInt();
        QVERIFY2(rows > 15 && rows < 40, table.c_str());
    }
}

QTEST_APPLESS_MAIN(PoolRingTest)
#include "tst_poolring.moc"
