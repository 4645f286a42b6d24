// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace poolscope {

/// Whole microseconds. Never negative where it means an age.
using Duration = std::chrono::microseconds;
/// Microseconds since 1970-01-01 UTC, on the clock named beside it.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

constexpr Timestamp timestamp_from_us(std::int64_t us)
{
    return Timestamp{Duration{us}};
}
constexpr std::int64_t to_us(Timestamp t)
{
    return t.time_since_epoch().count();
}
constexpr std::int64_t to_us(Duration d)
{
    return d.count();
}

/// "2026-11-21T14:28:40.412000Z": always UTC, always six digits.
std::string format_iso8601(Timestamp time);
/// Reads ISO 8601 with 'T' or a space, 0 to 6 digits of a second, and 'Z', an offset or nothing
/// (=UTC).
std::optional<Timestamp> parse_iso8601(std::string_view text);
/// "500ms", "30s", "10m", "2h", "1d"; digits and one unit, no sign; nothing longer than 10 years.
std::optional<Duration> parse_duration(std::string_view text);
/// For sentences: "0.4 ms", "48 s", "6 min 12 s", "2 h 5 min", "3 d 4 h".
std::string format_duration_prose(Duration duration);
/// For cells: "0.4 ms", "48.0 s", "6m 12s", "2h 05m", "3d 04h".
std::string format_duration_cell(Duration duration);

} // namespace poolscope
