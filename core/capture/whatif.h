// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/model/observation.h"

#include <string>
#include <vector>

namespace poolscope {

/// What a recording is judged by from its beginning, in place of what it says. What is empty is as
/// recorded.
struct WhatIf
{
    std::vector<ThresholdsChanged> thresholds; ///< for all targets, or pools of a name in all
    std::string alertRules;                    ///< a file's text
};

/// Lets these choices count, and none of those that the recording made until now; nothing where
/// there are none.
void supposeThresholds(const std::vector<ThresholdsChanged>& choices, Analysis& analysis,
                       WorldDelta& delta);

} // namespace poolscope
