// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/alerts.h"

#include "core/analyze/analysis.h"
#include "core/model/refusal.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace poolscope {

using namespace std::chrono_literals;

namespace {

/// Of waiting: what counts as now, and what it is compared with.
constexpr Duration waits_now = 10s;
constexpr Duration waits_kept = 60s;
constexpr Duration waits_step = 1s;
/// A clock that is set back by less only stretches what it measures.
constexpr Duration clock_slack = 1s;

bool is_of_server(AlertMeasure measure)
{
    return measure == AlertMeasure::connections_ratio || measure == AlertMeasure::lock_waiters;
}

bool applies(const AlertRule& rule, const TargetInfo& target, const Text& pool)
{
    if (!rule.enabled || is_instant(rule.measure) || !matches_pattern(rule.target, target.name))
        return false;
    const bool of_target = is_of_server(rule.measure) ||
                           rule.measure == AlertMeasure::unreachable ||
                           rule.measure == AlertMeasure::refusing;
    if (pool.is_null())
        return of_target;
    return !of_target && matches_pattern(rule.pool, pool.str());
}

bool holds(const AlertRule& rule, double value)
{
    return rule.at_most ? value <= rule.threshold : value >= rule.threshold;
}

bool is_clear(const AlertRule& rule, double value)
{
    return !holds(rule, value) && (rule.at_most ? value >= rule.clear : value <= rule.clear);
}

std::optional<double> as_number(const std::optional<std::int64_t>& value)
{
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

std::optional<double> ratio(std::optional<std::int64_t> part, std::optional<std::int64_t> whole)
{
    if (!part || !whole || *whole <= 0)
        return std::nullopt;
    return static_cast<double>(*part) / static_cast<double>(*whole);
}

/// The reserved ones are no use to those who are turned away.
std::optional<std::int64_t> usable_slots(const ServerFacts& facts)
{
    if (!facts.max_connections)
        return std::nullopt;
    return std::int64_t{*facts.max_connections} - facts.reserved.value_or(0);
}

/// Half-open is neither: connections are tried, and it may open again at once.
std::optional<double> circuit_value(const Text& circuit)
{
    const std::string_view state = circuit.str();
    return state == "open"        ? std::optional(1.0)
           : state == "half-open" ? std::optional(0.5)
           : state == "closed"    ? std::optional(0.0)
                                  : std::nullopt;
}

double alert_seconds(Duration duration)
{
    return std::chrono::duration<double>(duration).count();
}

} // namespace

std::string_view name_of(AlertState state)
{
    static constexpr std::array<std::string_view, 3> names{"pending", "firing", "resolved"};
    return names.at(static_cast<std::size_t>(state));
}

AlertBook::AlertBook()
    : rules_(std::make_shared<const AlertRules>(default_alert_rules()))
{}

void AlertBook::set_rules(AlertRules rules)
{
    rules_ = std::make_shared<const AlertRules>(std::move(rules));
    subjects_.clear();
    onsets_.clear();
}

void AlertBook::restore(const World& world)
{
    subjects_.clear();
    onsets_.clear();
    read_.clear();
    seen_ = world.now();
    for (const auto& [id, target] : world.targets()) {
        watched(world, {id, Text{}});
        const bool told = target.last_sample && !target.gap_since_sample;
        if (told)
            read_[id] = *target.last_sample;
        for (const auto& [name, pool] : target.pools.pools) {
            Watched& each = watched(world, {id, name});
            if (told)
                note(each, pool, world.now(), *target.last_sample);
        }
    }
}

AlertBook::Watched& AlertBook::watched(const World& world, const Subject& subject)
{
    const auto [at, anew] = subjects_.try_emplace(subject);
    if (anew) {
        const TargetState* const target = world.target(subject.first);
        for (std::size_t i = 0; target && i < rules_->rules.size(); ++i) {
            if (applies(rules_->rules[i], target->info, subject.second)) {
                at->second.runs.emplace_back();
                at->second.runs.back().rule = i;
            }
        }
    }
    return at->second;
}

void AlertBook::watch(const World& world, const Observation& observation)
{
    // A clock that was set back: no instant before says how long ago it was.
    if (seen_ && observation.time < *seen_ - clock_slack)
        restore(world);
    seen_ = observation.time;
    if (std::holds_alternative<Tick>(observation.what)) {
        evaluate(world);
        return;
    }
    const TargetState* const target = world.target(observation.target);
    if (!target)
        return;
    if (std::holds_alternative<Gap>(observation.what))
        interrupt(observation.target);
    if (const auto* const sample = std::get_if<PoolSample>(&observation.what)) {
        const auto [read, first] = read_.try_emplace(observation.target, observation.time);
        for (const Pool& pool : sample->pools)
            note(watched(world, {observation.target, pool.name}), pool, observation.time,
                 read->second);
        read->second = observation.time;
        if (sample->full)
            std::erase_if(subjects_, [&](const auto& each) {
                return each.first.first == observation.target && !each.first.second.is_null() &&
                       !target->pools.pools.contains(each.first.second);
            });
    }
    watched(world, {observation.target, Text{}}).changed = true;
    // At once, not at the next tick: what is shown of an instant is all that follows from it.
    for (auto at = subjects_.lower_bound({observation.target, Text{}});
         at != subjects_.end() && at->first.first == observation.target; ++at)
        evaluate(world, at->first, at->second);
}

/// Nobody looked meanwhile: what was counted until then is none of the last minute.
void AlertBook::interrupt(TargetId target)
{
    read_.erase(target);
    for (auto at = subjects_.lower_bound({target, Text{}});
         at != subjects_.end() && at->first.first == target; ++at) {
        at->second.waits.clear();
        at->second.changed = true;
    }
}

void AlertBook::note(Watched& pool, const Pool& now, Timestamp at, Timestamp before)
{
    pool.changed = true;
    std::deque<WaitPoint>& points = pool.waits;
    WaitPoint point;
    if (!points.empty())
        point = points.back();
    point.time = at;
    point.since = std::min(at, before);
    point.timeouts_told = now.timeouts.has_value();
    point.waits_told = now.wait_time && now.wait_time->total;
    if (point.timeouts_told)
        point.timeouts = *now.timeouts;
    if (point.waits_told) {
        point.waits = now.wait_time->count;
        point.waited = *now.wait_time->total;
    }
    // A counter that went back is another one: what it counted before tells nothing.
    if (!points.empty() &&
        (point.timeouts < points.back().timeouts || point.waits < points.back().waits ||
         point.waited < points.back().waited))
        points.clear();
    // What is told again, or for the first time, was counted while it was not told, not now.
    for (auto each = points.rbegin(); each != points.rend(); ++each) {
        if (!point.timeouts_told || each->timeouts_told)
            break;
        each->timeouts = point.timeouts;
        each->timeouts_told = true;
    }
    for (auto each = points.rbegin(); each != points.rend(); ++each) {
        if (!point.waits_told || each->waits_told)
            break;
        each->waits = point.waits;
        each->waited = point.waited;
        each->waits_told = true;
    }
    // Within a second the latest counts, after the first.
    if (points.size() > 1 && point.time - points[points.size() - 2].time < waits_step) {
        point.since = points.back().since;
        points.pop_back();
    }
    points.push_back(point);
    while (points.size() > 1 && points[1].time <= at - waits_kept)
        points.pop_front();
}

void AlertBook::evaluate(const World& world)
{
    for (auto& [subject, each] : subjects_) {
        // What moves by time alone: windows over counters, and what holds, fires or resolved.
        const bool moves =
            !each.waits.empty() && each.waits.back().time > world.now() - waits_kept - waits_step;
        if (each.changed || moves ||
            !std::all_of(each.runs.begin(), each.runs.end(),
                         [](const Run& run) { return run.quiet(); }))
            evaluate(world, subject, each);
        each.changed = false;
    }
}

void AlertBook::evaluate(const World& world, const Subject& subject, Watched& each)
{
    for (Run& run : each.runs)
        step(run, measure(world, subject, each, rules_->rules[run.rule].measure), world.now(),
             subject, world);
}

void AlertBook::step(Run& run, std::optional<double> value, Timestamp now, const Subject& subject,
                     const World& world)
{
    const AlertRule& rule = rules_->rules[run.rule];
    run.value = value;
    if (value && holds(rule, *value)) {
        if (!run.holds_since)
            run.holds_since = now;
        if (now - *run.holds_since >= rule.sustain) {
            if (!run.fires_since) {
                run.fires_since = run.holds_since;
                run.resolved.reset();
                const TargetState& target = *world.target(subject.first);
                const auto pool = target.pools.pools.find(subject.second);
                onsets_.push_back(
                    {subject.first, rule.measure, rule.severity,
                     sentence_of(rule, target,
                                 pool == target.pools.pools.end() ? nullptr : &pool->second,
                                 value)});
            }
            run.sustained = now;
        }
    } else {
        run.holds_since.reset();
    }
    if (run.resolved && now - *run.resolved >= alert_afterglow)
        run.resolved.reset();
    if (!run.fires_since)
        return;
    if (!value || !is_clear(rule, *value))
        run.clear_since.reset();
    else if (!run.clear_since)
        run.clear_since = now;
    if ((run.clear_since && now - *run.clear_since >= rule.clear_after) ||
        now - run.sustained >= alert_hold) {
        run.fires_since.reset();
        run.clear_since.reset();
        run.resolved = now;
    }
}

std::optional<double> AlertBook::measure(const World& world, const Subject& subject,
                                         const Watched& watched, AlertMeasure what) const
{
    const TargetState* const target = world.target(subject.first);
    if (!target)
        return std::nullopt;
    const Reach reach = target->status.reach;
    if (what == AlertMeasure::unreachable || what == AlertMeasure::refusing) {
        if (reach == Reach::connecting) // neither: it says nothing yet
            return std::nullopt;
        // Who refuses has answered.
        const bool refuses = refusal_of(target->status) != Refusal::none;
        const bool silent = reach != Reach::up && !refuses && !is_detached(target->status);
        return (what == AlertMeasure::refusing ? refuses : silent) ? 1.0 : 0.0;
    }
    if (reach != Reach::up) // what it was says nothing of what it is
        return std::nullopt;
    switch (what) {
    case AlertMeasure::connections_ratio:
        return target->facts && target->last_sample
                   ? ratio(target->client_count(), usable_slots(*target->facts))
                   : std::nullopt;
    case AlertMeasure::lock_waiters:
        return target->last_sample && target->facts
                   ? std::optional<double>(
                         target->counts[static_cast<std::size_t>(SessionState::waiting)])
                   : std::nullopt;
    default:
        break;
    }
    const auto found = target->pools.pools.find(subject.second);
    if (found == target->pools.pools.end())
        return std::nullopt;
    const Pool& pool = found->second;
    switch (what) {
    case AlertMeasure::used_ratio:
        return ratio(pool.used, pool.max);
    case AlertMeasure::pending:
        return as_number(pool.pending);
    case AlertMeasure::idle:
        return as_number(pool.idle);
    case AlertMeasure::circuit_open:
        return circuit_value(pool.circuit);
    case AlertMeasure::timeouts:
        return pool.timeouts ? measure_waits(watched, what, world.now()) : std::nullopt;
    case AlertMeasure::wait:
    case AlertMeasure::wait_growth:
        return pool.wait_time && pool.wait_time->total ? measure_waits(watched, what, world.now())
                                                       : std::nullopt;
    default:
        return std::nullopt;
    }
}

std::optional<double> AlertBook::measure_waits(const Watched& watched, AlertMeasure what,
                                               Timestamp now)
{
    const std::deque<WaitPoint>& points = watched.waits;
    if (points.empty())
        return std::nullopt;
    // As it stood at an instant: between two points a pool stands as at the first.
    const auto at = [&](Timestamp instant) {
        std::size_t found = 0;
        for (std::size_t i = 1; i < points.size() && points[i].time <= instant; ++i)
            found = i;
        return found;
    };
    // From then on counts what was counted after the point: at the instant, or where the reading
    // before the next point was earlier than that.
    const auto from = [&](std::size_t point, Timestamp instant) {
        if (points[point].time > instant)
            return points[point].time;
        return point + 1 < points.size() ? std::min(instant, points[point + 1].since) : instant;
    };
    const std::size_t recent_at = at(now - waits_now);
    const std::size_t first_at = at(now - waits_kept);
    const WaitPoint& last = points.back();
    const WaitPoint& recent = points[recent_at];
    const WaitPoint& first = points[first_at];
    if (what == AlertMeasure::timeouts)
        return static_cast<double>(last.timeouts - first.timeouts);
    const double waited = alert_seconds(last.waited - recent.waited);
    if (what == AlertMeasure::wait) {
        const std::uint64_t waits = last.waits - recent.waits;
        return waits > 0 ? waited / static_cast<double>(waits) : 0.0;
    }
    // By Little's law the seconds waited a second are how many waited on average: under half a
    // waiter is nothing to tell of, whatever it was before.
    constexpr double least_waiters = 0.5;
    const Timestamp begin = from(recent_at, now - waits_now);
    const Duration span = std::max(waits_now, last.time - begin);
    const double waiters = waited / alert_seconds(span);
    const Duration before = begin - from(first_at, now - waits_kept);
    if (waiters < least_waiters || before < span)
        return 0.0;
    const double past = alert_seconds(recent.waited - first.waited) / alert_seconds(before);
    constexpr double most = 1000;
    return std::min(most, waiters / std::max(past, waiters / most));
}

std::vector<AlertBook::Onset> AlertBook::take_onsets()
{
    return std::exchange(onsets_, {});
}

std::vector<Alert> AlertBook::alerts(const World& world,
                                     const std::map<TargetId, TargetFindings>& findings) const
{
    std::vector<Alert> found;
    for (const auto& [subject, each] : subjects_) {
        const TargetState* const target = world.target(subject.first);
        if (!target)
            continue;
        const auto pool = target->pools.pools.find(subject.second);
        for (const Run& run : each.runs) {
            if (run.quiet())
                continue;
            const AlertRule& rule = rules_->rules[run.rule];
            Alert alert;
            alert.target = subject.first;
            alert.pool = subject.second;
            alert.rule = rule.name;
            alert.measure = rule.measure;
            alert.severity = rule.severity;
            alert.value = run.value;
            alert.threshold = rule.threshold;
            alert.state = run.fires_since   ? AlertState::firing
                          : run.holds_since ? AlertState::pending
                                            : AlertState::resolved;
            const Timestamp since = run.fires_since   ? *run.fires_since
                                    : run.holds_since ? *run.holds_since
                                                      : *run.resolved;
            alert.since = std::max(since, world.now() - alert_memory);
            alert.longer = alert.since > since;
            alert.sentence =
                sentence_of(rule, *target,
                            pool == target->pools.pools.end() ? nullptr : &pool->second, run.value);
            found.push_back(std::move(alert));
        }
    }
    add_leaks(found, world, findings);
    for (Alert& alert : found) {
        const auto said = world.alert_answers().find({alert.target, alert.pool, alert.rule});
        if (said == world.alert_answers().end() || said->second.until <= world.now())
            continue;
        alert.answer = said->second.answer;
        alert.answered_until = said->second.until;
    }
    const auto rank = [](const Alert& a) {
        const int state = a.state == AlertState::firing    ? 0
                          : a.state == AlertState::pending ? 1
                                                           : 2;
        return std::tuple(state, -static_cast<int>(a.severity), a.since, a.target, a.pool);
    };
    std::stable_sort(found.begin(), found.end(),
                     [&](const Alert& a, const Alert& b) { return rank(a) < rank(b); });
    return found;
}

} // namespace poolscope
