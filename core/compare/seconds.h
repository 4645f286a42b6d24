// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace poolscope::compare {

inline constexpr double longest_seconds = 366.0 * 86400;

/// Never negative. Instants from outside are anything: as double nothing overflows.
inline double seconds_between(Timestamp from, Timestamp to)
{
    const double us = static_cast<double>(to_us(to)) - static_cast<double>(to_us(from));
    return std::clamp(us / 1e6, 0.0, longest_seconds);
}

inline double seconds_of(Duration duration)
{
    return std::clamp(static_cast<double>(to_us(duration)) / 1e6, 0.0, longest_seconds);
}

/// Back again, whatever the sums came to.
inline Duration duration_of(double seconds)
{
    return Duration{std::llround(std::clamp(seconds, 0.0, longest_seconds) * 1e6)};
}

inline void at_least(std::optional<double>& longest, double seconds)
{
    longest = std::max(longest.value_or(0), seconds);
}

} // namespace poolscope::compare
