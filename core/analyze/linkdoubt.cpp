// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/linkdoubt.h"

#include "core/analyze/checkparts.h"
#include "core/base/text.h"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>

namespace poolscope {

namespace {

bool is_relative_host(std::string_view host)
{
    return host == "loopback" || host == "local";
}

bool is_numeric_host(std::string_view host)
{
    return host.find(':') != std::string_view::npos ||
           host.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// However it is written: 16 bytes. Empty where it is no address.
std::string numeric_host(const std::string& host)
{
    std::string bytes(sizeof(in6_addr), '\0');
    if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1 ||
        ::inet_pton(AF_INET6, ("::ffff:" + host).c_str(), bytes.data()) == 1)
        return bytes;
    return {};
}

/// "db1.prod" and "db1.prod.example.com" may be one; a name and a number may be, too.
bool hosts_may_be_same(const std::string& a, const std::string& b)
{
    if (a == b || is_relative_host(a) || is_relative_host(b) ||
        is_numeric_host(a) != is_numeric_host(b))
        return true;
    if (is_numeric_host(a)) {
        const std::string one = numeric_host(a);
        const std::string other = numeric_host(b);
        return one.empty() || other.empty() || one == other;
    }
    const auto labels = [](std::string_view host) {
        return std::string(host.ends_with('.') ? host.substr(0, host.size() - 1) : host) + '.';
    };
    const std::string first = labels(a);
    const std::string second = labels(b);
    return first.starts_with(second) || second.starts_with(first); // one is the short form
}

/// It has a port of its own behind its host.
bool tells_port(std::string_view host)
{
    const std::size_t colon = host.rfind(':');
    const std::size_t bracket = host.rfind(']');
    return colon != std::string_view::npos && colon + 1 < host.size() &&
           (bracket == std::string_view::npos || colon > bracket);
}

/// libpq's URLs may have them there, and they count.
bool parameters_decide(std::string_view query)
{
    while (!query.empty()) {
        const std::string_view word = query.substr(0, query.find_first_of("&;"));
        query.remove_prefix(std::min(word.size() + 1, query.size()));
        const std::string_view name = word.substr(0, word.find('='));
        if (name == "host" || name == "hostaddr" || name == "port" || name == "service" ||
            name == "socket")
            return true;
    }
    return false;
}

void add_place(std::vector<LinkPlace>& places, std::string_view address, bool told)
{
    const auto read = read_check_address(address);
    if (!read)
        return;
    // A socket has no port, and what "localhost" has where none is told is often a socket.
    const bool usual = !is_relative_host(read->host);
    places.push_back({read->host, told || usual ? read->port : 0});
}

} // namespace

std::vector<LinkPlace> read_link_places(std::string_view address)
{
    std::vector<LinkPlace> places;
    if (address.size() > 4096)
        return places;
    const std::size_t scheme = address.find("://");
    if (scheme == std::string_view::npos && address.find('=') != std::string_view::npos) {
        add_place(places, address, address.find("port=") != std::string_view::npos);
        return places;
    }
    const std::size_t query = address.find_first_of("?;#");
    if (query != std::string_view::npos && parameters_decide(address.substr(query + 1)))
        return places;
    const std::string_view front =
        scheme == std::string_view::npos ? std::string_view{} : address.substr(0, scheme + 3);
    std::string_view hosts =
        address.substr(front.size(), query == std::string_view::npos ? std::string_view::npos
                                                                     : query - front.size());
    hosts = hosts.substr(0, hosts.find('/'));
    // "address=(host=db1)(port=3306)", as some drivers of MySQL take it.
    if (hosts.find_first_of("()=") != std::string_view::npos)
        return places;
    if (const std::size_t at = hosts.rfind('@'); at != std::string_view::npos)
        hosts.remove_prefix(at + 1);
    constexpr std::size_t most = 16;
    bool all = true;
    do {
        const std::string_view host = hosts.substr(0, hosts.find(','));
        hosts.remove_prefix(std::min(host.size() + 1, hosts.size()));
        const std::size_t before = places.size();
        add_place(places, std::string(front) + std::string(host), tells_port(host));
        all = all && places.size() > before;
    } while (!hosts.empty() && places.size() < most);
    // One that cannot be read may be the one.
    if (!all || !hosts.empty())
        places.clear();
    return places;
}

bool may_be_same_place(const std::vector<LinkPlace>& a, const std::vector<LinkPlace>& b)
{
    if (a.empty() || b.empty())
        return true;
    return std::any_of(a.begin(), a.end(), [&](const LinkPlace& one) {
        return std::any_of(b.begin(), b.end(), [&](const LinkPlace& other) {
            return (one.port == 0 || other.port == 0 || one.port == other.port) &&
                   hosts_may_be_same(one.host, other.host);
        });
    });
}

std::string difference_in_words(const std::vector<LinkPlace>& pool,
                                const std::vector<LinkPlace>& server)
{
    if (pool.size() == 1 && server.size() == 1 && pool[0].port != 0 && server[0].port != 0 &&
        pool[0].port != server[0].port)
        return fmt::format("the pool connects to port {}, and the server is attached at port {}",
                           pool[0].port, server[0].port);
    return "the pool connects to another host or port than the server is attached at";
}

} // namespace poolscope
