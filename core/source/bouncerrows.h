// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace poolscope {

// What PgBouncer's console shows, read by column name: versions add columns and move them. A value
// that is absent or no number reads as not reported. Text is plain and bounded. Pure.

/// As the console prints it, to the second and in the time zone of its process.
struct BouncerStamp
{
    std::int64_t seconds = 0; ///< since the epoch, as if the zone were UTC; 0: not reported
    std::string zone;         ///< "CET"
    friend auto operator<=>(const BouncerStamp&, const BouncerStamp&) = default;
};
std::optional<BouncerStamp> parse_bouncer_stamp(std::string_view text);

/// A row of SHOW POOLS.
struct BouncerPoolRow
{
    std::string database;
    std::string user;
    std::string mode; ///< "transaction"
    std::optional<std::int64_t> clients_active;
    std::optional<std::int64_t> clients_waiting;
    std::optional<std::int64_t> active;
    std::optional<std::int64_t> idle;  ///< ready, or to be checked before its next use
    std::optional<std::int64_t> total; ///< of all states
    std::optional<Duration> longest_wait;
};

/// A row of SHOW DATABASES.
struct BouncerDatabaseRow
{
    std::string host; ///< empty: the local socket
    std::string port;
    std::string database; ///< its name on the server
    std::optional<std::int64_t> pool_size;
    std::optional<std::int64_t> max_connections; ///< 0: no limit
    bool paused = false;
    bool disabled = false;
    /// What is set, by the names that the configuration file has for it.
    std::vector<std::pair<std::string, std::string>> settings;
};

/// A row of SHOW CLIENTS or SHOW SERVERS.
struct BouncerSocket
{
    bool server = false;
    std::string database;
    std::string user;
    std::string address; ///< "unix" for a local socket
    std::uint16_t port = 0;
    std::uint16_t local_port = 0;
    std::string application;
    std::string pointer; ///< reused
    std::string link;    ///< the pointer of the other side; empty: none
    std::string id;      ///< since 1.24; empty before
    BouncerStamp connected;
    BouncerStamp requested; ///< its last packet
    Duration wait{}; ///< a client: since it asked for what it has no answer to yet; 0: for nothing
    std::int64_t pid = 0; ///< of the process at the other end; 0: not reported
    /// What tells it from others, also from those that had its pointer before.
    std::string identity() const;
};

struct BouncerSockets
{
    std::vector<BouncerSocket> rows; ///< of clients those with a server
    BouncerStamp latest;             ///< the last packet of any: a client's own question is one
    std::size_t listed = 0;          ///< more than were read: the rest is beyond the bound
};

/// A row of SHOW STATS.
struct BouncerStatsRow
{
    std::optional<std::uint64_t> assignments; ///< since 1.24: how often a client got a server
    std::optional<Duration> waited;           ///< all clients together
};

inline constexpr std::size_t bouncer_most_rows = 10'000;

std::vector<BouncerPoolRow> read_bouncer_pools(const pg_result* result);
std::map<std::string, BouncerDatabaseRow> read_bouncer_databases(const pg_result* result);
/// Every setting.
std::map<std::string, std::string> read_bouncer_config(const pg_result* result);
std::map<std::string, BouncerStatsRow> read_bouncer_stats(const pg_result* result);
/// `linked`: only rows with a link are kept.
BouncerSockets read_bouncer_sockets(const pg_result* result, bool linked);
/// The one client of an id; null if there is none.
std::optional<BouncerSocket> find_bouncer_client(const pg_result* result, std::string_view id);

/// "1.24.1" of the console's server_version "1.24.1/bouncer", as 12401; 0 if it is none.
int bouncer_version(std::string_view server_version);

} // namespace poolscope
