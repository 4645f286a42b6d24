// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/check.h"

#include "core/analyze/checkparts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace poolscope {

namespace {

bool serves_databases(const CheckTarget& target)
{
    return target.info.kind == "postgresql" || target.info.kind == "mysql";
}

/// Only where it could have been counted against a server that is there.
void say_where_it_leads(CheckScene& scene, const PoolView& view)
{
    if (view.server || view.pooler)
        return;
    const auto address = read_check_address(view.pool->database.str());
    const bool elsewhere = address && address->host != "local" && address->host != "loopback";
    const bool any = std::any_of(
        scene.input.targets.begin(), scene.input.targets.end(), [&](const CheckTarget& each) {
            return serves_databases(each) &&
                   (!address || address->kind.empty() || address->kind == each.info.kind);
        });
    if (any && (!view.pool->database.is_null() || address))
        scene.unknown(
            fmt::format("{} leads to {}, which is {}: it is not counted against a server.",
                        view.words(), plain_line(view.pool->database.str(), 256),
                        elsewhere ? "none of the servers here by its address"
                                  : "not known to be one of the servers here"));
    else if (any)
        scene.unknown(fmt::format("Where {} leads is not told: it is not counted against a server.",
                                  view.words()));
}

} // namespace

CheckTarget check_target(const TargetInfo& info, const std::optional<ServerFacts>& facts,
                         const std::optional<ServerSettings>& settings, std::vector<Pool> pools,
                         const std::vector<Place>& places)
{
    CheckTarget target{info, facts, settings, std::move(pools), {}, false};
    for (const Place& place : places)
        target.suspected[place.pool] += place.suspected;
    return target;
}

PoolRoute route_of(const Checkout& checkout, const SessionLink& link, const Session& session)
{
    return {checkout.key.target, checkout.pool, session.key.target,
            link.through ? link.through->target : TargetId{}, session.user.str()};
}

void add_routes(CheckInput& input, std::vector<PoolRoute> routes)
{
    const auto key = [](const PoolRoute& route) {
        return std::tie(route.target, route.pool, route.server, route.pooler, route.role);
    };
    input.routes.insert(input.routes.end(), std::make_move_iterator(routes.begin()),
                        std::make_move_iterator(routes.end()));
    std::sort(input.routes.begin(), input.routes.end(),
              [&](const PoolRoute& a, const PoolRoute& b) { return key(a) < key(b); });
    input.routes.erase(std::unique(input.routes.begin(), input.routes.end()), input.routes.end());
}

CheckInput check_input(const World& world)
{
    CheckInput input;
    Links links = links_of(world);
    std::vector<PoolRoute> routes;
    for (const auto& [id, state] : world.targets()) {
        std::vector<Pool> pools;
        for (const auto& [name, pool] : state.pools.pools)
            pools.push_back(pool);
        input.targets.push_back(
            check_target(state.info, state.facts, state.settings, std::move(pools)));
        for (const auto& [name, checkout] : state.pools.checkouts) {
            const SessionLink* const link = links.session_of(checkout.key);
            const auto key = link ? link->session() : std::nullopt;
            if (const Session* const session = key ? world.session(*key) : nullptr)
                routes.push_back(route_of(checkout, *link, *session));
        }
    }
    add_routes(input, std::move(routes));
    return input;
}

ConfigReport check_configuration(const CheckInput& input, const CheckOptions& options)
{
    CheckScene scene = check_scene(input, options);
    for (const PoolView& view : scene.pools) {
        check_pool_alone(scene, view);
        check_pool_load(scene, view);
        check_idle_times(scene, view);
        say_where_it_leads(scene, view);
    }
    for (const CheckTarget& target : input.targets) {
        if (serves_databases(target))
            check_server(scene, target);
        else if (target.info.kind == "pgbouncer")
            check_pooler(scene, target);
    }
    std::stable_sort(scene.report.findings.begin(), scene.report.findings.end(),
                     [](const ConfigFinding& a, const ConfigFinding& b) {
                         return std::tuple(b.severity, a.target, a.pool) <
                                std::tuple(a.severity, b.target, b.pool);
                     });
    return std::move(scene.report);
}

} // namespace poolscope
