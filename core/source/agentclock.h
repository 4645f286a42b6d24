// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <chrono>
#include <deque>
#include <optional>

namespace poolscope {

/// How far an agent's clock is from ours, from the shortest of the last eight round trips. Kept
/// against the steady clock, so that setting this machine's clock does not spoil it. Where the
/// agent's jumps, though it must not, what was known of it is forgotten.
class AgentClock
{
public:
    using Steady = std::chrono::steady_clock;

    void clear();
    /// From its hello, which counts until a pong comes: late by as long as it travelled.
    void greeted(Timestamp agentNow, Steady::time_point received);
    void answered(Timestamp agentNow, Steady::time_point sent, Steady::time_point received);
    bool isKnown() const { return first_ || !trips_.empty(); }
    /// The agent's clock minus ours; 0 where nothing is known.
    Duration offset(Timestamp ours, Steady::time_point now) const;

private:
    struct Trip
    {
        Duration skew; ///< the agent's clock minus the steady one
        Steady::duration took;
    };
    const Trip& best() const;

    std::optional<Duration> first_;
    std::deque<Trip> trips_;
};

} // namespace poolscope
