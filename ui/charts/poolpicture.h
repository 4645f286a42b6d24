// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/timepicture.h"

namespace poolscope {

/// What stood in one column of pixels; what is not reported is negative.
struct PoolColumn
{
    bool seen = false;
    double used = -1, idle = -1, pending = -1, limit = -1;
    double wait50 = -1, wait99 = -1, use50 = -1, use99 = -1; ///< us
    friend bool operator==(const PoolColumn&, const PoolColumn&) = default;
};

/// A column a pixel: in each what was worst while it was true. Counters step: a point stands until
/// the next, the last one until `until`; before the first and within a gap nothing was seen.
std::vector<PoolColumn> poolColumns(const std::vector<PoolPoint>& points, Timestamp from,
                                    Timestamp to, Timestamp until, std::size_t columns);
/// The gaps that touch the range, ascending.
std::vector<Hole> poolHoles(const std::vector<PoolPoint>& points, Timestamp from, Timestamp to);
/// The point that was true at an instant; null before the first, within a gap and after `until`.
const PoolPoint* poolPointAt(const std::vector<PoolPoint>& points, Timestamp instant,
                             Timestamp until);
/// Acquires that gave up, by the counter's steps; those within 48 px of each other, more where
/// texts are larger, are one event. At most 100. GUI thread.
std::vector<ChartEvent> timeoutEvents(const std::vector<PoolPoint>& points, Timestamp from,
                                      Timestamp to, const std::function<double(Timestamp)>& x);
/// Steps from 0 that give about four lines up to `most` us, in round durations.
double durationStep(double most);

/// What a pool's chart plots.
enum class PoolPlot {
    use,   ///< connections in use and idle, callers that wait, and the limit
    times, ///< percentiles of how long acquires waited and connections were held
};

struct PoolPicture : TimePicture
{
    PoolPlot plots = PoolPlot::use;
    std::vector<PoolColumn> columns;
    std::vector<Hole> holes;
    std::optional<PoolPoint> shown; ///< the values that head and labels give

    bool empty() const;
};

void paintPoolBelow(QPainter& painter, const PoolPicture& picture, const QRectF& panel);
void paintPoolAbove(QPainter& painter, const PoolPicture& picture);

} // namespace poolscope
