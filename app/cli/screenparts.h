// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/picture.h"

#include <string>
#include <vector>

namespace poolscope {

/// A colour never stands alone: the word beside it says the same.
enum class Paint { none, bold, dim, inverse, amber, red, purple };

struct ScreenLine
{
    std::string text; ///< as long as it is
    Paint paint = Paint::none;
};

/// A line a pool: how much of it is used, who waits, what is wrong with it.
std::vector<ScreenLine> poolLines(const TargetSummary& target);
/// Every line of code that holds connections, worst first: a head, at most `rows` lines, and how
/// many are left out. Empty where no process is attached.
std::vector<ScreenLine> placeLines(const Picture& picture, int columns, int rows);
/// A suspected place on one line.
ScreenLine suspectLine(const Place& place);

} // namespace poolscope
