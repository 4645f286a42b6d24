// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/record/rows.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace poolscope::record {

/// Of the minute that goes on, each target's sample with the most client sessions, and each pool's
/// row with the most in use and pending: the rows of `minute` and `pool_minute`, from which charts
/// of long ranges are drawn.
class Minutes
{
public:
    /// One more sample of a target, with the sequence number `sample`. A minute that was begun and
    /// is not that of `time` is to be flushed before.
    void count(TargetId target, Timestamp time, std::int64_t sample, std::int32_t clients,
               bool gap_before);
    /// One more row of `pool`: its number, and how much is in use and pending.
    void count_pool(TargetId target, const Text& pool, Timestamp time, std::int64_t row,
                    std::int64_t busy, bool gap_before);
    /// That `time` lies in another minute than the one that goes on.
    bool over(Timestamp time) const;
    /// Writes the minute out, as of the observation `sequence`; nothing where none was begun.
    void flush(SequenceNumber sequence, Pending& pending);

private:
    struct Peak
    {
        std::int64_t sample = 0;
        std::int32_t clients = -1;
        bool gap = false;
    };
    struct PoolPeak
    {
        std::int64_t row = 0;
        std::int64_t busy = 0;
        bool gap = false;
    };
    std::map<TargetId, Peak> peaks_;
    std::map<std::pair<TargetId, Text>, PoolPeak> pool_peaks_;
    std::optional<std::int64_t> minute_;
};

} // namespace poolscope::record
