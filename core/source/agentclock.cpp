// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentclock.h"

#include <algorithm>

namespace poolscope {

namespace {

constexpr std::size_t tripsKept = 8;

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
    trips_.push_back(
        {agentNow.time_since_epoch() - reading(sent + (received - sent) / 2), received - sent});
    if (trips_.size() > tripsKept)
        trips_.pop_front();
}

Duration AgentClock::offset(Timestamp ours, Steady::time_point now) const
{
    if (!isKnown())
        return {};
    const auto best = std::min_element(
        trips_.begin(), trips_.end(), [](const Trip& a, const Trip& b) { return a.took < b.took; });
    const Duration skew = best != trips_.end() ? best->skew : *first_;
    return skew + reading(now) - ours.time_since_epoch();
}

} // namespace poolscope
