// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/reader.h"

#include "core/base/bounds.h"
#include "core/record/keyframes.h"
#include "core/record/observations.h"
#include "core/record/poollookup.h"
#include "core/record/poolseries.h"
#include "core/record/rows.h"
#include "core/record/schema.h"
#include "core/record/series.h"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

using record::ask;
using schema::Table;

/// Everything that one call reads is of one moment, though the file may grow meanwhile. Within
/// another one it does nothing, so that a visitor may ask the same reader.
class Snapshot
{
public:
    explicit Snapshot(SQLite::Database& database)
        : handle_(database.getHandle())
    {
        if (sqlite3_get_autocommit(handle_) == 0)
            return;
        database.exec("BEGIN");
        mine_ = true;
    }
    ~Snapshot()
    {
        if (mine_)
            sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

private:
    sqlite3* handle_;
    bool mine_ = false;
};

class Reader final : public RecordingReader
{
public:
    explicit Reader(const std::filesystem::path& file)
        : file_(file)
        , database_(record::open_recording(file))
        , lookup_(*database_)
    {
        version_ = ask(*database_, "PRAGMA user_version").value_or(0);
        if (version_ >= 2)
            pools_.emplace(*database_, lookup_, version_);
        // What a hostile file could make a number of is looked at here, once.
        static_cast<void>(first_keyframe());
    }

    Result<RecordingInfo> info() override
    {
        return guarded<RecordingInfo>([&]() -> Result<RecordingInfo> { return read_info(); });
    }

    Result<World> keyframe(Timestamp at) override
    {
        return guarded<World>(
            [&]() -> Result<World> { return world_of(keyframes_until(at, 1).front()); });
    }

    Result<SequenceNumber> dropped_up_to() override
    {
        return guarded<SequenceNumber>([&]() -> Result<SequenceNumber> {
            return SequenceNumber{static_cast<std::uint64_t>(first_keyframe())};
        });
    }

    Result<World> sound_keyframe(Timestamp at) override
    {
        constexpr std::size_t most = 100;
        return guarded<World>([&]() -> Result<World> {
            const std::vector<std::int64_t> sequences = keyframes_until(at, most);
            for (const std::int64_t sequence : sequences) {
                if (auto world =
                        guarded<World>([&]() -> Result<World> { return world_of(sequence); }))
                    return world;
            }
            throw record::Damaged("none of its keyframes can be read");
        });
    }

    Result<SequenceNumber> read(SequenceNumber after,
                                const std::function<bool(const Observation&)>& visit) override
    {
        return guarded<SequenceNumber>([&]() -> Result<SequenceNumber> {
            const auto first = static_cast<std::uint64_t>(first_keyframe());
            SequenceNumber last = after;
            record::ObservationCursor cursor{*database_, lookup_, pools(),
                                             SequenceNumber{std::max(after.value, first)}};
            while (const auto observation = cursor.next()) {
                last = observation->sequence;
                if (!visit(*observation))
                    break;
            }
            return last;
        });
    }

    Result<std::optional<Timestamp>> step(Timestamp from, bool forward) override
    {
        return guarded<std::optional<Timestamp>>(
            [&]() -> Result<std::optional<Timestamp>> { return neighbour(from, forward); });
    }

    Result<std::vector<TargetSeries>> series(Timestamp from, Timestamp to,
                                             std::size_t points) override
    {
        return guarded<std::vector<TargetSeries>>([&]() -> Result<std::vector<TargetSeries>> {
            return record::read_series(*database_, from, to, points);
        });
    }

    Result<std::vector<PoolSeries>> pool_series(Timestamp from, Timestamp to,
                                                std::size_t points) override
    {
        return guarded<std::vector<PoolSeries>>([&]() -> Result<std::vector<PoolSeries>> {
            if (!pools_)
                return std::vector<PoolSeries>{};
            return record::read_pool_series(*database_, *pools_, first_keyframe(), from, to,
                                            points);
        });
    }

    Result<std::vector<PastState>> past(const SessionKey& session, Timestamp from,
                                        Timestamp to) override
    {
        return guarded<std::vector<PastState>>([&]() -> Result<std::vector<PastState>> {
            return record::read_past(*database_, session, from, to);
        });
    }

private:
    template <class T>
    Result<T> guarded(const std::function<Result<T>()>& work)
    {
        return record::guarded<T>(file_, "read", [&]() -> Result<T> {
            const Snapshot snapshot{*database_};
            return work();
        });
    }

    /// Null: the recording is of a version that knows no pools.
    record::PoolLookup* pools() { return pools_ ? &*pools_ : nullptr; }

    std::int64_t first_keyframe()
    {
        const std::int64_t first =
            ask(*database_, "SELECT value FROM meta WHERE key = 'first_keyframe'").value_or(0);
        if (first < 0 || first > static_cast<std::int64_t>(schema::last_sequence))
            throw record::Damaged("its first keyframe is out of range");
        return first;
    }

    std::int64_t meta(const char* key)
    {
        return ask(*database_, fmt::format("SELECT value FROM meta WHERE key = '{}'", key))
            .value_or(0);
    }

    RecordingInfo read_info();
    std::vector<std::int64_t> keyframes_until(Timestamp at, std::size_t most);
    World world_of(std::int64_t keyframe);
    std::optional<Timestamp> neighbour(Timestamp from, bool forward);
    std::uint64_t count_after(std::int64_t sequence);

    std::filesystem::path file_;
    std::unique_ptr<SQLite::Database> database_;
    record::Lookup lookup_;
    std::int64_t version_ = 0;
    std::optional<record::PoolLookup> pools_;
};

RecordingInfo Reader::read_info()
{
    RecordingInfo info;
    info.file = file_.string();
    for (const char* const beside : {"", "-wal"}) {
        std::error_code missing;
        const auto size = std::filesystem::file_size(file_.string() + beside, missing);
        info.bytes += missing ? 0 : size;
    }
    info.version = static_cast<std::int32_t>(version_);
    info.complete = meta("complete") == 1;
    info.redacted = meta("redacted") == 1;

    std::map<std::int64_t, TargetInfo> targets;
    record::Query attached{*database_, "SELECT * FROM target ORDER BY sequence"};
    while (attached.step()) {
        const record::Row row{attached};
        targets.insert_or_assign(row.integer(2), record::read_target(row));
    }
    for (auto& [number, target] : targets)
        info.targets.push_back(std::move(target));

    const std::int64_t first = first_keyframe();
    std::int64_t last = first;
    for (const Table table : schema::observation_tables_of(version_)) {
        last = std::max(last, ask(*database_, fmt::format("SELECT max(sequence) FROM \"{}\"",
                                                          schema::definition(table).name))
                                  .value_or(0));
    }
    if (last == 0)
        return info;
    record::ObservationCursor begin{*database_, lookup_, pools(),
                                    SequenceNumber{static_cast<std::uint64_t>(first)}};
    if (const auto o = begin.next()) {
        info.first = o->sequence;
        info.started = o->time;
    }
    if (first != 0)
        info.started = bounded_instant(
            ask(*database_, fmt::format("SELECT time FROM keyframe WHERE sequence = {}", first))
                .value_or(to_us(info.started)));
    record::ObservationCursor end{*database_, lookup_, pools(),
                                  SequenceNumber{static_cast<std::uint64_t>(last - 1)}};
    if (const auto o = end.next()) {
        info.last = o->sequence;
        info.ended = o->time;
    }

    // Keyframes carry the count so far; only what came after the latest is counted.
    const std::int64_t frame = ask(*database_, "SELECT max(sequence) FROM keyframe").value_or(0);
    const auto counted = [&](std::int64_t sequence) {
        return ask(*database_,
                   fmt::format("SELECT observations FROM keyframe WHERE sequence = {}", sequence))
            .value_or(0);
    };
    info.observations = count_after(frame) + static_cast<std::uint64_t>(counted(frame)) -
                        static_cast<std::uint64_t>(counted(first));
    info.gaps = static_cast<std::uint64_t>(ask(*database_, "SELECT count(*) FROM gap").value_or(0));
    return info;
}

std::uint64_t Reader::count_after(std::int64_t sequence)
{
    std::int64_t count = 0;
    for (const Table table : schema::observation_tables_of(version_)) {
        count += ask(*database_, fmt::format("SELECT count(*) FROM \"{}\" WHERE sequence > {}",
                                             schema::definition(table).name, sequence))
                     .value_or(0);
    }
    return static_cast<std::uint64_t>(count);
}

/// Latest first; 0, the beginning of all, where there is none.
std::vector<std::int64_t> Reader::keyframes_until(Timestamp at, std::size_t most)
{
    // A ring has let go of what came before its first keyframe.
    const std::int64_t oldest = first_keyframe();
    record::Query query{*database_, "SELECT sequence FROM keyframe WHERE time <= ? ORDER BY"
                                    " sequence DESC LIMIT ?"};
    query.bind(1, to_us(at));
    query.bind(2, static_cast<std::int64_t>(most));
    std::vector<std::int64_t> found;
    while (query.step()) {
        const std::int64_t sequence =
            record::Row{query}.integer(0, 1, static_cast<std::int64_t>(schema::last_sequence));
        if (sequence > oldest)
            found.push_back(sequence);
    }
    if (found.size() < most)
        found.push_back(oldest);
    return found;
}

World Reader::world_of(std::int64_t keyframe)
{
    return keyframe == 0 ? World{} : record::read_keyframe(*database_, lookup_, pools(), keyframe);
}

std::optional<Timestamp> Reader::neighbour(Timestamp from, bool forward)
{
    const record::SequenceRange range = record::sequence_range(*database_, from, from);
    const std::int64_t oldest = first_keyframe();
    std::optional<std::int64_t> best;
    for (const Table table : schema::observation_tables_of(version_)) {
        if (table == Table::tick)
            continue;
        record::Query query{
            *database_,
            fmt::format(
                "SELECT time FROM \"{}\" WHERE sequence {} ?2 AND sequence > ?3 AND time {} ?1"
                " ORDER BY sequence {} LIMIT 1",
                schema::definition(table).name, forward ? ">=" : "<=", forward ? ">" : "<",
                forward ? "ASC" : "DESC")};
        query.bind(1, to_us(from));
        query.bind(2, forward ? range.first : range.last);
        query.bind(3, oldest);
        if (!query.step())
            continue;
        const std::int64_t time = record::Row{query}.integer(0);
        if (!best || (forward ? time < *best : time > *best))
            best = time;
    }
    if (!best)
        return std::nullopt;
    return bounded_instant(*best);
}

} // namespace

Result<std::unique_ptr<RecordingReader>> RecordingReader::open(const std::filesystem::path& file)
{
    return record::guarded<std::unique_ptr<RecordingReader>>(
        file, "opened", [&]() -> Result<std::unique_ptr<RecordingReader>> {
            return std::unique_ptr<RecordingReader>{std::make_unique<Reader>(file)};
        });
}

} // namespace poolscope
