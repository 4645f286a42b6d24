// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/time.h"
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
