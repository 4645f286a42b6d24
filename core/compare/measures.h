// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace poolscope::compare {

/// What a row compares. The JSON names of both are kept for ever.
enum class Subject : std::uint8_t { pool, place, server, application, diagnosis, alert };
std::string_view name_of(Subject subject);

enum class Measure : std::uint8_t {
    acquires_per_second,
    use_mean,
    use_longest,
    wait_mean,
    wait_longest,
    timeouts_per_minute,
    used_mean,
    used_peak,
    used_ratio_mean,
    used_ratio_peak,
    pending_mean,
    pending_peak,
    exhausted_ratio, ///< of the time
    max,
    held_mean, ///< connections that a place holds, on average: connection-seconds a second
    hold_mean,
    hold_longest,
    sessions_mean,
    sessions_peak,
    max_connections,
    stood_ratio, ///< of the time
};
inline constexpr std::size_t measure_count = 21;

/// How a figure is written.
enum class Unit : std::uint8_t { per_second, per_minute, duration, level, count, ratio };
/// What makes two figures of it differ: what a difference must be to be worth a word.
enum class Nature : std::uint8_t {
    rate,    ///< counted: what chance alone explains is no change
    mean,    ///< of single ones: a few of them say little
    most,    ///< the longest or highest: who looks for longer sees more
    level,   ///< over time
    setting, ///< any difference is one
};

struct MeasureRule
{
    std::string_view name;  ///< JSON: "use_mean_us"; durations are whole microseconds
    std::string_view words; ///< "mean use time"
    Unit unit = Unit::level;
    Nature nature = Nature::level;
    double least = 0;      ///< a smaller difference is none worth a word; in the measure's own unit
    int matters = 0;       ///< 0 to 9: how much a change of it matters, where all else is equal
    bool headline = false; ///< a change is told in a sentence of its own, above the table
};
const MeasureRule& rule_of(Measure measure);

enum class Verdict : std::uint8_t {
    same,        ///< to the last digit
    little,      ///< they differ by nothing worth a word
    more,        ///< or longer
    less,        ///< or shorter
    appeared,    ///< from nothing
    gone,        ///< to nothing
    too_little,  ///< they differ, but there is too little data to call it a change
    only_before, ///< what it is of was there, or told it, before alone
    only_after,
};
std::string_view name_of(Verdict verdict);
/// Whether it is a change that is worth a word.
bool is_change(Verdict verdict);

/// One figure of one side.
struct Figure
{
    std::optional<double> value; ///< durations in seconds; null: not told
    double observed = 0;         ///< seconds
    /// Of how many single ones, for a mean or a rate.
    double count = 0;
};

// The rules of when a difference is worth a word, beside MeasureRule::least.
inline constexpr double least_observed = 20;    ///< seconds, of each side
inline constexpr double least_ratio = 1.2;      ///< after to before, or the other way
inline constexpr double least_in_a_mean = 20;   ///< single ones, of each side
inline constexpr double fair_lengths = 1.5;     ///< up to which ratio a longest is comparable
inline constexpr double chance_of_acquires = 3; ///< standard deviations of a counted event
inline constexpr double chance_of_timeouts = 2;

Verdict judge(Measure measure, const Figure& before, const Figure& after);
/// How much a change matters, to sort by; the more the larger. 0 where it is none.
double weight_of(Measure measure, Verdict verdict, const Figure& before, const Figure& after);

/// "12.3/s", "4.2/min", "812 ms", "3.1", "71 %"; "-" for null.
std::string in_words(Measure measure, std::optional<double> value);
/// "+71 %", "×3.4", "appeared", "gone", "too little data"; nothing where it is the same.
std::string change_in_words(Verdict verdict, std::optional<double> before,
                            std::optional<double> after);

} // namespace poolscope::compare
