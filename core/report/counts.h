// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/model/world.h"
#include "core/report/report.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace poolscope::report {

/// The most that was counted between two instants, and what was added up: of every observation,
/// where the points of a chart are thinned out. A fold; a value.
class Extremes
{
public:
    Extremes(Timestamp from, Timestamp to)
        : from_(from)
        , to_(to)
    {}

    /// Around each observation: the world before it and after it.
    void before(const World& world);
    void after(const World& world, const Observation& observation);

    void tell(SessionCounts& counts) const;
    void tell(PoolCounts& counts) const;

private:
    struct OfPool
    {
        std::optional<std::int64_t> used;
        std::optional<std::int64_t> idle;
        std::optional<std::int64_t> pending;
        std::optional<std::uint64_t> counter; ///< of timeouts, as it was last told
        std::optional<std::uint64_t> timeouts;
    };
    void note(const TargetState& target);
    void note(TargetId target, const Pool& pool, bool within);

    Timestamp from_;
    Timestamp to_;
    bool known_ = false;  ///< what the keyframe had
    bool within_ = false; ///< what it was when the range begins
    std::map<TargetId, StateCounts> servers_;
    std::map<std::pair<TargetId, Text>, OfPool> pools_;
};

/// How it stands in a world; null where its target has not told of it, or is not seen then.
std::optional<SeriesPoint> sessions_then(const World& world, TargetId target);
std::optional<PoolPoint> pool_then(const World& world, TargetId target, const Text& pool);

} // namespace poolscope::report
