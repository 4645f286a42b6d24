// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <chrono>
#include <cstdint>

namespace poolscope {

/// Which of the times that an agent tells can be: none lies more than a minute after what its clock
/// read last and the time since. One that does counts as the present, so that a checkout from the
/// future grows old like any other, and a heartbeat from there vouches for nobody for ever.
class AgentTimes
{
public:
    using Steady = std::chrono::steady_clock;
    static constexpr Duration most_ahead = std::chrono::minutes{1};

    /// Its clock, as a hello or a pong tells it: believed as it stands. True where that is more
    /// than a minute from what the reading before and the time since would give, as when one of the
    /// two machines slept: then the times told meanwhile were taken wrongly, or were wrongly
    /// believed.
    bool read(Timestamp theirs, Steady::time_point at = Steady::now());
    /// The same as statistics tell it: believed where it can be.
    void hint(Timestamp theirs, Steady::time_point at = Steady::now());
    /// `told`, or the present of that clock. Before the first reading everything is believed.
    Timestamp believed(Timestamp told)
    {
        return told <= sure_ ? told : checked(told, Steady::now());
    }
    Timestamp checked(Timestamp told, Steady::time_point at);
    /// How many were not.
    std::uint64_t disbelieved() const { return disbelieved_; }

private:
    Timestamp present(Steady::time_point at) const;

    Timestamp read_{};
    Steady::time_point readAt_{};
    Timestamp sure_ = Timestamp::max(); ///< up to here without looking at a clock
    std::uint64_t disbelieved_ = 0;
};

} // namespace poolscope
