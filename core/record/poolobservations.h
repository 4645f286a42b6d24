// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/model/pools.h"
#include "core/record/poollookup.h"

#include <functional>
#include <map>
#include <vector>

namespace poolscope::record {

/// Puts samples of agents together from their rows, one after the other. Throws Damaged.
class PoolSampleCursor
{
public:
    /// Of the samples after that one.
    PoolSampleCursor(SQLite::Database& database, PoolLookup& lookup, SequenceNumber after);
    /// `row` is one of `pool_sample`; `so_far` has its number and time.
    PoolSample read(const Row& row, const Observation& so_far);

private:
    /// The rows of one table, of all the samples.
    struct Rows
    {
        Query query;
        bool ready = false;
    };
    enum Table : std::uint8_t {
        pool,
        connection_change,
        connection_close,
        checkout_change,
        checkout_end,
        brief_hold,
        acquire_timeout,
        prepared,
    };
    void each(Table table, SequenceNumber sample, const std::function<void(const Row&)>& take);

    PoolLookup& lookup_;
    std::vector<Rows> rows_; ///< by Table
};

/// The columns after sequence, time and target.
AgentFacts read_agent(const Row& row);
ActionReported read_reclaim(const Row& row);

/// What a keyframe says of one process.
struct ProcessRow
{
    std::optional<std::int64_t> agent; ///< the row that holds then
    Pools pools;                       ///< but for the agent
};
/// By the number of the target. `process_now` tells the clock of a target at the keyframe.
std::map<std::int64_t, ProcessRow>
read_processes(SQLite::Database& database, PoolLookup& lookup, std::int64_t keyframe,
               const std::function<Timestamp(std::int64_t target)>& process_now);

} // namespace poolscope::record
