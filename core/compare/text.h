// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/comparison.h"

#include <string>

namespace poolscope::compare {

/// For people: what changed, then every figure. Width, in cells of a terminal; 0: as wide as it
/// gets.
std::string text_of(const Comparison& comparison, int width);

} // namespace poolscope::compare
