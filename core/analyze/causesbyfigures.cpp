// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/causeparts.h"

#include <algorithm>

namespace poolscope {

using namespace causing;

Verdict undecided(std::vector<Cause> candidates)
{
    Verdict verdict;
    verdict.candidates = std::move(candidates);
    return verdict;
}

Verdict decided(Cause cause, Confidence confidence, std::vector<Cause> candidates)
{
    Verdict verdict;
    verdict.cause = cause;
    verdict.confidence = confidence;
    verdict.candidates = std::move(candidates);
    return verdict;
}

double ratio_of(double now, double before)
{
    return before > 0 ? now / before : 0;
}

namespace {

/// Connections that are out for long beside those that come and go; 0 where they explain nothing.
double out_beside(const PoolCase& pool)
{
    if (!pool.recent || !pool.recent->use || pool.max() <= 0)
        return 0;
    const double use = std::chrono::duration<double>(*pool.recent->use).count();
    const auto max = static_cast<double>(pool.max());
    // What is held for long now and then, and was not before: a mean hides it among the quick ones.
    const double came_late =
        std::max(0.0, pool.recent->lasting - (pool.past ? pool.past->lasting : 0));
    const double usual = came_late > 0 && pool.usual_use
                             ? std::chrono::duration<double>(*pool.usual_use).count()
                             : use;
    const double need = pool.recent->arrivals * std::min(use, usual);
    const std::vector<CaseHolder> lasting = pool.lasting();
    auto beside =
        static_cast<double>(std::count_if(lasting.begin(), lasting.end(), [](const auto& holder) {
            return holder.activity != Activity::working && holder.activity != Activity::blocked;
        }));
    beside = std::max(beside, came_late);
    // Who holds what is not told: what is in use, less what comes back.
    if (pool.holders.empty()) {
        beside = pool.recent->used - static_cast<double>(pool.recent->returned) * use /
                                         std::chrono::duration<double>(pool.recent->over).count();
        if (beside < std::max(2.0, max * 0.1))
            return 0;
    }
    return need < max && need + beside >= max * 0.9 ? std::max(0.0, beside) : 0;
}

Verdict cause_of_load(const PoolCase& pool, double more_use)
{
    const double more_load =
        pool.past && pool.recent ? ratio_of(pool.recent->arrivals, pool.past->arrivals) : 0;
    Verdict verdict;
    if (pool.past && pool.recent) {
        const Confidence sure = more_use > 0 ? Confidence::high : Confidence::medium;
        if (more_load >= load_up)
            verdict = decided(Cause::load_spike, sure);
        else if (more_use >= use_steady)
            verdict = undecided({Cause::pool_too_small, Cause::slow_statements,
                                 Cause::held_while_idle, Cause::lock_pile_up});
        else if (more_load >= 1.25)
            verdict = decided(Cause::pool_too_small, Confidence::medium, {Cause::load_spike});
        else
            verdict = decided(Cause::pool_too_small, sure);
        verdict.more_load = more_load;
        verdict.more_use = more_use;
        return verdict;
    }
    // What was before the first look only the pool's own counters tell, and since when it is there
    // its oldest connection.
    std::optional<Duration> lived;
    const auto& connections = pool.target->pools.connections;
    for (auto it = connections.lower_bound({pool.pool->name, {}});
         it != connections.end() && it->first.pool == pool.pool->name; ++it) {
        if (it->second.opened)
            lived = std::max(lived.value_or(Duration{0}),
                             pool.target->theirs(pool.now) - *it->second.opened);
    }
    const Duration watched =
        std::min(pool.now - pool.flow->oldest().time, flow_window - seconds{10});
    const double count = pool.pool->use_time ? static_cast<double>(pool.pool->use_time->count) : 0;
    verdict = undecided({Cause::pool_too_small, Cause::load_spike});
    // Nor how long each is usually held.
    if (!pool.usual_use && (!pool.recent || !pool.recent->use || *pool.recent->use >= lasting_hold))
        return undecided({Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up,
                          Cause::pool_too_small, Cause::load_spike});
    if (lived && *lived <= watched + seconds{20}) {
        verdict = decided(Cause::pool_too_small, Confidence::medium, {Cause::load_spike});
    } else if (lived && *lived >= steady_least && pool.pool->use_time && pool.recent) {
        verdict.more_load =
            ratio_of(pool.recent->arrivals, count / std::chrono::duration<double>(*lived).count());
        if (verdict.more_load >= load_up)
            verdict = decided(Cause::load_spike, Confidence::medium, {Cause::pool_too_small});
        else if (verdict.more_load >= 0.7 && verdict.more_load <= 1.25)
            verdict = decided(Cause::pool_too_small, Confidence::medium);
    }
    if (verdict.cause == Cause::undecided && watched >= steady_least &&
        pool.now - pool.since >= watched - seconds{10})
        verdict = decided(Cause::pool_too_small, Confidence::medium, {Cause::load_spike});
    verdict.more_use = more_use;
    return verdict;
}

} // namespace

double explained_share(const PoolCase& pool)
{
    if (!pool.recent || pool.recent->returned == 0)
        return 0;
    if (!pool.recent->use || pool.recent->used <= 0)
        return 1;
    const std::chrono::duration<double> held = std::chrono::duration<double>(*pool.recent->use) *
                                               static_cast<double>(pool.recent->returned);
    return held / std::chrono::duration<double>(pool.recent->over) / pool.recent->used;
}

Verdict load_cause(const PoolCase& pool, double more_use)
{
    Verdict verdict = cause_of_load(pool, more_use);
    // What comes and goes leaves much of it unused: something else is out, and not back yet.
    if (verdict.cause == Cause::pool_too_small && explained_share(pool) < explained_most)
        return undecided({Cause::held_while_idle, Cause::slow_statements, Cause::lock_pile_up,
                          Cause::pool_too_small, Cause::leak});
    // It would have enough, were it not for those that are out: a few lost ones are not too small
    // a pool.
    if (out_beside(pool) <= 0)
        return verdict;
    std::vector<Cause> candidates{Cause::leak, Cause::held_while_idle};
    if (pool.recent->lasting > 0)
        candidates = {Cause::held_while_idle, Cause::slow_statements, Cause::lock_pile_up,
                      Cause::leak};
    if (verdict.cause != Cause::undecided)
        candidates.push_back(verdict.cause);
    candidates.insert(candidates.end(), verdict.candidates.begin(), verdict.candidates.end());
    verdict.cause = Cause::undecided;
    verdict.candidates = std::move(candidates);
    return verdict;
}

double use_growth(const PoolCase& pool)
{
    const std::optional<Duration> usual = pool.usual_use ? pool.usual_use : pool.first_use;
    if (!pool.recent || !pool.recent->use || !usual || *usual <= Duration{0})
        return 0;
    const double growth =
        static_cast<double>(to_us(*pool.recent->use)) / static_cast<double>(to_us(*usual));
    return *pool.recent->use < *usual + use_least ? std::min(1.0, growth) : growth;
}

Verdict by_shares(const PoolCase& pool, const ActivityShares& shares)
{
    Verdict verdict;
    if (shares.blocked >= 0.4) {
        verdict = decided(Cause::lock_pile_up, Confidence::medium);
        verdict.tree = tree_of(pool);
    } else if (shares.working >= majority) {
        verdict = decided(Cause::slow_statements, Confidence::medium);
    } else if (shares.idle >= majority) {
        verdict = undecided({Cause::held_while_idle, Cause::leak});
    } else {
        verdict = undecided({Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up});
    }
    return verdict;
}

Verdict by_figures(const PoolCase& pool)
{
    const auto shares = server_shares(pool);
    const double growth = use_growth(pool);
    const auto stuck_in = [&](const std::optional<FlowRate>& rate) {
        if (!rate || (rate->returned > 0 && !rate->use))
            return 0.0;
        const double back = rate->use ? std::chrono::duration<double>(*rate->use).count() : 0;
        return std::max(0.0, rate->used - static_cast<double>(rate->returned) * back /
                                              std::chrono::duration<double>(rate->over).count());
    };
    // It never told of anything that came back.
    if (pool.figures().returned == 0 || !pool.recent) {
        if (shares && shares->blocked >= 0.4)
            return by_shares(pool, *shares);
        if (shares && shares->idle >= majority)
            return undecided({Cause::held_while_idle, Cause::leak});
        if (shares && shares->working >= majority)
            return undecided({Cause::slow_statements, Cause::load_spike, Cause::pool_too_small});
        return undecided({Cause::leak, Cause::slow_statements, Cause::held_while_idle,
                          Cause::lock_pile_up, Cause::load_spike, Cause::pool_too_small});
    }
    const double stuck = stuck_in(pool.recent);
    const double least =
        std::max(2.0, static_cast<double>(std::max<std::int64_t>(1, pool.max())) * stuck_share);
    Verdict verdict;
    if (stuck >= least) {
        const auto before = pool.flow->between(pool.now - seconds{40}, pool.now - seconds{10});
        const bool for_long = before && before->over >= seconds{25} && stuck_in(before) >= least;
        const bool idle = shares && shares->idle * pool.recent->used >= stuck * 0.8;
        // Figures alone do not tell what is lost from what merely takes long.
        if (for_long && idle && pool.recent->returned > 0 && growth < use_up)
            verdict = decided(Cause::leak, Confidence::medium, {Cause::held_while_idle});
        else if (shares)
            verdict = by_shares(pool, *shares);
        else
            verdict = undecided(
                {Cause::slow_statements, Cause::leak, Cause::held_while_idle, Cause::lock_pile_up});
        verdict.stuck = stuck;
    } else if (growth >= use_up) {
        if (shares) {
            verdict = by_shares(pool, *shares);
            if (verdict.cause == Cause::undecided && shares->idle >= majority)
                verdict = decided(Cause::held_while_idle, Confidence::medium);
        } else {
            verdict =
                undecided({Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up});
        }
    } else {
        return load_cause(pool, growth);
    }
    verdict.more_use = growth;
    return verdict;
}

} // namespace poolscope
