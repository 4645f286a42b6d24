// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/poolflow.h"

#include <algorithm>
#include <cstdint>

// What an agent tells is anything: sums of it end at the largest number there is.
namespace poolscope {

inline Duration sum_of(Duration a, Duration b)
{
    a = std::max(a, Duration{0});
    b = std::max(b, Duration{0});
    return a > Duration::max() - b ? Duration::max() : a + b;
}
inline std::uint64_t sum_of(std::uint64_t a, std::uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
inline Duration mean_of(Duration sum, std::uint64_t count)
{
    constexpr Duration longest_use = std::chrono::hours{24 * 365};
    constexpr std::uint64_t most = INT64_MAX;
    return std::min(longest_use, sum / static_cast<std::int64_t>(std::min(count, most)));
}

/// The begin of the step that an instant is in, by the clock.
inline Timestamp flow_step_of(Timestamp time)
{
    return timestamp_from_us(to_us(time) / to_us(flow_step) * to_us(flow_step));
}

} // namespace poolscope
