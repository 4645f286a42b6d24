// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace poolscope::wire {

/// What an inspector asks for, as the agent reads it.
struct Command
{
    std::uint64_t n = 0;
    std::string kind;
    std::string id;     ///< reclaim
    std::string pool;   ///< reclaim
    std::string mac;    ///< auth
    bool brief = false; ///< want
};

/// Reads one line without its newline. False where it is no command: no JSON object, no UTF-8, no
/// kind, no number, texts longer than an id. Needs the standard library alone; bounded, and nothing
/// that it is given makes it recurse.
bool read_command(std::string_view line, Command& command);

} // namespace poolscope::wire
