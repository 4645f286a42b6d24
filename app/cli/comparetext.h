// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/json.h"
#include "core/compare/comparison.h"

#include <string>

namespace poolscope {

/// A comparison for people: what changed, then every figure. Width 0: as wide as it gets.
std::string comparisonText(const compare::Comparison& comparison, int width);
/// The array of its figures, changes first.
void writeComparison(JsonWriter& json, const compare::Comparison& comparison);

} // namespace poolscope
