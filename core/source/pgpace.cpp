// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgpace.h"

#include <algorithm>

namespace poolscope {

void PgPace::set_interval(Duration interval)
{
    const Duration before = interval_;
    interval_ =
        std::clamp<Duration>(interval, std::chrono::milliseconds{100}, std::chrono::hours{1});
    if (interval_ != before)
        stretch_ = 0; // found anew within a few polls
}

void PgPace::forget()
{
    cost_ = {};
    stretch_ = 0;
}

std::chrono::milliseconds PgPace::pace() const
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(interval_) * (1 << stretch_);
}

double PgPace::share(int stretch) const
{
    return static_cast<double>(cost_.count()) /
           static_cast<double>(interval_.count() * (std::int64_t{1} << stretch));
}

void PgPace::weigh(Duration cost)
{
    // One slow poll is no trend, and none, however long the server stood still: it counts as what
    // lies between two. Over it is sooner than it begins: what was slow is looked at seldom.
    cost = std::min(cost, Duration{pace()});
    const int before = cost < cost_ ? 1 : 7;
    cost_ = cost_.count() == 0 ? cost / 8 : (cost_ * before + cost) / (before + 1);
    if (share(stretch_) > 0.2 && pace() < std::chrono::minutes{1})
        ++stretch_;
    else if (stretch_ > 0 && share(stretch_ - 1) < 0.1)
        --stretch_;
}

} // namespace poolscope
