// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace poolscope::wire {

/// Length of the valid UTF-8 sequence at the front (1 to 4), or 0 where there is none.
std::size_t utf8_length(std::string_view text) noexcept;
bool valid_utf8(std::string_view text) noexcept;

/// Appends what stands between a JSON string's quotes, with its escapes resolved. Half of a
/// surrogate pair alone becomes U+FFFD. False where an escape is none that JSON knows.
bool unescape(std::string_view raw, std::string& out);

} // namespace poolscope::wire
