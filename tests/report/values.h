// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/report/report.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

// Values that a report is made from.
namespace poolscope::test {

using namespace std::chrono_literals;

inline const Timestamp start = timestamp_from_us(1'763'735'320'000'000); // 2025-11-21 14:28:40 UTC
inline constexpr TargetId server{1};
inline constexpr TargetId process{2};

inline SeriesPoint point(Duration at, int active, bool gap = false)
{
    SeriesPoint p;
    p.time = start + at;
    p.counts[static_cast<std::size_t>(SessionState::active)] = active;
    p.max_connections = 20;
    p.reserved = 3;
    p.gap_before = gap;
    return p;
}

inline PoolPoint pool_point(Duration at, std::optional<std::int64_t> used, std::int64_t pending = 0)
{
    PoolPoint p;
    p.time = start + at;
    p.used = used;
    p.pending = pending;
    p.max = 5;
    return p;
}

inline report::SessionCounts sessions(std::vector<SeriesPoint> points)
{
    report::SessionCounts counts;
    counts.series = {server, std::move(points)};
    return counts;
}

inline report::PoolCounts connections(PoolSeries series)
{
    report::PoolCounts counts;
    counts.series = std::move(series);
    return counts;
}

/// With nothing in it but one server, so that a test adds what it is about.
inline report::Incident bare()
{
    report::Incident i;
    i.from = start;
    i.to = start + 100s;
    i.moment = start + 50s;
    report::Target db;
    db.info = {server, "postgresql", "shop-db", "service=shop"};
    db.server = true;
    i.targets = {db};
    return i;
}

inline std::string page_of(const report::Incident& incident, bool utc = true)
{
    return report::html_of({"0.1.0", utc, false, {incident}});
}

} // namespace poolscope::test
