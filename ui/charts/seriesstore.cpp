// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/seriesstore.h"

#include <algorithm>
#include <numeric>

namespace poolscope {

namespace {

template <typename Point>
bool earlier(const Point& point, Timestamp time)
{
    return point.time < time;
}

/// Halves the points; with `force` also across gaps, whose mark then moves to the survivor.
template <typename Point>
std::vector<Point> halved(const std::vector<Point>& points, bool force)
{
    std::vector<Point> kept;
    kept.reserve(points.size() / 2 + 1);
    for (std::size_t i = 0; i < points.size(); ++i) {
        const bool last = i + 1 == points.size();
        if (last || (points[i + 1].gap_before && !force)) {
            kept.push_back(points[i]);
            continue;
        }
        const Point& a = points[i];
        const Point& b = points[i + 1];
        Point more = weight_of(b) > weight_of(a) ? b : a;
        more.gap_before = a.gap_before || b.gap_before;
        kept.push_back(more);
        ++i;
    }
    return kept;
}

} // namespace

std::int32_t total_of(const SeriesPoint& point)
{
    return std::accumulate(point.counts.begin(), point.counts.end(), std::int32_t{0});
}

std::int64_t weight_of(const SeriesPoint& point)
{
    return total_of(point);
}

std::int64_t weight_of(const PoolPoint& point)
{
    return point.used.value_or(0) + point.pending.value_or(0);
}

template <typename Point>
PointStore<Point>::PointStore(std::size_t limit)
    : limit_(std::max<std::size_t>(limit, 4))
{}

template <typename Point>
void PointStore<Point>::append(const Point& point)
{
    if (!points_.empty() && point.time <= points_.back().time)
        return;
    points_.push_back(point);
    bound();
}

template <typename Point>
void PointStore<Point>::merge(const std::vector<Point>& answer)
{
    if (answer.empty())
        return;
    const auto first =
        std::lower_bound(points_.begin(), points_.end(), answer.front().time, earlier<Point>);
    auto last = std::lower_bound(first, points_.end(), answer.back().time, earlier<Point>);
    if (last != points_.end() && last->time == answer.back().time)
        ++last;
    std::vector<Point> merged(points_.begin(), first);
    merged.reserve(merged.size() + answer.size() + static_cast<std::size_t>(points_.end() - last));
    merged.insert(merged.end(), answer.begin(), answer.end());
    merged.insert(merged.end(), last, points_.end());
    points_ = std::move(merged);
    bound();
}

template <typename Point>
void PointStore<Point>::bound()
{
    if (points_.size() <= limit_)
        return;
    // The newest quarter stays as it came: it is what people look at.
    const auto old = points_.end() - static_cast<std::ptrdiff_t>(limit_ / 4);
    std::vector<Point> kept(points_.begin(), old);
    const std::size_t room = limit_ - limit_ / 4;
    while (kept.size() > room * 3 / 4) {
        const std::size_t before = kept.size();
        kept = halved(kept, false);
        if (kept.size() > before * 9 / 10) // gaps all over
            kept = halved(kept, true);
    }
    kept.insert(kept.end(), old, points_.end());
    points_ = std::move(kept);
}

template class PointStore<SeriesPoint>;
template class PointStore<PoolPoint>;

} // namespace poolscope
