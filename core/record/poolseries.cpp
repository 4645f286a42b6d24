// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/poolseries.h"

#include "core/base/bounds.h"
#include "core/record/buckets.h"
#include "core/record/keyframes.h"
#include "core/record/observations.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace poolscope::record {

namespace {

constexpr std::string_view pool_point_columns =
    "name, used, idle, pending, max, timeouts, wait_count, wait_total_us, wait_p50_us, wait_p99_us,"
    " use_count, use_total_us, use_p50_us, use_p99_us";
constexpr int point_column_count = 14;

/// From the columns after the name.
PoolPoint read_point(const Row& row, int first, Timestamp time)
{
    PoolPoint point;
    point.time = time;
    point.used = row.optional_integer(first);
    point.idle = row.optional_integer(first + 1);
    point.pending = row.optional_integer(first + 2);
    point.max = row.optional_integer(first + 3);
    point.timeouts = optional_count(row, first + 4);
    point.wait_time = optional_summary(row, first + 5);
    point.use_time = optional_summary(row, first + 9);
    return point;
}

using Name = std::pair<TargetId, Text>;

class PoolSeriesQuery
{
public:
    PoolSeriesQuery(SQLite::Database& database, PoolLookup& lookup, std::int64_t first_keyframe,
                    Timestamp from, Timestamp to, std::size_t points)
        : database_(database)
        , lookup_(lookup)
        , points_(points)
        // One is kept for how a pool stood at the beginning.
        , buckets_(from, to, std::max<std::size_t>(points, 2) - 1)
        , range_(sequence_range(database, timestamp_from_us(buckets_.from),
                                timestamp_from_us(buckets_.to)))
    {
        range_.first = std::max(range_.first, first_keyframe);
    }

    std::vector<PoolSeries> run()
    {
        read_keyframe_pools();
        const std::int64_t last_row =
            schema::row_id(static_cast<std::uint64_t>(range_.last), 0) | schema::position_mask;
        // A keyframe stands behind its own sample, which may be the first of the range.
        if (!buckets_.minutes) {
            read_samples(std::max<std::int64_t>(range_.first, 1), last_row, false);
        } else {
            read_samples(std::max<std::int64_t>(range_.first, 1), last_row, true);
            read_minutes(last_row);
            const std::int64_t rolled =
                ask(database_, "SELECT max(id) FROM pool_minute").value_or(0);
            // After the last whole minute.
            const auto next = static_cast<std::int64_t>(schema::sequence_of(rolled)) + 1;
            if (rolled >= 0 && next <= range_.last)
                read_samples(std::max({next, range_.first, std::int64_t{1}}), last_row, false);
        }
        return take();
    }

private:
    /// How the pools stood at the keyframe before the range, or that a ring begins with.
    void read_keyframe_pools()
    {
        if (range_.first < 1)
            return;
        Query time{database_, "SELECT time FROM keyframe WHERE sequence = ?"};
        time.bind(1, range_.first);
        if (!time.step())
            return;
        const std::int64_t at = std::max(Row{time}.integer(0), buckets_.from);
        if (at > buckets_.to)
            return;
        Query query{database_, fmt::format("SELECT target, {} FROM keyframe_pool"
                                           " WHERE id BETWEEN ? AND ?",
                                           pool_point_columns)};
        const std::int64_t first = schema::row_id(static_cast<std::uint64_t>(range_.first), 0);
        query.bind(1, first);
        query.bind(2, first | schema::position_mask);
        while (query.step()) {
            const Row row{query};
            standing_.insert_or_assign(Name{target_id(row.integer(0)), lookup_.text(row, 1)},
                                       read_point(row, 2, bounded_instant(at)));
        }
    }

    /// From that sample on. `only_before`: no further than to the first one within the range.
    void read_samples(std::int64_t sequence, std::int64_t last_row, bool only_before)
    {
        Query samples{database_, "SELECT sequence, time, target, full, gap_before FROM pool_sample"
                                 " WHERE sequence BETWEEN ? AND ? ORDER BY sequence"};
        samples.bind(1, sequence);
        samples.bind(2, range_.last);
        Query pools{database_, fmt::format("SELECT id, {} FROM pool WHERE id BETWEEN ? AND ?"
                                           " ORDER BY id",
                                           pool_point_columns)};
        pools.bind(1, schema::row_id(static_cast<std::uint64_t>(sequence), 0));
        pools.bind(2, last_row);
        bool ready = pools.step();
        const auto skip_to = [&](std::uint64_t sample) {
            while (ready && schema::sequence_of(Row{pools}.integer(0)) < sample)
                ready = pools.step();
        };
        while (samples.step()) {
            const Row sample{samples};
            const auto number = static_cast<std::uint64_t>(sample.integer(0));
            const std::int64_t time = sample.integer(1);
            // There is no mark where the target never was attached.
            if (sample.null(4))
                continue;
            begun_ = begun_ || time >= buckets_.from;
            if (only_before && begun_)
                return;
            const TargetId target = target_id(sample.integer(2));
            skip_to(number);
            std::set<Text> named;
            for (; ready && schema::sequence_of(Row{pools}.integer(0)) == number;
                 ready = pools.step()) {
                const Row row{pools};
                Text name = lookup_.text(row, 1);
                add({target, name}, read_point(row, 2, bounded_instant(time)), sample.boolean(4));
                if (!begun_)
                    named.insert(std::move(name));
            }
            if (!begun_ && sample.boolean(3))
                std::erase_if(standing_, [&](const auto& pool) {
                    return pool.first.first == target && !named.contains(pool.first.second);
                });
        }
    }

    void add(const Name& name, PoolPoint point, bool gap_before)
    {
        const std::int64_t time = to_us(point.time);
        if (!begun_) {
            point.time = timestamp_from_us(buckets_.from);
            standing_.insert_or_assign(name, point);
        } else if (time >= buckets_.from && time <= buckets_.to) {
            point.gap_before = gap_before;
            collect(name, point);
        }
    }

    void collect(const Name& name, const PoolPoint& point)
    {
        collectors_.try_emplace(name, buckets_).first->second.add(point);
        // The row itself tells how it stood.
        if (to_us(point.time) == buckets_.from)
            standing_.insert_or_assign(name, point);
    }

    void read_minutes(std::int64_t last_row)
    {
        Query peaks{database_, fmt::format("SELECT m.target, {}, s.time, m.gap FROM pool_minute m"
                                           " CROSS JOIN pool p ON p.id = m.peak"
                                           " CROSS JOIN pool_sample s ON s.sequence = m.peak >> 20"
                                           " WHERE m.id BETWEEN ? AND ? AND s.time BETWEEN ? AND ?"
                                           " ORDER BY m.id",
                                           pool_point_columns)};
        peaks.bind(1, schema::row_id(static_cast<std::uint64_t>(range_.first), 0));
        peaks.bind(2, last_row);
        peaks.bind(3, buckets_.from);
        peaks.bind(4, buckets_.to);
        while (peaks.step()) {
            const Row row{peaks};
            PoolPoint point =
                read_point(row, 2, bounded_instant(row.integer(point_column_count + 1)));
            point.gap_before = row.boolean(point_column_count + 2);
            collect({target_id(row.integer(0)), lookup_.text(row, 1)}, point);
        }
    }

    std::vector<PoolSeries> take()
    {
        for (const auto& [name, point] : standing_)
            collectors_.try_emplace(name, buckets_);
        std::vector<PoolSeries> all;
        for (auto& [name, collector] : collectors_) {
            PoolSeries series{name.first, name.second, collector.take()};
            const auto stood = standing_.find(name);
            if (stood != standing_.end() && series.points.size() < points_ &&
                (series.points.empty() || series.points.front().time > stood->second.time))
                series.points.insert(series.points.begin(), stood->second);
            all.push_back(std::move(series));
        }
        return all;
    }

    SQLite::Database& database_;
    PoolLookup& lookup_;
    std::size_t points_;
    Buckets buckets_;
    SequenceRange range_;
    bool begun_ = false; ///< a sample within the range was seen
    std::map<Name, PoolPoint> standing_;
    std::map<Name, Collector<PoolPoint, busy>> collectors_;
};

} // namespace

std::int64_t busy(const PoolPoint& point)
{
    constexpr std::int64_t most = std::int64_t{1} << 60; // whatever an agent says
    const auto bounded = [&](const std::optional<std::int64_t>& count) {
        return std::clamp(count.value_or(0), -most, most);
    };
    return bounded(point.used) + bounded(point.pending);
}

std::vector<PoolSeries> read_pool_series(SQLite::Database& database, PoolLookup& lookup,
                                         std::int64_t first_keyframe, Timestamp from, Timestamp to,
                                         std::size_t points)
{
    if (points == 0 || to < from)
        return {};
    return PoolSeriesQuery{database, lookup, first_keyframe, from, to, points}.run();
}

} // namespace poolscope::record
