// SPDX-License-Identifier: Apache-2.0
#include "core/event/databaseaddress.h"

#include <algorithm>
#include <vector>

namespace poolscope {

namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view blanks = " \t\r\n\f\v";

bool has(std::string_view text, char c)
{
    return text.find(c) != std::string_view::npos;
}

bool made_of(std::string_view text, std::string_view one, std::string_view other)
{
    return std::ranges::all_of(text, [&](char c) { return has(one, c) || has(other, c); });
}

std::string_view until(std::string_view text, std::string_view any)
{
    return text.substr(0, text.find_first_of(any));
}

/// "db1:5432", "db1:5432,db2", "[::1]:5432"; not what may be "user:secret".
bool is_host(std::string_view host)
{
    constexpr std::string_view in_names = "0123456789.-_%";
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        return end != std::string_view::npos &&
               made_of(host.substr(1, end - 1), letters, "0123456789.:%") &&
               (end + 1 == host.size() ||
                (host[end + 1] == ':' && made_of(host.substr(end + 2), digits, "")));
    }
    const std::size_t colon = host.find(':');
    return made_of(host.substr(0, colon), letters, in_names) &&
           (colon == std::string_view::npos || made_of(host.substr(colon + 1), digits, ""));
}

bool are_hosts(std::string_view list)
{
    for (;;) {
        const std::size_t comma = list.find(',');
        if (!is_host(list.substr(0, comma)))
            return false;
        if (comma == std::string_view::npos)
            return true;
        list.remove_prefix(comma + 1);
    }
}

/// What follows the last '@' that ends "user:password", also one that was not escaped as it should.
std::string_view without_user(std::string_view rest)
{
    std::size_t end = rest.find_first_of("?#;");
    // "user:p?ss@host/db": a parameter would have a name.
    if (end != std::string_view::npos) {
        const std::size_t at = rest.find('@', end);
        if (at != std::string_view::npos && !has(rest.substr(end, at - end), '='))
            return without_user(rest.substr(at + 1));
    }
    const std::string_view before = rest.substr(0, end);
    const std::size_t at = before.rfind('@');
    return at == std::string_view::npos ? rest : rest.substr(at + 1);
}

std::string of_url(std::string_view scheme, std::string_view rest)
{
    const std::string_view shown = until(until(without_user(rest), "?#;"), blanks);
    const std::string_view host = until(shown, "/");
    std::string address = std::string(scheme) + "://";
    if (!are_hosts(host))
        return address;
    return address.append(shown);
}

std::vector<std::string_view> parts_of(std::string_view list)
{
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t comma = list.find(',');
        parts.push_back(list.substr(0, comma));
        if (comma == std::string_view::npos)
            return parts;
        list.remove_prefix(comma + 1);
    }
}

/// As a URL has them: "a:5432,[::1]:5433". One port stands for all hosts, as libpq takes it; ports
/// that do not go with the hosts tell nothing.
std::string hosts_of(std::string_view host, std::string_view port)
{
    const auto hosts = parts_of(host);
    const auto ports = parts_of(port);
    std::string all;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const std::string_view one = hosts[i];
        const bool number = has(one, ':') && !one.starts_with('[') && !one.starts_with('/');
        all.append(i > 0 ? "," : "").append(number ? "[" : "").append(one);
        all.append(number ? "]" : "");
        const std::string_view own = ports.size() == 1              ? ports[0]
                                     : ports.size() == hosts.size() ? ports[i]
                                                                    : std::string_view{};
        if (!own.empty())
            all.append(":").append(own);
    }
    return all;
}

/// libpq's "host=db1 port=5432 dbname=shop password='x y'".
std::string of_keywords(std::string_view text)
{
    std::string host;
    std::string port;
    std::string database;
    while (!text.empty()) {
        text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos)
            break;
        const std::string_view key = until(text.substr(0, equals), blanks);
        text.remove_prefix(equals + 1);
        text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
        const bool quoted = text.starts_with('\'');
        if (quoted)
            text.remove_prefix(1);
        std::string value;
        while (!text.empty() && (quoted ? text.front() != '\'' : !has(blanks, text.front()))) {
            if (text.front() == '\\' && text.size() > 1)
                text.remove_prefix(1);
            value += text.front();
            text.remove_prefix(1);
        }
        if (quoted && !text.empty())
            text.remove_prefix(1);
        if (key == "host" || (key == "hostaddr" && host.empty()))
            host = value;
        else if (key == "port")
            port = value;
        else if (key == "dbname")
            database = value;
    }
    if (host.empty() && port.empty() && database.empty())
        return {};
    if (database.find("://") != std::string::npos ||
        has(database, '=')) // libpq takes an address there, too
        return database_address(database);
    return "postgresql://" + hosts_of(host, port) + "/" + database;
}

} // namespace

std::string database_address(std::string_view text)
{
    if (const std::size_t colon = text.find("://"); colon != std::string_view::npos) {
        const std::string_view scheme = text.substr(0, colon);
        if (made_of(scheme, letters, "0123456789+.-:"))
            return of_url(scheme, text.substr(colon + 3));
    }
    const std::string_view name = until(text, "?;");
    if (name.starts_with('/'))
        return std::string(name);
    if (has(name, '='))
        return of_keywords(name);
    // "user:password@tcp(db1:3306)/shop"
    const std::size_t at = text.rfind('@');
    return std::string(at == std::string_view::npos ? name : until(text.substr(at + 1), "?;"));
}

} // namespace poolscope
