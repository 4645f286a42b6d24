// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"

#include <string>
#include <vector>

namespace poolscope {

/// Stacks that acquire at one line, as in code with a helper of its own that everybody calls: for
/// each the callers that tell it from the others, nearest first, as name_of() has them, joined by
/// ", ": "orders.py:88", or "web.py:7, admin.py:12"; with the function or the folder where that
/// alone is another. The application's own callers where they tell enough. Empty for a stack that
/// ends where the others go on, and for all where nothing tells them apart. Of a few callers, of a
/// few hundred stacks: what is beyond that stays untold. Pure.
std::vector<std::string> ways_apart(const std::vector<StackRef>& alike);

} // namespace poolscope
