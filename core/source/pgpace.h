// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <chrono>

namespace poolscope {

/// How far polls are apart: the interval asked for, doubled again and again while the server takes
/// long to answer, and back again. No clock: it is told what each poll took.
class PgPace
{
public:
    /// 100 ms to 1 h.
    void set_interval(Duration interval);
    Duration interval() const { return interval_; }

    /// After a poll, with the time until its answer. Slower above a fifth of the time spent
    /// waiting for polls, faster once it would be under a tenth; never slower than a minute or the
    /// interval itself, whichever is longer. Smoothed over about 8 polls on the way up, 2 on the
    /// way back.
    void weigh(Duration cost);
    /// Another connection: what the one before cost is no measure.
    void forget();

    bool stretched() const { return stretch_ > 0; }
    std::chrono::milliseconds pace() const;

private:
    double share(int stretch) const;

    Duration interval_{std::chrono::seconds{1}};
    Duration cost_{}; ///< smoothed
    int stretch_ = 0; ///< polls every interval * 2^stretch
};

} // namespace poolscope
