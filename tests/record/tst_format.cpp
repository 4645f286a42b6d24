// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/reader.h"
#include "core/record/schema.h"
#include "core/record/writer.h"
#include "tests/record/samplerecording.h"
#include "tests/support/places.h"

#include <QTest>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include <cmath>
#include <set>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

/// What FORMAT.md promises to a person with the sqlite3 shell, and the recordings of old.
class Format : public QObject
{
    Q_OBJECT

private:
    SampleRecording sample_{71, 2000, 20s};

    std::int64_t ask(const std::string& sql) { return sample_.ask(sql); }

private slots:
    void initTestCase();
    void everyExampleAnswers();
    void everyViewAndTableIsDescribed();
    void viewsSayWhatWasSeen();
    void seekableWithoutSecondIndex();
    void goldenRecording();
    void goldenPools();
    void goldenStatements();
    void goldenSettings();
    void goldenNotes();
    void goldenPoolsHaveEveryField();
    void anOldDefaultIsNoChoice();
    void writesWhatItAlwaysWrote_data();
    void writesWhatItAlwaysWrote();
};

void Format::initTestCase()
{
    QCOMPARE(sample_.trouble(), std::string{});
}

void Format::everyExampleAnswers()
{
    const std::string text = contents(inTree("core/record/FORMAT.md").toStdString());
    SQLite::Database db{sample_.file().string(), SQLite::OPEN_READONLY};
    int examples = 0;
    for (std::size_t at = text.find("```sql\n"); at != std::string::npos;
         at = text.find("```sql\n", at)) {
        at += 7;
        const std::size_t end = text.find("```", at);
        QVERIFY(end != std::string::npos);
        const std::string sql = text.substr(at, end - at);
        SQLite::Statement query{db, sql};
        QVERIFY2(query.executeStep(), sql.c_str());
        bool something = false;
        for (int i = 0; i < query.getColumnCount(); ++i)
            something = something || !query.getColumn(i).isNull();
        QVERIFY2(something, sql.c_str());
        ++examples;
        at = end;
    }
    QVERIFY(examples >= 6);
}

void Format::everyViewAndTableIsDescribed()
{
    const std::string text = contents(inTree("core/record/FORMAT.md").toStdString());
    SQLite::Database db{sample_.file().string(), SQLite::OPEN_READONLY};
    SQLite::Statement names{db, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
                                " AND name NOT LIKE 'sqlite_%'"};
    int count = 0;
    while (names.executeStep()) {
        const std::string name = names.getColumn(0).getString();
        QVERIFY2(text.find('`' + name + '`') != std::string::npos, name.c_str());
        SQLite::Statement columns{db, "SELECT * FROM \"" + name + "\" LIMIT 1"};
        for (int i = 0; i < columns.getColumnCount(); ++i) {
            const std::string column = columns.getColumnName(i);
            QVERIFY2(text.find(column) != std::string::npos, (name + '.' + column).c_str());
        }
        ++count;
    }
    QVERIFY(count >= 30);
    QCOMPARE(ask("PRAGMA application_id"), std::int64_t{0x50534350});
    QVERIFY(text.find(std::to_string(0x50534350)) != std::string::npos);
    QCOMPARE(ask("PRAGMA user_version"), std::int64_t{5});
}

void Format::viewsSayWhatWasSeen()
{
    const auto original = sample_.observations();
    World world;
    std::int32_t peak = 0;
    std::size_t idle_in_transaction = 0, gaps = 0;
    double longest = 0;
    for (const Observation& o : original) {
        world.apply(o);
        gaps += std::holds_alternative<Gap>(o.what) ? 1 : 0;
        const auto* const sample = std::get_if<ServerSample>(&o.what);
        if (!sample)
            continue;
        peak = std::max(peak, world.target(o.target)->client_count());
        for (const Session& s : sample->changed) {
            idle_in_transaction += s.state == SessionState::idle_in_transaction ? 1 : 0;
            if (s.transaction_since) {
                const Duration age = o.time + sample->clock_offset - *s.transaction_since;
                longest = std::max(longest, static_cast<double>(to_us(age)) / 1e6);
            }
        }
    }
    QCOMPARE(ask("SELECT max(clients) FROM v_states"), std::int64_t{peak});
    QCOMPARE(ask("SELECT count(*) FROM v_session_changes WHERE state = 'idle_in_transaction'"),
             static_cast<std::int64_t>(idle_in_transaction));
    QCOMPARE(ask("SELECT count(*) FROM v_gaps"), static_cast<std::int64_t>(gaps));
    QCOMPARE(ask("SELECT round(max(longest_seen_s) * 1000) FROM v_long_transactions"),
             static_cast<std::int64_t>(std::llround(longest * 1000)));
    QCOMPARE(ask("SELECT count(*) FROM v_states WHERE time GLOB "
                 "'2026-11-21T14:*Z' AND target = 'shop-db'") > 100,
             true);
    // Everybody who came and is not there now has left.
    std::int64_t alive = 0;
    for (const auto& [id, target] : world.targets())
        alive += static_cast<std::int64_t>(target.sessions.size());
    QCOMPARE(ask("SELECT count(*) FROM (SELECT session, max(sequence), state FROM v_session_changes"
                 " GROUP BY session) WHERE state <> 'gone'"),
             alive);
}

void Format::seekableWithoutSecondIndex()
{
    QCOMPARE(ask("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name IN"
                 " ('session_change', 'sample', 'keyframe_session', 'session', 'text', 'tick')"),
             std::int64_t{0});
    QVERIFY(ask("SELECT count(*) FROM tick") > 100);
}

void Format::goldenRecording()
{
    const std::filesystem::path golden = inTree("tests/data/v1.poolrec").toStdString();
    QVERIFY(std::filesystem::file_size(golden) < 200'000);
    const auto reader = RecordingReader::open(golden);
    QVERIFY2(reader, reader ? "" : reader.error().sentence.c_str());
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().version, 1);
    QVERIFY(info.value().complete);
    QCOMPARE(info.value().observations, std::uint64_t{500});
    QCOMPARE(info.value().gaps, std::uint64_t{10});
    QCOMPARE(info.value().targets.size(), std::size_t{2});
    QCOMPARE(info.value().targets[0].name, std::string{"shop-db"});
    QCOMPARE(info.value().targets[1].url, std::string{"postgresql://billing-db.example/shop"});
    QCOMPARE(QString::fromStdString(format_iso8601(info.value().started)),
             QStringLiteral("2026-11-21T14:28:40.000000Z"));
    QCOMPARE(QString::fromStdString(format_iso8601(info.value().ended)),
             QStringLiteral("2026-11-21T14:31:12.045476Z"));

    World world;
    std::set<std::size_t> kinds;
    for (const Observation& o : read_all(*reader.value())) {
        world.apply(o);
        kinds.insert(o.what.index());
    }
    QCOMPARE(kinds.size(), std::size_t{10}); // without agents
    QCOMPARE(world.target(TargetId{1})->sessions.size(), std::size_t{12});
    QCOMPARE(world.target(TargetId{2})->sessions.size(), std::size_t{12});
    QCOMPARE(world.actions().size(), std::size_t{3});
    QCOMPARE(world.notes().size(), std::size_t{7});
    World seeked = reader.value()->keyframe(info.value().ended).value();
    QVERIFY(seeked.sequence().value > 100);
    QVERIFY(reader.value()->read(seeked.sequence(), [&](const Observation& o) {
        seeked.apply(o);
        return true;
    }));
    QVERIFY(seeked == world);
}

void Format::goldenPools()
{
    const std::filesystem::path golden = inTree("tests/data/v2.poolrec").toStdString();
    QVERIFY(std::filesystem::file_size(golden) < 300'000);
    const auto reader = RecordingReader::open(golden);
    QVERIFY2(reader, reader ? "" : reader.error().sentence.c_str());
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().version, 2);
    QVERIFY(info.value().complete);
    QCOMPARE(info.value().observations, std::uint64_t{400});
    QCOMPARE(info.value().targets.size(), std::size_t{2});
    QCOMPARE(info.value().targets[1].name, std::string{"shop-api-2"});
    QCOMPARE(info.value().targets[1].url, std::string{"pool://shop-api-2"});

    std::vector<Observation> all = read_all(*reader.value());
    QVERIFY(all == golden_observations(2));
    World world;
    std::set<std::size_t> kinds;
    for (const Observation& o : all) {
        world.apply(o);
        kinds.insert(o.what.index());
    }
    QCOMPARE(kinds.size(),
             std::variant_size_v<Fact> - 3); // without settings, alert rules and answers
    const Pools& pools = world.target(TargetId{2})->pools;
    QVERIFY(pools.agent);
    QCOMPARE(pools.pools.size(), std::size_t{3});
    QCOMPARE(pools.checkouts.size(), std::size_t{6});
    QVERIFY(pools.lost > 0 && pools.unreadable > 0);
    World seeked = reader.value()->keyframe(info.value().ended).value();
    QVERIFY(seeked.sequence().value > 100);
    QVERIFY(reader.value()->read(seeked.sequence(), [&](const Observation& o) {
        seeked.apply(o);
        return true;
    }));
    QVERIFY(seeked == world);
    const auto series =
        reader.value()->pool_series(info.value().started, info.value().ended, 100'000);
    QVERIFY(series);
    std::size_t points = 0;
    for (const PoolSeries& one : series.value())
        points += one.points.size();
    QCOMPARE(points, std::size_t{197});
}

/// Of version 3: prepared statements, and thresholds of one pool.
void Format::goldenStatements()
{
    const std::filesystem::path golden = inTree("tests/data/v3.poolrec").toStdString();
    QVERIFY(std::filesystem::file_size(golden) < 300'000);
    const auto reader = RecordingReader::open(golden);
    QVERIFY2(reader, reader ? "" : reader.error().sentence.c_str());
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().version, 3);
    QCOMPARE(info.value().observations, std::uint64_t{400});
    const std::vector<Observation> all = read_all(*reader.value());
    QVERIFY(all == golden_observations(3));
    World world;
    for (const Observation& o : all)
        world.apply(o);
    QVERIFY(world.target(TargetId{2})->pools.prepared.size() > 3);
    QVERIFY(world.chosen_thresholds().size() > 1);
    World seeked = reader.value()->keyframe(info.value().ended).value();
    QVERIFY(seeked.sequence().value > 100);
    QVERIFY(!seeked.target(TargetId{2})->pools.prepared.empty());
    QVERIFY(reader.value()->read(seeked.sequence(), [&](const Observation& o) {
        seeked.apply(o);
        return true;
    }));
    QVERIFY(seeked == world);
}

/// Of version 4: what servers are set to.
void Format::goldenSettings()
{
    const std::filesystem::path golden = inTree("tests/data/v4.poolrec").toStdString();
    QVERIFY(std::filesystem::file_size(golden) < 300'000);
    const auto reader = RecordingReader::open(golden);
    QVERIFY2(reader, reader ? "" : reader.error().sentence.c_str());
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().version, 4);
    QCOMPARE(info.value().observations, std::uint64_t{400});
    const std::vector<Observation> all = read_all(*reader.value());
    QVERIFY(all == golden_observations(4));
    World world;
    std::set<SettingScope> scopes;
    for (const Observation& o : all) {
        world.apply(o);
        if (const auto* const report = std::get_if<SettingsReported>(&o.what)) {
            for (const ServerSetting& each : report->settings.all)
                scopes.insert(each.scope);
        }
    }
    QCOMPARE(scopes.size(), std::size_t{3});
    QVERIFY(world.target(TargetId{1})->settings);
    QVERIFY(!world.alert_rules().empty());
    QVERIFY(!world.alert_answers().empty());
    World seeked = reader.value()->keyframe(info.value().ended).value();
    QVERIFY(seeked.sequence().value > 100);
    QVERIFY(seeked.target(TargetId{1})->settings);
    QVERIFY(reader.value()->read(seeked.sequence(), [&](const Observation& o) {
        seeked.apply(o);
        return true;
    }));
    QVERIFY(seeked == world);
}

/// Of version 5: notes on an earlier moment.
void Format::goldenNotes()
{
    const auto reader = RecordingReader::open(inTree("tests/data/v5.poolrec").toStdString());
    QVERIFY2(reader, reader ? "" : reader.error().sentence.c_str());
    const auto info = reader.value()->info();
    QVERIFY(info);
    QCOMPARE(info.value().version, 5);
    const std::vector<Observation> all = read_all(*reader.value());
    QVERIFY(all == golden_observations(5));
    World world;
    for (const Observation& o : all)
        world.apply(o);
    const auto earlier = [](const NoteRecord& note) {
        return note.time < note.written;
    };
    QVERIFY(std::ranges::any_of(world.notes(), earlier));
    QVERIFY(!std::ranges::all_of(world.notes(), earlier));
    World seeked = reader.value()->keyframe(info.value().ended).value();
    QVERIFY(std::ranges::any_of(seeked.notes(), earlier));
    QVERIFY(reader.value()->read(seeked.sequence(), [&](const Observation& o) {
        seeked.apply(o);
        return true;
    }));
    QVERIFY(seeked == world);
}

/// Attaching alone wrote it before version 3; since then somebody chose it.
void Format::anOldDefaultIsNoChoice()
{
    const auto choices = [&](const std::filesystem::path& file) {
        const auto reader = RecordingReader::open(file);
        const auto ended = reader.value()->info().value().ended;
        World seeked = reader.value()->keyframe(ended).value();
        World read;
        for (const Observation& o : read_all(*reader.value()))
            read.apply(o);
        const auto found = seeked.chosen_thresholds();
        return std::pair{found, read.chosen_thresholds()};
    };
    const Folder folder;
    for (const int version : {1, 2, 3, 4, 5}) {
        const auto file = folder / "old.poolrec";
        std::filesystem::copy_file(
            fmt::format("{}/v{}.poolrec", inTree("tests/data").toStdString(), version), file,
            std::filesystem::copy_options::overwrite_existing);
        const auto set = [&](const char* alert, const char* critical) {
            SQLite::Database db{file.string(), SQLite::OPEN_READWRITE};
            db.exec(fmt::format("UPDATE threshold SET alert_us = {}, critical_us = {}", alert,
                                critical));
            if (version > 2)
                db.exec("DELETE FROM threshold_choice");
        };
        set("30000000", "300000000");
        const auto [sought, read] = choices(file);
        QCOMPARE(sought.empty(), version < 3);
        QCOMPARE(read.empty(), version < 3);
        for (const auto& [of, thresholds] : read)
            QVERIFY(thresholds == LeakThresholds{});
        set("30000000", "299000000");
        QVERIFY(!choices(file).first.empty());
        QVERIFY(!choices(file).second.empty());
        // Nothing that could not be reckoned with.
        set("-9223372036854775808", "9223372036854775807");
        for (const auto& [of, thresholds] : choices(file).second) {
            QCOMPARE(thresholds.alert, Duration{0});
            QVERIFY(thresholds.critical < std::chrono::hours{24 * 365 * 101});
        }
    }
}

/// It proves the reading of a column only where something stands in it.
void Format::goldenPoolsHaveEveryField()
{
    SQLite::Database db{inTree("tests/data/v5.poolrec").toStdString(), SQLite::OPEN_READONLY};
    const auto first = static_cast<std::size_t>(schema::Table::agent);
    for (std::size_t i = first; i < schema::table_count; ++i) {
        const std::string table{schema::definition(static_cast<schema::Table>(i)).name};
        SQLite::Statement columns{db, "SELECT * FROM \"" + table + "\" LIMIT 1"};
        for (int c = 0; c < columns.getColumnCount(); ++c) {
            const std::string column = columns.getColumnName(c);
            const std::string sql = "SELECT count(\"" + column + "\") FROM \"" + table + '"';
            QVERIFY2(db.execAndGet(sql).getInt() > 0, (table + '.' + column).c_str());
        }
    }
}

void Format::writesWhatItAlwaysWrote_data()
{
    QTest::addColumn<int>("version");
    QTest::newRow("v1") << 1;
    QTest::newRow("v2") << 2;
    QTest::newRow("v3") << 3;
    QTest::newRow("v4") << 4;
    QTest::newRow("v5") << 5;
}

/// The observations of a golden recording, written anew, give the same rows in every table.
void Format::writesWhatItAlwaysWrote()
{
    QFETCH(int, version);
    const std::string golden =
        inTree("tests/data/v").toStdString() + std::to_string(version) + ".poolrec";
    const auto file = sample_ / ("again" + std::to_string(version) + ".poolrec").c_str();
    QCOMPARE(record_all(file, golden_observations(version), golden_options(version)),
             std::string{});
    SQLite::Database db{file.string(), SQLite::OPEN_READONLY};
    db.exec("ATTACH '" + golden + "' AS golden");
    SQLite::Statement names{db, "SELECT name FROM golden.sqlite_master WHERE type = 'table'"};
    int rows = 0;
    while (names.executeStep()) {
        const std::string name = names.getColumn(0).getString();
        const auto differing = [&](const char* one, const char* other) {
            return db
                .execAndGet("SELECT count(*) FROM (SELECT * FROM " + std::string{one} + ".\"" +
                            name + "\" EXCEPT SELECT * FROM " + other + ".\"" + name + "\")")
                .getInt();
        };
        QVERIFY2(differing("main", "golden") == 0, name.c_str());
        QVERIFY2(differing("golden", "main") == 0, name.c_str());
        const auto count = [&](const char* schema) {
            return db.execAndGet("SELECT count(*) FROM " + std::string{schema} + ".\"" + name + '"')
                .getInt();
        };
        QCOMPARE(count("main"), count("golden"));
        rows += count("main");
    }
    QVERIFY(rows > 1500);
}

QTEST_APPLESS_MAIN(Format)
#include "tst_format.moc"
