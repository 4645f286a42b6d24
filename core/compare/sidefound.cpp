// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/seconds.h"
#include "core/compare/sidefold.h"

#include <algorithm>
#include <utility>

namespace poolscope::compare {

namespace {

/// A diagnosis or alert that is not found for so long, and then again, has come twice.
constexpr Duration pause = std::chrono::seconds{10};

} // namespace

void SideFold::count_sessions(TargetFigures& figures, const Watched& watched,
                              const TargetState& target, bool within)
{
    struct Counts
    {
        double all = 0;
        std::array<double, session_state_count> states{};
    };
    std::map<ApplicationKey, Counts> now;
    double clients = 0;
    for (const auto& [pid, session] : target.sessions) {
        if (session.own || !session.is_client())
            continue;
        const bool user = session.application.empty();
        Counts& counts = now[{user ? session.user : session.application, user}];
        ++counts.all;
        ++counts.states.at(static_cast<std::size_t>(session.state));
        ++clients;
    }
    figures.clients.set(clients, watched.clock, within);
    for (const auto& [key, counts] : now) {
        if (figures.applications.contains(key))
            continue;
        if (applications_ >= most_applications) {
            side_.crowded = true;
            continue;
        }
        ++applications_;
        figures.applications[key];
    }
    const Counts none;
    for (auto& [key, each] : figures.applications) {
        const auto found = now.find(key);
        const Counts& counts = found == now.end() ? none : found->second;
        each.sessions.set(counts.all, watched.clock, within);
        for (std::size_t i = 0; i < session_state_count; ++i)
            each.states.at(i).set(counts.states.at(i), watched.clock, within);
    }
}

void SideFold::stand(Stood& stood, std::optional<Found>& found, bool seen, double step, int weight)
{
    const Timestamp now = *looked_;
    if (found && found->look + 1 == looks_) {
        stood.seconds += step;
        stood.unseen += seen ? 0 : step;
    }
    if (!found || now - found->time > pause)
        ++stood.times;
    stood.weight = std::max(stood.weight, weight);
    found = Found{looks_, now};
}

void SideFold::look(const Analysis& analysis)
{
    const Timestamp now = analysis.world().now();
    if (!within(now))
        return;
    const double step = looked_ ? seconds_between(*looked_, now) : 0;
    looked_ = now;
    ++looks_;
    for (const auto& [id, target] : analysis.world().targets()) {
        Watched& watched = watched_[id];
        watched.seen = watched.looked && !watched.broken && !watched.broke;
        watched.broke = watched.broken;
        watched.looked = watched.last.has_value();
        if (watched.seen)
            figures(target).looked += step;
    }
    const auto all = [&](TargetId id) -> TargetFigures* {
        const TargetState* const target = analysis.world().target(id);
        return target ? &figures(*target) : nullptr;
    };
    const auto kept = [&](auto& map, const auto& key) -> Stood* {
        if (const auto known = map.find(key); known != map.end())
            return &known->second;
        if (stood_ >= most_stood) {
            side_.crowded = true;
            return nullptr;
        }
        ++stood_;
        return &map[key];
    };
    for (const Diagnosis& each : analysis.diagnoses()) {
        TargetFigures* const of = all(each.target);
        const DiagnosisKey key{each.pool, each.cause};
        if (Stood* const stood = of ? kept(of->diagnoses, key) : nullptr)
            stand(*stood, diagnosed_[{each.target, key}], watched_[each.target].seen, step,
                  each.cause == Cause::undecided ? 0
                  : each.exhausted               ? 2
                                                 : 1);
    }
    for (const Alert& each : analysis.alerts()) {
        if (each.state != AlertState::firing)
            continue;
        TargetFigures* const of = all(each.target);
        const AlertKey key{each.pool, each.rule};
        if (Stood* const stood = of ? kept(of->alerts, key) : nullptr)
            stand(*stood, fired_[{each.target, key}], watched_[each.target].seen, step,
                  static_cast<int>(each.severity));
    }
}

Side SideFold::finish(const World& world, Timestamp end)
{
    side_.from = from_;
    side_.to = std::clamp(end, from_, to_);
    to_ = side_.to;
    for (const auto& [id, target] : world.targets()) {
        Watched& watched = watched_[id];
        TargetFigures& all = figures(target);
        advance(all, watched, to_);
        all.observed = watched.clock;
        if (target.pools.agent)
            all.process = target.pools.agent->process;
        if (target.facts)
            all.max_connections = target.facts->max_connections;
        all.pools_told = all.pools_told || (all.observed > 0 && !all.pools.empty());
        all.server = all.server || (all.observed > 0 && all.clients.value());
        for (const auto& [key, checkout] : target.pools.checkouts) {
            const auto where =
                all.places.find({checkout.pool, checkout.stack ? checkout.stack->fingerprint : 0});
            const auto of = all.pools.find(checkout.pool);
            if (where == all.places.end() || of == all.pools.end() || watched.broken)
                continue;
            const double age = seconds_between(checkout.acquired, target.theirs(to_));
            ++where->second.still_open;
            where->second.longest = std::max(where->second.longest, age);
            at_least(of->second.longest_use, age);
        }
        for (auto& [name, of] : all.pools) {
            for (Meter* const meter :
                 {&of.present, &of.used, &of.pending, &of.ratio, &of.exhausted})
                meter->settle(watched.clock);
            if (watched.clock > 0 && of.present.time() > 0) {
                for (Counter* const counter :
                     {&of.waits, &of.wait_total, &of.uses, &of.use_total, &of.timeouts})
                    counter->stands(watched.clock);
            }
        }
        for (auto& [key, where] : all.places)
            where.open.settle(watched.clock);
        for (auto& [key, application] : all.applications) {
            application.sessions.settle(watched.clock);
            for (Meter& state : application.states)
                state.settle(watched.clock);
        }
        all.clients.settle(watched.clock);
    }
    return std::move(side_);
}

} // namespace poolscope::compare
