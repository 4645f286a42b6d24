// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/judging.h"
#include "core/analyze/suspects.h"
#include "core/model/pools.h"

#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// One open checkout, judged.
struct Holder
{
    CheckoutKey checkout;
    LeakSeverity severity = LeakSeverity::none;
    Duration age{}; ///< on the process's clock
    /// Past the alert threshold, but expected to be, or its holder said lately that it is alive,
    /// or it works.
    bool long_running = false;
    friend bool operator==(const Holder&, const Holder&) = default;
};

/// All open checkouts that one line of code acquired from one pool: 40 leaks of one place are one
/// thing to mend.
struct Place
{
    /// checkout; or bypass: what was established past every pool of the process.
    LeakKind kind = LeakKind::checkout;
    Text pool;
    StackRef stack; ///< of its oldest checkout; null where no stack was taken
    /// Where other places of the pool acquire at a line of the same name: the callers that tell
    /// this one from them, as ways_apart() has them.
    std::string by_way_of;
    LeakThresholds thresholds; ///< by which it is judged
    JudgedBy judged_by = JudgedBy::standard;
    bool judged = true; ///< false: how long its holders hold says nothing (PoolJudging)
    LeakSeverity severity = LeakSeverity::none; ///< of the worst holder
    std::vector<Holder> holders;                ///< oldest first
    std::int32_t suspected = 0;                 ///< holders with a severity
    /// Checkouts of this place that became and stayed suspect, a minute; 0 while none does.
    double growth_per_minute = 0;
    /// Until nothing of the pool is free if that goes on; 0: it is now. Null: it does not grow, or
    /// the pool's size is not known.
    std::optional<Duration> full_in;

    friend bool operator==(const Place& a, const Place& b);
};

/// How far back growth is looked for. Long enough for a leak of one a minute to show, short enough
/// that a burst of an hour ago is none of it.
inline constexpr Duration growth_window = std::chrono::minutes{5};

/// Every open checkout by place; the worst first: by severity, then suspected, then the oldest.
/// `now` is on the process's clock. Pure.
std::vector<Place> find_places(const Pools& pools, const Judging& judging, Timestamp now);

/// The evidence on one holder in words, one sentence each, for a person. `place` is where it was
/// judged; null where it was not.
std::vector<std::string> evidence_of(const Holder& holder, const Checkout& checkout,
                                     const Pool* pool, const Place* place, Timestamp now);

} // namespace poolscope
