// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/side.h"

#include <utility>
#include <vector>

namespace poolscope::compare {

/// One thing on both sides; null where a side has none.
template <class T>
using Pair = std::pair<const T*, const T*>;

/// Targets by kind, name and address; else by kind and name; else by the program that an agent
/// names, or as the only ones of their kind that are left. Those that were never observed are none.
std::vector<Pair<TargetFigures>> match_targets(const Side& before, const Side& after);

/// Acquire stacks of one pool: the same ones; else those that differ in nothing but line numbers
/// and folders, as another build of the program has them.
std::vector<Pair<PlaceFigures>> match_places(const TargetFigures* before,
                                             const TargetFigures* after, const Text& pool);

} // namespace poolscope::compare
