// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/comparison.h"

#include "core/analyze/byway.h"
#include "core/analyze/words.h"
#include "core/compare/match.h"
#include "core/compare/notes.h"

#include <algorithm>
#include <map>
#include <set>

namespace poolscope::compare {

namespace {

Figure rate(std::optional<double> count, double observed, double per)
{
    if (!count || observed <= 0)
        return {};
    return {*count / observed * per, observed, *count};
}

Figure mean(double sum, double count, double observed)
{
    return {count > 0 ? std::optional(sum / count) : std::nullopt, observed, count};
}

Figure level(const Meter& meter)
{
    return {meter.mean(), meter.time(), 0};
}

Figure peak(const Meter& meter)
{
    return {meter.peak(), meter.time(), 0};
}

/// A figure of a pool; nothing where it was never seen.
Figure figure_of(const PoolFigures& pool, Measure measure)
{
    const double seen = pool.present.time();
    if (seen <= 0)
        return {};
    const auto seen_events = [&](std::uint64_t count) {
        return pool.events ? std::optional(static_cast<double>(count)) : std::nullopt;
    };
    switch (measure) {
    case Measure::acquires_per_second:
        if (pool.waits.told() && !pool.waits_alone)
            return rate(pool.waits.sum(), pool.waits.time(), 1);
        if (pool.uses.told())
            return rate(pool.uses.sum(), pool.uses.time(), 1);
        return rate(seen_events(pool.acquired), seen, 1);
    case Measure::use_mean:
        if (pool.uses.told() && pool.use_total.told())
            return mean(pool.use_total.sum() / 1e6, pool.uses.sum(), pool.uses.time());
        return mean(pool.held, static_cast<double>(pool.returned), seen);
    case Measure::use_longest:
        return {pool.longest_use, seen, 0};
    case Measure::wait_mean:
        if (pool.waits.told() && pool.wait_total.told())
            return mean(pool.wait_total.sum() / 1e6, pool.waits.sum(), pool.waits.time());
        return {};
    case Measure::wait_longest:
        return {pool.longest_wait, seen, 0};
    case Measure::timeouts_per_minute:
        if (pool.timeouts.told())
            return rate(pool.timeouts.sum(), pool.timeouts.time(), 60);
        return rate(seen_events(pool.gave_up), seen, 60);
    case Measure::used_mean:
        return level(pool.used);
    case Measure::used_peak:
        return peak(pool.used);
    case Measure::used_ratio_mean:
        return level(pool.ratio);
    case Measure::used_ratio_peak:
        return peak(pool.ratio);
    case Measure::pending_mean:
        return level(pool.pending);
    case Measure::pending_peak:
        return peak(pool.pending);
    case Measure::exhausted_ratio:
        return level(pool.exhausted);
    case Measure::max:
        return {pool.max ? std::optional(static_cast<double>(*pool.max)) : std::nullopt, seen, 0};
    default:
        return {};
    }
}

/// Nothing of a place that never was is a zero where its pool tells single checkouts.
Figure figure_of(const PlaceFigures* place, double seen, Measure measure)
{
    static const PlaceFigures none;
    const PlaceFigures& of = place ? *place : none;
    const auto count = [](std::uint64_t n) {
        return static_cast<double>(n);
    };
    if (seen <= 0)
        return {};
    switch (measure) {
    case Measure::held_mean:
        return {of.held() / seen, seen, 0};
    case Measure::acquires_per_second:
        return rate(count(of.acquired), seen, 1);
    case Measure::hold_mean:
        return mean(of.returned_held, count(of.returned), seen);
    case Measure::hold_longest:
        return {of.longest > 0 ? std::optional(of.longest) : std::nullopt, seen, 0};
    default:
        return {};
    }
}

Figure sessions_of(const Meter* meter, const TargetFigures* target, bool of_peak)
{
    const double seen = target ? target->clients.time() : 0;
    if (seen <= 0)
        return {};
    if (of_peak)
        return {meter ? meter->peak().value_or(0) : 0, seen, 0};
    return {meter ? meter->area() / seen : 0, seen, 0};
}

/// What stacks of one name are told apart by.
void tell_ways(std::vector<Change*>& places)
{
    std::vector<StackRef> stacks;
    stacks.reserve(places.size());
    for (const Change* const place : places)
        stacks.push_back(place->stack);
    const std::vector<std::string> ways = ways_apart(stacks);
    for (std::size_t i = 0; i < places.size(); ++i)
        places[i]->by_way_of = Text{ways[i]};
    // No two of one name may read the same.
    std::map<std::string, int> named;
    for (const Change* const place : places)
        ++named[what_of(*place)];
    for (std::size_t i = 0; i < places.size(); ++i) {
        Text& way = places[i]->by_way_of;
        if (named[what_of(*places[i])] > 1)
            way = Text{"stack " + std::to_string(i + 1) + (way.empty() ? "" : ", " + way.str())};
    }
}

class Writer
{
public:
    Writer(const Naming& naming, Comparison& into)
        : naming_(naming)
        , into_(into)
    {}

    void write(const Pair<TargetFigures>& targets)
    {
        targets_ = targets;
        base_ = {};
        if (targets.first)
            base_.target = named(targets.first->info);
        if (targets.second)
            base_.and_target = named(targets.second->info);
        write_pools();
        write_server();
        write_findings();
    }

private:
    TargetInfo named(const TargetInfo& info) const
    {
        return naming_.target ? naming_.target(info) : info;
    }
    Text pool_named(const Text& name) const { return naming_.pool ? naming_.pool(name) : name; }
    Text named(const ApplicationKey& key) const
    {
        const auto& naming = key.second ? naming_.user : naming_.application;
        return naming ? naming(key.first) : key.first;
    }
    Text named(const Text& text) const { return naming_.text ? naming_.text(text) : text; }
    StackRef named(const StackRef& stack) const
    {
        return naming_.stack ? naming_.stack(stack) : stack;
    }

    void add(Change change, Measure measure, const Figure& before, const Figure& after)
    {
        if (!before.value && !after.value)
            return;
        change.measure = measure;
        change.before = before;
        change.after = after;
        change.verdict = judge(measure, before, after);
        change.weight = weight_of(measure, change.verdict, before, after);
        into_.changes.push_back(std::move(change));
    }

    static const PoolFigures* pool_of(const TargetFigures* target, const Text& name)
    {
        if (!target)
            return nullptr;
        const auto found = target->pools.find(name);
        return found != target->pools.end() && found->second.present.time() > 0 ? &found->second
                                                                                : nullptr;
    }

    void write_pools()
    {
        std::set<Text> names;
        for (const TargetFigures* const target : {targets_.first, targets_.second}) {
            if (!target)
                continue;
            for (const auto& [name, pool] : target->pools)
                names.insert(name);
        }
        for (const Text& name : names) {
            const Pair<PoolFigures> pools{pool_of(targets_.first, name),
                                          pool_of(targets_.second, name)};
            Change change = base_;
            change.subject = Subject::pool;
            change.pool = pool_named(name);
            static const PoolFigures none;
            for (const Measure measure :
                 {Measure::acquires_per_second, Measure::use_mean, Measure::use_longest,
                  Measure::wait_mean, Measure::wait_longest, Measure::timeouts_per_minute,
                  Measure::used_mean, Measure::used_peak, Measure::used_ratio_mean,
                  Measure::used_ratio_peak, Measure::pending_mean, Measure::pending_peak,
                  Measure::exhausted_ratio, Measure::max})
                add(change, measure, figure_of(pools.first ? *pools.first : none, measure),
                    figure_of(pools.second ? *pools.second : none, measure));
            write_places(name, pools);
        }
    }

    void write_places(const Text& pool, const Pair<PoolFigures>& pools)
    {
        const auto seen = [](const PoolFigures* of) {
            return of && of->events ? of->present.time() : 0.0;
        };
        const double before = seen(pools.first);
        const double after = seen(pools.second);
        std::vector<Pair<PlaceFigures>> places =
            match_places(targets_.first, targets_.second, pool);
        const auto held = [&](const Pair<PlaceFigures>& place) {
            return std::max(figure_of(place.first, before, Measure::held_mean).value.value_or(0),
                            figure_of(place.second, after, Measure::held_mean).value.value_or(0));
        };
        std::stable_sort(places.begin(), places.end(),
                         [&](const auto& a, const auto& b) { return held(a) > held(b); });
        std::erase_if(places, [&](const auto& place) { return held(place) <= 0; });
        std::vector<Change> bases;
        std::map<std::string, std::vector<Change*>> by_name;
        for (const auto& place : places) {
            Change change = base_;
            change.subject = Subject::place;
            change.pool = pool_named(pool);
            change.stack = named(place.second ? place.second->stack : place.first->stack);
            bases.push_back(std::move(change));
        }
        for (Change& change : bases)
            by_name[what_of(change)].push_back(&change);
        for (auto& [name, alike] : by_name) {
            if (alike.size() > 1)
                tell_ways(alike);
        }
        for (std::size_t i = 0; i < places.size(); ++i) {
            for (const Measure measure : {Measure::held_mean, Measure::acquires_per_second,
                                          Measure::hold_mean, Measure::hold_longest})
                add(bases[i], measure, figure_of(places[i].first, before, measure),
                    figure_of(places[i].second, after, measure));
        }
    }

    void write_server()
    {
        Change change = base_;
        change.subject = Subject::server;
        const auto meter = [](const TargetFigures* target) {
            return target ? &target->clients : nullptr;
        };
        const auto limit = [](const TargetFigures* target) -> Figure {
            if (!target || !target->max_connections)
                return {};
            return {static_cast<double>(*target->max_connections), target->observed, 0};
        };
        add(change, Measure::sessions_mean,
            sessions_of(meter(targets_.first), targets_.first, false),
            sessions_of(meter(targets_.second), targets_.second, false));
        add(change, Measure::sessions_peak,
            sessions_of(meter(targets_.first), targets_.first, true),
            sessions_of(meter(targets_.second), targets_.second, true));
        add(change, Measure::max_connections, limit(targets_.first), limit(targets_.second));
        write_applications();
    }

    static const ApplicationFigures* application_of(const TargetFigures* target,
                                                    const ApplicationKey& key)
    {
        if (!target)
            return nullptr;
        const auto found = target->applications.find(key);
        return found == target->applications.end() ? nullptr : &found->second;
    }

    void write_applications()
    {
        std::set<ApplicationKey> keys;
        for (const TargetFigures* const target : {targets_.first, targets_.second}) {
            if (!target)
                continue;
            for (const auto& [key, application] : target->applications)
                keys.insert(key);
        }
        std::vector<std::pair<double, ApplicationKey>> sorted;
        for (const ApplicationKey& key : keys) {
            double most = 0;
            for (const TargetFigures* const target : {targets_.first, targets_.second}) {
                const ApplicationFigures* const of = application_of(target, key);
                most = std::max(
                    most,
                    sessions_of(of ? &of->sessions : nullptr, target, false).value.value_or(0));
            }
            if (most > 0)
                sorted.emplace_back(most, key);
        }
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const auto& a, const auto& b) { return a.first > b.first; });
        for (const auto& [most, key] : sorted)
            write_application(key);
    }

    void write_application(const ApplicationKey& key)
    {
        const ApplicationFigures* const before = application_of(targets_.first, key);
        const ApplicationFigures* const after = application_of(targets_.second, key);
        Change change = base_;
        change.subject = Subject::application;
        change.what = named(key);
        change.user = key.second;
        for (const bool of_peak : {false, true})
            add(change, of_peak ? Measure::sessions_peak : Measure::sessions_mean,
                sessions_of(before ? &before->sessions : nullptr, targets_.first, of_peak),
                sessions_of(after ? &after->sessions : nullptr, targets_.second, of_peak));
        for (std::size_t i = 0; i < session_state_count; ++i) {
            change.state = static_cast<SessionState>(i);
            const Figure first =
                sessions_of(before ? &before->states.at(i) : nullptr, targets_.first, false);
            const Figure second =
                sessions_of(after ? &after->states.at(i) : nullptr, targets_.second, false);
            if (first.value.value_or(0) > 0 || second.value.value_or(0) > 0)
                add(change, Measure::sessions_mean, first, second);
        }
    }

    template <class Map>
    void write_stood(Subject subject, Map TargetFigures::*which)
    {
        std::set<typename Map::key_type> keys;
        for (const TargetFigures* const target : {targets_.first, targets_.second}) {
            if (!target)
                continue;
            for (const auto& [key, stood] : target->*which)
                keys.insert(key);
        }
        const auto figure = [&](const TargetFigures* target, const auto& key,
                                int& weight) -> Figure {
            if (!target)
                return {};
            const auto found = (target->*which).find(key);
            const Stood stood = found == (target->*which).end() ? Stood{} : found->second;
            weight = std::max(weight, stood.weight);
            // What nobody looked at is neither well nor ill.
            const double looked = target->looked + stood.unseen;
            if (looked <= 0)
                return {};
            return {std::min(1.0, stood.seconds / looked), looked, 0};
        };
        for (const auto& key : keys) {
            Change change = base_;
            change.subject = subject;
            change.pool = pool_named(key.first);
            if constexpr (std::is_same_v<typename Map::key_type, DiagnosisKey>)
                change.what = Text{std::string{poolscope::name_of(key.second)}};
            else
                change.what = named(Text{key.second});
            int weight = 0;
            const Figure before = figure(targets_.first, key, weight);
            const Figure after = figure(targets_.second, key, weight);
            const std::size_t was = into_.changes.size();
            add(change, Measure::stood_ratio, before, after);
            // Advice and what is undecided matter less than what is wrong; an alert follows from
            // what stands beside it.
            const double less = 3.0 * (2 - weight) + (subject == Subject::alert ? 3.0 : 0.0);
            if (into_.changes.size() > was && into_.changes.back().weight > 0)
                into_.changes.back().weight = std::max(0.5, into_.changes.back().weight - less);
        }
    }

    void write_findings()
    {
        write_stood(Subject::diagnosis, &TargetFigures::diagnoses);
        write_stood(Subject::alert, &TargetFigures::alerts);
    }

    const Naming& naming_;
    Comparison& into_;
    Pair<TargetFigures> targets_;
    Change base_;
};

Range range_of(const Side& side)
{
    return {side.name, side.from, side.to, side.complete};
}

} // namespace

Comparison compare(const Side& before, const Side& after, const Naming& naming)
{
    Comparison comparison;
    comparison.before = range_of(before);
    comparison.after = range_of(after);
    const std::vector<Pair<TargetFigures>> targets = match_targets(before, after);
    Writer writer{naming, comparison};
    for (const Pair<TargetFigures>& each : targets)
        writer.write(each);
    comparison.notes = notes_on(before, after, targets, naming);
    return comparison;
}

std::vector<const Change*> changes_by_weight(const Comparison& comparison)
{
    std::vector<const Change*> all;
    for (const Change& change : comparison.changes) {
        if (is_change(change.verdict))
            all.push_back(&change);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Change* a, const Change* b) { return a->weight > b->weight; });
    return all;
}

std::vector<const Change*> headlines(const Comparison& comparison)
{
    const std::vector<const Change*> all = changes_by_weight(comparison);
    std::vector<const Change*> told = all;
    std::erase_if(told, [](const Change* change) {
        return !rule_of(change->measure).headline ||
               (change->subject == Subject::place && change->measure != Measure::held_mean);
    });
    // "Nothing changed" must not stand above figures that did.
    return told.empty() ? all : told;
}

bool is_worth_a_row(const Change& change)
{
    return change.before.value.value_or(0) != 0 || change.after.value.value_or(0) != 0 ||
           change.measure == Measure::timeouts_per_minute;
}

} // namespace poolscope::compare
