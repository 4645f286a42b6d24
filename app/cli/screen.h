// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/picture.h"

#include <string>
#include <vector>

namespace poolscope {

struct ScreenSize
{
    int columns = 100;
    int rows = 0; ///< 0: as many as there are
};

/// The text screen: what is attached, counts by state, suspected leaks, sessions, worst first.
/// Lines fit the size. `headline` is a short word on where the picture comes from.
std::vector<std::string> screenLines(const Picture& picture, ScreenSize size, bool colours,
                                     const std::string& headline);

} // namespace poolscope
