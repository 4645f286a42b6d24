// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/cells.h"

#include "app/cli/prose.h"

namespace poolscope {

std::string shown(const Text& text, std::size_t mostBytes)
{
    return text.empty() ? "-" : cleaned(text, mostBytes);
}

} // namespace poolscope
