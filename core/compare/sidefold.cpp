// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/sidefold.h"

#include "core/compare/seconds.h"

#include <algorithm>
#include <array>
#include <utility>

namespace poolscope::compare {

namespace {

/// How long before the end of a stretch of the capture's time something happened on the process's
/// clock; no longer than the stretch.
double before_end(Timestamp happened, Duration offset, Timestamp a, Timestamp b)
{
    const double at = static_cast<double>(to_us(happened)) - static_cast<double>(to_us(offset));
    const double end = static_cast<double>(to_us(b));
    return std::clamp((end - at) / 1e6, 0.0, seconds_between(a, b));
}

std::optional<double> as_number(const std::optional<std::int64_t>& count)
{
    return count && *count >= 0 ? std::optional(static_cast<double>(*count)) : std::nullopt;
}

std::optional<std::uint64_t> total_us(const std::optional<DurationSummary>& summary)
{
    if (!summary || !summary->total)
        return {};
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_us(*summary->total)));
}

std::optional<std::uint64_t> count_of_summary(const std::optional<DurationSummary>& summary)
{
    return summary ? std::optional(summary->count) : std::nullopt;
}

/// 1 while a pool is exhausted; null where it tells too little to say.
std::optional<double> exhausted(const Pool& pool)
{
    if (!pool.pending && !(pool.used && pool.max))
        return {};
    FlowPoint point;
    point.used = pool.used.value_or(-1);
    point.max = pool.max.value_or(-1);
    point.pending = pool.pending.value_or(-1);
    point.unfit = pool.circuit.str() == "open" || pool.health.str() == "unhealthy";
    return point.strain() == Strain::exhausted ? 1 : 0;
}

std::array<Counter*, 5> counters_of(PoolFigures& pool)
{
    return {&pool.waits, &pool.wait_total, &pool.uses, &pool.use_total, &pool.timeouts};
}

bool is_sample(const Observation& observation)
{
    return std::holds_alternative<ServerSample>(observation.what) ||
           std::holds_alternative<PoolSample>(observation.what);
}

bool is_lost(const TargetStatus& status)
{
    return status.reach == Reach::failing || status.reach == Reach::stopped;
}

} // namespace

TargetFigures& SideFold::figures(const TargetState& target)
{
    TargetFigures& figures = side_.targets[target.info.id];
    figures.info = target.info;
    return figures;
}

PoolFigures* SideFold::pool(TargetFigures& figures, const Text& name)
{
    if (const auto known = figures.pools.find(name); known != figures.pools.end())
        return &known->second;
    if (pools_ >= most_pools) {
        side_.crowded = true;
        return nullptr;
    }
    ++pools_;
    return &figures.pools[name];
}

PlaceFigures* SideFold::place(TargetFigures& figures, const Text& pool, const StackRef& stack)
{
    const PlaceKey key{pool, stack ? stack->fingerprint : 0};
    if (const auto known = figures.places.find(key); known != figures.places.end())
        return &known->second;
    if (places_ >= most_places) {
        side_.crowded = true;
        return nullptr;
    }
    ++places_;
    PlaceFigures& place = figures.places[key];
    place.stack = stack;
    return &place;
}

void SideFold::begin(const World& world)
{
    for (const auto& [id, target] : world.targets()) {
        Watched& watched = watched_[id];
        watched.last = target.last_sample;
        watched.broken = target.gap_since_sample || is_lost(target.status);
        if (!target.last_sample)
            continue;
        TargetFigures& all = figures(target);
        const bool counts = within(world.now());
        read_all(all, watched, target, counts);
        recount_checkouts(all, watched, target, counts);
        if (!target.sessions.empty())
            count_sessions(all, watched, target, counts);
    }
}

void SideFold::interrupt(const TargetState& target)
{
    if (!target.last_sample)
        return;
    Watched& watched = watched_[target.info.id];
    watched.broken = watched.broke = true;
}

/// Up to `now` it stood as it was, unless nothing was seen.
void SideFold::advance(TargetFigures& figures, Watched& watched, Timestamp now)
{
    watched.a = watched.b = now;
    watched.counts = false;
    // A clock that was set forward past the range for a while tells of no time within it.
    if (!watched.last || now <= *watched.last || now > to_)
        return;
    const Timestamp a = std::clamp(*watched.last, from_, to_);
    const Timestamp b = std::clamp(now, from_, to_);
    if (b <= a)
        return;
    if (watched.broken) {
        figures.unseen += seconds_between(a, b);
        ++figures.gaps;
        return;
    }
    watched.a = a;
    watched.b = b;
    watched.counts = true;
    watched.clock += seconds_between(a, b);
}

void SideFold::before(const World& world, const Observation& observation)
{
    const auto* const status = std::get_if<StatusChanged>(&observation.what);
    if (std::holds_alternative<Gap>(observation.what) || (status && is_lost(status->status))) {
        for (const auto& [id, target] : world.targets()) {
            if (observation.target == TargetId{} || observation.target == id)
                interrupt(target);
        }
    }
    if (!is_sample(observation))
        return;
    Watched& watched = watched_[observation.target];
    const TargetState* const target = world.target(observation.target);
    if (!target)
        return;
    TargetFigures& all = figures(*target);
    advance(all, watched, observation.time);
    if (const auto* const sample = std::get_if<PoolSample>(&observation.what)) {
        returned(all, watched, *target, *sample);
        acquired(all, watched, *target, *sample);
        brief(all, watched, *sample);
        gave_up(all, watched, *sample);
    }
    watched.last = observation.time;
    watched.broken = false;
}

void SideFold::after(const World& world, const Observation& observation)
{
    const TargetState* const target = world.target(observation.target);
    if (!target || !is_sample(observation))
        return;
    const Watched& watched = watched_[observation.target];
    TargetFigures& all = figures(*target);
    const bool counts = within(observation.time);
    if (const auto* const sample = std::get_if<PoolSample>(&observation.what)) {
        if (sample->full) {
            read_all(all, watched, *target, counts);
            recount_checkouts(all, watched, *target, counts);
        } else {
            for (const Pool& each : sample->pools) {
                if (PoolFigures* const known = pool(all, each.name))
                    read(*known, each, watched, counts);
            }
        }
        all.pools_told = all.pools_told || counts;
    } else {
        const ServerSample& seen = std::get<ServerSample>(observation.what);
        if (seen.full || !seen.changed.empty() || !seen.gone.empty())
            count_sessions(all, watched, *target, counts);
        all.server = all.server || counts;
    }
}

void SideFold::read_all(TargetFigures& figures, const Watched& watched, const TargetState& target,
                        bool within)
{
    for (const auto& [name, each] : target.pools.pools) {
        if (PoolFigures* const known = pool(figures, name))
            read(*known, each, watched, within);
    }
    // What is no longer there is no longer anything, not zero.
    for (auto& [name, known] : figures.pools) {
        if (target.pools.pools.contains(name))
            continue;
        for (Meter* const meter :
             {&known.present, &known.used, &known.pending, &known.ratio, &known.exhausted})
            meter->set(std::nullopt, watched.clock, false);
        for (Counter* const counter : counters_of(known))
            counter->read(std::nullopt, watched.clock, 0, false);
    }
}

void SideFold::read(PoolFigures& figures, const Pool& pool, const Watched& watched, bool within)
{
    if (!pool.kind.empty())
        figures.kind = pool.kind;
    const auto used = as_number(pool.used);
    const auto max = as_number(pool.max);
    figures.present.set(1, watched.clock, within);
    figures.used.set(used, watched.clock, within);
    figures.pending.set(as_number(pool.pending), watched.clock, within);
    figures.ratio.set(used && max && *max > 0 ? std::optional(*used / *max) : std::nullopt,
                      watched.clock, within);
    figures.exhausted.set(exhausted(pool), watched.clock, within);
    if (pool.max && *pool.max >= 0)
        figures.max = pool.max;
    figures.waits_alone = counts_waits_alone(pool);
    const std::array readings{
        std::pair{&figures.waits, count_of_summary(pool.wait_time)},
        std::pair{&figures.wait_total, total_us(pool.wait_time)},
        std::pair{&figures.uses, count_of_summary(pool.use_time)},
        std::pair{&figures.use_total, total_us(pool.use_time)},
        std::pair{&figures.timeouts, pool.timeouts},
    };
    // One that fell tells that the pool is another, and all of them count from 0.
    const bool anew = std::any_of(readings.begin(), readings.end(), [](const auto& reading) {
        return reading.first->fell(reading.second);
    });
    const double stretch = watched.counts ? seconds_between(watched.a, watched.b) : 0;
    for (const auto& [counter, value] : readings)
        counter->read(value, watched.clock, stretch, anew);
}

void SideFold::returned(TargetFigures& figures, const Watched& watched, const TargetState& target,
                        const PoolSample& sample)
{
    for (const CheckoutEnd& end : sample.ended) {
        const auto found = target.pools.checkouts.find(end.id);
        if (found == target.pools.checkouts.end())
            continue;
        const Checkout& checkout = found->second;
        PlaceFigures* const where = place(figures, checkout.pool, checkout.stack);
        PoolFigures* const of = pool(figures, checkout.pool);
        if (where)
            where->open.add(-1, watched.clock, false);
        if (!watched.counts || !where || !of)
            continue;
        // The meter has it until now.
        where->beside -= before_end(end.returned, sample.clock_offset, watched.a, watched.b);
        const double held = seconds_between(checkout.acquired, end.returned);
        ++where->returned;
        where->returned_held += held;
        where->longest = std::max(where->longest, held);
        ++of->returned;
        of->held += held;
        of->events = true;
        at_least(of->longest_use, held);
    }
}

void SideFold::acquired(TargetFigures& figures, const Watched& watched, const TargetState& target,
                        const PoolSample& sample)
{
    for (const Checkout& checkout : sample.changed) {
        const auto known = target.pools.checkouts.find(checkout.key.id);
        PlaceFigures* const where = place(figures, checkout.pool, checkout.stack);
        if (known != target.pools.checkouts.end()) {
            // Told better by now.
            PlaceFigures* const was = place(figures, known->second.pool, known->second.stack);
            if (was != where && was && where) {
                was->open.add(-1, watched.clock, false);
                where->open.add(+1, watched.clock, within(watched.b));
            }
            continue;
        }
        PoolFigures* const of = pool(figures, checkout.pool);
        if (!where || !of)
            continue;
        where->open.add(+1, watched.clock, within(watched.b));
        of->events = true;
        if (!watched.counts)
            continue;
        where->beside += before_end(checkout.acquired, sample.clock_offset, watched.a, watched.b);
        ++where->acquired;
        ++of->acquired;
        if (checkout.wait)
            at_least(of->longest_wait, seconds_of(*checkout.wait));
    }
}

void SideFold::brief(TargetFigures& figures, const Watched& watched, const PoolSample& sample)
{
    if (!watched.counts)
        return;
    for (const BriefHolds& each : sample.brief) {
        PlaceFigures* const where = place(figures, each.pool, each.stack);
        PoolFigures* const of = pool(figures, each.pool);
        if (!where || !of)
            continue;
        const double held = seconds_of(each.held);
        const double longest = seconds_of(each.longest);
        where->beside += held;
        where->acquired += each.count;
        where->returned += each.count;
        where->returned_held += held;
        where->longest = std::max(where->longest, longest);
        of->acquired += each.count;
        of->returned += each.count;
        of->held += held;
        of->events = true;
        at_least(of->longest_use, longest);
    }
}

void SideFold::gave_up(TargetFigures& figures, const Watched& watched, const PoolSample& sample)
{
    if (!watched.counts)
        return;
    for (const AcquireTimeout& timeout : sample.timeouts) {
        PoolFigures* const of = pool(figures, timeout.pool);
        if (!of)
            continue;
        ++of->gave_up;
        of->events = true;
        at_least(of->longest_wait, seconds_of(timeout.waited));
    }
}

/// After a picture, which names all that is open.
void SideFold::recount_checkouts(TargetFigures& figures, const Watched& watched,
                                 const TargetState& target, bool within)
{
    std::map<PlaceFigures*, double> open;
    for (const auto& [id, checkout] : target.pools.checkouts) {
        if (PoolFigures* const of = pool(figures, checkout.pool))
            of->events = true;
        if (PlaceFigures* const where = place(figures, checkout.pool, checkout.stack))
            open[where] += 1;
    }
    for (auto& [key, each] : figures.places) {
        const auto now = open.find(&each);
        each.open.set(now == open.end() ? 0 : now->second, watched.clock, within);
    }
}

} // namespace poolscope::compare
