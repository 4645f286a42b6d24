// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"

#include <cstddef>
#include <vector>

namespace poolscope {

/// All sessions of a point, whatever their state.
std::int32_t total_of(const SeriesPoint& point);

/// The points of one target in bounded memory: what a question to the recording answered, and what
/// came live since. Where there are too many, neighbours become the one of them with more sessions;
/// gaps stay gaps.
class SeriesStore
{
public:
    explicit SeriesStore(std::size_t limit = 20'000);

    void clear() { points_.clear(); }
    /// A live point. One that is not later than the last is the answer's already, and is dropped.
    void append(const SeriesPoint& point);
    /// An answer: replaces what lies within its first and last instant, keeps what is outside.
    void merge(const std::vector<SeriesPoint>& answer);

    const std::vector<SeriesPoint>& points() const { return points_; }
    std::size_t limit() const { return limit_; }

private:
    void bound();

    std::size_t limit_;
    std::vector<SeriesPoint> points_;
};

} // namespace poolscope
