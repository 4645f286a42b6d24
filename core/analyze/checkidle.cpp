// SPDX-License-Identifier: GPL-3.0-or-later
// How long a pool keeps an idle connection, against whoever else ends or forgets it.
#include "core/analyze/checkparts.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

using std::chrono::seconds;
using Severity = ConfigSeverity;

/// Whoever ends what is idle for so long.
struct IdleEnd
{
    Duration after{};
    std::string rule;
    std::string words; ///< "shop-db ends a session that is idle for 10 min (idle_session_timeout)"
};

enum class IdleKept { shorter, longer, unknown };

/// HikariCP takes no shorter lifetime, but half an hour, and discards a shorter keepalive.
constexpr Duration hikari_least = seconds{30};
constexpr Duration hikari_lifetime = std::chrono::minutes{30};

bool is_too_short(const PoolView& view, const PoolSetting& setting)
{
    return view.pool->kind.str() == "hikaricp" && !setting.never && setting.duration < hikari_least;
}

Duration lifetime_meant(const PoolView& view, const PoolSetting& lifetime)
{
    return is_too_short(view, lifetime) ? hikari_lifetime : lifetime.duration;
}

bool closes_idle(const PoolView& view)
{
    const auto eviction = view.settings.of(PoolTrait::eviction_every);
    if (!eviction)
        return view.settings.label(PoolTrait::eviction_every).empty();
    return eviction->name->unit == SettingUnit::flag ? eviction->on : !eviction->never;
}

/// Some pools close idle connections only down to their minimum, for which the time says nothing.
bool closes_all_idle(const PoolView& view)
{
    const std::string& kind = view.pool->kind.str();
    if (kind == "dbcp2" || kind == "druid" || kind == "database/sql")
        return true;
    if (const auto least = view.settings.of(PoolTrait::min_idle))
        return least->count == 0;
    return view.pool->idle_min && *view.pool->idle_min == 0;
}

IdleKept idle_kept(const PoolView& view, Duration end)
{
    const PoolSettings& settings = view.settings;
    const auto ends = [&](PoolTrait trait) {
        const auto told = settings.of(trait);
        return told && !told->never && told->duration < end;
    };
    const auto lifetime = settings.of(PoolTrait::lifetime);
    const auto keepalive = settings.of(PoolTrait::keepalive);
    if (lifetime && !lifetime->never && lifetime_meant(view, *lifetime) < end)
        return IdleKept::shorter;
    if (keepalive && !is_too_short(view, *keepalive) && ends(PoolTrait::keepalive))
        return IdleKept::shorter;
    if (ends(PoolTrait::idle_timeout) && closes_idle(view) && closes_all_idle(view))
        return IdleKept::shorter;
    const auto untold = [&](PoolTrait trait) {
        return !settings.label(trait).empty() && !settings.of(trait);
    };
    // What is not told might be what saves it.
    if (settings.label(PoolTrait::lifetime).empty() || untold(PoolTrait::lifetime) ||
        untold(PoolTrait::idle_timeout) ||
        untold(PoolTrait::keepalive)) // on or off by HikariCP's version
        return IdleKept::unknown;
    return IdleKept::longer;
}

/// It finds out by itself before the application does.
bool notices_dead(const PoolView& view)
{
    const std::string& kind = view.pool->kind.str();
    // HikariCP and PgBouncer test what was idle for a while; Go's drivers look before they write.
    if (kind == "hikaricp" || kind == "pgbouncer" || kind == "database/sql")
        return true;
    const auto tested = view.settings.of(PoolTrait::validation);
    const auto idle_tested = view.settings.of(PoolTrait::idle_validation);
    return (tested && tested->on) || (kind == "druid" && idle_tested && idle_tested->on);
}

void judge_idle(CheckScene& scene, const PoolView& view, const IdleEnd& end)
{
    switch (idle_kept(view, end.after)) {
    case IdleKept::shorter:
        return;
    case IdleKept::unknown:
        if (view.settings.label(PoolTrait::lifetime).empty())
            return;
        scene.unknown(fmt::format("How long {} keeps an idle connection is not told: whether it is "
                                  "longer than {} cannot be judged.",
                                  view.words(), format_duration_prose(end.after)));
        return;
    case IdleKept::longer:
        break;
    }
    const auto lifetime = view.settings.of(PoolTrait::lifetime);
    const std::string label{lifetime->name->label()};
    const Duration below = rounded_down(
        end.after > std::chrono::minutes{5} ? end.after - seconds{60} : end.after * 8 / 10);
    const bool noticed = notices_dead(view);
    const std::string keeps =
        lifetime->never
            ? fmt::format("the pool never replaces a connection for its age ({} {})", label,
                          lifetime->value)
            : fmt::format("the pool may keep one for {} ({}{})",
                          format_duration_prose(lifetime_meant(view, *lifetime)), label,
                          is_too_short(view, *lifetime)
                              ? fmt::format(" {} is too short for HikariCP", lifetime->value)
                              : std::string{});
    const bool writable = view.pool->kind.str() != "hikaricp" || below >= hikari_least;
    scene.add(noticed ? Severity::info : Severity::warning, end.rule, view, label,
              lifetime->standard ? "-" : lifetime->value,
              writable ? view.settings.written(PoolTrait::lifetime, below) : std::string{},
              fmt::format("{}, and {}: {}", end.words, keeps,
                          noticed ? "the pool finds out when it lends it, and opens another one "
                                    "while somebody waits."
                                  : "an acquire after a quiet time gets a dead connection."));
}

} // namespace

void check_idle_times(CheckScene& scene, const PoolView& view)
{
    if (view.server && !view.pooler) {
        const std::string name = name_of_target(*view.server);
        for (const char* const setting : {"idle_session_timeout", "wait_timeout"}) {
            if (const auto after = server_duration(*view.server, setting))
                judge_idle(scene, view,
                           {*after, "idle_past_server_timeout",
                            fmt::format("{} ends a session that is idle for {} ({})", name,
                                        format_duration_prose(*after), setting)});
        }
    }
    if (view.pooler) {
        for (const PoolView& theirs : scene.pools) {
            if (theirs.target != view.pooler)
                continue;
            const auto after = theirs.settings.of(PoolTrait::client_idle);
            if (after && !after->never) {
                judge_idle(
                    scene, view,
                    {after->duration, "idle_past_pooler_timeout",
                     fmt::format("{} closes a client that is idle for {} ({})",
                                 name_of_target(*view.pooler),
                                 format_duration_prose(after->duration), after->name->label())});
                break;
            }
        }
    }
    const auto& firewall = scene.options.firewall_timeout;
    if (!firewall)
        return;
    // The server's own signs of life keep the way open, too.
    const auto alive = view.server && !view.pooler
                           ? server_duration(*view.server, "tcp_keepalives_idle")
                           : std::nullopt;
    if (!alive || *alive >= *firewall)
        judge_idle(scene, view,
                   {*firewall, "idle_past_firewall_timeout",
                    fmt::format("Something on the way forgets a connection that is idle for {}",
                                format_duration_prose(*firewall))});
}

} // namespace poolscope
