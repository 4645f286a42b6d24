// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"
#include "ui/models/findings.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace poolscope {

// What can be said of pools whose metrics are all there is: how many connections are held, and
// where that leads; never by whom.

/// How the number in use moves.
struct PoolTrend
{
    double perMinute = 0;           ///< more in use, by a straight line through the points
    std::optional<Duration> fullIn; ///< until all are in use if that goes on; null: it does not
};
/// Over how long a trend is looked for, before the instant that is shown.
inline constexpr Duration trend_window = std::chrono::minutes{10};
/// By the points of the last trend_window before `now`, ascending, after the last gap. Null where
/// they are fewer than five, or span less than a minute: that is no trend yet. A pool is said to
/// fill where at least one more is in use at the end than at the begin.
std::optional<PoolTrend> poolTrend(const std::vector<PoolPoint>& points, Timestamp now);

using PoolTrends = std::map<std::pair<TargetId, Text>, PoolTrend>;

enum class MetricColumn : int { pool, used, free, pending, perMinute, fullIn, timeouts };
/// Pools whose holders nobody names, the one nearest to its limit first.
std::unique_ptr<TreeModel> makeMetricModel(QObject* parent);
TreeNodes metricRows(const SessionStore& store, const PoolTrends& trends);
/// Whether there are such pools, and nothing attached that names a holder.
bool metricsAlone(const SessionStore& store);
/// Of the pool that is worst off.
Answer metricsAnswer(const SessionStore& store, const PoolTrends& trends);

} // namespace poolscope
