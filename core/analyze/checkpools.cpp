// SPDX-License-Identifier: GPL-3.0-or-later
// What can be said of a pool's settings alone. checkparts.h declares it.
#include "core/analyze/checkparts.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Severity = ConfigSeverity;

/// Fewer uses say nothing of a 99th percentile.
constexpr std::uint64_t enough_uses = 100;
/// What is usually advised where nothing better is known.
constexpr Duration usual_acquire_timeout = seconds{5};

std::optional<Duration> slow_use_of(const Pool& pool)
{
    if (!pool.use_time || pool.use_time->count < enough_uses)
        return std::nullopt;
    return pool.use_time->p99;
}

void check_size(CheckScene& scene, const PoolView& view)
{
    if (view.unlimited) {
        std::vector<std::string> evidence;
        std::string proposed;
        if (view.server && view.server->facts && view.server->facts->max_connections)
            evidence.push_back(fmt::format("{} takes {} connections in all.",
                                           name_of_target(*view.server),
                                           *view.server->facts->max_connections));
        if (view.pool->kind.str() == "database/sql")
            proposed = "20";
        scene.add(Severity::warning, "unlimited_size", view, view.max_setting, view.max_value,
                  proposed,
                  "The pool has no limit: under load it opens connections until the server refuses "
                  "them, to everybody.",
                  std::move(evidence));
    }
    const auto min_idle = view.settings.of(PoolTrait::min_idle);
    if (min_idle && view.max && min_idle->count > *view.max)
        scene.add(Severity::warning, "min_over_max", view, std::string(min_idle->name->label()),
                  min_idle->value, std::to_string(*view.max),
                  fmt::format("{} ({}) is above {} ({}): so many idle connections never exist.",
                              min_idle->name->label(), min_idle->value, view.max_setting,
                              view.max_value));
    const auto max_idle = view.settings.of(PoolTrait::max_idle);
    if (min_idle && max_idle && !max_idle->never && min_idle->count > max_idle->count) {
        const std::string effect =
            view.pool->kind.str() == "dbcp2"
                ? fmt::format("{} counts for no more than {}", min_idle->name->label(),
                              max_idle->name->label())
                : std::string{"what the one keeps open the other closes"};
        scene.add(Severity::warning, "min_over_max", view, std::string(min_idle->name->label()),
                  min_idle->value, max_idle->value,
                  fmt::format("{} ({}) is above {} ({}): {}.", min_idle->name->label(),
                              min_idle->value, max_idle->name->label(), max_idle->value, effect));
    }
}

void check_acquire_timeout(CheckScene& scene, const PoolView& view)
{
    const auto timeout = view.settings.of(PoolTrait::acquire_timeout);
    if (!timeout)
        return;
    const std::string name{timeout->name->label()};
    const auto& caller = scene.options.caller_timeout;
    Duration proposed = usual_acquire_timeout;
    if (caller && *caller / 2 < proposed)
        proposed = rounded_down(*caller / 2);
    if (timeout->never)
        scene.add(Severity::warning, "no_acquire_timeout", view, name, timeout->value,
                  view.settings.written(PoolTrait::acquire_timeout, proposed),
                  "Who asks for a connection waits for ever: once the pool is exhausted every "
                  "thread of the application ends up here, without an error.");
    else if (caller && timeout->duration >= *caller)
        scene.add(
            Severity::warning, "acquire_timeout_over_caller", view, name, timeout->value,
            view.settings.written(PoolTrait::acquire_timeout, proposed),
            fmt::format("An acquire waits for up to {}, but its caller gives up after {}: the "
                        "wait goes on for nobody, and its error reaches nobody.",
                        format_duration_prose(timeout->duration), format_duration_prose(*caller)));
}

void check_validation(CheckScene& scene, const PoolView& view)
{
    const auto tested = view.settings.of(PoolTrait::validation);
    if (!tested || tested->on)
        return;
    const auto idle_tested = view.settings.of(PoolTrait::idle_validation);
    const std::string name{tested->name->label()};
    // Druid's looks at borrowing too, at what was idle for a while.
    if (idle_tested && idle_tested->on) {
        if (view.pool->kind.str() != "druid")
            scene.add(Severity::info, "no_validation", view, name, tested->value, "true",
                      fmt::format("Connections are tested while they are idle ({}), not when they "
                                  "are lent: after a restart of the server some are lent dead "
                                  "before the next test.",
                                  idle_tested->name->label()));
        return;
    }
    const auto lifetime = view.settings.of(PoolTrait::lifetime);
    const bool for_ever = lifetime && lifetime->never;
    scene.add(Severity::warning, "no_validation", view, name, tested->value, "true",
              fmt::format("No connection is tested before it is lent: one that the server or the "
                          "network has dropped goes to the application as it is{}.",
                          for_ever ? ", and none is ever replaced for its age" : ""));
}

void check_leak_threshold(CheckScene& scene, const PoolView& view)
{
    const auto threshold = view.settings.of(PoolTrait::leak_threshold);
    const auto detection = view.settings.of(PoolTrait::leak_detection);
    if (!threshold || threshold->never || (detection && !detection->on))
        return;
    const std::string name{threshold->name->label()};
    const auto lifetime = view.settings.of(PoolTrait::lifetime);
    if (view.pool->kind.str() == "hikaricp") {
        const bool short_one = threshold->duration < seconds{2};
        if (lifetime && !lifetime->never && threshold->duration > lifetime->duration) {
            scene.add(
                Severity::warning, "leak_detection_off", view, name, threshold->value,
                view.settings.written(
                    PoolTrait::leak_threshold,
                    rounded_down(std::min<Duration>(lifetime->duration / 2, seconds{60}))),
                fmt::format("It is longer than {} ({}): HikariCP then switches leak detection "
                            "off, with one line in the log.",
                            lifetime->name->label(), lifetime->value));
            return;
        }
        if (short_one) {
            scene.add(Severity::warning, "leak_detection_off", view, name, threshold->value, "2000",
                      "It is below 2 s: HikariCP then switches leak detection off, with one line "
                      "in the log.");
            return;
        }
    }
    if (const auto slow = slow_use_of(*view.pool); slow && threshold->duration < *slow)
        scene.add(
            Severity::warning, "leak_threshold_low", view, name, threshold->value,
            view.settings.written(PoolTrait::leak_threshold, std::chrono::ceil<seconds>(*slow * 2)),
            fmt::format("One use in a hundred takes longer than {} without being a leak: the "
                        "pool reports honest work, and a real leak drowns in that.",
                        format_duration_prose(threshold->duration)),
            {fmt::format("99 of 100 uses end within {}, of {} so far.",
                         format_duration_prose(*slow), view.pool->use_time->count)});
}

/// What each pool does to a connection that is in use.
std::string_view abandoned_words(std::string_view kind)
{
    if (kind == "druid")
        return "A connection that is lent for longer than that is closed under its holder unless a "
               "statement runs at that moment: honest work between two statements fails, in the "
               "middle of its transaction.";
    if (kind == "tomcat-jdbc")
        return "A connection that is lent for longer than that is closed under its holder, "
               "whatever "
               "it does: a slow statement is taken for a leak.";
    return "A connection whose holder began no statement for longer than that is closed under it, "
           "also while its last one still runs: a slow statement is taken for a leak.";
}

void check_abandoned(CheckScene& scene, const PoolView& view)
{
    for (const PoolTrait trait : {PoolTrait::abandoned, PoolTrait::abandoned_second}) {
        const auto removal = view.settings.of(trait);
        if (!removal || !removal->on)
            continue;
        const auto after = view.settings.of(PoolTrait::abandoned_after);
        const auto slow = slow_use_of(*view.pool);
        std::vector<std::string> evidence;
        Severity severity = Severity::warning;
        if (after)
            evidence.push_back(fmt::format("{} is {}: {}.", after->name->label(), after->value,
                                           format_duration_prose(after->duration)));
        if (after && slow && after->duration < *slow) {
            severity = Severity::critical;
            evidence.push_back(fmt::format("One use in a hundred takes longer than {}.",
                                           format_duration_prose(*slow)));
        }
        scene.add(severity, "abandoned_closes_busy", view, std::string(removal->name->label()),
                  removal->value, "false", std::string(abandoned_words(view.pool->kind.str())),
                  std::move(evidence));
    }
}

} // namespace

void check_pool_alone(CheckScene& scene, const PoolView& view)
{
    check_size(scene, view);
    check_acquire_timeout(scene, view);
    check_validation(scene, view);
    check_leak_threshold(scene, view);
    check_abandoned(scene, view);
}

} // namespace poolscope
