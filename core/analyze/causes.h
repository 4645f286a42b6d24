// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/poolcase.h"

#include <optional>
#include <vector>

namespace poolscope {

/// The cause of one pool's strain, before it is put into words. Points into the world.
struct Verdict
{
    Cause cause = Cause::undecided;
    Confidence confidence = Confidence::low;
    std::vector<Cause> candidates;
    std::vector<CaseHolder> by; ///< the holders that tell it, worst first; of one place for a leak
    StackRef place;             ///< of a leak or what is held while idle; null: not known
    std::string by_way_of;      ///< of that place, see Place
    const BlockingTree* tree = nullptr; ///< of a lock pile-up
    double stuck = 0;        ///< connections that do not come back, where no holder is known
    double more_load = 0;    ///< acquires a second now, over those before; 0: not known
    double more_use = 0;     ///< use time now, over that before; 0: not known
    bool past_alert = false; ///< a leak that its own threshold calls one, too
};

/// Null where nothing can be said that is worth saying: a pool that is merely nearly exhausted, and
/// nothing of it is stuck.
std::optional<Verdict> verdict_of(const PoolCase& pool);

/// The tree in which most of those sessions wait; null where none does.
const BlockingTree* tree_of(const PoolCase& pool);

} // namespace poolscope
