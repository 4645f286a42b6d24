// SPDX-License-Identifier: Apache-2.0
#include "core/leak/judgement.h"

#include <algorithm>

namespace poolscope {

LeakSeverity judge(const Holding& holding, const LeakThresholds& thresholds)
{
    const Duration excess = holding.held - std::clamp(holding.expected.value_or(Duration{0}),
                                                      Duration{0}, longest_expectation);
    if (thresholds.critical <= Duration::max() / 10 && excess >= thresholds.critical * 10)
        return LeakSeverity::critical;
    for (const std::optional<Duration>& since : {holding.since_heartbeat, holding.since_work}) {
        if (since && *since < thresholds.alert)
            return LeakSeverity::none;
    }
    if (excess >= thresholds.critical)
        return LeakSeverity::critical;
    return excess >= thresholds.alert ? LeakSeverity::alert : LeakSeverity::none;
}

} // namespace poolscope
