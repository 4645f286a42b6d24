// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/model/pool.h"
#include "core/model/session.h"

#include <optional>
#include <vector>

namespace poolscope {

/// The counts of one target at one sample.
struct SeriesPoint
{
    Timestamp time; ///< capture's clock
    StateCounts counts{};
    std::optional<std::int32_t> max_connections;
    std::optional<std::int32_t> reserved;
    /// Nothing was seen between the point before and this one: no line may join them.
    bool gap_before = false;
    friend bool operator==(const SeriesPoint&, const SeriesPoint&) = default;
};

/// Points of one target, ascending in time.
struct TargetSeries
{
    TargetId target;
    std::vector<SeriesPoint> points;
    friend bool operator==(const TargetSeries&, const TargetSeries&) = default;
};

/// One pool at one sample that told of it. Between two points a pool stands as at the first: they
/// step, they do not slope. Null is "not reported".
struct PoolPoint
{
    Timestamp time; ///< capture's clock
    std::optional<std::int64_t> used;
    std::optional<std::int64_t> idle;
    std::optional<std::int64_t> pending;
    std::optional<std::int64_t> max;
    std::optional<std::uint64_t> timeouts; ///< since the pool was made
    std::optional<DurationSummary> wait_time;
    std::optional<DurationSummary> use_time;
    /// Nothing was seen between the point before and this one: no line may join them.
    bool gap_before = false;
    friend bool operator==(const PoolPoint&, const PoolPoint&) = default;
};
PoolPoint pool_point(const Pool& pool, Timestamp time, bool gap_before);

/// Points of one pool, ascending in time.
struct PoolSeries
{
    TargetId target;
    Text pool;
    std::vector<PoolPoint> points;
    friend bool operator==(const PoolSeries&, const PoolSeries&) = default;
};

/// Something worth a mark on the timeline.
enum class MarkKind : std::uint8_t { critical, warning, source_up, source_down, note, action };
struct Mark
{
    Timestamp time;
    MarkKind kind = MarkKind::note;
    TargetId target;
    std::string sentence;
    friend bool operator==(const Mark&, const Mark&) = default;
};

} // namespace poolscope
