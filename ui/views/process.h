// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/targetkinds.h"

#include <algorithm>

namespace poolscope {

/// A process by its agent, or what speaks of pools as one does: a pooler, a page of metrics. It
/// knows nothing of a server's sessions.
inline bool isProcess(const TargetSummary& target)
{
    return tellsPools(target);
}

/// Processes, and nothing else that speaks of pools.
inline bool onlyProcesses(const std::vector<TargetSummary>& targets)
{
    return std::all_of(targets.begin(), targets.end(), [](const TargetSummary& target) {
        const TargetFamily family = familyOf(target.info);
        return target.agent || family == TargetFamily::process || family == TargetFamily::demo;
    });
}

} // namespace poolscope
