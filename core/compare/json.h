// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/comparison.h"

#include <string>

namespace poolscope::compare {

/// The array of its figures, changes first, and the end of the line.
std::string json_of(const Comparison& comparison);

} // namespace poolscope::compare
