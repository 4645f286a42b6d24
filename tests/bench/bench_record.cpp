// SPDX-License-Identifier: GPL-3.0-or-later
// bench_record [--minutes N] [--sessions N] [--changing PERCENT] [--seeks N] [--rounds N]
// Bytes a session-second, the writer's rate against bare inserts of the same rows in the same
// batches, and what opening, seeking and charting cost. Prints one figure a line.
//
// bench_record --hours N [--sessions N] [--changing PERCENT] [--seeks N] [--play 0]
//     [--folder FOLDER]
// What a long recording costs to open, seek, chart and play, and whether memory grows with it:
// see bench_recordlong.h. 168 hours are 1.7 GB, and some minutes.
//
// bench_record --checkouts N [--minutes N] [--seeks N]
// What a busy process costs to record: see bench_recordpools.h.
#include "core/record/database.h"
#include "core/record/encoder.h"
#include "core/record/reader.h"
#include "core/record/schema.h"
#include "core/record/writer.h"
#include "tests/bench/bench_recordlong.h"
#include "tests/bench/bench_recordpools.h"
#include "tests/record/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>

using namespace poolscope;
using poolscope::test::Folder;
using poolscope::test::Stream;

namespace {

using Watch = std::chrono::steady_clock;

double ms_since(Watch::time_point start)
{
    return std::chrono::duration<double, std::milli>(Watch::now() - start).count();
}

/// Processor time of this process: other work on the machine does not count.
double cpu_ms()
{
    return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Settings
{
    int minutes = 5;
    int sessions = 500;
    double changing = 0.1;
    int seeks = 50;
    int rounds = 7;
    int checkouts = 0; ///< of a busy process; 0: sessions
    bool play = true;
    double hours = 0; ///< of a long recording; 0: the short one
    std::filesystem::path folder = std::filesystem::temp_directory_path();
};

using Batch = std::vector<Observation>;

/// One batch a second: a sample and a tick.
std::vector<Batch> make_batches(const Settings& settings)
{
    Stream stream{1, {1, settings.sessions, settings.changing, false, false, 0.0, 0}};
    std::vector<Batch> batches(1);
    batches.back().push_back(stream.next());
    for (int i = 0; i < settings.minutes * 60; ++i)
        batches.push_back(stream.take(2));
    return batches;
}

double write(const Folder& folder, const std::vector<Batch>& batches)
{
    auto writer = RecordingWriter::create(folder / "bench.poolrec", {});
    const double start = cpu_ms();
    for (const Batch& batch : batches) {
        for (const Observation& o : batch) {
            if (!writer.value()->append(o))
                std::abort();
        }
        if (!writer.value()->commit())
            std::abort();
    }
    const double ms = cpu_ms() - start;
    if (!writer.value()->close())
        std::abort();
    return ms;
}

// What a plain program does: one statement a row, every column bound.
void insert_bare(record::Query& insert, const record::SessionRow& row, int columns)
{
    insert.bind(1, row.id);
    for (int i = 0; i + 1 < columns; ++i) {
        const auto column = static_cast<record::SessionRow::Column>(i);
        if (row.has(column))
            insert.bind(i + 2, row.values[column]);
        else
            insert.bind_null(i + 2);
    }
    insert.run();
}

void insert_bare(record::Query& insert, const record::PlainRow& row)
{
    int index = 0;
    for (const record::Value& value : row.values) {
        ++index;
        if (const auto* const number = std::get_if<std::int64_t>(&value))
            insert.bind(index, *number);
        else if (const auto* const string = std::get_if<std::string>(&value))
            insert.bind(index, *string);
        else if (const auto* const text = std::get_if<Text>(&value); text && !text->is_null())
            insert.bind(index, text->str());
        else
            insert.bind_null(index);
    }
    insert.run();
}

/// The very rows that the writer writes, made beforehand.
double write_bare(const Folder& folder, const std::vector<Batch>& batches, std::size_t& rows)
{
    record::Encoder encoder{{}};
    std::vector<record::Pending> all;
    for (const Batch& batch : batches) {
        record::Pending pending;
        for (const Observation& o : batch)
            encoder.append(o, pending);
        rows += pending.rows();
        all.push_back(std::move(pending));
    }
    SQLite::Database db{(folder / "bare.db").string(),
                        SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX};
    db.exec("PRAGMA page_size = 4096");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = NORMAL");
    std::vector<record::Query> inserts;
    for (std::size_t i = 0; i < schema::table_count; ++i) {
        const auto& table = schema::definition(static_cast<schema::Table>(i));
        db.exec(std::string{table.sql});
        std::string marks = "?";
        for (int c = 1; c < table.columns; ++c)
            marks += ",?";
        inserts.emplace_back(db, fmt::format("INSERT INTO \"{}\" VALUES ({})", table.name, marks));
    }
    const auto sessions = [&](schema::Table table, const std::vector<record::SessionRow>& some) {
        record::Query& insert = inserts.at(static_cast<std::size_t>(table));
        for (const record::SessionRow& row : some)
            insert_bare(insert, row, schema::definition(table).columns);
    };
    const double start = cpu_ms();
    for (const record::Pending& pending : all) {
        db.exec("BEGIN IMMEDIATE");
        for (const record::PlainRow& row : pending.plain)
            insert_bare(inserts.at(static_cast<std::size_t>(row.table)), row);
        sessions(schema::Table::session_change, pending.changes);
        sessions(schema::Table::keyframe_session, pending.keyframe_sessions);
        db.exec("COMMIT");
    }
    return cpu_ms() - start;
}

void read(const Folder& folder, const Settings& settings, const std::vector<Batch>& batches)
{
    const auto start = Watch::now();
    auto reader = RecordingReader::open(folder / "bench.poolrec");
    const auto info = reader.value()->info();
    fmt::print("open_and_info_ms {:.1f}\n", ms_since(start));
    const Timestamp from = batches.front().front().time, to = batches.back().back().time;

    std::vector<double> seeks;
    for (int i = 0; i < settings.seeks; ++i) {
        const Timestamp at = from + (to - from) * ((i * 7919) % settings.seeks) / settings.seeks;
        const auto begin = Watch::now();
        auto world = reader.value()->keyframe(at);
        const auto done = reader.value()->read(world.value().sequence(), [&](const Observation& o) {
            if (o.time > at)
                return false;
            world.value().apply(o);
            return true;
        });
        if (!done)
            std::abort();
        seeks.push_back(ms_since(begin));
    }
    std::sort(seeks.begin(), seeks.end());
    fmt::print("seek_median_ms {:.1f}\nseek_worst_ms {:.1f}\n", seeks[seeks.size() / 2],
               seeks.back());

    const auto chart = Watch::now();
    const auto series = reader.value()->series(from, to, 600);
    fmt::print("series_600_ms {:.1f}\n", ms_since(chart));
    const auto lane = Watch::now();
    const auto& sample =
        std::get<ServerSample>(batches.at(1).at(0).what.index() == 3 ? batches.at(1).at(0).what
                                                                     : batches.at(1).at(1).what);
    const auto past = reader.value()->past(sample.changed.front().key, from, to);
    fmt::print("past_whole_ms {:.1f}\n", ms_since(lane));
    if (!info || !series || !past)
        std::abort();
}

bool parse(int argc, char** argv, Settings& settings)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const auto is = [&](const char* name) {
            return std::strcmp(argv[i], name) == 0;
        };
        const char* const value = argv[i + 1];
        if (is("--minutes"))
            settings.minutes = std::max(1, std::atoi(value));
        else if (is("--hours"))
            settings.hours = std::max(0.1, std::atof(value));
        else if (is("--sessions"))
            settings.sessions = std::max(1, std::atoi(value));
        else if (is("--changing"))
            settings.changing = std::atof(value) / 100;
        else if (is("--seeks"))
            settings.seeks = std::max(1, std::atoi(value));
        else if (is("--rounds"))
            settings.rounds = std::max(1, std::atoi(value));
        else if (is("--checkouts"))
            settings.checkouts = std::max(1, std::atoi(value));
        else if (is("--play"))
            settings.play = std::atoi(value) != 0;
        else if (is("--folder"))
            settings.folder = value;
        else
            return false;
    }
    return argc % 2 == 1;
}

/// "least median most" of some rounds.
std::string spread(std::vector<double> values, const char* format)
{
    std::sort(values.begin(), values.end());
    const auto one = [&](double value) {
        return fmt::format(fmt::runtime(format), value);
    };
    return one(values.front()) + ' ' + one(values[values.size() / 2]) + ' ' + one(values.back());
}

void run_short(const Settings& settings)
{
    const std::vector<Batch> batches = make_batches(settings);
    std::size_t changed = 0;
    for (const Batch& batch : batches) {
        for (const Observation& o : batch) {
            if (const auto* const s = std::get_if<ServerSample>(&o.what))
                changed += s->changed.size() + s->gone.size();
        }
    }
    // In turns, and now the one first, now the other, because other work disturbs.
    std::vector<double> ratios, ours, theirs;
    std::size_t rows = 0;
    for (int round = 0; round < settings.rounds; ++round) {
        const Folder folder;
        double written = 0, bare = 0;
        rows = 0;
        if (round % 2 == 0)
            bare = write_bare(folder, batches, rows);
        written = write(folder, batches);
        if (round % 2 != 0)
            bare = write_bare(folder, batches, rows);
        ratios.push_back(bare / written);
        ours.push_back(static_cast<double>(rows) / written * 1000);
        theirs.push_back(static_cast<double>(rows) / bare * 1000);
        if (round + 1 < settings.rounds)
            continue;
        const auto size = static_cast<double>(record::size_on_disk(folder / "bench.poolrec"));
        fmt::print("changed_sessions {}\nfile_bytes {:.0f}\n", changed, size);
        fmt::print("bytes_a_changed_session {:.1f}\n", size / static_cast<double>(changed));
        fmt::print("bytes_a_session_second {:.2f}\n",
                   size / (settings.sessions * settings.minutes * 60.0));
        fmt::print("mb_an_hour {:.2f}\n", size / settings.minutes * 60 / 1e6);
        fmt::print("rows_a_second {}\nbare_rows_a_second {}\nwriter_against_bare {}\n",
                   spread(ours, "{:.0f}"), spread(theirs, "{:.0f}"), spread(ratios, "{:.2f}"));
        read(folder, settings, batches);
    }
}

} // namespace

int main(int argc, char** argv)
{
    Settings settings;
    if (!parse(argc, argv, settings))
        return 2;
    if (settings.checkouts != 0)
        return bench::run_pools({settings.checkouts, settings.minutes, settings.seeks}) ? 0 : 1;
    if (settings.hours == 0) {
        run_short(settings);
        return 0;
    }
    return bench::run_long({settings.hours, settings.sessions, settings.changing, settings.seeks,
                            settings.play, settings.folder})
               ? 0
               : 1;
}
