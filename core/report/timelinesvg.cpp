// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/htmlparts.h"
#include "core/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace poolscope::report {

namespace {

constexpr std::size_t most_bars = 16;
constexpr double bar_row = 19;
constexpr double names_width = 236; ///< and as many letters as fit into it
constexpr std::size_t most_name = 40;
constexpr double bars_right = 712;
constexpr double marks_lane = 22;
constexpr double merge_within = 20; ///< px: a mark and its count

/// Marks that are too close to be told apart: one, in the worst shape, with a count.
struct Cluster
{
    double x = 0;
    MarkKind kind = MarkKind::note;
    int count = 0;
};

std::string shape(MarkKind kind, double x, double y)
{
    const std::string place =
        fmt::format("<g transform=\"translate({} {})\">", coordinate(x - 6), coordinate(y - 6));
    switch (kind) {
    case MarkKind::critical:
        return place + "<path class=\"g-crit\" d=\"M4 0.5H8L11.5 4V8L8 11.5H4L0.5 8V4Z\"/></g>";
    case MarkKind::warning:
        return place + "<path class=\"g-warn\" d=\"M6 1L11.5 11H0.5Z\"/></g>";
    case MarkKind::source_up:
    case MarkKind::source_down:
        return place + "<circle class=\"g-info\" cx=\"6\" cy=\"6\" r=\"4.5\"/>" +
               (kind == MarkKind::source_down
                    ? "<line class=\"stroke\" x1=\"2\" y1=\"10\" x2=\"10\" y2=\"2\"/></g>"
                    : "</g>");
    case MarkKind::note:
        return place + "<path class=\"g-note\" d=\"M2.5 11.5V1H10L8 4L10 7H4V11.5Z\"/></g>";
    case MarkKind::action:
        return place + "<path class=\"g-action\" d=\"M6 11.5L1.5 6H4.5V0.5H7.5V6H10.5Z\"/></g>";
    }
    return {};
}

std::vector<Cluster> clusters_of(const std::vector<Moment>& moments, const Plot& plot)
{
    std::vector<Cluster> clusters;
    for (const Moment& moment : moments) {
        const double x = plot.x(moment.time);
        if (clusters.empty() || x - clusters.back().x >= merge_within)
            clusters.push_back({x, moment.kind, 0});
        Cluster& last = clusters.back();
        last.kind = std::min(last.kind, moment.kind); // in the order of how bad they are
        ++last.count;
    }
    return clusters;
}

const char* style_of(const Period& period)
{
    if (period.kind == Period::Kind::alert)
        return period.weight == Weight::critical  ? "bar-crit thin"
               : period.weight == Weight::warning ? "bar-warn thin"
                                                  : "bar-info thin";
    return period.weight == Weight::critical  ? "bar-crit"
           : period.weight == Weight::warning ? "bar-warn"
                                              : "bar-info";
}

/// One row for all periods of one thing.
struct Bar
{
    Period::Kind kind = Period::Kind::diagnosis;
    std::string name;
    Weight weight = Weight::info;
    std::vector<const Period*> periods;
};

std::vector<Bar> bars_of(const std::vector<Period>& periods)
{
    std::vector<Bar> bars;
    std::map<std::tuple<Period::Kind, TargetId, std::string, std::string>, std::size_t> rows;
    for (const Period& period : periods) {
        if (period.kind == Period::Kind::gap)
            continue;
        const auto [known, first] =
            rows.try_emplace({period.kind, period.target, period.what, period.who}, bars.size());
        if (first)
            bars.push_back({period.kind, period.what + ": " + period.who, period.weight, {}});
        Bar& bar = bars[known->second];
        bar.weight = std::max(bar.weight, period.weight);
        bar.periods.push_back(&period);
    }
    // Diagnoses say why, so they come first; then what is worse; then what came first.
    std::stable_sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) {
        const auto rank = [](const Bar& bar) {
            return std::pair(bar.kind, -static_cast<int>(bar.weight));
        };
        return rank(a) < rank(b);
    });
    return bars;
}

std::string name_beside(double y, const char* style, const std::string& name)
{
    return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\" text-anchor=\"end\">{}</text>\n",
                       coordinate(names_width - 8), coordinate(y + 13), style, name);
}

} // namespace

std::string timeline_chart(const Incident& incident, const Axis& axis)
{
    std::vector<Bar> bars = bars_of(incident.periods);
    const std::size_t left_out = bars.size() > most_bars ? bars.size() - most_bars : 0;
    bars.resize(bars.size() - left_out);
    // A head above the diagnoses and one above the alerts.
    std::size_t heads = 0;
    for (std::size_t i = 0; i < bars.size(); ++i)
        heads += i == 0 || bars[i].kind != bars[i - 1].kind ? 1 : 0;
    const double rows = bar_row * static_cast<double>(bars.size() + heads);
    Plot plot{axis, names_width, bars_right, marks_lane + 4, std::max(rows, 6.0)};
    std::string svg = plot.begin(plot.bottom() + (left_out > 0 ? 52 : 36), "What happened when") +
                      plot.gaps(TargetId{});
    double y = plot.top();
    const Bar* above = nullptr;
    for (const Bar& bar : bars) {
        if (!above || above->kind != bar.kind) {
            svg += name_beside(y, "labelhead",
                               bar.kind == Period::Kind::diagnosis ? "Diagnoses" : "Alerts");
            y += bar_row;
        }
        above = &bar;
        svg += name_beside(y, "label", safe(bar.name, most_name));
        double drawn = 0;
        for (const Period* const period : bar.periods) {
            const double from = plot.x(period->from);
            const double to = std::max(from + 2, plot.x(period->to.value_or(axis.to)));
            // Those that nobody could tell apart are one.
            if (to <= drawn + 0.5)
                continue;
            drawn = to;
            const bool thin = period->kind == Period::Kind::alert;
            svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" "
                               "class=\"{}\"><title>{}</title></rect>\n",
                               coordinate(from), coordinate(y + (thin ? 7 : 4)),
                               coordinate(to - from), thin ? 6 : 12, style_of(*period),
                               name_of(period->weight) + ": " + safe(period->sentence));
        }
        y += bar_row;
    }
    svg += plot.instants();
    for (const Cluster& cluster : clusters_of(incident.moments, plot)) {
        svg += shape(cluster.kind, cluster.x, 10);
        if (cluster.count > 1)
            svg += fmt::format("<text x=\"{}\" y=\"14\" class=\"axis\">{}</text>\n",
                               coordinate(cluster.x + 7), cluster.count);
    }
    svg += plot.moment_line();
    // Below its line, within the drawing.
    constexpr double half = 60;
    svg += fmt::format(
        "<text x=\"{}\" y=\"{}\" class=\"label\" text-anchor=\"middle\">looked at {}</text>\n",
        coordinate(std::clamp(plot.x(axis.moment), names_width + half, Plot::width - half)),
        coordinate(plot.bottom() + 31), axis.calendar.time(axis.moment));
    if (left_out > 0)
        svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"label\" text-anchor=\"end\">{} more "
                           "are in the table alone</text>\n",
                           coordinate(bars_right), coordinate(plot.bottom() + 47), left_out);
    return svg + "</svg>\n";
}

} // namespace poolscope::report
