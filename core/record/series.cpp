// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/series.h"

#include "core/base/bounds.h"
#include "core/record/buckets.h"
#include "core/record/keyframes.h"
#include "core/record/observations.h"
#include "core/record/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>

namespace poolscope::record {

namespace {

std::int32_t clients(const SeriesPoint& point)
{
    return std::accumulate(point.counts.begin(), point.counts.end(), std::int32_t{0});
}

/// More no server has; so many of each state can still be added up.
constexpr std::int64_t most_in_a_state = 200'000'000;

std::optional<std::int32_t> small(const Row& row, int column)
{
    if (row.null(column))
        return std::nullopt;
    return static_cast<std::int32_t>(row.integer(column, std::numeric_limits<std::int32_t>::min(),
                                                 std::numeric_limits<std::int32_t>::max()));
}

std::int32_t sessions_in(const Row& row, int column)
{
    return row.null(column) ? 0
                            : static_cast<std::int32_t>(row.integer(column, 0, most_in_a_state));
}

constexpr std::string_view point_columns =
    "s.target, s.time, s.idle_in_transaction, s.idle_in_transaction_aborted, s.waiting, s.active,"
    " s.idle, s.other, s.unknown, s.max_connections, s.reserved";

} // namespace

std::vector<TargetSeries> read_series(SQLite::Database& database, Timestamp from_time,
                                      Timestamp to_time, std::size_t points)
{
    if (points == 0 || to_time < from_time)
        return {};
    const Buckets buckets{from_time, to_time, points};
    const std::int64_t from = buckets.from;
    const std::int64_t to = buckets.to;
    const bool minutes = buckets.minutes;

    std::map<TargetId, Collector<SeriesPoint, clients>> collectors;
    const auto collect = [&](Query& query) {
        while (query.step()) {
            const Row row{query};
            // Counts are missing where a sample came from a target that never was attached.
            if (row.null(2))
                continue;
            SeriesPoint point;
            point.time = bounded_instant(row.integer(1));
            for (std::size_t i = 0; i < session_state_count; ++i)
                point.counts.at(i) = sessions_in(row, static_cast<int>(i) + 2);
            point.max_connections = small(row, 9);
            point.reserved = small(row, 10);
            point.gap_before = row.boolean(11);
            const TargetId target = target_id(row.integer(0));
            collectors.try_emplace(target, buckets).first->second.add(point);
        }
    };

    SequenceRange range = sequence_range(database, timestamp_from_us(from), timestamp_from_us(to));
    if (minutes) {
        Query peaks{database, fmt::format("SELECT {}, m.gap FROM minute m CROSS JOIN sample s"
                                          " ON s.sequence = m.peak WHERE m.id BETWEEN ? AND ?"
                                          " AND s.time BETWEEN ? AND ? ORDER BY m.id",
                                          point_columns)};
        peaks.bind(1, schema::row_id(static_cast<std::uint64_t>(range.first), 0));
        peaks.bind(2, schema::row_id(static_cast<std::uint64_t>(range.last), 0) |
                          schema::position_mask);
        peaks.bind(3, from);
        peaks.bind(4, to);
        collect(peaks);
        const std::int64_t rolled = ask(database, "SELECT max(id) FROM minute").value_or(0);
        range.first = std::max(range.first, static_cast<std::int64_t>(schema::sequence_of(rolled)));
    }
    Query samples{database, fmt::format("SELECT {}, s.gap_before FROM sample s WHERE s.sequence > ?"
                                        " AND s.sequence <= ? AND s.time BETWEEN ? AND ?"
                                        " ORDER BY s.sequence",
                                        point_columns)};
    // A keyframe stands behind its own sample, which may be the first of the range.
    samples.bind(1, minutes ? range.first : range.first - 1);
    samples.bind(2, range.last);
    samples.bind(3, from);
    samples.bind(4, to);
    collect(samples);

    std::vector<TargetSeries> all;
    for (auto& [target, collector] : collectors)
        all.push_back({target, collector.take()});
    return all;
}

namespace {

struct RowRange
{
    std::int64_t first = 0, last = 0; ///< both included
};

/// The numbers under which a session can stand in the keyframe at `frame` and in the changes after
/// it: more than one where its user or client changed. Without an index over all sessions there
/// ever were: numbers are given in ascending order, so that one is either in the keyframe or newer
/// than all in it.
std::set<std::int64_t> numbers_of(SQLite::Database& database, const SessionKey& session,
                                  const RowRange& frame, const RowRange& changes)
{
    std::set<std::int64_t> numbers;
    const auto collect = [&](std::string_view sql, const RowRange& range) {
        Query query{database, sql};
        query.bind(1, range.first);
        query.bind(2, range.last);
        query.bind(3, session.pid.value);
        query.bind(4, to_us(session.started));
        query.bind(5, std::int64_t{session.target.value});
        while (query.step())
            numbers.insert(Row{query}.integer(0));
    };
    const auto highest = [&](const char* table, const RowRange& range) {
        return ask(database, fmt::format("SELECT max(session) FROM {} WHERE id BETWEEN {} AND {}",
                                         table, range.first, range.last))
            .value_or(0);
    };
    collect("SELECT s.id FROM keyframe_session k CROSS JOIN session s ON s.id = k.session"
            " WHERE k.id BETWEEN ? AND ? AND s.pid = ? AND s.started = ? AND s.target = ?",
            frame);
    collect("SELECT id FROM session WHERE id BETWEEN ? AND ? AND pid = ? AND started = ?"
            " AND target = ?",
            {highest("keyframe_session", frame), highest("session_change", changes)});
    return numbers;
}

std::optional<SessionState> state_in(const Row& row, int column)
{
    if (row.null(column) || row.integer(column) == -1)
        return std::nullopt;
    return static_cast<SessionState>(
        row.integer(column, 0, static_cast<std::int64_t>(session_state_count) - 1));
}

} // namespace

std::vector<RecordingReader::PastState>
read_past(SQLite::Database& database, const SessionKey& session, Timestamp from, Timestamp to)
{
    std::vector<RecordingReader::PastState> past;
    if (to < from)
        return past;
    const SequenceRange range = sequence_range(database, from, to);
    const auto frame_number = static_cast<std::uint64_t>(std::max<std::int64_t>(0, range.first));
    const RowRange frame{schema::row_id(frame_number, 0),
                         schema::row_id(frame_number, 0) | schema::position_mask};
    const RowRange span{frame.last + 1, schema::row_id(static_cast<std::uint64_t>(range.last), 0) |
                                            schema::position_mask};
    const std::set<std::int64_t> numbers = numbers_of(database, session, frame, span);
    if (numbers.empty())
        return past;
    std::string list;
    for (const std::int64_t number : numbers)
        list += fmt::format("{}{}", list.empty() ? "" : ",", number);

    std::optional<SessionState> state;
    Query start{database, fmt::format("SELECT state FROM keyframe_session WHERE id BETWEEN ? AND ?"
                                      " AND session IN ({})",
                                      list)};
    start.bind(1, frame.first);
    start.bind(2, frame.last);
    if (start.step())
        state = state_in(Row{start}, 0);

    Query changes{
        database,
        fmt::format("SELECT c.id, c.state, s.time FROM session_change c CROSS JOIN sample s"
                    " ON s.sequence = c.id >> 20 WHERE c.id BETWEEN ? AND ?"
                    " AND c.session IN ({}) ORDER BY c.id",
                    list)};
    changes.bind(1, span.first);
    changes.bind(2, span.last);
    bool begun = false;
    const auto begin = [&] {
        if (!begun && state)
            past.push_back({from, state});
        begun = true;
    };
    while (changes.step()) {
        const Row row{changes};
        const Timestamp time = bounded_instant(row.integer(2));
        if (time > to)
            break;
        if (time > from)
            begin();
        const std::optional<SessionState> now = state_in(row, 1);
        if (begun && now != state)
            past.push_back({time, now});
        state = now;
    }
    begin();
    return past;
}

} // namespace poolscope::record
