// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentclock.h"

#include <algorithm>

namespace poolscope {

namespace {

constexpr std::size_t tripsKept = 8;
/// Beyond what the two trips leave open; clocks drift by far less in the time of eight.
constexpr Duration jump = std::chrono::milliseconds{500};

Duration reading(AgentClock::Steady::time_point at)
{
    return std::chrono::duration_cast<Duration>(at.time_since_epoch());
}

} // namespace

void AgentClock::clear()
{
    first_.reset();
    trips_.clear();
}

void AgentClock::greeted(Timestamp agentNow, Steady::time_point received)
{
    first_ = agentNow.time_since_epoch() - reading(received);
}

void AgentClock::answered(Timestamp agentNow, Steady::time_point sent, Steady::time_point received)
{
    const Trip trip{agentNow.time_since_epoch() - reading(sent + (received - sent) / 2),
                    received - sent};
    if (!trips_.empty()) {
        const Trip& known = best();
        const auto open = std::chrono::duration_cast<Duration>((known.took + trip.took) / 2);
        if (std::chrono::abs(trip.skew - known.skew) > open + jump)
            trips_.clear(); // it was set, which it should not be: what it said before is void
    }
    trips_.push_back(trip);
    if (trips_.size() > tripsKept)
        trips_.pop_front();
}

const AgentClock::Trip& AgentClock::best() const
{
    return *std::min_element(trips_.begin(), trips_.end(),
                             [](const Trip& a, const Trip& b) { return a.took < b.took; });
}

Duration AgentClock::offset(Timestamp ours, Steady::time_point now) const
{
    if (!isKnown())
        return {};
    const Duration skew = trips_.empty() ? *first_ : best().skew;
    return skew + reading(now) - ours.time_since_epoch();
}

} // namespace poolscope
