// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/text.h"

#include <cstddef>
#include <optional>
#include <string>

namespace poolscope {

// What stands in the cells of a text table.

/// Text from outside, cleaned; "-" for none.
std::string shown(const Text& text, std::size_t mostBytes = 256);

template <class T>
std::string number(const std::optional<T>& count)
{
    return count ? std::to_string(*count) : "-";
}

} // namespace poolscope
