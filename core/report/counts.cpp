// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/counts.h"

#include <algorithm>
#include <utility>

namespace poolscope::report {

namespace {

constexpr std::size_t most_pools_kept = 20'000;

void raise(std::optional<std::int64_t>& most, const std::optional<std::int64_t>& count)
{
    if (count)
        most = std::max(most.value_or(*count), *count);
}

bool is_seen(const TargetState* state)
{
    return state && state->last_sample && !state->gap_since_sample &&
           state->status.reach == Reach::up;
}

} // namespace

void Extremes::note(const TargetState& target)
{
    StateCounts& most = servers_[target.info.id];
    for (std::size_t i = 0; i < most.size(); ++i)
        most.at(i) = std::max(most.at(i), target.counts.at(i));
}

void Extremes::note(TargetId target, const Pool& pool, bool within)
{
    if (pools_.size() >= most_pools_kept && !pools_.contains({target, pool.name}))
        return;
    OfPool& most = pools_[{target, pool.name}];
    if (within) {
        raise(most.used, pool.used);
        raise(most.idle, pool.idle);
        raise(most.pending, pool.pending);
        // What a pool counted before anybody saw it belongs to no time that is known.
        if (pool.timeouts && !most.timeouts)
            most.timeouts = 0;
        if (pool.timeouts && most.counter)
            *most.timeouts +=
                *pool.timeouts >= *most.counter ? *pool.timeouts - *most.counter : *pool.timeouts;
    }
    if (pool.timeouts)
        most.counter = pool.timeouts;
}

void Extremes::before(const World& world)
{
    if (std::exchange(known_, true))
        return;
    for (const auto& [id, target] : world.targets()) {
        for (const auto& [name, pool] : target.pools.pools)
            note(id, pool, false);
    }
}

void Extremes::after(const World& world, const Observation& observation)
{
    if (observation.time > to_)
        return;
    const bool within = observation.time >= from_;
    if (within && !std::exchange(within_, true)) {
        for (const auto& [id, target] : world.targets()) {
            note(target);
            for (const auto& [name, pool] : target.pools.pools)
                note(id, pool, true);
        }
        return;
    }
    const TargetState* const target = world.target(observation.target);
    if (!target)
        return;
    if (std::holds_alternative<ServerSample>(observation.what) && within)
        note(*target);
    const auto* const sample = std::get_if<PoolSample>(&observation.what);
    if (!sample)
        return;
    for (const Pool& told : sample->pools) {
        const auto pool = target->pools.pools.find(told.name);
        if (pool != target->pools.pools.end())
            note(observation.target, pool->second, within);
    }
}

void Extremes::tell(SessionCounts& counts) const
{
    if (const auto most = servers_.find(counts.series.target); most != servers_.end())
        counts.most = most->second;
}

void Extremes::tell(PoolCounts& counts) const
{
    const auto found = pools_.find({counts.series.target, counts.series.pool});
    if (found == pools_.end())
        return;
    const OfPool& most = found->second;
    counts.most_used = most.used;
    counts.most_idle = most.idle;
    counts.most_pending = most.pending;
    counts.timeouts = most.timeouts;
}

std::optional<SeriesPoint> sessions_then(const World& world, TargetId target)
{
    const TargetState* const state = world.target(target);
    return is_seen(state) ? std::optional{world.series_point(*state, false)} : std::nullopt;
}

std::optional<PoolPoint> pool_then(const World& world, TargetId target, const Text& pool)
{
    const TargetState* const state = world.target(target);
    if (!is_seen(state))
        return std::nullopt;
    const auto found = state->pools.pools.find(pool);
    return found == state->pools.pools.end()
               ? std::nullopt
               : std::optional{pool_point(found->second, *state->last_sample, false)};
}

} // namespace poolscope::report
