// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/links.h"
#include "core/report/concealer.h"
#include "core/report/concealtext.h"

#include <fmt/format.h>

namespace poolscope::report {

namespace {

constexpr std::size_t longest_name = 512;
constexpr std::size_t most_names = 100'000;

void learn_name(std::set<std::string>& names, std::string_view name)
{
    if (!name.empty() && name != "?" && name.size() <= longest_name && names.size() < most_names)
        names.emplace(name);
}

/// "user-1", but never what is called so already.
Text made_name(std::string_view kind, int& number, const std::set<std::string>& taken)
{
    std::string name;
    do {
        name = fmt::format("{}-{}", kind, ++number);
    } while (taken.contains(name));
    return Text{std::move(name)};
}

bool is_number(std::string_view text)
{
    return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// The value of "host=db1 user=bob" under a name.
std::string_view value_in(std::string_view conninfo, std::string_view name)
{
    for (std::size_t at = 0; (at = conninfo.find(name, at)) != std::string_view::npos;
         at += name.size()) {
        const bool begins =
            at == 0 || std::string_view{" ?&;"}.find(conninfo[at - 1]) != std::string_view::npos;
        const std::size_t equals = at + name.size();
        if (!begins || equals >= conninfo.size() || conninfo[equals] != '=')
            continue;
        const std::string_view rest = conninfo.substr(equals + 1);
        if (rest.starts_with('\''))
            return rest.substr(1, rest.find('\'', 1) - 1);
        return rest.substr(0, rest.find_first_of(" &;"));
    }
    return {};
}

} // namespace

bool is_nobody(std::string_view host)
{
    return host.empty() || host == "local" || host == "localhost" || host == "unix" || host == "?";
}

AddressParts parts_of_address(std::string_view address)
{
    if (address.starts_with('[')) {
        const std::size_t end = address.find(']');
        if (end != std::string_view::npos)
            return {address.substr(1, end - 1), address.substr(end + 1)};
    }
    // More colons than one: an address of IPv6 without brackets, with a port or without. Where a
    // port was told it is the last part; which it is cannot be seen, so the whole is the host.
    const std::size_t colon = address.find(':');
    if (colon == std::string_view::npos || address.find(':', colon + 1) != std::string_view::npos)
        return {address, {}};
    return {address.substr(0, colon), address.substr(colon)};
}

void Concealer::learn_user(std::string_view name)
{
    learn_name(users_, name);
}

void Concealer::learn_pool(const Text& name, bool with_user)
{
    if (pools_.size() < most_names && name.str().size() <= longest_name)
        pools_[name.str()] |= with_user;
}

void Concealer::learn_address(std::string_view address)
{
    const std::string_view host = parts_of_address(address).host;
    if (is_nobody(host) || host.size() > longest_name || hosts_.size() >= most_names ||
        host.starts_with('/'))
        return;
    hosts_.emplace(in_lower_case(host));
    // It is called by its first label too.
    const std::string_view label = host.substr(0, host.find('.'));
    if (!is_number(host) && label != host && !is_nobody(label))
        hosts_.emplace(in_lower_case(label));
}

void Concealer::learn_url(std::string_view url)
{
    for (const std::string_view name : {"host", "hostaddr", "hostname", "server"}) {
        std::string_view hosts = value_in(url, name);
        while (!hosts.empty()) {
            learn_address(hosts.substr(0, hosts.find(',')));
            hosts = hosts.find(',') == std::string_view::npos ? std::string_view{}
                                                              : hosts.substr(hosts.find(',') + 1);
        }
    }
    for (const std::string_view name : {"user", "username"})
        learn_user(value_in(url, name));
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos && url.find('=') != std::string_view::npos)
        return;
    std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
    rest = rest.substr(0, rest.find_first_of("/?"));
    if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
        learn_user(rest.substr(0, std::min(at, rest.find(':'))));
        rest = rest.substr(at + 1);
    }
    for (;;) {
        const std::size_t comma = rest.find(',');
        learn_address(rest.substr(0, comma));
        if (comma == std::string_view::npos)
            return;
        rest = rest.substr(comma + 1);
    }
}

void Concealer::learn(const TargetInfo& info)
{
    targets_[info.id] = info;
    // The way to a socket and a demo name no host; a service names what only its file knows.
    if (info.url.find("+unix:") == std::string::npos && !info.url.starts_with("demo:"))
        learn_url(info.url);
    if (const std::size_t at = info.name.find('@'); at != std::string::npos)
        learn_address(std::string_view(info.name).substr(at + 1));
    else if (is_server(info) || info.kind == "metrics")
        learn_address(std::string_view(info.name).substr(0, info.name.find('/')));
}

void Concealer::learn(const Session& session)
{
    learn_user(session.user.str());
    learn_address(session.client.str());
    learn_name(applications_, session.application.str());
}

void Concealer::learn_checkout(const Checkout& checkout)
{
    learn_pool(checkout.pool);
    learn_name(callers_, checkout.acquired_by.str());
    for (const auto& [name, value] : checkout.tags) {
        if (name.str() == "client")
            learn_address(value.str());
        else if (name.str() == "user")
            learn_user(value.str());
        else if (name.str() == "application")
            learn_name(applications_, value.str());
    }
}

void Concealer::learn(const ServerSettings& settings)
{
    for (const ServerSetting& setting : settings.all) {
        if (setting.scope == SettingScope::role)
            learn_user(setting.subject);
    }
}

void Concealer::learn(const PoolSample& sample)
{
    for (const Pool& pool : sample.pools) {
        if (!pool.database.empty() && !pool.database.str().starts_with('/'))
            learn_url(pool.database.str());
        // "database/user"
        if (pool.kind.str() == "pgbouncer") {
            const std::string& name = pool.name.str();
            learn_pool(pool.name, true);
            if (const std::size_t slash = name.rfind('/'); slash != std::string::npos)
                learn_user(std::string_view(name).substr(slash + 1));
        } else {
            learn_pool(pool.name);
        }
        for (const auto& [name, value] : pool.configuration) {
            if (name.find("url") != std::string::npos || name.find("Url") != std::string::npos)
                learn_url(value);
            else if (name.find("user") != std::string::npos)
                learn_user(value);
            else if (name == "host" || name == "serverName")
                learn_address(value);
        }
    }
    for (const PoolConnection& connection : sample.opened)
        learn_pool(connection.key.pool);
    for (const Checkout& checkout : sample.changed)
        learn_checkout(checkout);
    for (const BriefHolds& brief : sample.brief)
        learn_pool(brief.pool);
    for (const AcquireTimeout& timeout : sample.timeouts) {
        learn_pool(timeout.pool);
        learn_name(callers_, timeout.acquired_by.str());
    }
    for (const PreparedStatements& prepared : sample.prepared)
        learn_pool(prepared.pool);
}

void Concealer::learn(const Observation& observation)
{
    if (const auto* const attached = std::get_if<TargetAttached>(&observation.what)) {
        learn(attached->info);
    } else if (const auto* const server = std::get_if<ServerSample>(&observation.what)) {
        for (const Session& session : server->changed)
            learn(session);
    } else if (const auto* const pools = std::get_if<PoolSample>(&observation.what)) {
        learn(*pools);
    } else if (const auto* const facts = std::get_if<FactsReported>(&observation.what)) {
        learn(facts->facts);
    } else if (const auto* const settings = std::get_if<SettingsReported>(&observation.what)) {
        learn(settings->settings);
    } else if (const auto* const agent = std::get_if<AgentReported>(&observation.what)) {
        learn_address(agent->facts.host);
    } else if (const auto* const chosen = std::get_if<ThresholdsChanged>(&observation.what)) {
        learn_pool(chosen->pool);
    } else if (const auto* const answered = std::get_if<AlertAnswered>(&observation.what)) {
        learn_pool(answered->pool);
    }
}

void Concealer::learn(const World& world)
{
    for (const auto& [id, target] : world.targets()) {
        learn(target.info);
        if (target.facts)
            learn(*target.facts);
        if (target.settings)
            learn(*target.settings);
        for (const auto& [pid, session] : target.sessions)
            learn(session);
        if (target.pools.agent)
            learn_address(target.pools.agent->host);
        learn(picture_of(target.pools, target.clock_offset));
    }
}

/// Two pools stay two, whatever is taken out of their names.
void Concealer::settle_pools(std::set<std::string>& taken)
{
    int number = 0;
    for (const auto& [name, with_user] : pools_) {
        const std::size_t slash = name.rfind('/');
        if (with_user && slash != std::string::npos)
            pool_names_[name] = Text{database(Text{name.substr(0, slash)}).str() + '/' +
                                     user(name.substr(slash + 1))};
        else if (name.find('@') != std::string::npos || tells_place(name) ||
                 replaced(name, Within::statement) != name)
            pool_names_[name] = made_name("pool", number, taken);
        else
            pool_names_[name] = Text{name};
    }
}

void Concealer::settle()
{
    // What is called like somebody else would be taken for them.
    std::set<std::string> taken;
    for (const auto* const names : {&users_, &hosts_, &callers_, &applications_}) {
        for (const std::string& name : *names)
            taken.insert(in_lower_case(name));
    }
    for (const auto& [name, with_user] : pools_)
        taken.insert(in_lower_case(name));
    for (const auto& [id, info] : targets_)
        taken.insert(in_lower_case(info.name));
    int number = 0;
    for (const std::string& host : hosts_)
        host_names_[host] = made_name("host", number, taken);
    number = 0;
    for (const std::string& user : users_)
        user_names_[user] = made_name("user", number, taken);
    number = 0;
    for (const std::string& caller : callers_) {
        const auto user = user_names_.find(caller);
        caller_names_[caller] =
            user == user_names_.end() ? made_name("caller", number, taken) : user->second;
    }
    number = 0;
    for (const std::string& application : applications_)
        application_names_[application] = names_somebody(application) || tells_place(application)
                                              ? made_name("application", number, taken)
                                              : Text{application};
    settle_pools(taken);
}

} // namespace poolscope::report
