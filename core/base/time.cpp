// SPDX-License-Identifier: Apache-2.0
#include "core/base/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string>

namespace poolscope {

namespace {

using std::chrono::floor;

bool take_number(std::string_view& text, std::size_t digits, int& out)
{
    if (text.size() < digits)
        return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, out);
    if (error != std::errc{} || end != text.data() + digits || out < 0)
        return false;
    text.remove_prefix(digits);
    return true;
}

bool take_char(std::string_view& text, std::string_view any_of)
{
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos)
        return false;
    text.remove_prefix(1);
    return true;
}

/// Not negative, with zeros in front.
std::string padded(std::int64_t value, std::size_t width)
{
    std::string digits = std::to_string(value);
    digits.insert(0, width - std::min(width, digits.size()), '0');
    return digits;
}

/// The same in every locale.
std::string one_decimal(double value)
{
    std::array<char, 32> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 1);
    return {text.data(), end.ptr};
}

} // namespace

std::string format_iso8601(Timestamp time)
{
    const auto day = floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss<Duration> clock{time - day};
    const int year = static_cast<int>(date.year());
    return (year < 0 ? "-" : "") + padded(std::abs(year), year < 0 ? 3 : 4) + "-" +
           padded(static_cast<unsigned>(date.month()), 2) + "-" +
           padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) +
           ":" + padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) +
           "." + padded(clock.subseconds().count(), 6) + "Z";
}

std::optional<Timestamp> parse_iso8601(std::string_view text)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (!take_number(text, 4, year) || !take_char(text, "-") || !take_number(text, 2, month) ||
        !take_char(text, "-") || !take_number(text, 2, day))
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok())
        return std::nullopt;
    std::int64_t fraction_us = 0;
    if (!text.empty()) {
        if (!take_char(text, "Tt ") || !take_number(text, 2, hour) || !take_char(text, ":") ||
            !take_number(text, 2, minute))
            return std::nullopt;
        if (take_char(text, ":")) {
            if (!take_number(text, 2, second))
                return std::nullopt;
            if (take_char(text, ".,")) {
                std::int64_t unit = 100000;
                bool any = false;
                while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
                    fraction_us += unit * (text.front() - '0');
                    unit /= 10;
                    any = true;
                    text.remove_prefix(1);
                }
                if (!any)
                    return std::nullopt;
            }
        }
        if (hour > 23 || minute > 59 || second > 60)
            return std::nullopt;
    }
    std::chrono::seconds offset{0};
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
        const int sign = text.front() == '-' ? -1 : 1;
        text.remove_prefix(1);
        int hours = 0, minutes = 0;
        if (!take_number(text, 2, hours))
            return std::nullopt;
        take_char(text, ":");
        if (!text.empty() && !take_number(text, 2, minutes))
            return std::nullopt;
        offset = sign * (std::chrono::hours{hours} + std::chrono::minutes{minutes});
    } else {
        take_char(text, "Zz");
    }
    if (!text.empty())
        return std::nullopt;
    return Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
           std::chrono::minutes{minute} + std::chrono::seconds{second} + Duration{fraction_us} -
           offset;
}

std::optional<Duration> parse_duration(std::string_view text)
{
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0)
        return std::nullopt;
    const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> units{{{"us", 1},
                                                                              {"ms", 1000},
                                                                              {"s", 1000000},
                                                                              {"m", 60000000},
                                                                              {"h", 3600000000},
                                                                              {"d", 86400000000}}};
    constexpr std::int64_t longest_us = 10LL * 366 * 86400 * 1000000;
    for (const auto& [name, factor] : units) {
        if (unit == name && number <= longest_us / factor)
            return Duration{number * factor};
    }
    return std::nullopt;
}

namespace {

struct Parts
{
    std::int64_t days, hours, minutes, seconds;
};

Parts split(Duration duration)
{
    const std::int64_t s = to_us(duration) / 1000000;
    return {s / 86400, s / 3600 % 24, s / 60 % 60, s % 60};
}

} // namespace

std::string format_duration_prose(Duration duration)
{
    const std::int64_t us = std::max<std::int64_t>(0, to_us(duration));
    if (us < 1000000)
        return one_decimal(static_cast<double>(us) / 1000.0) + " ms";
    const Parts p = split(Duration{us});
    if (p.days > 0)
        return p.hours > 0 ? std::to_string(p.days) + " d " + std::to_string(p.hours) + " h"
                           : std::to_string(p.days) + " d";
    if (p.hours > 0)
        return p.minutes > 0 ? std::to_string(p.hours) + " h " + std::to_string(p.minutes) + " min"
                             : std::to_string(p.hours) + " h";
    if (p.minutes > 0)
        return p.seconds > 0
                   ? std::to_string(p.minutes) + " min " + std::to_string(p.seconds) + " s"
                   : std::to_string(p.minutes) + " min";
    return std::to_string(p.seconds) + " s";
}

std::string format_duration_cell(Duration duration)
{
    const std::int64_t us = std::max<std::int64_t>(0, to_us(duration));
    if (us < 1000000)
        return std::to_string(us / 1000) + "." + std::to_string(us / 100 % 10) + " ms";
    if (us < 60000000)
        return std::to_string(us / 1000000) + "." + std::to_string(us / 100000 % 10) + " s";
    const Parts p = split(Duration{us});
    if (p.days > 0)
        return std::to_string(p.days) + "d " + padded(p.hours, 2) + "h";
    if (p.hours > 0)
        return std::to_string(p.hours) + "h " + padded(p.minutes, 2) + "m";
    return std::to_string(p.minutes) + "m " + padded(p.seconds, 2) + "s";
}

} // namespace poolscope
