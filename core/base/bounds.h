// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <algorithm>
#include <cstdint>

// What somebody else says of time, held where one can reckon with it: a server, a file.
namespace poolscope {

/// Microseconds: about 36,000 years.
inline constexpr std::int64_t farthest_us = std::int64_t{1} << 60;

/// Never farther from 1970 than that, so that the difference of any two can be counted.
constexpr Timestamp bounded_instant(std::int64_t us)
{
    return timestamp_from_us(std::clamp(us, -farthest_us, farthest_us));
}

/// Never longer than what lies between two such instants, and to be added to one.
constexpr Duration bounded_duration(std::int64_t us)
{
    return Duration{std::clamp(us, -2 * farthest_us, 2 * farthest_us)};
}

} // namespace poolscope
