// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/checkparts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

namespace poolscope {

namespace {

constexpr std::size_t most_unknown = 100;

std::string lower_of(std::string_view text)
{
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

/// The kind of server that a scheme names; "jdbc:mysql:loadbalance://" too.
std::string kind_of_scheme(std::string_view scheme)
{
    for (const auto& [part, kind] :
         {std::pair{"pgbouncer", "pgbouncer"}, std::pair{"postgres", "postgresql"},
          std::pair{"mysql", "mysql"}, std::pair{"mariadb", "mysql"}}) {
        if (scheme.find(part) != std::string_view::npos)
            return kind;
    }
    return {};
}

int usual_port(const std::string& kind)
{
    return kind == "mysql" ? 3306 : kind == "pgbouncer" ? 6432 : kind == "postgresql" ? 5432 : 0;
}

std::string host_of(std::string host)
{
    if (host.size() > 1 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (host.empty() || host == "local" || host.front() == '/' || host.front() == '%')
        return "local";
    if (host == "localhost" || host == "::1" || host.starts_with("127."))
        return "loopback";
    return host;
}

std::optional<int> port_of(std::string_view text)
{
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
        return std::nullopt;
    return port;
}

/// "host=db1 port=5432 dbname=shop", without quotes.
std::optional<CheckAddress> read_conninfo(std::string_view text)
{
    CheckAddress address{"postgresql", "local", 5432, {}};
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        const std::size_t equals = word.find('=');
        if (word.empty())
            continue;
        if (equals == std::string_view::npos || word.find_first_of("'\\") != std::string_view::npos)
            return std::nullopt;
        const std::string_view name = word.substr(0, equals), value = word.substr(equals + 1);
        if (name == "service")
            return std::nullopt;
        if (name == "host" || name == "hostaddr")
            address.host = host_of(lower_of(value));
        else if (name == "dbname")
            address.database = value;
        else if (name == "port") {
            const auto port = port_of(value);
            if (!port)
                return std::nullopt;
            address.port = *port;
        }
    }
    return address.host.find(',') == std::string::npos ? std::optional(address) : std::nullopt;
}

bool same_place(const CheckAddress& a, const CheckAddress& b)
{
    return a.port != 0 && a.host == b.host && a.port == b.port;
}

bool is_database_server(const CheckTarget& target)
{
    return target.info.kind == "postgresql" || target.info.kind == "mysql";
}

/// "localhost" is another machine for each that says it.
bool is_relative(const CheckAddress& address)
{
    return address.host == "loopback" || address.host == "local";
}

/// It is on this machine, as far as its address tells; a file is taken to be meant for it.
bool is_told_here(const CheckTarget& target)
{
    std::string_view url = target.info.url;
    const std::size_t scheme = url.find("://");
    if (target.from_file || scheme == std::string_view::npos)
        return true;
    if (url.substr(0, scheme).ends_with("+unix"))
        return true;
    url.remove_prefix(scheme + 3);
    std::string_view authority = url.substr(0, url.find_first_of("/?#"));
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
        authority.remove_prefix(at + 1);
    const std::size_t colon = authority.rfind(':');
    const std::size_t bracket = authority.rfind(']');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket))
        authority = authority.substr(0, colon);
    const std::string host = host_of(lower_of(authority));
    return host == "loopback" || host == "local";
}

/// As far as the pool itself is concerned: what its connections may become at most.
void read_size(PoolView& view)
{
    const auto size = view.settings.of(PoolTrait::max_size);
    const auto overflow = view.settings.of(PoolTrait::overflow);
    if (size) {
        view.max_setting = size->name->label();
        view.max_value = size->value;
        view.unlimited = size->never || (overflow && overflow->never);
        if (!view.unlimited)
            view.max = std::min(most_size, size->count + (overflow ? overflow->count : 0));
        if (overflow) {
            view.max_setting += " + " + std::string(overflow->name->label());
            view.max_value += " + " + overflow->value;
        }
    }
    // What the pool counts is nearer to the truth than a setting of which there are two.
    if (!view.unlimited && view.pool->max && *view.pool->max >= 0) {
        view.max = std::min(most_size, *view.pool->max);
        if (!size) {
            const std::string_view label = view.settings.label(PoolTrait::max_size);
            view.max_setting = label.empty() ? "max" : std::string(label);
            view.max_value = std::to_string(*view.max);
        }
    }
}

/// By what was seen to serve it, else by its address.
void read_route(PoolView& view, const CheckInput& input)
{
    const auto target_of = [&](TargetId id) -> const CheckTarget* {
        const auto found =
            std::find_if(input.targets.begin(), input.targets.end(),
                         [&](const CheckTarget& each) { return each.info.id == id; });
        return found == input.targets.end() ? nullptr : &*found;
    };
    const auto address = read_check_address(view.pool->database.str());
    if (address)
        view.database = address->database;
    std::set<std::pair<TargetId, TargetId>> ways;
    std::set<std::string> roles;
    for (const PoolRoute& route : input.routes) {
        if (route.target != view.target->info.id || !(route.pool == view.pool->name))
            continue;
        ways.insert({route.server, route.pooler});
        roles.insert(route.role);
    }
    if (roles.size() == 1)
        view.role = *roles.begin();
    if (ways.size() == 1) {
        view.server = target_of(ways.begin()->first);
        view.pooler = target_of(ways.begin()->second);
        return;
    }
    if (!ways.empty() || !address || (is_relative(*address) && !is_told_here(*view.target)))
        return;
    for (const CheckTarget& each : input.targets) {
        const auto place = read_check_address(each.info.url);
        if (!place || !same_place(*address, *place) || &each == view.target)
            continue;
        if (each.info.kind == "pgbouncer" && !view.is_poolers_own())
            view.pooler = &each;
        else if (is_database_server(each) &&
                 (address->kind.empty() || address->kind == each.info.kind))
            view.server = &each;
    }
}

} // namespace

std::string_view name_of(ConfigSeverity severity)
{
    switch (severity) {
    case ConfigSeverity::info:
        return "info";
    case ConfigSeverity::warning:
        return "warning";
    case ConfigSeverity::critical:
        return "critical";
    }
    return "info";
}

std::optional<CheckAddress> read_check_address(std::string_view text)
{
    if (text.empty() || text.size() > 4096)
        return std::nullopt;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos && text.find('=') != std::string_view::npos)
        return read_conninfo(text);
    CheckAddress address;
    if (scheme != std::string_view::npos) {
        address.kind = kind_of_scheme(lower_of(text.substr(0, scheme)));
        if (address.kind.empty())
            return std::nullopt;
        text.remove_prefix(scheme + 3);
    } else if (text.find(':') == std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t end = text.find_first_of("?;#");
    text = text.substr(0, end);
    const std::size_t slash = text.find('/');
    std::string_view authority = text.substr(0, slash);
    if (slash != std::string_view::npos)
        address.database = text.substr(slash + 1);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
        authority.remove_prefix(at + 1);
    if (authority.find(',') != std::string_view::npos)
        return std::nullopt;
    const std::size_t colon = authority.rfind(':');
    const std::size_t bracket = authority.rfind(']');
    const bool has_port =
        colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    address.port = usual_port(address.kind);
    if (has_port && colon + 1 < authority.size()) {
        const auto port = port_of(authority.substr(colon + 1));
        if (!port)
            return std::nullopt;
        address.port = *port;
    }
    address.host = host_of(lower_of(authority.substr(0, has_port ? colon : authority.size())));
    if (address.database.find_first_of("%/") != std::string::npos)
        address.database.clear();
    return address;
}

std::string PoolView::words() const
{
    return "pool " + plain_line(pool->name.str(), 128);
}

void CheckScene::add(ConfigSeverity severity, std::string rule, const PoolView& of,
                     std::string setting, std::string value, std::string proposed,
                     std::string sentence, std::vector<std::string> evidence)
{
    report.findings.push_back({severity, std::move(rule), of.target->info.id, of.pool->name,
                               std::move(setting), std::move(value), std::move(proposed),
                               std::move(sentence), std::move(evidence)});
}

void CheckScene::unknown(std::string sentence)
{
    std::vector<std::string>& all = report.unknown;
    if (all.size() < most_unknown && std::find(all.begin(), all.end(), sentence) == all.end())
        all.push_back(std::move(sentence));
}

CheckScene check_scene(const CheckInput& input, const CheckOptions& options)
{
    CheckScene scene{input, options, {}, {}};
    for (const CheckTarget& target : input.targets) {
        for (const Pool& pool : target.pools) {
            PoolView view{
                &target, &pool, PoolSettings{pool, target.from_file}, {}, false, {}, {}, {}, {}, {},
                {},      {}};
            read_size(view);
            read_route(view, input);
            if (view.is_poolers_own()) {
                // "shop/alice"; what the database forces comes first.
                const auto forced =
                    std::find_if(pool.configuration.begin(), pool.configuration.end(),
                                 [](const auto& each) { return each.first == "user"; });
                const std::size_t slash = pool.name.str().rfind('/');
                if (forced != pool.configuration.end())
                    view.role = plain_line(forced->second, 128);
                else if (slash != std::string::npos)
                    view.role = pool.name.str().substr(slash + 1);
            }
            for (const PoolSeries& series : input.series) {
                if (series.target == target.info.id && series.pool == pool.name)
                    view.series = &series;
            }
            scene.pools.push_back(std::move(view));
        }
    }
    return scene;
}

std::optional<std::int64_t> read_number(std::string_view text)
{
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && read == end ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> server_number(const CheckTarget& server, std::string_view name)
{
    const ServerSetting* const told = server.settings ? server.settings->find(name) : nullptr;
    return told ? read_number(told->value) : std::nullopt;
}

std::optional<Duration> server_duration(const CheckTarget& server, std::string_view name)
{
    const auto number = server_number(server, name);
    constexpr std::int64_t most = 100LL * 365 * 24 * 3600 * 1000;
    if (!number || *number <= 0 || *number > most)
        return std::nullopt;
    const std::string& unit = server.settings->find(name)->unit;
    if (unit == "ms")
        return std::chrono::milliseconds{*number};
    if (unit == "s")
        return std::chrono::seconds{*number};
    if (unit == "min")
        return std::chrono::minutes{*number};
    return std::nullopt;
}

std::string name_of_target(const CheckTarget& target)
{
    return plain_line(target.info.name.empty() ? target.info.url : target.info.name, 128);
}

Duration rounded_down(Duration most)
{
    using std::chrono::minutes;
    using std::chrono::seconds;
    if (most >= minutes{10})
        return std::chrono::floor<minutes>(most);
    if (most >= seconds{1})
        return std::chrono::floor<seconds>(most);
    return most;
}

} // namespace poolscope
