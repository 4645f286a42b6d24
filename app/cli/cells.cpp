// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/cells.h"

#include "app/cli/prose.h"

namespace poolscope {

std::string shown(const Text& text, std::size_t mostBytes)
{
    return text.empty() ? "-" : cleaned(text, mostBytes);
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += line + '\n';
    return text;
}

} // namespace poolscope
