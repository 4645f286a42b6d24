// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/chartevents.h"
#include "ui/charts/poolpicture.h"
#include "ui/models/translate.h"
#include "ui/theme/theme.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace poolscope {

namespace {

void raise(double& to, const std::optional<Duration>& value)
{
    if (value)
        to = std::max(to, static_cast<double>(to_us(*value)));
}

double of(const std::optional<std::int64_t>& n)
{
    return n ? static_cast<double>(*n) : -1;
}

/// The counters of the instant with the most in use and pending go together; percentiles are each
/// at their worst.
void add(PoolColumn& column, const PoolPoint& point)
{
    const double weight = std::max(of(point.used), 0.0) + std::max(of(point.pending), 0.0);
    const double before = std::max(column.used, 0.0) + std::max(column.pending, 0.0);
    if (!column.seen || weight > before) {
        column.used = of(point.used);
        column.idle = of(point.idle);
        column.pending = of(point.pending);
        column.limit = point.max && *point.max > 0 ? of(point.max) : -1;
    }
    column.seen = true;
    if (point.wait_time && point.wait_time->count > 0) {
        raise(column.wait50, point.wait_time->p50);
        raise(column.wait99, point.wait_time->p99);
    }
    if (point.use_time && point.use_time->count > 0) {
        raise(column.use50, point.use_time->p50);
        raise(column.use99, point.use_time->p99);
    }
}

bool earlier(const PoolPoint& point, Timestamp time)
{
    return point.time < time;
}

/// The last point at or before an instant, or the first one.
std::vector<PoolPoint>::const_iterator standing(const std::vector<PoolPoint>& points,
                                                Timestamp instant)
{
    auto at = std::lower_bound(points.begin(), points.end(), instant, earlier);
    if (at != points.begin() && (at == points.end() || at->time > instant))
        --at;
    return at;
}

} // namespace

std::vector<PoolColumn> poolColumns(const std::vector<PoolPoint>& points, Timestamp from,
                                    Timestamp to, Timestamp until, std::size_t columns)
{
    std::vector<PoolColumn> out(columns);
    if (points.empty() || to <= from || columns == 0)
        return out;
    const double perUs = static_cast<double>(columns) / static_cast<double>(to_us(to - from));
    const auto last = static_cast<std::ptrdiff_t>(columns) - 1;
    const auto columnOf = [&](Timestamp t) {
        return static_cast<std::ptrdiff_t>(
            std::floor(static_cast<double>(to_us(t - from)) * perUs));
    };
    for (auto point = standing(points, from); point != points.end() && point->time < to; ++point) {
        const auto next = std::next(point);
        Timestamp end = std::min(until, to);
        if (next != points.end())
            end = next->gap_before ? point->time : std::min(next->time, to);
        if (end < from)
            continue;
        // It is true up to, and not at, the next one's instant.
        const std::ptrdiff_t first = columnOf(point->time);
        const std::ptrdiff_t stop = std::max(
            first,
            static_cast<std::ptrdiff_t>(std::ceil(static_cast<double>(to_us(end - from)) * perUs)) -
                1);
        for (std::ptrdiff_t c = std::max<std::ptrdiff_t>(first, 0); c <= std::min(stop, last); ++c)
            add(out[static_cast<std::size_t>(c)], *point);
    }
    // The first sample of all stands where the range that follows it ends.
    const auto edge = std::lower_bound(points.begin(), points.end(), to, earlier);
    const bool seen =
        std::any_of(out.begin(), out.end(), [](const PoolColumn& column) { return column.seen; });
    if (!seen && edge != points.end() && edge->time == to && to <= until)
        add(out.back(), *edge);
    return out;
}

std::vector<Hole> poolHoles(const std::vector<PoolPoint>& points, Timestamp from, Timestamp to)
{
    std::vector<Hole> holes;
    for (auto point = standing(points, from); point != points.end(); ++point) {
        if (point == points.begin() || !point->gap_before)
            continue;
        const Timestamp before = std::prev(point)->time;
        if (before > to)
            break;
        if (point->time >= from)
            holes.push_back({before, point->time});
    }
    // A gap that reaches over the whole range has its end after it.
    const auto after = std::upper_bound(points.begin(), points.end(), to,
                                        [](Timestamp t, const PoolPoint& p) { return t < p.time; });
    if (after != points.end() && after != points.begin() && after->gap_before) {
        const Hole hole{std::prev(after)->time, after->time};
        if (hole.from <= to && (holes.empty() || !(holes.back() == hole)))
            holes.push_back(hole);
    }
    return holes;
}

const PoolPoint* poolPointAt(const std::vector<PoolPoint>& points, Timestamp instant,
                             Timestamp until)
{
    const auto after = std::upper_bound(points.begin(), points.end(), instant,
                                        [](Timestamp t, const PoolPoint& p) { return t < p.time; });
    if (after == points.begin() || instant > until)
        return nullptr;
    const auto at = std::prev(after);
    if (after != points.end() && after->gap_before && instant > at->time)
        return nullptr;
    return &*at;
}

std::vector<ChartEvent> timeoutEvents(const std::vector<PoolPoint>& points, Timestamp from,
                                      Timestamp to, const std::function<double(Timestamp)>& x)
{
    const double run = Theme::current().scaled(runDistance);
    std::vector<ChartEvent> events;
    double last = 0;
    for (auto point = standing(points, from); point != points.end() && point->time <= to; ++point) {
        if (point == points.begin() || point->time < from || !point->timeouts)
            continue;
        const PoolPoint& before = *std::prev(point);
        // A counter that fell is another process's.
        if (!before.timeouts || *point->timeouts <= *before.timeouts)
            continue;
        const int more = static_cast<int>(
            std::min<std::uint64_t>(*point->timeouts - *before.timeouts, 1'000'000));
        const double at = x(point->time);
        if (events.empty() || at - last >= run) {
            if (events.size() == mostEvents)
                break;
            events.push_back({point->time, MarkKind::critical, 0, {}});
        }
        events.back().count += more;
        last = at;
    }
    for (ChartEvent& event : events)
        event.words = event.count == 1 ? tr("1 acquire timed out")
                                       : tr("%1 acquires timed out").arg(event.count);
    return events;
}

double durationStep(double most)
{
    constexpr double second = 1e6;
    static constexpr std::array<double, 14> above = {
        second,        2 * second,    5 * second,     10 * second,   15 * second,
        30 * second,   60 * second,   120 * second,   300 * second,  600 * second,
        1800 * second, 3600 * second, 14400 * second, 86400 * second};
    const double least = most / 4.5;
    for (double power = 1; power < second; power *= 10) {
        for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
            if (factor * power >= least)
                return factor * power;
        }
    }
    for (const double step : above) {
        if (step >= least)
            return step;
    }
    return above.back() * std::max(1.0, std::ceil(least / above.back()));
}

} // namespace poolscope
