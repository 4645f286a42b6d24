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

constexpr double then_right = 684;
constexpr double most_right = 719;

std::string value_text(double right, double y, const char* style, const std::string& text)
{
    return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\" text-anchor=\"end\">{}</text>",
                       coordinate(right), coordinate(y), style, text);
}

/// A row beside a plot: at the moment, and the most there ever was.
std::string label(double y, const char* style, const char* name, const std::string& then,
                  const std::string& most)
{
    return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"9\" height=\"9\" class=\"{}\"/>"
                       "<text x=\"{}\" y=\"{}\" class=\"label\">{}</text>{}{}\n",
                       coordinate(Plot::labels), coordinate(y - 8), style,
                       coordinate(Plot::labels + 15), coordinate(y), name,
                       value_text(then_right, y, "value", then),
                       value_text(most_right, y, "value", most));
}

constexpr double chart_top = 14;
constexpr double chart_height = 140;
constexpr double chart_left = 44;
constexpr double chart_right = 516;

/// Above its line, also where that is the top; at the left where the moment's line is at the right.
std::string limit_name(const Plot& plot, double moment, double count, const std::string& text)
{
    constexpr double letter = 5.6;
    const bool left = moment > plot.right() - 8 - letter * static_cast<double>(text.size());
    return fmt::format("<text x=\"{}\" y=\"{}\" class=\"limitname\" text-anchor=\"{}\">{}</text>\n",
                       coordinate(left ? plot.left() + 4 : plot.right() - 4),
                       coordinate(plot.y(count) - 4), left ? "start" : "end", text);
}

std::string heads_of_labels(const Axis& axis)
{
    return value_text(then_right, 18, "label", "at " + axis.calendar.time(axis.moment)) +
           value_text(most_right, 18, "label", "most") + '\n';
}

std::string count_text(const std::optional<std::int64_t>& count)
{
    return count ? std::to_string(std::max<std::int64_t>(0, *count)) : std::string{"-"};
}

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

std::string sessions_chart(const SessionCounts& counts, const std::string& name, const Axis& axis)
{
    const TargetSeries& series = counts.series;
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
    Plot plot{axis, chart_left, chart_right, chart_top, chart_height};
    plot.scale_to(most);
    std::string svg = plot.begin(182, "Sessions of " + name + " by state over time") +
                      plot.counts_and_lines() + plot.gaps(series.target);
    std::string labels = heads_of_labels(axis);
    double y = 36;
    for (auto layer = session_layers.rbegin(); layer != session_layers.rend(); ++layer) {
        // As they were observed: the steps are of some points alone.
        std::int64_t highest = counts.most[layer->index];
        if (counts.then)
            highest = std::max<std::int64_t>(highest, counts.then->counts[layer->index]);
        const bool drawn = std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
            return step.counts[layer->index] > 0;
        });
        if (highest <= 0 && !drawn)
            continue;
        labels += label(y, layer->style, layer->name,
                        counts.then ? count_text(counts.then->counts[layer->index]) : "-",
                        count_text(highest));
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
        svg += limit_name(plot, plot.x(axis.moment), *last.limit, text);
    }
    return svg + plot.instants() + plot.moment_line() + labels + "</svg>\n";
}

std::string pool_chart(const PoolCounts& counts, const std::string& name, const Axis& axis)
{
    const PoolSeries& series = counts.series;
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
    Plot plot{axis, chart_left, chart_right, chart_top, chart_height};
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
        svg += limit_name(plot, plot.x(axis.moment), limit, fmt::format("max {:.0f}", limit));
    }
    const PoolPoint then = counts.then.value_or(PoolPoint{});
    const auto row = [](double y, const char* style, const char* what, bool told,
                        const std::optional<std::int64_t>& at_moment,
                        std::optional<std::int64_t> most_of_all) {
        if (!told && !at_moment)
            return label(y, style, what, {}, "not reported");
        // What stood when the range began is of it as well.
        if (at_moment)
            most_of_all = std::max(most_of_all.value_or(*at_moment), *at_moment);
        return label(y, style, what, count_text(at_moment), count_text(most_of_all));
    };
    svg += plot.instants() + plot.moment_line() + heads_of_labels(axis);
    svg += row(36, "s-waiting", "waiting", pending_told, then.pending, counts.most_pending);
    svg += row(53, "s-active", "in use", !runs.empty(), then.used, counts.most_used);
    svg += row(70, "s-idle", "idle", idle_told, then.idle, counts.most_idle);
    if (counts.timeouts)
        svg += fmt::format("<text x=\"{}\" y=\"93\" class=\"label\">acquires that timed out</text>"
                           "{}\n",
                           coordinate(Plot::labels + 15),
                           value_text(most_right, 93, "value", std::to_string(*counts.timeouts)));
    return svg + "</svg>\n";
}

} // namespace poolscope::report
