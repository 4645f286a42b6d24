// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"

#include <map>

namespace poolscope {

/// Everything known of the pools of one process at one instant: the fold of its samples. A value;
/// not thread-safe. Memory follows what is open, not what has passed.
struct Pools
{
    std::optional<AgentFacts> agent;
    std::map<Text, Pool> pools; ///< by name
    std::map<ConnectionKey, PoolConnection> connections;
    std::map<Text, Checkout> checkouts;              ///< open, by id
    std::map<PlaceKey, PreparedStatements> prepared; ///< open statements, by place
    std::uint64_t lost = 0;                          ///< events that the agent dropped, in all
    std::uint64_t unreadable = 0;                    ///< lines that could not be read, in all
    /// Returns and closings of what was never seen open: an agent that lost track, or a gap.
    std::uint64_t unmatched = 0;

    /// Which checkouts a sample touched: what it named and what followed from it.
    struct Delta
    {
        std::vector<Text> changed; ///< ascending
        std::vector<Text> gone;    ///< ascending
    };
    /// A full sample replaces what it does not name. Returns what came of it for checkouts.
    Delta apply(const PoolSample& sample);

    friend bool operator==(const Pools&, const Pools&) = default;
};

/// Everything as one full sample; nothing new was lost.
PoolSample picture_of(const Pools& pools, Duration clock_offset);

} // namespace poolscope
