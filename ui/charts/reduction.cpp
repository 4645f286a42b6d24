// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/reduction.h"

#include "ui/charts/seriesstore.h"

#include <algorithm>

namespace poolscope {

namespace {

std::int32_t trouble_of(const SeriesPoint& point)
{
    return point.counts[0] + point.counts[1] + point.counts[2];
}

/// The points of one column on one side of a gap.
class Bucket
{
public:
    void add(const SeriesPoint& point)
    {
        const std::int32_t total = total_of(point), trouble = trouble_of(point);
        if (!most_) {
            most_ = least_ = worst_ = &point;
            gap_ = point.gap_before;
            most_total_ = least_total_ = total;
            worst_trouble_ = trouble;
            return;
        }
        if (total > most_total_) {
            most_ = &point;
            most_total_ = total;
        }
        if (total < least_total_) {
            least_ = &point;
            least_total_ = total;
        }
        if (trouble > worst_trouble_) {
            worst_ = &point;
            worst_trouble_ = trouble;
        }
    }

    void take(std::vector<SeriesPoint>& out)
    {
        if (!most_)
            return;
        const SeriesPoint* other = trouble_of(*most_) == worst_trouble_ ? least_ : worst_;
        const SeriesPoint* first = std::min(most_, other); // of one vector, ascending in time
        const SeriesPoint* second = std::max(most_, other);
        out.push_back(*first);
        out.back().gap_before = gap_;
        if (second != first) {
            out.push_back(*second);
            out.back().gap_before = false;
        }
        most_ = nullptr;
    }

    bool empty() const { return !most_; }

private:
    const SeriesPoint* most_ = nullptr;
    const SeriesPoint* least_ = nullptr;
    const SeriesPoint* worst_ = nullptr;
    std::int32_t most_total_ = 0, least_total_ = 0, worst_trouble_ = 0;
    bool gap_ = false;
};

} // namespace

ReducedSeries reduce_series(const std::vector<SeriesPoint>& points, Timestamp from, Timestamp to,
                            std::size_t columns)
{
    ReducedSeries out;
    if (points.empty() || to <= from)
        return out;
    columns = std::clamp<std::size_t>(columns, 1, most_columns);
    const auto before = [](const SeriesPoint& p, Timestamp t) {
        return p.time < t;
    };
    auto first = std::lower_bound(points.begin(), points.end(), from, before);
    if (first != points.begin())
        --first;
    auto last = std::lower_bound(first, points.end(), to, before);
    if (last != points.end())
        ++last;

    const double per_us = static_cast<double>(columns) / static_cast<double>(to_us(to - from));
    const auto column_of = [&](Timestamp t) {
        if (t < from)
            return std::ptrdiff_t{-1};
        return std::min(static_cast<std::ptrdiff_t>(static_cast<double>(to_us(t - from)) * per_us),
                        static_cast<std::ptrdiff_t>(columns));
    };

    Bucket bucket;
    std::ptrdiff_t current = -2;
    bool split = false; // this column has been split by a gap already
    for (auto it = first; it != last; ++it) {
        const std::ptrdiff_t column = column_of(it->time);
        const bool next = column != current;
        if (next) {
            bucket.take(out.points);
            current = column;
            split = false;
        }
        const bool gap = it->gap_before && it != points.begin();
        if (gap && it != first && (next || !split)) {
            bucket.take(out.points);
            split = true;
            out.holes.push_back({std::prev(it)->time, it->time});
        }
        bucket.add(*it);
    }
    bucket.take(out.points);

    // A column that a gap splits holds up to four points; drop to the bound where all are like
    // that.
    const std::size_t bound = 2 * (columns + 2);
    while (out.points.size() > bound) {
        std::vector<SeriesPoint> fewer;
        for (std::size_t i = 0; i < out.points.size(); ++i) {
            const bool pair = i + 1 < out.points.size() && !out.points[i + 1].gap_before;
            if (!pair) {
                fewer.push_back(out.points[i]);
                continue;
            }
            SeriesPoint more = total_of(out.points[i + 1]) > total_of(out.points[i])
                                   ? out.points[i + 1]
                                   : out.points[i];
            more.gap_before = out.points[i].gap_before;
            fewer.push_back(more);
            ++i;
        }
        if (fewer.size() == out.points.size())
            break;
        out.points = std::move(fewer);
    }
    return out;
}

const SeriesPoint* point_at(const std::vector<SeriesPoint>& points, Timestamp instant)
{
    const auto after =
        std::upper_bound(points.begin(), points.end(), instant,
                         [](Timestamp t, const SeriesPoint& p) { return t < p.time; });
    if (after == points.begin())
        return nullptr;
    const auto at = std::prev(after);
    if (after != points.end() && after->gap_before && instant > at->time)
        return nullptr;
    return &*at;
}

} // namespace poolscope
