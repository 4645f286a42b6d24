// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/svg.h"

#include "core/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace poolscope::report {

namespace {

constexpr std::size_t most_layers = session_state_count;

/// How things stood from an instant on. Counts step, they do not slope.
struct Step
{
    Timestamp from;
    std::array<double, most_layers> counts{}; ///< by layer
    std::optional<double> limit;
    std::optional<double> usable; ///< of the limit: what ordinary roles can use
    bool told = true;
};

/// Steps that follow each other without a gap.
struct Run
{
    std::vector<Step> steps;
    Timestamp to;
};

struct Layer
{
    std::size_t index = 0;
    const char* style = ""; ///< class in the style sheet
    const char* name = "";
};

/// From the lowest up.
constexpr std::array<Layer, session_state_count> session_layers{{
    {0, "s-tx", "idle in transaction"},
    {1, "s-aborted", "idle in tx (aborted)"},
    {2, "s-waiting", "waiting for lock"},
    {3, "s-active", "active"},
    {4, "s-idle", "idle"},
    {5, "s-other", "other"},
    {6, "s-unknown", "not reported"},
}};
constexpr std::size_t pool_used = 0;
constexpr std::size_t pool_pending = 1;
constexpr std::size_t pool_idle = 2;

/// Until a gap that comes after it, else to the end.
Timestamp end_of(const Axis& axis, TargetId target, Timestamp last)
{
    if (!axis.periods)
        return axis.to;
    Timestamp end = axis.to;
    for (const Period& period : *axis.periods) {
        if (period.kind == Period::Kind::gap && period.target == target && period.from >= last)
            end = std::min(end, period.from);
    }
    return std::max(end, last);
}

/// Split where a gap is, or where a pool does not tell.
std::vector<Run> runs_of(const std::vector<Step>& steps, const std::vector<bool>& gap_before,
                         const Axis& axis, TargetId target)
{
    std::vector<Run> runs;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool open = i > 0 && steps[i - 1].told;
        if (open)
            runs.back().to = gap_before[i]
                                 ? std::min(end_of(axis, target, steps[i - 1].from), steps[i].from)
                                 : steps[i].from;
        if (!steps[i].told)
            continue;
        if (!open || gap_before[i])
            runs.emplace_back();
        runs.back().steps.push_back(steps[i]);
        runs.back().to = steps[i].from;
    }
    if (!steps.empty() && steps.back().told)
        runs.back().to = end_of(axis, target, steps.back().from);
    return runs;
}

/// A layer between two heights over the steps of a run.
template <class Lower, class Upper>
std::string area(const Plot& plot, const Run& run, const char* style, Lower lower, Upper upper)
{
    const auto end_x = [&](std::size_t i) {
        const double from = plot.x(run.steps[i].from);
        return i + 1 < run.steps.size() ? plot.x(run.steps[i + 1].from)
                                        : std::max(from + 0.8, plot.x(run.to));
    };
    bool any = false;
    std::string path;
    std::string back;
    double last_upper = -1;
    double last_lower = -1;
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        const double top = plot.y(upper(run.steps[i]));
        const double bottom = plot.y(lower(run.steps[i]));
        any |= bottom - top > 0.01;
        const std::string x = coordinate(plot.x(run.steps[i].from));
        // What stays as it was needs no corner.
        if (i == 0)
            path += fmt::format("M{} {}V{}", x, coordinate(bottom), coordinate(top));
        else if (top != last_upper)
            path += fmt::format("H{}V{}", x, coordinate(top));
        if (i > 0 && bottom != last_lower)
            back.insert(0, fmt::format("H{}V{}", x, coordinate(last_lower)));
        last_upper = top;
        last_lower = bottom;
    }
    if (!any)
        return {};
    const std::string end = coordinate(end_x(run.steps.size() - 1));
    return fmt::format("<path class=\"{}\" d=\"{}H{}V{}{}Z\"/>\n", style, path, end,
                       coordinate(last_lower), back);
}

/// A line where the limit lies, in steps.
template <class Value>
std::string limit_line(const Plot& plot, const std::vector<Run>& runs, const char* style,
                       Value value)
{
    std::string path;
    for (const Run& run : runs) {
        std::optional<double> last;
        for (const Step& step : run.steps) {
            const std::optional<double> now = value(step);
            if (now == last)
                continue;
            const std::string x = coordinate(plot.x(step.from));
            if (last)
                path += 'H' + x;
            if (now)
                path += (last ? "V" : "M" + x + ' ') + coordinate(plot.y(*now));
            last = now;
        }
        if (last)
            path += 'H' + coordinate(plot.x(run.to));
    }
    return path.empty() ? std::string{}
                        : fmt::format("<path class=\"{}\" d=\"{}\"/>\n", style, path);
}

const Step* step_at(const std::vector<Run>& runs, Timestamp at)
{
    const Step* found = nullptr;
    for (const Run& run : runs) {
        for (const Step& step : run.steps) {
            if (step.from <= at && at <= run.to)
                found = &step;
        }
    }
    return found;
}

std::string label(double y, const char* style, const char* name, const std::string& value)
{
    return fmt::format("<rect x=\"560\" y=\"{}\" width=\"9\" height=\"9\" class=\"{}\"/>"
                       "<text x=\"575\" y=\"{}\" class=\"label\">{}</text>"
                       "<text x=\"718\" y=\"{}\" class=\"value\" text-anchor=\"end\">{}</text>\n",
                       coordinate(y - 8), style, coordinate(y), name, coordinate(y), value);
}

/// Above its line, also where that is the top.
std::string limit_name(double y, const std::string& text)
{
    return fmt::format(
        "<text x=\"{}\" y=\"{}\" class=\"limitname\" text-anchor=\"end\">{}</text>\n",
        coordinate(Plot::right - 4), coordinate(y - 4), text);
}

std::string at_the_moment(const Axis& axis)
{
    return fmt::format("<text x=\"560\" y=\"18\" class=\"label\">at {}</text>\n",
                       axis.calendar.time(axis.moment));
}

constexpr double chart_top = 14;
constexpr double chart_height = 140;
constexpr double chart_left = 44;

} // namespace

std::string glyph(Weight weight)
{
    switch (weight) {
    case Weight::critical:
        return "<svg class=\"glyph\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path "
               "class=\"g-crit\" d=\"M5 1H11L15 5V11L11 15H5L1 11V5Z\"/></svg>";
    case Weight::warning:
        return "<svg class=\"glyph\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path "
               "class=\"g-warn\" d=\"M8 1.5L15 14.5H1Z\"/></svg>";
    case Weight::info:
        break;
    }
    return "<svg class=\"glyph\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle "
           "class=\"g-info\" "
           "cx=\"8\" cy=\"8\" r=\"6\"/></svg>";
}

std::string sessions_chart(const TargetSeries& series, const std::string& name, const Axis& axis)
{
    std::vector<Step> steps;
    std::vector<bool> gap_before;
    double most = 0;
    for (const SeriesPoint& point : series.points) {
        Step step;
        step.from = point.time;
        double all = 0;
        for (std::size_t i = 0; i < session_state_count; ++i) {
            step.counts[i] = std::max(0, point.counts[i]);
            all += step.counts[i];
        }
        if (point.max_connections && *point.max_connections > 0) {
            step.limit = *point.max_connections;
            if (point.reserved && *point.reserved > 0)
                step.usable = std::max(0, *point.max_connections - *point.reserved);
        }
        most = std::max({most, all, step.limit.value_or(0)});
        steps.push_back(step);
        gap_before.push_back(point.gap_before);
    }
    const std::vector<Run> runs = runs_of(steps, gap_before, axis, series.target);
    Plot plot{axis, chart_left, chart_top, chart_height};
    plot.scale_to(most);
    std::string svg = plot.begin(182, "Sessions of " + name + " by state over time") +
                      plot.counts_and_lines() + plot.gaps(series.target);
    const Step* const now = step_at(runs, axis.moment);
    std::string labels = at_the_moment(axis);
    double y = 36;
    for (auto layer = session_layers.rbegin(); layer != session_layers.rend(); ++layer) {
        bool ever = false;
        for (const Step& step : steps)
            ever |= step.counts[layer->index] > 0;
        if (!ever)
            continue;
        labels += label(y, layer->style, layer->name,
                        now ? fmt::format("{:.0f}", now->counts[layer->index]) : "-");
        y += 17;
    }
    for (const Layer& layer : session_layers) {
        const auto below = [&layer](const Step& step) {
            double sum = 0;
            for (std::size_t i = 0; i < layer.index; ++i)
                sum += step.counts[i];
            return sum;
        };
        for (const Run& run : runs)
            svg += area(plot, run, layer.style, below,
                        [&](const Step& step) { return below(step) + step.counts[layer.index]; });
    }
    svg += limit_line(plot, runs, "limit", [](const Step& step) { return step.limit; });
    svg += limit_line(plot, runs, "usable", [](const Step& step) { return step.usable; });
    if (!steps.empty() && steps.back().limit) {
        const Step& last = steps.back();
        std::string text = fmt::format("max_connections {:.0f}", *last.limit);
        if (last.usable)
            text += fmt::format(", {:.0f} reserved", *last.limit - *last.usable);
        svg += limit_name(plot.y(*last.limit), text);
    }
    return svg + plot.instants() + plot.moment_line() + labels + "</svg>\n";
}

std::string pool_chart(const PoolSeries& series, const std::string& name, const Axis& axis)
{
    std::vector<Step> steps;
    std::vector<bool> gap_before;
    double most = 0;
    bool pending_told = false;
    bool idle_told = false;
    for (const PoolPoint& point : series.points) {
        Step step;
        // The first tells how it stood when the report begins.
        step.from = std::max(point.time, axis.from);
        step.told = point.used.has_value();
        const auto count = [](const std::optional<std::int64_t>& n) {
            return static_cast<double>(std::max<std::int64_t>(0, n.value_or(0)));
        };
        step.counts[pool_used] = count(point.used);
        step.counts[pool_pending] = count(point.pending);
        step.counts[pool_idle] = count(point.idle);
        pending_told |= point.pending.has_value();
        idle_told |= point.idle.has_value();
        if (point.max && *point.max > 0)
            step.limit = static_cast<double>(*point.max);
        most = std::max({most, step.counts[pool_used] + step.counts[pool_pending],
                         step.counts[pool_used] + step.counts[pool_idle], step.limit.value_or(0)});
        steps.push_back(step);
        gap_before.push_back(point.gap_before);
    }
    const std::vector<Run> runs = runs_of(steps, gap_before, axis, series.target);
    Plot plot{axis, chart_left, chart_top, chart_height};
    plot.scale_to(most);
    std::string svg = plot.begin(182, "Connections of pool " + name + " over time") +
                      plot.counts_and_lines() + plot.gaps(series.target);
    const auto nothing = [](const Step&) {
        return 0.0;
    };
    const auto used = [](const Step& step) {
        return step.counts[pool_used];
    };
    for (const Run& run : runs) {
        // Who waits stands on those in use, above the limit: nobody waits while one is idle.
        svg += area(plot, run, "s-idle", used, [](const Step& step) {
            return step.counts[pool_used] + step.counts[pool_idle];
        });
        svg += area(plot, run, "s-active", nothing, used);
        svg += area(plot, run, "s-waiting", used, [](const Step& step) {
            return step.counts[pool_used] + step.counts[pool_pending];
        });
    }
    svg += limit_line(plot, runs, "limit", [](const Step& step) { return step.limit; });
    if (!runs.empty() && runs.back().steps.back().limit) {
        const double limit = *runs.back().steps.back().limit;
        svg += limit_name(plot.y(limit), fmt::format("max {:.0f}", limit));
    }
    const Step* const now = step_at(runs, axis.moment);
    const auto value = [&](std::size_t layer, bool told) -> std::string {
        if (!told)
            return "not reported";
        return now ? fmt::format("{:.0f}", now->counts[layer]) : "-";
    };
    svg += plot.instants() + plot.moment_line() + at_the_moment(axis);
    svg += label(36, "s-waiting", "waiting", value(pool_pending, pending_told));
    svg += label(53, "s-active", "in use", value(pool_used, !runs.empty()));
    svg += label(70, "s-idle", "idle", value(pool_idle, idle_told));
    return svg + "</svg>\n";
}

} // namespace poolscope::report
