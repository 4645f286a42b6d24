// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"

#include <algorithm>
#include <random>
#include <vector>

namespace poolscope::testdata {

inline const Timestamp start = timestamp_from_us(1'763'730'000'000'000); // a full minute, UTC

/// One point a second that wanders; the same for the same seed.
inline std::vector<SeriesPoint> wandering(int seconds, unsigned seed = 1)
{
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> step(-2, 2);
    std::vector<SeriesPoint> points;
    int active = 15, idle = 80, held = 4;
    for (int i = 0; i < seconds; ++i) {
        active = std::clamp(active + step(random), 0, 40);
        idle = std::clamp(idle + step(random), 20, 110);
        held = std::clamp(held + step(random), 0, 20);
        SeriesPoint point;
        point.time = start + std::chrono::seconds(i);
        point.counts = {held, held / 4, held / 2, active, idle, 2, 0};
        point.max_connections = 200;
        point.reserved = 3;
        points.push_back(point);
    }
    return points;
}

/// The same count of active sessions all the time.
inline std::vector<SeriesPoint> flat(int seconds, int active, int limit)
{
    std::vector<SeriesPoint> points = wandering(seconds);
    for (SeriesPoint& point : points) {
        point.counts = {0, 0, 0, active, 0, 0, 0};
        point.max_connections = limit;
        point.reserved = 0;
    }
    return points;
}

} // namespace poolscope::testdata
