// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/words.h"

#include <fmt/format.h>

namespace poolscope {

std::string count_in_words(std::int64_t n)
{
    constexpr std::string_view thin_space = "\u2009";
    std::string digits = std::to_string(n);
    const std::size_t first = n < 0 ? 1 : 0;
    for (std::size_t at = digits.size(); at > first + 3;) {
        at -= 3;
        digits.insert(at, thin_space);
    }
    return digits;
}

std::string count_of(std::int64_t n, std::string_view noun)
{
    return fmt::format("{} {}{}", count_in_words(n), noun, n == 1 ? "" : "s");
}

const char* in_words(SessionState state)
{
    switch (state) {
    case SessionState::idle_in_transaction:
        return "idle in transaction";
    case SessionState::idle_in_transaction_aborted:
        return "idle in transaction (aborted)";
    case SessionState::waiting:
        return "waiting for lock";
    case SessionState::active:
        return "active";
    case SessionState::idle:
        return "idle";
    case SessionState::other:
        return "other";
    case SessionState::unknown:
        break;
    }
    return "hidden";
}

Text place_of(const StackRef& stack)
{
    const StackLine* const line = acquiring_line(stack.get());
    if (!line)
        return {};
    if (line->file.empty())
        return line->function;
    const std::string at =
        line->line > 0 ? line->file.str() + ':' + std::to_string(line->line) : line->file.str();
    return line->function.empty() ? Text{at} : Text{line->function.str() + " (" + at + ')'};
}

std::string way_in_words(const std::string& by_way_of)
{
    return by_way_of.empty() ? std::string{} : " by way of " + plain_line(by_way_of, 400);
}

std::string waiter_in_words(const SessionKey& waiter)
{
    return waiter.pid.value == 0 ? std::string{"a prepared transaction"}
                                 : std::to_string(waiter.pid.value);
}

std::string behind_in_words(std::int32_t blocks)
{
    return fmt::format("{} behind it", blocks);
}

} // namespace poolscope
