// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/leak/judgement.h"
#include "core/model/world.h"

#include <map>
#include <optional>

namespace poolscope {

/// Whose thresholds a pool is judged by, the strongest last.
enum class JudgedBy : std::uint8_t { standard, pool, choice, pool_choice };

struct PoolJudging
{
    LeakThresholds thresholds;
    JudgedBy by = JudgedBy::standard;
    /// False where how long a connection is held says nothing: PgBouncer's session pooling gives a
    /// client one for as long as it is connected. A choice for that very pool judges it all the
    /// same.
    bool judged = true;
    friend bool operator==(const PoolJudging&, const PoolJudging&) = default;
};

/// What a person chose for one target: where nothing, each pool is judged by what it is set to
/// itself, in the words of its kind, and else by the default. Also a choice that happens to be the
/// default counts before a pool's own.
struct Judging
{
    std::optional<LeakThresholds> chosen; ///< for the target, or for all
    std::map<Text, LeakThresholds> pools; ///< for one pool
    /// A null pool has nothing of its own.
    PoolJudging of(const Pool* pool) const;
    PoolJudging of(const Pools& pools, const Text& name) const;
    friend bool operator==(const Judging&, const Judging&) = default;
};

Judging judging_of(const World& world, TargetId target);

} // namespace poolscope
