// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace poolscope {

/// For who says that a try is to wait for ever: while one does, nothing else is tried or told.
inline constexpr std::chrono::seconds longest_unbounded_connect{60};
inline constexpr std::chrono::seconds longest_connect{3600};

/// How long a try to connect to one address may take. `given`: connect_timeout, seconds, where the
/// user has set one; 0 and less stand for no limit, as both client libraries have it.
inline std::chrono::milliseconds connect_limit(std::optional<int> given,
                                               std::chrono::milliseconds ours)
{
    if (!given)
        return ours;
    if (*given <= 0)
        return longest_unbounded_connect;
    return std::min(std::chrono::seconds{*given}, longest_connect);
}

} // namespace poolscope
