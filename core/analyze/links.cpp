// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace poolscope {

namespace {

/// Of "10.20.4.17:51422" and "[::1]:51422"; null of "local", and where it is not reported.
std::optional<std::uint16_t> port_in(const std::string& client)
{
    const std::size_t colon = client.rfind(':');
    if (colon == std::string::npos)
        return std::nullopt;
    std::uint16_t port = 0;
    const char* const end = client.data() + client.size();
    const auto [read, error] = std::from_chars(client.data() + colon + 1, end, port);
    return error == std::errc{} && read == end ? std::optional(port) : std::nullopt;
}

const std::string& tag_of(const Checkout& checkout, std::string_view name)
{
    static const std::string none;
    const auto found = std::find_if(checkout.tags.begin(), checkout.tags.end(),
                                    [name](const auto& tag) { return tag.first.str() == name; });
    return found == checkout.tags.end() ? none : found->second.str();
}

/// Of "jdbc:postgresql://db1:5432/shop?x=y"; empty where it is not told, or is not to be read.
std::string database_in(std::string_view address)
{
    address = address.substr(0, address.find_first_of("?;"));
    const std::size_t scheme = address.find("://");
    if (scheme != std::string_view::npos)
        address.remove_prefix(scheme + 3);
    const std::size_t slash = address.rfind('/');
    if (slash == std::string_view::npos)
        return {};
    const std::string_view name = address.substr(slash + 1);
    return name.find('%') == std::string_view::npos ? std::string(name) : std::string{};
}

/// The kind of server that it names; empty where it names none.
std::string_view kind_in(std::string_view address)
{
    const std::string_view scheme =
        address.substr(0, std::min(address.find("://"), address.size()));
    if (scheme.size() == address.size())
        return {};
    if (scheme.find("postgres") != std::string_view::npos)
        return "postgresql";
    if (scheme.find("mysql") != std::string_view::npos ||
        scheme.find("mariadb") != std::string_view::npos)
        return "mysql";
    return {};
}

bool is_server(std::string_view kind)
{
    return kind == "postgresql" || kind == "mysql";
}

} // namespace

std::optional<std::uint16_t> client_port_of(const Session& session)
{
    return port_in(session.client.str());
}

std::optional<std::uint16_t> client_port_of(const Checkout& checkout)
{
    return port_in(tag_of(checkout, "client"));
}

bool is_pooler(const TargetInfo& target)
{
    return target.kind == "pgbouncer";
}

bool is_server(const TargetInfo& target)
{
    return is_server(std::string_view(target.kind));
}

std::optional<std::int64_t> server_pid_of(const Checkout& checkout, const Text& pool_database,
                                          const SessionLink* link, const Checkout* through)
{
    if (link && link->by == JoinedBy::pgbouncer) {
        if (const auto session = link->session())
            return session->pid.value;
        return through ? through->server_pid : std::nullopt;
    }
    // Linux gives no process a higher number: it is half of a key that cancels statements.
    constexpr std::int64_t highest_pid = std::int64_t{1} << 22;
    if (checkout.server_pid && *checkout.server_pid > highest_pid &&
        kind_in(pool_database.str()) == "postgresql")
        return std::nullopt;
    return checkout.server_pid;
}

std::string_view name_of(JoinedBy by)
{
    switch (by) {
    case JoinedBy::server_pid:
        return "server_pid";
    case JoinedBy::client_port:
        return "client_port";
    case JoinedBy::pgbouncer:
        return "pgbouncer";
    }
    return "server_pid";
}

void Links::add_target(const TargetInfo& info, Duration clock_offset)
{
    targets_[info.id] = {info.kind, read_link_places(info.url), clock_offset};
}

void Links::add_session(const Session& session)
{
    if (session.own)
        return;
    // A host without a port, as MySQL may tell it, says nothing of the port.
    const auto port = client_port_of(session);
    const bool told = port.has_value() || session.client.str() == "local";
    const Seen seen{session.key, told, port, session.database.str()};
    by_pid_.emplace(session.key.pid.value, seen);
    if (seen.port)
        by_port_.emplace(*seen.port, seen);
}

void Links::add_checkout(const Checkout& checkout, const Text& pool_database)
{
    checkouts_.push_back({checkout.key, checkout.server_pid, checkout.local_port,
                          client_port_of(checkout), checkout.acquired,
                          database_in(pool_database.str()),
                          std::string(kind_in(pool_database.str())), pool_database});
}

Links::Ports Links::compare(const Seen& session, const Lent& checkout)
{
    if (!session.client_told || !checkout.port)
        return Ports::unknown;
    // A local socket has no port, so that a checkout with one is another's.
    return session.port == checkout.port ? Ports::agree : Ports::differ;
}

const std::string& Links::kind_of(TargetId target) const
{
    static const std::string none;
    const auto found = targets_.find(target);
    return found == targets_.end() ? none : found->second.kind;
}

bool Links::is_pooler(TargetId target) const
{
    return kind_of(target) == "pgbouncer";
}

/// What is not told speaks against nothing.
bool Links::may_be_served(const Seen& session, const Lent& checkout) const
{
    const std::string& kind = kind_of(session.key.target);
    if (!checkout.server_kind.empty() && is_server(kind) && checkout.server_kind != kind)
        return false;
    return session.database.empty() || checkout.database.empty() ||
           session.database == checkout.database;
}

/// Whether a pid alone may tell.
bool Links::may_be_pid(const Seen& session, const Lent& checkout) const
{
    if (!may_be_served(session, checkout))
        return false;
    // MySQL's are small numbers, counted from 1 by each server, and any session there seems to be
    // as old as its server: of several servers the database must tell.
    if (kind_of(session.key.target) != "mysql" || servers_ <= 1)
        return true;
    return !session.database.empty() && session.database == checkout.database;
}

/// A session is there before its connection is lent; a later one has the pid or port by chance.
bool Links::had_begun(const Seen& session, const Lent& checkout) const
{
    constexpr Duration clocks_may_differ = std::chrono::seconds{2};
    const auto here = [this](TargetId target, Timestamp there) {
        const auto found = targets_.find(target);
        return found == targets_.end() ? there : there - found->second.clock_offset;
    };
    return here(session.key.target, session.key.started) <=
           here(checkout.key.target, checkout.acquired) + clocks_may_differ;
}

/// Where pid and port agree no more can be asked for.
bool Links::join_certain(const Lent& checkout)
{
    SessionLink link;
    if (checkout.pid) {
        const auto [first, last] = by_pid_.equal_range(*checkout.pid);
        for (auto it = first; it != last; ++it) {
            if (compare(it->second, checkout) == Ports::agree && had_begun(it->second, checkout))
                link.sessions.push_back(it->second.key);
        }
    }
    if (link.sessions.empty())
        return false;
    remember(checkout.key, std::move(link));
    return true;
}

const std::vector<LinkPlace>& Links::places_of(const Text& address)
{
    const auto known = places_.find(address.str());
    return known != places_.end()
               ? known->second
               : places_.emplace(address.str(), read_link_places(address.str())).first->second;
}

/// The pool says that it connects to another place than where this server was attached.
bool Links::leads_elsewhere(const Seen& session, const Lent& checkout)
{
    const auto target = targets_.find(session.key.target);
    return target != targets_.end() &&
           !may_be_same_place(places_of(checkout.address), target->second.places);
}

void Links::add_candidate(SessionLink& link, const Seen& session, const Lent& checkout)
{
    (leads_elsewhere(session, checkout) ? link.doubted : link.sessions).push_back(session.key);
}

void Links::explain(SessionLink& link, const Lent& checkout)
{
    if (!link.sessions.empty())
        link.doubted.clear();
    if (link.doubted.empty())
        return;
    std::sort(link.doubted.begin(), link.doubted.end());
    const SessionKey& session = link.doubted.front();
    link.doubt = fmt::format(
        "The server's session {} has the {} that the pool knows, but {}: with a pooler between it "
        "may be another's, so they are not joined. Attach the pooler too or, if there is none, the "
        "server at the pool's address.",
        session.pid.value, link.by == JoinedBy::client_port ? "port" : "number",
        difference_in_words(places_of(checkout.address), targets_.at(session.target).places));
}

void Links::join_likely(const Lent& checkout, const std::set<SessionKey>& taken)
{
    SessionLink link;
    if (checkout.pid) {
        const auto [first, last] = by_pid_.equal_range(*checkout.pid);
        for (auto it = first; it != last; ++it) {
            const Seen& session = it->second;
            if (compare(session, checkout) == Ports::unknown && had_begun(session, checkout) &&
                may_be_pid(session, checkout) && !taken.contains(session.key))
                add_candidate(link, session, checkout);
        }
    } else if (checkout.port) {
        link.by = JoinedBy::client_port;
        const auto [first, last] = by_port_.equal_range(*checkout.port);
        for (auto it = first; it != last; ++it) {
            const Seen& session = it->second;
            if (had_begun(session, checkout) && may_be_served(session, checkout) &&
                !taken.contains(session.key))
                add_candidate(link, session, checkout);
        }
    }
    explain(link, checkout);
    if (!link.sessions.empty() || !link.doubted.empty())
        remember(checkout.key, std::move(link));
}

/// From an application's checkout to the pooler's client of the same port, and on from there.
void Links::join_through_pooler(const Lent& checkout)
{
    if (!checkout.port)
        return;
    const auto [first, last] = pooled_.equal_range(*checkout.port);
    if (first == last)
        return;
    SessionLink link;
    link.by = JoinedBy::pgbouncer;
    std::set<SessionKey> sessions;
    for (auto it = first; it != last; ++it) {
        const auto known = sessions_.find(it->second);
        if (known != sessions_.end())
            sessions.insert(known->second.sessions.begin(), known->second.sessions.end());
    }
    link.sessions.assign(sessions.begin(), sessions.end());
    // The same port at two hosts: nothing here tells which is this process's.
    if (std::next(first) == last)
        link.through = first->second;
    remember(checkout.key, std::move(link));
}

void Links::remember(const CheckoutKey& checkout, SessionLink link)
{
    std::sort(link.sessions.begin(), link.sessions.end());
    if (const auto session = link.session())
        claims_[*session].push_back({checkout, link.by});
    sessions_.insert_or_assign(checkout, std::move(link));
}

void Links::join()
{
    if (std::exchange(joined_, true))
        return;
    servers_ = std::count_if(targets_.begin(), targets_.end(),
                             [](const auto& each) { return is_server(each.second.kind); });
    // The poolers first: what goes through one is no claim on a session by its pid.
    std::set<SessionKey> of_poolers;
    for (const Lent& checkout : checkouts_) {
        if (!is_pooler(checkout.key.target))
            continue;
        if (!join_certain(checkout))
            join_likely(checkout, {});
        if (checkout.client_port)
            pooled_.emplace(*checkout.client_port, checkout.key);
    }
    for (const auto& [session, claims] : claims_)
        of_poolers.insert(session);
    for (const Lent& checkout : checkouts_) {
        if (is_pooler(checkout.key.target))
            continue;
        // A pooler's client may have the same port on another host.
        if (join_certain(checkout))
            continue;
        join_through_pooler(checkout);
        if (!sessions_.contains(checkout.key))
            join_likely(checkout, of_poolers);
    }
    for (const auto& [session, claims] : claims_) {
        std::vector<CheckoutLink> best;
        for (const bool pooler : {false, true}) {
            for (const CheckoutLink& claim : claims) {
                if (is_pooler(claim.checkout.target) == pooler)
                    best.push_back(claim);
            }
            if (!best.empty())
                break;
        }
        if (best.size() == 1)
            chosen_.emplace(session, best.front());
    }
}

const SessionLink* Links::session_of(const CheckoutKey& checkout)
{
    join();
    const auto found = sessions_.find(checkout);
    return found == sessions_.end() ? nullptr : &found->second;
}

const CheckoutLink* Links::checkout_of(const SessionKey& session)
{
    join();
    const auto found = chosen_.find(session);
    return found == chosen_.end() ? nullptr : &found->second;
}

Links links_of(const World& world)
{
    Links links;
    for (const auto& [id, target] : world.targets()) {
        links.add_target(target.info, target.clock_offset);
        for (const auto& [pid, session] : target.sessions)
            links.add_session(session);
        for (const auto& [key, checkout] : target.pools.checkouts) {
            const auto pool = target.pools.pools.find(checkout.pool);
            links.add_checkout(checkout,
                               pool == target.pools.pools.end() ? Text{} : pool->second.database);
        }
    }
    return links;
}

std::vector<std::string> evidence_of(const Session& session, std::int32_t blocks, JoinedBy by,
                                     Timestamp now)
{
    std::vector<std::string> sentences;
    const std::string who =
        by == JoinedBy::pgbouncer
            ? fmt::format("Through PgBouncer it is the server's session {}", session.key.pid.value)
            : fmt::format("On the server it is session {}", session.key.pid.value);
    const auto for_how_long = [&](std::optional<Timestamp> since) {
        return since ? " for " + format_duration_prose(std::max(Duration{0}, now - *since))
                     : std::string{};
    };
    switch (session.state) {
    case SessionState::idle:
        sentences.push_back(fmt::format("{}, idle{}: checked out, and not used.", who,
                                        for_how_long(session.state_since)));
        break;
    case SessionState::idle_in_transaction:
    case SessionState::idle_in_transaction_aborted:
        sentences.push_back(
            fmt::format("{}, idle in {} transaction{}.", who,
                        session.state == SessionState::idle_in_transaction ? "its" : "an aborted",
                        for_how_long(session.state_since)));
        break;
    case SessionState::active:
        sentences.push_back(
            fmt::format("{}, running a statement{}.", who, for_how_long(session.statement_since)));
        break;
    case SessionState::waiting:
        sentences.push_back(
            fmt::format("{}, waiting for a lock{}.", who, for_how_long(session.statement_since)));
        break;
    default:
        sentences.push_back(who + ".");
        break;
    }
    if (blocks > 0)
        sentences.push_back(blocks == 1 ? std::string{"1 session waits for it."}
                                        : fmt::format("{} sessions wait for it.", blocks));
    return sentences;
}

} // namespace poolscope
