// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/text.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace poolscope {

// What stands in the cells of a text table.

/// Text from outside, cleaned; "-" for none.
std::string shown(const Text& text, std::size_t mostBytes = 256);

template <class T>
std::string number(const std::optional<T>& count)
{
    return count ? std::to_string(*count) : "-";
}

/// Each with the end of its line.
std::string joined(const std::vector<std::string>& lines);
/// Words on lines of at most `width` cells, each behind `indent`; 0: on one line.
void addWrapped(std::string& text, const std::string& sentence, std::size_t indent, int width);

} // namespace poolscope
