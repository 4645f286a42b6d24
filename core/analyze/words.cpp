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

} // namespace poolscope
