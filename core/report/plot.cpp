// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace poolscope::report {

namespace {

constexpr std::array<std::int64_t, 20> tick_seconds{1,     2,     5,     10,    15,     30,    60,
                                                    120,   300,   600,   900,   1800,   3600,  7200,
                                                    10800, 21600, 43200, 86400, 172800, 604800};
constexpr double tick_width = 72; ///< of its text, and some room

} // namespace

std::string coordinate(double value)
{
    const auto tenths = static_cast<std::int64_t>(std::llround(value * 10));
    if (tenths % 10 == 0)
        return std::to_string(tenths / 10);
    return fmt::format("{}{}.{}", tenths < 0 ? "-" : "", std::abs(tenths) / 10,
                       std::abs(tenths) % 10);
}

Plot::Plot(const Axis& axis, double left, double right, double top, double height)
    : axis_(axis)
    , left_(left)
    , right_(right)
    , top_(top)
    , height_(height)
{}

double Plot::x(Timestamp at) const
{
    const double all = std::max(1.0, static_cast<double>(to_us(axis_.to - axis_.from)));
    const double share = static_cast<double>(to_us(at - axis_.from)) / all;
    return left_ + (right_ - left_) * std::clamp(share, 0.0, 1.0);
}

double Plot::y(double count) const
{
    return bottom() - height_ * std::clamp(count / most_, 0.0, 1.0);
}

void Plot::scale_to(double most)
{
    constexpr double lines = 4;
    const double least = std::max(1.0, most) / lines;
    const double power = std::pow(10.0, std::floor(std::log10(least)));
    step_ = power * 10;
    for (const double round : {1.0, 2.0, 5.0}) {
        if (power * round >= least) {
            step_ = power * round;
            break;
        }
    }
    step_ = std::max(1.0, step_);
    most_ = std::max(1.0, std::ceil(most / step_) * step_);
}

std::string Plot::begin(double height, const std::string& title) const
{
    return fmt::format(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">"
        "<defs><pattern id=\"hatch{}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" class=\"ground\"/>"
        "<line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" class=\"hatch\"/></pattern></defs>\n",
        coordinate(width), coordinate(height), title, axis_.number);
}

std::string Plot::counts_and_lines() const
{
    std::string svg;
    for (double count = 0; count <= most_ + step_ / 2; count += step_) {
        const std::string at = coordinate(y(count));
        svg += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"grid\"/>"
                           "<text x=\"{}\" y=\"{}\" class=\"axis\" text-anchor=\"end\">{}</text>\n",
                           coordinate(left_), at, coordinate(right_), at, coordinate(left_ - 6),
                           coordinate(y(count) + 4), std::llround(count));
    }
    return svg;
}

std::string Plot::instants() const
{
    const auto most_ticks = std::max<std::int64_t>(2, std::llround((right_ - left_) / tick_width));
    const std::int64_t range = to_us(axis_.to - axis_.from) / 1'000'000;
    std::int64_t step = tick_seconds.back();
    for (const std::int64_t seconds : tick_seconds) {
        if (range / seconds <= most_ticks) {
            step = seconds;
            break;
        }
    }
    // A century has as few as an hour.
    while (range / step > most_ticks)
        step *= 2;
    // On round numbers of the clock on the wall.
    const std::int64_t offset = to_us(axis_.calendar.offset(axis_.from)) / 1'000'000;
    const std::int64_t from =
        std::chrono::ceil<std::chrono::seconds>(axis_.from).time_since_epoch().count() + offset;
    const std::int64_t first = from + ((step - from % step) % step);
    const std::int64_t last =
        std::chrono::floor<std::chrono::seconds>(axis_.to).time_since_epoch().count() + offset;
    std::string svg;
    std::string told; // the day that the ticks so far are of
    for (std::int64_t at = first; at <= last; at += step) {
        const Timestamp instant{std::chrono::seconds{at - offset}};
        const std::string day = axis_.calendar.day_and_time(instant);
        std::string text = step >= 86400 ? day.substr(5, 5)
                           : step >= 60  ? day.substr(11, 5)
                                         : day.substr(11, 8);
        // The day in place of its first instant: for both there is no room.
        if (axis_.calendar.tells_days() && !told.empty() && told != day.substr(0, 10))
            text = day.substr(5, 5);
        told = day.substr(0, 10);
        svg += fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" class=\"tick\"/>"
                           "<text x=\"{0}\" y=\"{3}\" class=\"axis\" "
                           "text-anchor=\"middle\">{4}</text>\n",
                           coordinate(x(instant)), coordinate(bottom()), coordinate(bottom() + 4),
                           coordinate(bottom() + 16), text);
    }
    return svg;
}

std::string Plot::gaps(TargetId target) const
{
    std::string svg;
    if (!axis_.periods)
        return svg;
    double drawn = 0;
    for (const Period& period : *axis_.periods) {
        if (period.kind != Period::Kind::gap || (target != TargetId{} && period.target != target))
            continue;
        const double from = x(period.from);
        const double to = std::max(from + 1, x(period.to.value_or(axis_.to)));
        // Those beside each other that nobody could tell apart are one.
        if (to <= drawn + 0.5)
            continue;
        drawn = to;
        const std::string length =
            format_duration_prose(period.to.value_or(axis_.to) - period.from);
        svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" "
                           "fill=\"url(#hatch{})\" class=\"gap\"><title>nothing was seen for "
                           "{}</title></rect>\n",
                           coordinate(from), coordinate(top_), coordinate(to - from),
                           coordinate(height_), axis_.number, safe(length));
        if (to - from > 60)
            svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"axis\" "
                               "text-anchor=\"middle\">gap, {}</text>\n",
                               coordinate((from + to) / 2), coordinate(top_ + 12), safe(length));
    }
    return svg;
}

std::string Plot::moment_line() const
{
    const std::string at = coordinate(x(axis_.moment));
    return fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" class=\"moment\"/>\n", at,
                       coordinate(top_ - 4), coordinate(bottom()));
}

} // namespace poolscope::report
