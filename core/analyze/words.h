// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"
#include "core/model/session.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace poolscope {

/// "2 310", with thin spaces (U+2009), as everywhere in the window.
std::string count_in_words(std::int64_t n);
/// "1 session", "2 310 sessions".
std::string count_of(std::int64_t n, std::string_view noun);

/// "idle in transaction (aborted)"; "hidden" where the role may not see it.
const char* in_words(SessionState state);
/// Where a stack acquired: "load_orders (src/orders.cpp:42)"; as it came. Null where none was
/// taken.
Text place_of(const StackRef& stack);
/// " by way of orders.py:88" of what ways_apart() tells; empty where that is.
std::string way_in_words(const std::string& by_way_of);

// A line of a blocking tree.

/// "4711", or "a prepared transaction", which has no pid.
std::string waiter_in_words(const SessionKey& waiter);
/// "3 behind it"
std::string behind_in_words(std::int32_t blocks);
/// Above those who wait for each other.
inline constexpr std::string_view circle_in_words = "These wait for each other in a circle:";

} // namespace poolscope
