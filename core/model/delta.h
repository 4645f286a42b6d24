// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"
#include "core/model/session.h"

#include <vector>

namespace poolscope {

/// What one or several observations changed in a world.
struct WorldDelta
{
    std::vector<SessionKey> changed; ///< new or different; may repeat, may name one that left since
    std::vector<SessionKey> gone;
    std::vector<CheckoutKey> checkouts_changed; ///< the same for checkouts
    std::vector<CheckoutKey> checkouts_gone;
    bool targets = false; ///< some target's info, status, facts, counts, pools or locks
    bool actions = false;
    bool notes = false;
    bool thresholds = false;
};

} // namespace poolscope
