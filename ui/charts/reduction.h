// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"

#include <cstddef>
#include <vector>

namespace poolscope {

/// A stretch in which nothing was observed.
struct Hole
{
    Timestamp from, to;
    friend bool operator==(const Hole&, const Hole&) = default;
};

/// What of a series a plot of so many columns can show.
struct ReducedSeries
{
    std::vector<SeriesPoint> points; ///< gap_before as in the series
    std::vector<Hole> holes;         ///< ascending; those within the range
};

/// At most this many columns are told apart; two points a column. Measured: with 1,000 points Qt
/// Charts takes three times as long for a frame as with 500, and the eye sees no difference.
inline constexpr std::size_t most_columns = 250;

/// Of each column at most two points: the one with the most sessions, and the one with the most
/// trouble (idle in transaction, aborted, waiting), or where that is the same, the one with the
/// fewest sessions. So no peak is lost. The points next to the range outside it are kept, so that
/// areas reach its edges. A gap within a column is kept unless the column holds one already.
/// At most 2 * (columns + 2) points.
ReducedSeries reduce_series(const std::vector<SeriesPoint>& points, Timestamp from, Timestamp to,
                            std::size_t columns);

/// The point that was true at an instant: the last one at or before it; null before the first and
/// within a gap.
const SeriesPoint* point_at(const std::vector<SeriesPoint>& points, Timestamp instant);

} // namespace poolscope
