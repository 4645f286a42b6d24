// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/comparison.h"
#include "core/compare/match.h"

#include <string>
#include <vector>

namespace poolscope::compare {

/// What could not be compared or must be known of what was, in sentences: what is on one side
/// alone, gaps, too short ranges, other names.
std::vector<std::string> notes_on(const Side& before, const Side& after,
                                  const std::vector<Pair<TargetFigures>>& targets,
                                  const Naming& naming);

} // namespace poolscope::compare
