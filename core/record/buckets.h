// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace poolscope::record {

inline constexpr std::int64_t minute_us = 60'000'000;

/// How a range is cut up for at most so many points. Instants are microseconds.
struct Buckets
{
    std::int64_t from = 0, to = 0; ///< so near that sums do not overflow
    std::int64_t origin = 0;       ///< where the first one begins
    std::int64_t width = 1;
    std::size_t most = 1;
    bool minutes = false; ///< so wide that they are filled from the peaks of whole minutes

    /// `points` is not 0.
    Buckets(Timestamp from_time, Timestamp to_time, std::size_t points)
    {
        constexpr std::int64_t far = std::int64_t{1} << 60;
        constexpr std::int64_t widest_raw_us = 2 * minute_us;
        from = std::clamp(to_us(from_time), -far, far);
        to = std::clamp(to_us(to_time), -far, far);
        most = std::min<std::size_t>(points, std::size_t{1} << 30);
        const auto many = static_cast<std::int64_t>(most);
        origin = from;
        width = std::max<std::int64_t>(0, to - from) / many + 1;
        minutes = width >= widest_raw_us && many > 1;
        if (minutes) {
            // Whole minutes, so that none lies in two buckets; one bucket less, for the shift.
            width = ((to - from) / (many - 1) / minute_us + 1) * minute_us;
            origin = from - ((from % minute_us) + minute_us) % minute_us;
        }
    }
};

/// Points of one line: all, while they are few enough, else of each bucket the one of the greatest
/// weight, which is found by `weight`.
template <class Point, auto weight>
class Collector
{
public:
    explicit Collector(const Buckets& buckets)
        : origin_(buckets.origin)
        , width_(buckets.width)
        , most_(buckets.most)
    {}

    void add(const Point& point)
    {
        if (bucketed_) {
            put(point);
            return;
        }
        points_.push_back(point);
        if (points_.size() > most_) {
            bucketed_ = true;
            const std::vector<Point> all = std::exchange(points_, {});
            for (const Point& each : all)
                put(each);
        }
    }

    std::vector<Point> take()
    {
        for (auto& [number, point] : buckets_)
            points_.push_back(point);
        const auto earlier = [](const Point& a, const Point& b) {
            return a.time < b.time;
        };
        if (!std::is_sorted(points_.begin(), points_.end(), earlier))
            std::stable_sort(points_.begin(), points_.end(), earlier);
        return std::move(points_);
    }

private:
    void put(const Point& point)
    {
        const std::int64_t number = (to_us(point.time) - origin_) / width_;
        const auto [at, added] = buckets_.try_emplace(number, point);
        if (added)
            return;
        const bool gap = at->second.gap_before || point.gap_before;
        if (weight(point) > weight(at->second))
            at->second = point;
        at->second.gap_before = gap;
    }

    std::int64_t origin_, width_;
    std::size_t most_;
    bool bucketed_ = false;
    std::vector<Point> points_;
    std::map<std::int64_t, Point> buckets_;
};

} // namespace poolscope::record
