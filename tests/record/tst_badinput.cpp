// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/bounds.h"
#include "core/record/reader.h"
#include "core/record/schema.h"
#include "core/record/writer.h"
#include "tests/record/samplerecording.h"

#include <QTest>
#include <SQLiteCpp/Database.h>
#include <fmt/format.h>

#include <csignal>
#include <random>
#include <sys/resource.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class BadInput : public QObject
{
    Q_OBJECT

private:
    SampleRecording sample_{51, 800, 15s};
    const std::filesystem::path& good_ = sample_.file();

private slots:
    void initTestCase();
    void sentences_data();
    void sentences();
    void alteredTables_data();
    void alteredTables();
    void instantsBeyondAllMeasure_data();
    void instantsBeyondAllMeasure();
    void pastADamagedKeyframe_data();
    void pastADamagedKeyframe();
    void cutOff();
    void flippedBytes();
    void hostileTextIsPlain();
    void copyRefuses();
    void copyReplacesOnlyWhole();
    void copyOfALiveRecording();
    void copyOntoAFullDisk();
};

void BadInput::initTestCase()
{
    QCOMPARE(sample_.trouble(), std::string{});
    QCOMPARE(use(good_), std::string{});
}

void BadInput::sentences_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("expected");
    std::filesystem::create_directory(sample_ / "folder");
    write_bytes(sample_ / "empty", "");
    write_bytes(sample_ / "text", std::string(5000, 'x'));
    write_bytes(sample_ / "short", "SQLite format 3");
    {
        SQLite::Database db{(sample_ / "foreign").string(),
                            SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
        db.exec("CREATE TABLE t(a)");
    }
    std::filesystem::copy_file(good_, sample_ / "newer");
    SQLite::Database{(sample_ / "newer").string(), SQLite::OPEN_READWRITE}.exec(
        fmt::format("PRAGMA user_version = {}", schema::version + 1));
    std::filesystem::copy_file(good_, sample_ / "older");
    SQLite::Database{(sample_ / "older").string(), SQLite::OPEN_READWRITE}.exec(
        "PRAGMA user_version = 0");
    QTest::newRow("missing") << "missing"
                             << "There is no file";
    QTest::newRow("folder") << "folder"
                            << "is a folder";
    QTest::newRow("empty") << "empty"
                           << "is empty";
    QTest::newRow("text") << "text"
                          << "is not a recording";
    QTest::newRow("short") << "short"
                           << "is not a recording";
    QTest::newRow("foreign") << "foreign"
                             << "database of another program";
    QTest::newRow("newer") << "newer"
                           << "newer Poolscope";
    QTest::newRow("older") << "older"
                           << "is damaged";
}

void BadInput::sentences()
{
    QFETCH(QString, name);
    QFETCH(QString, expected);
    const auto reader = RecordingReader::open(sample_ / name.toUtf8().constData());
    QVERIFY(!reader);
    const QString sentence = QString::fromStdString(reader.error().sentence);
    QVERIFY2(sentence.contains(expected), qPrintable(sentence));
    QVERIFY(!reader.error().next_step.empty());
}

void BadInput::alteredTables_data()
{
    QTest::addColumn<QString>("sql");
    const auto row = [](const char* sql) {
        QTest::newRow(sql) << QString::fromUtf8(sql);
    };
    row("DROP TABLE note");
    row("DROP VIEW v_states; DROP TABLE sample; CREATE VIEW sample AS SELECT 1");
    row("ALTER TABLE text ADD COLUMN more");
    row("UPDATE session_change SET state = 99 WHERE id = (SELECT max(id) FROM session_change)");
    row("UPDATE session_change SET statement = 1 << 40");
    row("UPDATE session_change SET session = 'x'");
    row("UPDATE session_change SET session = NULL");
    row("UPDATE session_change SET state_age_us = 1.5 WHERE state >= 0");
    row("UPDATE session_change SET xid = -1 WHERE state >= 0");
    row("UPDATE sample SET target = -1");
    row("UPDATE sample SET active = 1 << 40");
    row("UPDATE sample SET active = 1 << 30"); // more than can be added up
    row("UPDATE sample SET idle = -1");
    row("UPDATE sample SET full = 7");
    row("UPDATE sample SET time = NULL");
    row("UPDATE status SET reach = 4");
    row("UPDATE status SET sentence = x'00ff'");
    row("UPDATE \"action\" SET phase = 6");
    row("UPDATE \"action\" SET verb = NULL");
    row("DELETE FROM text WHERE id % 2");
    row("DELETE FROM session");
    row("DELETE FROM status");
    row("UPDATE session SET target = 1 << 33");
    row("UPDATE text SET body = '1,,2' WHERE body GLOB '0,*'");
    row("UPDATE keyframe_target SET gap = 2");
    row("UPDATE keyframe_session SET target = 77");
    row("UPDATE keyframe_session SET locks = -5");
    row("UPDATE keyframe SET time = 'soon'");
    row("UPDATE meta SET value = -1 WHERE key = 'first_keyframe'");
    row("UPDATE meta SET value = 'x' WHERE key = 'first_keyframe'");
    row("UPDATE minute SET gap = NULL");
    row("UPDATE target SET name = zeroblob(100)");
    row("UPDATE text SET body = zeroblob(17 << 20) WHERE id = 1");
    row("DROP TABLE pool_sample");
    row("ALTER TABLE stack_line ADD COLUMN more");
    row("UPDATE agent SET protocol = 1 << 40");
    row("UPDATE agent SET can = zeroblob(3)");
    row("UPDATE agent SET may_reclaim = 2");
    row("DELETE FROM agent");
    row("UPDATE pool_sample SET full = 2");
    row("UPDATE pool_sample SET gap_before = 'x' WHERE gap_before IS NOT NULL");
    row("UPDATE pool_sample SET clock_offset_us = NULL");
    row("UPDATE pool_sample SET lost = 0.5");
    row("UPDATE pool_sample SET target = 1 << 33");
    row("UPDATE reclaim SET phase = 6");
    row("UPDATE reclaim SET checkout_target = -1");
    row("UPDATE pool SET name = 1 << 40");
    row("UPDATE pool SET used = 'many'");
    row("UPDATE pool SET wait_p99_us = 'x' WHERE wait_count IS NOT NULL");
    row("UPDATE pool SET configuration = 0 WHERE configuration IS NOT NULL");
    row("UPDATE keyframe_pool SET target = 77");
    row("UPDATE keyframe_pool SET health = -1");
    row("UPDATE connection_change SET local_port = 65536");
    row("UPDATE connection_close SET connection = -3");
    row("UPDATE keyframe_connection SET opened = 'noon'");
    row("UPDATE checkout SET acquired = NULL");
    row("UPDATE checkout SET local_port = -1");
    row("UPDATE checkout SET target = NULL");
    row("UPDATE checkout SET stack = 1 << 43 WHERE stack IS NOT NULL");
    row("UPDATE checkout SET tags = -1 WHERE tags IS NOT NULL");
    row("DELETE FROM checkout");
    row("UPDATE checkout_change SET busy = 2");
    row("UPDATE checkout_change SET checkout = NULL");
    row("UPDATE checkout_end SET checkout = 1 << 40");
    row("UPDATE checkout_end SET returned_age_us = 'x' WHERE returned_age_us IS NOT NULL");
    row("UPDATE keyframe_checkout SET checkout = 0");
    row("UPDATE brief_hold SET count = NULL");
    row("UPDATE acquire_timeout SET age_us = NULL");
    row("UPDATE stack SET lines = -1");
    row("UPDATE stack SET lines = lines + 1");
    row("DELETE FROM stack_line WHERE id & 1");
    row("UPDATE stack_line SET line = 1 << 31");
    row("UPDATE stack_line SET own = 3");
    row("DELETE FROM stack");
    row("UPDATE property_list SET properties = 1 << 30");
    row("DELETE FROM property");
    row("UPDATE keyframe_process SET target = 77");
    row("UPDATE keyframe_process SET agent = 1 WHERE agent IS NOT NULL");
    row("UPDATE keyframe_process SET unmatched = NULL");
    row("UPDATE pool_minute SET gap = 7");
}

void BadInput::alteredTables()
{
    QFETCH(QString, sql);
    const std::string trouble = use(sample_.altered(sql.toStdString()));
    QVERIFY2(!trouble.empty(), "nothing was noticed");
    QVERIFY2(trouble.find("damaged") != std::string::npos ||
                 trouble.find("could not be") != std::string::npos,
             trouble.c_str());
}

void BadInput::instantsBeyondAllMeasure_data()
{
    QTest::addColumn<QString>("sql");
    for (const char* number : {"9223372036854775807", "-9223372036854775807 - 1"}) {
        for (const char* column :
             {"keyframe SET time", "sample SET time", "sample SET clock_offset_us", "note SET time",
              "pool_sample SET time", "pool_sample SET clock_offset_us", "session SET started",
              "session_change SET state_age_us", "status SET time"}) {
            const QString sql =
                QString::fromStdString(fmt::format("UPDATE {} = {}", column, number));
            QTest::newRow(qUtf8Printable(sql)) << sql;
        }
    }
}

/// Nothing is wrong with the tables; but nobody can reckon with such instants.
void BadInput::instantsBeyondAllMeasure()
{
    QFETCH(QString, sql);
    const auto file = sample_.altered(sql.toStdString());
    auto reader = RecordingReader::open(file);
    QVERIFY(reader);
    const auto near = [](Timestamp time) {
        return std::abs(to_us(time)) <= farthest_us;
    };
    const auto info = reader.value()->info();
    QVERIFY(info);
    QVERIFY(near(info.value().started) && near(info.value().ended));
    std::size_t seen = 0;
    const auto read = reader.value()->read(SequenceNumber{}, [&](const Observation& o) {
        ++seen;
        if (!near(o.time))
            return false;
        const auto* sample = std::get_if<ServerSample>(&o.what);
        if (!sample)
            return true;
        return near(timestamp_from_us(0) + sample->clock_offset / 2) &&
               std::all_of(sample->changed.begin(), sample->changed.end(), [&](const Session& s) {
                   return near(s.key.started) && near(s.state_since.value_or(s.key.started)) &&
                          near(s.transaction_since.value_or(s.key.started));
               });
    });
    QVERIFY2(read, read ? "" : read.error().sentence.c_str());
    QCOMPARE(seen, sample_.observations().size());
    QCOMPARE(use(file), std::string{});
}

void BadInput::pastADamagedKeyframe_data()
{
    QTest::addColumn<QString>("sql");
    QTest::addColumn<bool>("fromTheBeginning");
    QTest::newRow("the last") << "UPDATE keyframe_target SET gap = 2"
                                 " WHERE id >> 20 = (SELECT max(sequence) FROM keyframe)"
                              << false;
    QTest::newRow("all") << "UPDATE keyframe_target SET gap = 2" << true;
}

/// The error is told, and who goes on from an earlier one comes to the same world.
void BadInput::pastADamagedKeyframe()
{
    QFETCH(const QString, sql);
    QFETCH(const bool, fromTheBeginning);
    auto reader = RecordingReader::open(sample_.altered(sql.toStdString()));
    QVERIFY(reader);
    const Timestamp end = reader.value()->info().value().ended;
    const auto damaged = reader.value()->keyframe(end);
    QVERIFY(!damaged);
    QVERIFY(damaged.error().sentence.find("damaged") != std::string::npos);
    auto sound = reader.value()->sound_keyframe(end);
    QVERIFY2(sound, sound ? "" : sound.error().sentence.c_str());
    QCOMPARE(sound.value().sequence().value == 0, fromTheBeginning);
    World reached = std::move(sound).value();
    QVERIFY(reader.value()->read(reached.sequence(), [&](const Observation& each) {
        reached.apply(each);
        return true;
    }));
    World wanted;
    for (const Observation& each : sample_.observations())
        wanted.apply(each);
    QVERIFY(reached == wanted);
}

void BadInput::cutOff()
{
    const std::string bytes = contents(good_);
    for (const double share : {0.999, 0.9, 0.5, 0.1, 0.01, 0.0005}) {
        write_bytes(
            sample_ / "cut",
            bytes.substr(0, static_cast<std::size_t>(static_cast<double>(bytes.size()) * share)));
        const auto reader = RecordingReader::open(sample_ / "cut");
        QVERIFY(!reader);
        QVERIFY2(reader.error().sentence.find("is damaged") != std::string::npos ||
                     reader.error().sentence.find("is not a recording") != std::string::npos,
                 reader.error().sentence.c_str());
    }
}

void BadInput::flippedBytes()
{
    const std::string bytes = contents(good_);
    std::mt19937 random{52};
    int noticed = 0;
    for (int i = 0; i < 300; ++i) {
        std::string broken = bytes;
        // One byte, or a whole stretch of rubbish.
        const std::size_t at = random() % broken.size();
        const std::size_t length = i % 3 == 0 ? std::min<std::size_t>(200, broken.size() - at) : 1;
        for (std::size_t k = 0; k < length; ++k)
            broken[at + k] = static_cast<char>(random());
        write_bytes(sample_ / "broken", broken);
        const std::string trouble = use(sample_ / "broken");
        noticed += trouble.empty() ? 0 : 1;
    }
    QVERIFY2(noticed > 30, qPrintable(QString::number(noticed)));
}

void BadInput::hostileTextIsPlain()
{
    const auto file =
        sample_.altered("UPDATE target SET name = 'a' || char(8238) || 'b' || char(7)");
    const auto info = RecordingReader::open(file).value()->info();
    QVERIFY(info);
    const std::string& name = info.value().targets.front().name;
    QVERIFY(name.find("\xE2\x80\xAE") == std::string::npos);
    QVERIFY(name.find('\a') == std::string::npos);
}

void BadInput::copyRefuses()
{
    const auto to = sample_ / "copy.poolrec";
    QVERIFY(!save_recording(sample_ / "missing", to, {}));
    QVERIFY(!save_recording(sample_ / "text", to, {}));
    const auto onto_itself = save_recording(good_, good_, {});
    QVERIFY(!onto_itself);
    QVERIFY(onto_itself.error().sentence.find("itself") != std::string::npos);
    QVERIFY(!save_recording(good_, sample_ / "folder", {}));
    const auto nowhere = save_recording(good_, sample_ / "no" / "copy.poolrec", {});
    QVERIFY(!nowhere);
    QVERIFY(nowhere.error().sentence.find("does not exist") != std::string::npos);
    QVERIFY(!std::filesystem::exists(to));
    QCOMPARE(use(good_), std::string{});
}

void BadInput::copyReplacesOnlyWhole()
{
    const Folder out;
    const auto to = out / "copy.poolrec";
    write_bytes(to, "what was there before");
    const auto stopped = save_recording(good_, to, [](double) { return false; });
    QVERIFY(!stopped);
    QCOMPARE(contents(to), std::string{"what was there before"});
    QCOMPARE(files_in(out.path()), std::size_t{1});

    std::vector<double> progress;
    QVERIFY(save_recording(good_, to, [&](double done) {
        progress.push_back(done);
        return true;
    }));
    QVERIFY(std::is_sorted(progress.begin(), progress.end()));
    QCOMPARE(progress.back(), 1.0);
    QCOMPARE(files_in(out.path()), std::size_t{1});
    QVERIFY(read_file(to) == read_file(good_));
    QVERIFY(RecordingReader::open(to).value()->info().value().complete);

    write_bytes(out / "open.poolrec", "x");
    write_bytes(out / "open.poolrec-wal", "x");
    QVERIFY(!save_recording(good_, out / "open.poolrec", {}));
}

void BadInput::copyOfALiveRecording()
{
    const Folder out;
    Stream stream{53, {2, 50, 0.5, true, false, 0.02, 1, 60}};
    auto writer = RecordingWriter::create(out / "live.poolrec", {});
    QVERIFY(writer);
    for (int i = 0; i < 3000; ++i)
        QVERIFY(writer.value()->append(stream.next()));
    QVERIFY(writer.value()->commit());
    // It grows while it is copied, and the copy still comes to an end.
    int steps = 0;
    const auto done = save_recording(out / "live.poolrec", out / "copy.poolrec", [&](double) {
        ++steps;
        return steps < 1000 && writer.value()->append(stream.next()) && writer.value()->commit();
    });
    QVERIFY(done);
    QVERIFY(steps > 1);
    QCOMPARE(read_file(out / "copy.poolrec").size(), std::size_t{3000});
    QVERIFY(RecordingReader::open(out / "copy.poolrec").value()->info().value().complete);
    QVERIFY(!RecordingReader::open(out / "live.poolrec").value()->info().value().complete);
    QVERIFY(!std::filesystem::exists(out / "copy.poolrec-wal"));
    QVERIFY(writer.value()->close());
}

void BadInput::copyOntoAFullDisk()
{
    const Folder out;
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{50'000, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    const auto done = save_recording(good_, out / "copy.poolrec", {});
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    QVERIFY(!done);
    QVERIFY2(done.error().sentence.find("could not be written") != std::string::npos,
             done.error().sentence.c_str());
    QVERIFY(!done.error().next_step.empty());
    QCOMPARE(files_in(out.path()), std::size_t{0});
}

QTEST_APPLESS_MAIN(BadInput)
#include "tst_badinput.moc"
