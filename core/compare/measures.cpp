// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/measures.h"

#include "core/base/time.h"
#include "core/compare/seconds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace poolscope::compare {

namespace {

constexpr std::array<MeasureRule, measure_count> rules{{
    {"acquires_per_second", "acquires", Unit::per_second, Nature::rate, 0.05, 6, true},
    {"use_mean_us", "mean use time", Unit::duration, Nature::mean, 0.001, 6, true},
    {"use_longest_us", "longest use", Unit::duration, Nature::most, 0.1, 2, false},
    {"wait_mean_us", "mean wait", Unit::duration, Nature::mean, 0.001, 6, true},
    {"wait_longest_us", "longest wait seen", Unit::duration, Nature::most, 0.1, 3, false},
    {"timeouts_per_minute", "timeouts", Unit::per_minute, Nature::rate, 0, 9, true},
    {"used_mean", "used", Unit::level, Nature::level, 0.5, 4, false},
    {"used_peak", "used, peak", Unit::count, Nature::most, 2, 1, false},
    {"used_ratio_mean", "used of max", Unit::ratio, Nature::level, 0.05, 4, true},
    {"used_ratio_peak", "used of max, peak", Unit::ratio, Nature::most, 0.1, 1, false},
    {"pending_mean", "pending", Unit::level, Nature::level, 0.2, 5, false},
    {"pending_peak", "pending, peak", Unit::count, Nature::most, 2, 1, false},
    {"exhausted_ratio", "time exhausted", Unit::ratio, Nature::level, 0.02, 8, true},
    {"max", "max", Unit::count, Nature::setting, 0, 5, true},
    {"held_mean", "held", Unit::level, Nature::level, 0.2, 6, true},
    {"hold_mean_us", "mean hold", Unit::duration, Nature::mean, 0.001, 3, false},
    {"hold_longest_us", "longest hold", Unit::duration, Nature::most, 0.1, 2, false},
    {"sessions_mean", "sessions", Unit::level, Nature::level, 0.5, 4, true},
    {"sessions_peak", "sessions, peak", Unit::count, Nature::most, 2, 1, false},
    {"max_connections", "max_connections", Unit::count, Nature::setting, 0, 5, true},
    {"stood_ratio", "of the time", Unit::ratio, Nature::level, 0.02, 8, true},
}};

constexpr std::array<std::string_view, 6> subject_names{"pool",        "place",     "server",
                                                        "application", "diagnosis", "alert"};
constexpr std::array<std::string_view, 9> verdict_names{
    "same", "little", "more", "less", "appeared", "gone", "too_little", "only_before", "only_after",
};

/// After to before, at least 1; infinite where one of them is nothing.
double ratio_between(double before, double after)
{
    const double low = std::min(before, after);
    const double high = std::max(before, after);
    return low > 0 ? high / low : HUGE_VAL;
}

/// A rate is of counted events: how many standard deviations lie between the two, were they one.
double deviations(const Figure& before, const Figure& after)
{
    const double rate =
        (before.count + after.count) / std::max(1e-9, before.observed + after.observed);
    const double spread = std::sqrt(rate * (1 / before.observed + 1 / after.observed));
    const double apart = std::abs(after.count / after.observed - before.count / before.observed);
    return spread > 0 ? apart / spread : 0;
}

bool is_enough(Measure measure, const Figure& before, const Figure& after)
{
    if (before.observed < least_observed || after.observed < least_observed)
        return false;
    switch (rule_of(measure).nature) {
    case Nature::rate:
        return deviations(before, after) >=
               (measure == Measure::timeouts_per_minute ? chance_of_timeouts : chance_of_acquires);
    case Nature::mean:
        return before.count >= least_in_a_mean && after.count >= least_in_a_mean;
    case Nature::most: {
        // Whoever looks for longer sees longer ones.
        const bool longer_has_more =
            (*after.value > *before.value) == (after.observed > before.observed);
        return !longer_has_more || ratio_between(before.observed, after.observed) <= fair_lengths;
    }
    default:
        return true;
    }
}

std::string short_number(double value)
{
    if (value == 0)
        return "0";
    if (std::abs(value) < 0.005)
        return "under 0.01";
    if (std::abs(value) < 0.095)
        return fmt::format("{:.2f}", value);
    if (std::abs(value) < 99.95)
        return fmt::format("{:.1f}", value);
    return fmt::format("{:.0f}", value);
}

} // namespace

std::string_view name_of(Subject subject)
{
    return subject_names.at(static_cast<std::size_t>(subject));
}

std::string_view name_of(Verdict verdict)
{
    return verdict_names.at(static_cast<std::size_t>(verdict));
}

const MeasureRule& rule_of(Measure measure)
{
    return rules.at(static_cast<std::size_t>(measure));
}

bool is_change(Verdict verdict)
{
    return verdict == Verdict::more || verdict == Verdict::less || verdict == Verdict::appeared ||
           verdict == Verdict::gone;
}

Verdict judge(Measure measure, const Figure& before, const Figure& after)
{
    if (!before.value || !after.value)
        return before.value  ? Verdict::only_before
               : after.value ? Verdict::only_after
                             : Verdict::same;
    const double a = *before.value;
    const double b = *after.value;
    if (a == b)
        return Verdict::same;
    const MeasureRule& rule = rule_of(measure);
    if (rule.nature != Nature::setting) {
        if (ratio_between(a, b) < least_ratio || std::abs(a - b) < rule.least)
            return Verdict::little;
        if (!is_enough(measure, before, after))
            return Verdict::too_little;
    }
    if (a == 0)
        return Verdict::appeared;
    if (b == 0)
        return Verdict::gone;
    return b > a ? Verdict::more : Verdict::less;
}

double weight_of(Measure measure, Verdict verdict, const Figure& before, const Figure& after)
{
    if (!is_change(verdict))
        return 0;
    // From nothing to something is as much as eightfold.
    const double times = std::min(8.0, ratio_between(*before.value, *after.value));
    const double size = std::log2(times) / 3;
    const MeasureRule& rule = rule_of(measure);
    double share = 1;
    // A level is as important as it is high: of many lines of code the one that holds the most.
    if (rule.unit == Unit::level || rule.unit == Unit::ratio) {
        const double apart = std::abs(*after.value - *before.value);
        const double half = rule.unit == Unit::ratio ? 0.2 : 2;
        share = apart / (apart + half);
    }
    return rule.matters + 1 + 2 * size * share;
}

std::string in_words(Measure measure, std::optional<double> value)
{
    if (!value)
        return "-";
    switch (rule_of(measure).unit) {
    case Unit::per_second:
        return short_number(*value) + "/s";
    case Unit::per_minute:
        return short_number(*value) + "/min";
    case Unit::duration:
        return format_duration_prose(duration_of(*value));
    case Unit::level:
        return short_number(*value);
    case Unit::count:
        return fmt::format("{:.0f}", *value);
    case Unit::ratio:
        return *value > 0 && *value < 0.01 ? std::string{"under 1 %"}
                                           : fmt::format("{:.0f} %", *value * 100);
    }
    return "-";
}

std::string change_in_words(Verdict verdict, std::optional<double> before,
                            std::optional<double> after)
{
    switch (verdict) {
    case Verdict::same:
        return {};
    case Verdict::little:
        return "about the same";
    case Verdict::appeared:
        return "appeared";
    case Verdict::gone:
        return "gone";
    case Verdict::too_little:
        return "too little data";
    case Verdict::only_before:
        return "only before";
    case Verdict::only_after:
        return "only after";
    default:
        break;
    }
    const double times = *after / *before;
    if (times >= 2)
        return fmt::format("\u00d7{}", short_number(times));
    // What is left is not nothing.
    if (times < 0.01)
        return fmt::format("{:.1f} %", std::max(-99.9, (times - 1) * 100));
    return fmt::format("{:+.0f} %", (times - 1) * 100);
}

} // namespace poolscope::compare
