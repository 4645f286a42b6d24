// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/whatif.h"

namespace poolscope {

void supposeThresholds(const std::vector<ThresholdsChanged>& choices, Analysis& analysis,
                       WorldDelta& delta)
{
    if (choices.empty())
        return;
    const auto fold = [&](TargetId target, const ThresholdsChanged& what) {
        const World& world = analysis.world();
        analysis.fold({world.sequence(), world.now(), target, what}, delta);
    };
    // What was chosen for one target, or one pool, would count before what is for all.
    const World::ThresholdChoices recorded = analysis.world().chosen_thresholds();
    for (const auto& [of, choice] : recorded)
        fold(of.first, {{}, of.second, true});
    for (const ThresholdsChanged& choice : choices)
        fold(TargetId{0}, choice);
}

} // namespace poolscope
