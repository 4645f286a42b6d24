// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agenttimes.h"

namespace poolscope {

bool AgentTimes::read(Timestamp theirs, Steady::time_point at)
{
    const bool before = sure_ != Timestamp::max();
    // Compared from its own side: what it says may be any number.
    const Timestamp present = before ? this->present(at) : theirs;
    const bool corrected = theirs > present + most_ahead || theirs < present - most_ahead;
    read_ = theirs;
    readAt_ = at;
    sure_ = theirs + most_ahead;
    return corrected;
}

void AgentTimes::hint(Timestamp theirs, Steady::time_point at)
{
    if (sure_ == Timestamp::max())
        return;
    if (theirs > present(at) + most_ahead)
        ++disbelieved_;
    else if (theirs > read_)
        read(theirs, at);
}

Timestamp AgentTimes::checked(Timestamp told, Steady::time_point at)
{
    const Timestamp present = this->present(at);
    if (told <= sure_ || told <= present + most_ahead)
        return told;
    ++disbelieved_;
    return present;
}

Timestamp AgentTimes::present(Steady::time_point at) const
{
    return read_ + std::chrono::duration_cast<Duration>(at - readAt_);
}

} // namespace poolscope
