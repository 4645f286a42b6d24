// SPDX-License-Identifier: GPL-3.0-or-later
// From points to a share a pixel.
#include "ui/charts/poolpicture.h"
#include "ui/charts/timelinestrip.h"

#include <algorithm>
#include <cmath>

namespace poolscope {

void TimelineStrip::rebuild()
{
    columns_.assign(static_cast<std::size_t>(std::ceil(lane().width())) + 1, -1.0);
    holes_.clear();
    for (const auto& [target, store] : stores_)
        addColumns(store.points());
    for (const auto& [pool, store] : pools_)
        addPool(store.points());
    addHoles();
    groupMarks();
    update();
}

/// With several targets a hole is where none of them was observed.
void TimelineStrip::addHoles()
{
    const bool several = stores_.size() + pools_.size() > 1;
    for (const auto& [pool, store] : pools_) {
        for (const Hole& hole : poolHoles(store.points(), start_, end_)) {
            if (std::find(holes_.begin(), holes_.end(), hole) == holes_.end())
                holes_.push_back(hole);
        }
    }
    std::erase_if(holes_, [&](const Hole& hole) {
        const double middle = (x(hole.from) + x(hole.to)) / 2;
        return several && shareAt(middle) >= 0;
    });
}

void TimelineStrip::addPool(const std::vector<PoolPoint>& points)
{
    const auto across = static_cast<std::size_t>(std::max(1.0, std::round(lane().width())));
    const std::vector<PoolColumn> pool = poolColumns(points, start_, end_, end_, across);
    for (std::size_t i = 0; i < pool.size() && i < columns_.size(); ++i) {
        if (pool[i].seen && pool[i].used >= 0 && pool[i].limit > 0)
            columns_[i] = std::max(columns_[i], pool[i].used / pool[i].limit);
    }
}

void TimelineStrip::addColumns(const std::vector<SeriesPoint>& points)
{
    if (end_ <= start_)
        return;
    const double left = lane().left();
    const auto most = static_cast<std::ptrdiff_t>(columns_.size()) - 1;
    const auto columnOf = [&](Timestamp t) {
        return static_cast<std::ptrdiff_t>(std::floor(x(t) - left));
    };
    for (std::size_t i = 0; i < points.size(); ++i) {
        const SeriesPoint& point = points[i];
        if (point.gap_before && i > 0)
            holes_.push_back({points[i - 1].time, point.time});
        if (!point.max_connections || *point.max_connections <= 0)
            continue;
        const double share = static_cast<double>(total_of(point)) / *point.max_connections;
        const bool joined = i + 1 < points.size() && !points[i + 1].gap_before;
        const std::ptrdiff_t first = columnOf(point.time);
        const std::ptrdiff_t last = joined ? columnOf(points[i + 1].time) - 1 : first;
        for (std::ptrdiff_t c = std::max<std::ptrdiff_t>(first, 0);
             c <= std::min(std::max(first, last), most); ++c) {
            double& column = columns_[static_cast<std::size_t>(c)];
            column = std::max(column, share);
        }
    }
}

} // namespace poolscope
