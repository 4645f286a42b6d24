// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace poolscope {

/// "2 310", with thin spaces (U+2009), as everywhere in the window.
std::string count_in_words(std::int64_t n);
/// "1 session", "2 310 sessions".
std::string count_of(std::int64_t n, std::string_view noun);

} // namespace poolscope
