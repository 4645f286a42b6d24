// SPDX-License-Identifier: GPL-3.0-or-later
// What an alert says, and those that follow from suspected leaks alone.
#include "core/analyze/alerts.h"
#include "core/analyze/analysis.h"

#include <fmt/format.h>

#include <cmath>

namespace poolscope {

namespace {

/// What suspected leaks there are of a target, or of one of its pools.
struct LeakCount
{
    std::int64_t all = 0;
    std::int64_t critical = 0;
    Timestamp since = Timestamp::max();          ///< when the first became one; capture's clock
    Timestamp critical_since = Timestamp::max(); ///< likewise, critical
};

void count_leak(LeakCount& count, LeakSeverity severity, Timestamp began,
                const LeakThresholds& thresholds)
{
    if (severity == LeakSeverity::none)
        return;
    ++count.all;
    count.since = std::min(count.since, began + thresholds.alert);
    if (severity == LeakSeverity::critical) {
        ++count.critical;
        count.critical_since = std::min(count.critical_since, began + thresholds.critical);
    }
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many)
{
    return count == 1 ? fmt::format("1 {}", one) : fmt::format("{} {}", count, many);
}

std::string used_words(const Pool* pool, double value)
{
    if (pool && pool->used && pool->max)
        return fmt::format("{} of {} connections are used", *pool->used, *pool->max);
    return fmt::format("{:.0f} % of its connections are used", value * 100);
}

std::string seconds_words(double value)
{
    const auto us = static_cast<std::int64_t>(std::llround(value * 1'000'000));
    return format_duration_cell(Duration{us}); // a wait of 1.5 s is not one of 1 s
}

} // namespace

bool is_detached(const TargetStatus& status)
{
    return status.reach == Reach::stopped && status.sentence == "Detached.";
}

std::string sentence_of(const AlertRule& rule, const TargetState& target, const Pool* pool,
                        std::optional<double> value)
{
    const std::string who = plain_line(pool ? pool->name.str() : target.info.name, 64);
    if (!value)
        return fmt::format("{}: {} is not reported any more.", who, name_of(rule.measure));
    const auto whole = static_cast<std::int64_t>(std::llround(*value));
    switch (rule.measure) {
    case AlertMeasure::used_ratio:
        return fmt::format("{}: {}.", who, used_words(pool, *value));
    case AlertMeasure::pending:
        return fmt::format("{}: {} for a connection.", who,
                           counted(whole, "acquire waits", "acquires wait"));
    case AlertMeasure::wait:
        return fmt::format("{}: an acquire waited for {} on average in the last 10 s.", who,
                           seconds_words(*value));
    case AlertMeasure::wait_growth:
        return whole == 0
                   ? fmt::format("{}: hardly anybody waits for a connection.", who)
                   : fmt::format("{}: acquires wait {} times as much as in the minute before.", who,
                                 whole >= 1000 ? "over 1000" : std::to_string(whole));
    case AlertMeasure::timeouts:
        return fmt::format("{}: {} within 60 s.", who,
                           counted(whole, "acquire timed out", "acquires timed out"));
    case AlertMeasure::idle:
        return fmt::format("{}: {}.", who,
                           whole == 0
                               ? "no connection is idle"
                               : counted(whole, "connection is idle", "connections are idle"));
    case AlertMeasure::circuit_open:
        return fmt::format("{}: the circuit breaker is {}.", who,
                           *value >= 1  ? "open: no connection is opened"
                           : *value > 0 ? "half-open: it tries whether the server is back"
                                        : "closed");
    case AlertMeasure::connections_ratio:
        return fmt::format("{}: {} of {} connections are open{}.", who, target.client_count(),
                           target.facts && target.facts->max_connections
                               ? std::to_string(*target.facts->max_connections)
                               : "its",
                           target.facts && target.facts->reserved.value_or(0) > 0
                               ? fmt::format(", {} are reserved", *target.facts->reserved)
                               : std::string{});
    case AlertMeasure::lock_waiters:
        return fmt::format("{}: {} for a lock.", who,
                           counted(whole, "session waits", "sessions wait"));
    case AlertMeasure::unreachable:
        return whole == 0 ? fmt::format("{} {}.", who,
                                        is_detached(target.status) ? "is detached" : "answers")
                          : fmt::format("{} does not answer. {}", who,
                                        plain_line(target.status.sentence, 300));
    case AlertMeasure::refusing:
        return whole == 0 ? fmt::format("{} does not refuse connections.", who)
                          : fmt::format("{} refuses connections. {}", who,
                                        plain_line(target.status.sentence, 300));
    case AlertMeasure::leaks:
        return fmt::format("{}: {}.", who, counted(whole, "suspected leak", "suspected leaks"));
    case AlertMeasure::critical_leaks:
        return fmt::format("{}: {}.", who,
                           counted(whole, "critical suspected leak", "critical suspected leaks"));
    }
    return {};
}

void AlertBook::add_leaks(std::vector<Alert>& alerts, const World& world,
                          const std::map<TargetId, TargetFindings>& findings) const
{
    std::map<Subject, LeakCount> counts;
    for (const auto& [id, found] : findings) {
        const TargetState* const target = world.target(id);
        if (!target)
            continue;
        for (const SuspectedLeak& leak : found.suspects) {
            if (!leak.growth) // of those since when is not told
                count_leak(counts[{id, Text{}}], leak.severity, leak.since - target->clock_offset,
                           world.thresholds(id));
        }
        for (const Place& place : found.places) {
            for (const Holder& holder : place.holders)
                count_leak(counts[{id, place.pool}], holder.severity, world.now() - holder.age,
                           place.thresholds);
        }
    }
    for (const AlertRule& rule : rules_->rules) {
        if (!rule.enabled || !is_instant(rule.measure))
            continue;
        const bool critical = rule.measure == AlertMeasure::critical_leaks;
        for (const auto& [subject, count] : counts) {
            const auto value = static_cast<double>(critical ? count.critical : count.all);
            const TargetState& target = *world.target(subject.first);
            const bool here = rule.at_most ? value <= rule.threshold : value >= rule.threshold;
            if (!here || value == 0 || !matches_pattern(rule.target, target.info.name) ||
                !matches_pattern(rule.pool, subject.second.str()))
                continue;
            const auto pool = target.pools.pools.find(subject.second);
            Alert alert;
            alert.target = subject.first;
            alert.pool = subject.second;
            alert.rule = rule.name;
            alert.measure = rule.measure;
            alert.severity = rule.severity;
            alert.state = AlertState::firing;
            alert.since = std::min(critical ? count.critical_since : count.since, world.now());
            alert.value = value;
            alert.threshold = rule.threshold;
            alert.sentence = sentence_of(
                rule, target, pool == target.pools.pools.end() ? nullptr : &pool->second, value);
            alerts.push_back(std::move(alert));
        }
    }
}

} // namespace poolscope
