// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/causes.h"

#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// "412 a second"
std::string rate_in_words(double per_second);

/// One place that acquires: how often what it took came back, a second.
struct PlaceRate
{
    StackRef stack;
    double now = 0;    ///< in the last seconds under strain
    double before = 0; ///< before the strain
};
/// Those to which more comes back than before the strain, the most more first; at most two, and no
/// second one that hardly counts. Empty where nobody tells of lines, or of the time before.
std::vector<PlaceRate> more_at_places(const PoolCase& pool);

/// Where the load of a spike comes from and what room its server has, each as one sentence; empty
/// where that is not known.
std::string callers_in_words(const PoolCase& pool);
std::string room_in_words(const PoolCase& pool);
/// What helps against a spike now: there is nothing to end.
std::string relief_of_spike(const PoolCase& pool, const Verdict& verdict);
std::string prevention_of_spike(const PoolCase& pool);

/// "Raise the pool's own max_connections from 6 to 8 at least (25 hold or want one now)"
std::string raise_in_words(const PoolCase& pool);

} // namespace poolscope
