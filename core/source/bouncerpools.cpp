// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/bouncerpools.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace poolscope {

namespace {

/// Settings of the whole that say how its pools behave, in the configuration file's names.
constexpr std::array bouncerSettings{
    "max_client_conn",          "default_pool_size",   "reserve_pool_timeout",
    "max_user_connections",     "query_wait_timeout",  "query_timeout",
    "idle_transaction_timeout", "transaction_timeout", "client_idle_timeout",
    "server_idle_timeout",      "server_lifetime",     "server_connect_timeout",
    "server_reset_query",       "server_round_robin",
};

/// What of `next` is not in `known` or differs goes to `changed`, what is gone to `gone`.
template <class Map, class Changed, class Gone>
void compareMaps(const Map& known, const Map& next, Changed changed, Gone gone)
{
    for (const auto& [key, value] : next) {
        const auto before = known.find(key);
        if (before == known.end() || !(before->second == value))
            changed(value);
    }
    for (const auto& [key, value] : known) {
        if (!next.contains(key))
            gone(key);
    }
}

std::string addressText(const BouncerSocket& socket)
{
    if (socket.address == "unix" || socket.address.empty())
        return "local";
    return socket.address.find(':') == std::string::npos
               ? fmt::format("{}:{}", socket.address, socket.port)
               : fmt::format("[{}]:{}", socket.address, socket.port);
}

} // namespace

void BouncerClock::clear()
{
    *this = {};
}

void BouncerClock::learn(const BouncerStamp& now, Timestamp sent, Timestamp received)
{
    if (now.seconds == 0)
        return;
    using std::chrono::seconds;
    const Timestamp shown = timestamp_from_us(now.seconds * 1'000'000);
    // Zones are quarters of an hour apart; what remains is how the clocks differ. Should they
    // differ by more than that, the ages are right all the same.
    constexpr std::int64_t quarter = 900;
    const std::int64_t apart = std::chrono::floor<seconds>(shown - received).count();
    const bool utc = now.zone == "UTC" || now.zone == "GMT";
    const std::int64_t zone =
        utc ? 0
            : (apart + quarter / 2 - (apart + quarter / 2 < 0 ? quarter - 1 : 0)) / quarter *
                  quarter;
    const Duration low = shown - seconds{zone} - received;
    const Duration high = shown - seconds{zone} + seconds{1} - sent;
    if (!known_ || zone != zone_ || low > high_ || high < low_) {
        known_ = true;
        zone_ = zone;
        low_ = low;
        high_ = high;
    } else {
        low_ = std::max(low_, low);
        high_ = std::min(high_, high);
    }
    if (offset_ < low_ || offset_ > high_)
        offset_ = low_ <= Duration{0} && high_ >= Duration{0} ? Duration{0} : (low_ + high_) / 2;
}

Timestamp BouncerClock::instant(const BouncerStamp& stamp) const
{
    // A stamp from before the clocks were set back or forward an hour is wrong by that: the zone's
    // name does not say how far it is from another.
    return timestamp_from_us((stamp.seconds - zone_) * 1'000'000);
}

void BouncerPools::clear()
{
    clock_.clear();
    modes_.clear();
    holds_.clear();
    seen_.clear();
    someHold_ = false;
    lastClients_.reset();
    listedClients_ = 0;
    pools_.clear();
    connections_.clear();
    checkouts_.clear();
}

std::string BouncerPools::poolName(const BouncerSocket& server)
{
    return server.database + "/" + server.user;
}

bool BouncerPools::isSession(const std::string& pool) const
{
    const auto mode = modes_.find(pool);
    return mode != modes_.end() && mode->second == "session";
}

bool BouncerPools::needsSettings(const std::vector<BouncerPoolRow>& pools) const
{
    return std::any_of(pools.begin(), pools.end(), [this](const BouncerPoolRow& row) {
        return !settings_.databases.contains(row.database);
    });
}

bool BouncerPools::needsClients(const BouncerPoll& poll, bool lasting) const
{
    return std::any_of(
        poll.servers.rows.begin(), poll.servers.rows.end(), [&](const BouncerSocket& server) {
            if (server.link.empty())
                return false;
            const auto hold = holds_.find(server.identity());
            const bool known = hold != holds_.end() && hold->second.link == server.link;
            // In session mode one link is one hold, whatever goes over it.
            const bool session = isSession(poolName(server));
            if (known && session)
                return false;
            if (!lasting)
                return true;
            if (known && hold->second.served == server.requested)
                return false;
            const auto before = seen_.find(server.identity());
            return before != seen_.end() && before->second.first == server.link &&
                   (session || before->second.second == server.requested);
        });
}

const Checkout* BouncerPools::find(const Text& checkout) const
{
    const auto found = checkouts_.find(checkout);
    return found == checkouts_.end() ? nullptr : &found->second;
}

const BouncerSocket* BouncerPools::clientOf(const Text& checkout) const
{
    for (const auto& [server, hold] : holds_) {
        if (hold.id == checkout)
            return &hold.client;
    }
    return nullptr;
}

std::string BouncerPools::databaseOf(const Checkout& checkout) const
{
    const auto pool = pools_.find(checkout.pool);
    return pool == pools_.end() ? std::string{} : pool->second.database.str();
}

void BouncerPools::addConfiguration(Pool& pool, const BouncerPoolRow& row) const
{
    pool.configuration.emplace_back("pool_mode", row.mode);
    if (const auto database = settings_.databases.find(row.database);
        database != settings_.databases.end()) {
        for (const auto& setting : database->second.settings)
            pool.configuration.push_back(setting);
    }
    for (const char* const name : bouncerSettings) {
        const bool told =
            std::any_of(pool.configuration.begin(), pool.configuration.end(),
                        [name](const auto& setting) { return setting.first == name; });
        if (const auto found = settings_.config.find(name);
            !told && found != settings_.config.end())
            pool.configuration.emplace_back(name, found->second.substr(0, 256));
    }
}

Pool BouncerPools::poolOf(const BouncerPoolRow& row,
                          const std::map<std::string, int>& poolsOfDatabase)
{
    Pool pool;
    pool.name = texts_.intern(row.database + "/" + row.user);
    pool.kind = texts_.intern("pgbouncer");
    pool.used = row.active;
    pool.idle = row.idle;
    pool.total = row.total;
    pool.pending = row.clients_waiting;
    addConfiguration(pool, row);
    const auto found = settings_.databases.find(row.database);
    if (found != settings_.databases.end()) {
        const BouncerDatabaseRow& database = found->second;
        pool.database =
            texts_.intern(fmt::format("{}:{}/{}", database.host.empty() ? "local" : database.host,
                                      database.port, database.database));
        pool.max = database.pool_size;
        if (pool.max && database.max_connections && *database.max_connections > 0)
            pool.max = std::min(*pool.max, *database.max_connections);
        if (database.disabled)
            pool.health = texts_.intern("disabled");
        if (database.paused)
            pool.health = texts_.intern("paused");
    }
    // The longest of those who wait now: there is no percentile.
    using std::chrono::seconds;
    if (pool.health.is_null() && pool.pending.value_or(0) > 0 && row.longest_wait &&
        *row.longest_wait >= seconds{1})
        pool.health = texts_.intern(
            fmt::format("one waits for {}",
                        format_duration_prose(std::chrono::floor<seconds>(*row.longest_wait))));
    // Counted for the database: of several pools nobody knows whose.
    const auto stats = settings_.stats.find(row.database);
    const auto count = poolsOfDatabase.find(row.database);
    if (stats != settings_.stats.end() && stats->second.assignments && stats->second.waited &&
        count != poolsOfDatabase.end() && count->second == 1)
        pool.wait_time = DurationSummary{*stats->second.assignments, *stats->second.waited, {}, {}};
    return pool;
}

BouncerPools::Hold BouncerPools::holdOf(const BouncerSocket& client, const BouncerSocket& server,
                                        Timestamp now)
{
    const bool session = isSession(poolName(server));
    const Timestamp requested = clock_.instant(client.requested);
    Hold hold;
    hold.client = client;
    hold.server = server.identity();
    hold.link = server.link;
    hold.served = server.requested;
    hold.session = session;
    const auto known = holds_.find(hold.server);
    const Hold* before = known == holds_.end() || known->second.link != hold.link ||
                                 known->second.client.identity() != client.identity()
                             ? nullptr
                             : &known->second;
    const bool busy = client.wait > Duration{0};
    const Timestamp began = now - client.wait;
    // The same where the client sent nothing since, or what it asked for then still runs.
    const bool goesOn = before && (session || before->client.requested == client.requested ||
                                   (busy && lastClients_ && began < *lastClients_));
    if (goesOn) {
        hold.id = before->id;
        hold.acquired = before->acquired;
    } else if (session) {
        hold.id = texts_.intern(client.identity());
        hold.acquired = clock_.instant(client.connected);
    } else {
        hold.id = texts_.intern(fmt::format("{}@{}", client.identity(), client.requested.seconds));
        // Shown to the second; it was not there at our last look.
        hold.acquired =
            lastClients_ ? std::min(now, std::max(requested, *lastClients_)) : requested;
    }
    // Nobody holds a connection that is not made yet; a session's client may have waited long.
    if (!goesOn && server.connected.seconds != 0)
        hold.acquired = std::max(hold.acquired, clock_.instant(server.connected));
    // A statement runs as long as the client has no answer; the server's last packet ended it.
    hold.busy = busy;
    hold.busySince = busy ? std::max(began, hold.acquired)
                          : std::max(clock_.instant(server.requested), hold.acquired);
    constexpr Duration jitter = std::chrono::seconds{1};
    if (goesOn && before->busy == hold.busy && before->client.requested == client.requested &&
        hold.busySince - before->busySince < jitter && before->busySince - hold.busySince < jitter)
        hold.busySince = before->busySince;
    return hold;
}

void BouncerPools::holdsFromClients(const BouncerPoll& poll)
{
    const BouncerSockets& clients = *poll.clients;
    listedClients_ = clients.listed;
    clock_.learn(clients.latest, poll.sent, poll.received);
    const Timestamp now = clock_.theirs(poll.received);
    std::map<std::string_view, const BouncerSocket*> byPointer;
    for (const BouncerSocket& client : clients.rows)
        byPointer[client.pointer] = &client;
    std::map<std::string, Hold> next;
    for (const BouncerSocket& server : poll.servers.rows) {
        const auto client = byPointer.find(server.link);
        // They were listed one after the other: the link must be there from both sides.
        if (server.link.empty() || client == byPointer.end() ||
            client->second->link != server.pointer)
            continue;
        Hold hold = holdOf(*client->second, server, now);
        next.emplace(hold.server, std::move(hold));
    }
    holds_ = std::move(next);
    lastClients_ = now;
}

/// Without the clients: those whose server serves nobody or another now are over; and, but in
/// session mode, those whose server has said something since: it may have been the end of a
/// transaction.
void BouncerPools::dropChanged(const BouncerPoll& poll)
{
    std::map<std::string, const BouncerSocket*> servers;
    for (const BouncerSocket& server : poll.servers.rows)
        servers[server.identity()] = &server;
    std::erase_if(holds_, [&](const auto& each) {
        const Hold& hold = each.second;
        const auto found = servers.find(each.first);
        return found == servers.end() || found->second->link != hold.link ||
               (!hold.session && found->second->requested != hold.served);
    });
}

Checkout BouncerPools::checkoutOf(const Hold& hold, const BouncerSocket& server)
{
    const auto text = [this](const std::string& words) {
        return words.empty() ? Text{} : texts_.intern(words);
    };
    const BouncerSocket& client = hold.client;
    Checkout checkout;
    checkout.key = {target_, hold.id};
    checkout.pool = texts_.intern(poolName(server));
    checkout.connection = texts_.intern(hold.server);
    if (server.pid > 0)
        checkout.server_pid = server.pid;
    if (server.address != "unix" && server.local_port != 0)
        checkout.local_port = server.local_port;
    checkout.acquired = hold.acquired;
    checkout.acquired_by = text(client.application.empty() ? client.user : client.application);
    checkout.busy = hold.busy;
    checkout.busy_since = hold.busySince;
    const auto tag = [&](const char* name, const std::string& content) {
        if (!content.empty())
            checkout.tags.emplace_back(texts_.intern(name), texts_.intern(content));
    };
    tag("client", addressText(client));
    if (client.pid > 0)
        tag("client_pid", std::to_string(client.pid));
    tag("application", client.application);
    tag("database", client.database);
    tag("user", client.user);
    return checkout;
}

PoolSample BouncerPools::absorb(const BouncerPoll& poll, bool full)
{
    std::map<std::string, int> poolsOfDatabase;
    modes_.clear();
    for (const BouncerPoolRow& row : poll.pools) {
        ++poolsOfDatabase[row.database];
        modes_[row.database + "/" + row.user] = row.mode;
    }
    if (poll.clients)
        holdsFromClients(poll);
    else
        dropChanged(poll);
    seen_.clear();
    for (const BouncerSocket& server : poll.servers.rows) {
        if (!server.link.empty())
            seen_[server.identity()] = {server.link, server.requested};
    }
    someHold_ = !holds_.empty();

    std::map<Text, Pool> pools;
    for (const BouncerPoolRow& row : poll.pools) {
        Pool pool = poolOf(row, poolsOfDatabase);
        pools.insert_or_assign(pool.name, std::move(pool));
    }
    std::map<ConnectionKey, PoolConnection> connections;
    std::map<Text, Checkout> checkouts;
    for (const BouncerSocket& server : poll.servers.rows) {
        PoolConnection connection;
        connection.key = {texts_.intern(poolName(server)), texts_.intern(server.identity())};
        if (clock_.isKnown())
            connection.opened = clock_.instant(server.connected);
        if (server.pid > 0)
            connection.server_pid = server.pid;
        if (server.address != "unix" && server.local_port != 0)
            connection.local_port = server.local_port;
        connections.insert_or_assign(connection.key, connection);
        if (const auto hold = holds_.find(server.identity()); hold != holds_.end())
            checkouts.insert_or_assign(hold->second.id, checkoutOf(hold->second, server));
    }

    PoolSample sample;
    sample.full = full;
    sample.clock_offset = clock_.offset();
    if (full) {
        pools_.clear();
        connections_.clear();
        checkouts_.clear();
    }
    bool poolGone = false;
    compareMaps(
        pools_, pools, [&](const Pool& pool) { sample.pools.push_back(pool); },
        [&](const Text&) { poolGone = true; });
    compareMaps(
        connections_, connections,
        [&](const PoolConnection& connection) { sample.opened.push_back(connection); },
        [&](const ConnectionKey& key) { sample.closed.push_back(key); });
    const Timestamp now = clock_.theirs(poll.received);
    compareMaps(
        checkouts_, checkouts,
        [&](const Checkout& checkout) { sample.changed.push_back(checkout); },
        [&](const Text& id) {
            sample.ended.push_back({id, std::max(now, checkouts_.at(id).acquired)});
        });
    pools_ = std::move(pools);
    connections_ = std::move(connections);
    checkouts_ = std::move(checkouts);
    if (poolGone && !full) {
        // Only a picture can say that a pool is no more.
        sample = {};
        sample.full = true;
        sample.clock_offset = clock_.offset();
        for (const auto& [name, pool] : pools_)
            sample.pools.push_back(pool);
        for (const auto& [key, connection] : connections_)
            sample.opened.push_back(connection);
        for (const auto& [id, checkout] : checkouts_)
            sample.changed.push_back(checkout);
    }
    return sample;
}

} // namespace poolscope
