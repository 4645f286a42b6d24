// SPDX-License-Identifier: GPL-3.0-or-later
// What pools may ask of a server together, directly and through a pooler.
#include "core/analyze/checkparts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace poolscope {

namespace {

using Severity = ConfigSeverity;
constexpr std::size_t most_listed = 8;

/// So many connections may come from there.
struct Demand
{
    const PoolView* view = nullptr; ///< the largest of them
    std::int64_t count = 0;
    std::string words;
};

struct Demands
{
    std::vector<Demand> all;
    std::int64_t sum = 0;
    const PoolView* largest() const
    {
        const auto found =
            std::max_element(all.begin(), all.end(),
                             [](const Demand& a, const Demand& b) { return a.count < b.count; });
        return found == all.end() ? nullptr : found->view;
    }
    std::vector<std::string> sentences() const
    {
        std::vector<Demand> sorted = all;
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const Demand& a, const Demand& b) { return a.count > b.count; });
        std::vector<std::string> lines;
        for (std::size_t i = 0; i < std::min(sorted.size(), most_listed); ++i)
            lines.push_back(fmt::format("{}: up to {}.", sorted[i].words, sorted[i].count));
        if (sorted.size() > most_listed)
            lines.push_back(fmt::format("And {} more.", sorted.size() - most_listed));
        return lines;
    }
};

template <class Wanted>
Demands demands_of(const CheckScene& scene, const Wanted& wanted)
{
    Demands demands;
    // What a file says of a pool that is attached too is not counted twice.
    const auto attached_too = [&](const PoolView& view) {
        return view.target->from_file &&
               std::any_of(scene.pools.begin(), scene.pools.end(), [&](const PoolView& each) {
                   return !each.target->from_file && each.pool->kind == view.pool->kind &&
                          (each.pool->name == view.pool->name ||
                           (each.server == view.server && each.pooler == view.pooler &&
                            each.database == view.database && !view.database.empty()));
               });
    };
    // A pooler's pools of one database have a limit together.
    std::map<std::pair<TargetId, std::string>, std::vector<const PoolView*>> poolers;
    for (const PoolView& view : scene.pools) {
        if (!view.max || view.unlimited || !wanted(view) || attached_too(view))
            continue;
        if (view.is_poolers_own()) {
            const std::string& name = view.pool->name.str();
            poolers[{view.target->info.id, name.substr(0, name.rfind('/'))}].push_back(&view);
        } else {
            const std::string where =
                fmt::format("{} {}", view.target->info.kind == "file" ? "in" : "of",
                            name_of_target(*view.target));
            demands.all.push_back({&view, *view.max, fmt::format("{} {}", view.words(), where)});
        }
    }
    for (const auto& [key, views] : poolers) {
        Demand demand{views.front(), 0, {}};
        for (const PoolView* const view : views) {
            const auto reserve = view->settings.of(PoolTrait::reserve);
            demand.count += *view->max + (reserve ? reserve->count : 0);
        }
        const auto limit = views.front()->settings.of(PoolTrait::database_limit);
        if (limit && !limit->never)
            demand.count = std::min(demand.count, limit->count);
        demand.words = fmt::format("database {} of {}", plain_line(key.second, 128),
                                   name_of_target(*views.front()->target));
        demands.all.push_back(std::move(demand));
    }
    for (const Demand& each : demands.all)
        demands.sum += each.count;
    return demands;
}

/// A pool's part of what there is, as large against the others' as now.
std::int64_t share_of_pool(std::int64_t of, const Demands& demands, const PoolView& view)
{
    const std::int64_t own = view.max.value_or(1);
    return std::max<std::int64_t>(1, std::min(of, most_size) * own /
                                         std::max<std::int64_t>(1, demands.sum));
}

/// The setting of the largest pool, less its overflow where it has one.
void add_over(CheckScene& scene, const char* rule, std::int64_t limit, const Demands& demands,
              std::string sentence, std::vector<std::string> evidence)
{
    const PoolView& view = *demands.largest();
    const auto size = view.settings.of(PoolTrait::max_size);
    const auto overflow = view.settings.of(PoolTrait::overflow);
    const std::int64_t beside = overflow && !overflow->never ? overflow->count : 0;
    const std::int64_t part = share_of_pool(limit, demands, view);
    scene.add(Severity::critical, rule, view,
              size ? std::string(size->name->label()) : view.max_setting,
              size ? size->value : view.max_value,
              std::to_string(std::max<std::int64_t>(1, part - beside)), std::move(sentence),
              std::move(evidence));
}

std::string demand_words(const Demands& demands)
{
    if (demands.all.size() > 1)
        return fmt::format("{} pools may open {} connections together", demands.all.size(),
                           demands.sum);
    std::string words = demands.all.front().words;
    words.front() = words.front() == 'p' ? 'P' : 'D'; // "pool …" or "database …"
    return fmt::format("{} may open {} connections", words, demands.sum);
}

void check_capacity(CheckScene& scene, const CheckTarget& server)
{
    const std::string name = name_of_target(server);
    if (!server.facts || !server.facts->max_connections)
        return;
    const std::int64_t reserved = server.facts->reserved.value_or(0);
    const std::int64_t capacity = *server.facts->max_connections - reserved;
    const Demands demands = demands_of(
        scene, [&](const PoolView& view) { return view.server == &server && !view.pooler; });
    for (const PoolView& view : scene.pools) {
        if (view.server == &server && !view.pooler && !view.max && !view.unlimited)
            scene.unknown(fmt::format("How many connections {} may open is not told: it is not "
                                      "counted against {}.",
                                      view.words(), name));
    }
    if (demands.sum <= capacity || demands.all.empty())
        return;
    std::vector<std::string> evidence = demands.sentences();
    evidence.emplace_back("Counted is what is attached: other processes come on top of that.");
    add_over(
        scene, "maxima_over_capacity", capacity, demands,
        fmt::format("{}, and {} has {} for them (max_connections {}{}): under load somebody is "
                    "refused with \"too many connections\".",
                    demand_words(demands), name, std::max<std::int64_t>(0, capacity),
                    *server.facts->max_connections,
                    reserved > 0 ? fmt::format(", {} of them reserved", reserved) : std::string{}),
        std::move(evidence));
}

void check_limits(CheckScene& scene, const CheckTarget& server)
{
    if (!server.settings)
        return;
    for (const ServerSetting& each : server.settings->all) {
        if (each.name != connection_limit || each.scope == SettingScope::server)
            continue;
        std::int64_t limit = -1;
        if (const auto read = read_number(each.value))
            limit = *read;
        if (limit < 0)
            continue;
        const bool role = each.scope == SettingScope::role;
        const Demands demands = demands_of(scene, [&](const PoolView& view) {
            return view.server == &server && !view.pooler &&
                   (role ? view.role : view.database) == each.subject;
        });
        if (demands.all.empty() || demands.sum <= limit)
            continue;
        const std::string subject = plain_line(each.subject, 128);
        add_over(scene, role ? "maxima_over_role_limit" : "maxima_over_database_limit", limit,
                 demands,
                 fmt::format("{}, and {} lets {} {} have {}: the rest is refused.",
                             demand_words(demands), name_of_target(server),
                             role ? "role" : "database", subject, limit),
                 demands.sentences());
    }
}

/// MySQL's, for every account that has none of its own.
void check_account_limit(CheckScene& scene, const CheckTarget& server)
{
    const auto limit = server_number(server, "max_user_connections");
    if (!limit || *limit <= 0)
        return;
    std::set<std::string> roles;
    for (const PoolView& view : scene.pools) {
        if (view.server == &server && !view.pooler && !view.role.empty())
            roles.insert(view.role);
    }
    for (const std::string& role : roles) {
        const Demands demands = demands_of(scene, [&](const PoolView& view) {
            return view.server == &server && !view.pooler && view.role == role;
        });
        if (!demands.all.empty() && demands.sum > *limit)
            add_over(scene, "maxima_over_role_limit", *limit, demands,
                     fmt::format("{}, and {} lets account {} have {} (max_user_connections): the "
                                 "rest is refused.",
                                 demand_words(demands), name_of_target(server),
                                 plain_line(role, 128), *limit),
                     demands.sentences());
    }
}

} // namespace

void check_server(CheckScene& scene, const CheckTarget& server)
{
    check_capacity(scene, server);
    check_limits(scene, server);
    check_account_limit(scene, server);
    const auto open_for_ever = server_number(server, "idle_in_transaction_session_timeout");
    if (open_for_ever && *open_for_ever == 0)
        scene.report.findings.push_back(
            {Severity::info,
             "transactions_never_end",
             server.info.id,
             Text{},
             "idle_in_transaction_session_timeout",
             "0",
             "5min",
             "Nothing ends a session that leaves its transaction open: its locks and old rows stay "
             "for as long as the client does.",
             {}});
}

void check_pooler(CheckScene& scene, const CheckTarget& pooler)
{
    const Demands clients = demands_of(scene, [&](const PoolView& view) {
        return view.pooler == &pooler && !view.is_poolers_own();
    });
    if (clients.all.empty())
        return;
    const PoolView* any = nullptr;
    std::map<std::string, std::vector<const PoolView*>> databases;
    for (const PoolView& view : scene.pools) {
        if (view.target != &pooler || !view.is_poolers_own())
            continue;
        any = &view;
        const std::string& name = view.pool->name.str();
        databases[name.substr(0, name.rfind('/'))].push_back(&view);
    }
    if (!any)
        return;
    if (const auto most = any->settings.of(PoolTrait::client_limit);
        most && clients.sum > most->count)
        add_over(scene, "clients_over_pooler_limit", most->count, clients,
                 fmt::format("{}, and {} lets {} clients in ({}): the next one is refused.",
                             demand_words(clients), name_of_target(pooler), most->count,
                             most->name->label()),
                 clients.sentences());
    // In session mode each client keeps a server connection for as long as it is connected.
    for (const auto& each : databases) {
        const std::string& database = each.first;
        const std::vector<const PoolView*>& views = each.second;
        const auto mode = views.front()->settings.of(PoolTrait::mode);
        if (views.size() != 1 || !mode || mode->value != "session" || !views.front()->max)
            continue;
        const Demands there = demands_of(scene, [&](const PoolView& view) {
            return view.pooler == &pooler && !view.is_poolers_own() && view.database == database;
        });
        if (there.sum <= *views.front()->max)
            continue;
        scene.add(Severity::warning, "session_pooling_too_small", *views.front(),
                  std::string(mode->name->label()), mode->value, "transaction",
                  fmt::format("{}, and in session mode {} gives each of them one of {} for as long "
                              "as it is connected, also while it is idle in its pool: the rest "
                              "waits.",
                              demand_words(there), name_of_target(pooler), *views.front()->max),
                  there.sentences());
    }
}

} // namespace poolscope
