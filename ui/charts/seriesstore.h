// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"

#include <cstddef>
#include <vector>

namespace poolscope {

/// All sessions of a point, whatever their state.
std::int32_t total_of(const SeriesPoint& point);

/// What decides which of two neighbours is kept where both do not fit: sessions, or connections in
/// use and callers that wait.
std::int64_t weight_of(const SeriesPoint& point);
std::int64_t weight_of(const PoolPoint& point);

/// The points of one target or pool in bounded memory: what a question to the recording answered,
/// and what came live since. Where there are too many, neighbours become the one of them with more
/// weight; gaps stay gaps.
template <typename Point>
class PointStore
{
public:
    explicit PointStore(std::size_t limit = 20'000);

    void clear() { points_.clear(); }
    /// A live point. One that is not later than the last is the answer's already, and is dropped.
    void append(const Point& point);
    /// An answer: replaces what lies within its first and last instant, keeps what is outside.
    void merge(const std::vector<Point>& answer);

    const std::vector<Point>& points() const { return points_; }
    std::size_t limit() const { return limit_; }

private:
    void bound();

    std::size_t limit_;
    std::vector<Point> points_;
};

extern template class PointStore<SeriesPoint>;
extern template class PointStore<PoolPoint>;
using SeriesStore = PointStore<SeriesPoint>;
using PoolStore = PointStore<PoolPoint>;

} // namespace poolscope
