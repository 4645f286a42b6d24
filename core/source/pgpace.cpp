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
    // One slow poll is no trend.
    cost_ = cost_.count() == 0 ? cost : (cost_ * 7 + cost) / 8;
    if (share(stretch_) > 0.2 && pace() < std::chrono::minutes{1})
        ++stretch_;
    else if (stretch_ > 0 && share(stretch_ - 1) < 0.1)
        --stretch_;
}

} // namespace poolscope
