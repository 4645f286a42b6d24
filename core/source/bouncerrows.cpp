// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/bouncerrows.h"

#include "core/base/text.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace poolscope {

namespace {

constexpr std::size_t bouncer_longest = 256;

/// The console's tables are all text.
class BouncerTable
{
public:
    explicit BouncerTable(const pg_result* result)
        : result_(result)
    {}

    std::size_t count() const { return static_cast<std::size_t>(std::max(0, PQntuples(result_))); }
    int column(const char* name) const { return PQfnumber(result_, name); }
    bool is_null(std::size_t row, int column) const
    {
        return column < 0 || PQgetisnull(result_, static_cast<int>(row), column) != 0;
    }
    std::string_view raw(std::size_t row, int column) const
    {
        if (is_null(row, column))
            return {};
        const int at = static_cast<int>(row);
        return {PQgetvalue(result_, at, column),
                static_cast<std::size_t>(PQgetlength(result_, at, column))};
    }
    std::string text(std::size_t row, int column) const
    {
        return plain_line(raw(row, column), bouncer_longest);
    }
    /// Null beyond `most`: that counts nothing, and a sum of some of them would overflow.
    std::optional<std::int64_t> number(std::size_t row, int column,
                                       std::int64_t most = 1'000'000'000'000'000) const
    {
        const std::string_view text = raw(row, column);
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || error != std::errc{} || end != text.data() + text.size() ||
            value > most || value < -most)
            return {};
        return value;
    }
    /// Seconds in one column, the microseconds beyond in another.
    std::optional<Duration> duration(std::size_t row, int seconds, int rest) const
    {
        constexpr std::int64_t century = 100LL * 366 * 86400;
        const auto whole = number(row, seconds);
        if (!whole || *whole < 0 || *whole > century)
            return {};
        const std::int64_t micro =
            std::clamp<std::int64_t>(number(row, rest).value_or(0), 0, 999'999);
        return std::chrono::seconds{*whole} + std::chrono::microseconds{micro};
    }

private:
    const pg_result* result_;
};

std::uint16_t port_of(std::optional<std::int64_t> number)
{
    return number && *number > 0 && *number <= 65535 ? static_cast<std::uint16_t>(*number)
                                                     : std::uint16_t{0};
}

struct SocketColumns
{
    explicit SocketColumns(const BouncerTable& t)
        : type(t.column("type"))
        , database(t.column("database"))
        , user(t.column("user"))
        , address(t.column("addr"))
        , port(t.column("port"))
        , local_port(t.column("local_port"))
        , application(t.column("application_name"))
        , pointer(t.column("ptr"))
        , link(t.column("link"))
        , id(t.column("id"))
        , connected(t.column("connect_time"))
        , requested(t.column("request_time"))
        , wait(t.column("wait"))
        , wait_us(t.column("wait_us"))
        , pid(t.column("remote_pid"))
    {}
    int type, database, user, address, port, local_port, application, pointer, link, id, connected,
        requested, wait, wait_us, pid;
};

BouncerSocket read_socket(const BouncerTable& t, const SocketColumns& c, std::size_t row)
{
    BouncerSocket socket;
    socket.server = t.raw(row, c.type) == "S";
    socket.database = t.text(row, c.database);
    socket.user = t.text(row, c.user);
    socket.address = t.text(row, c.address);
    socket.port = port_of(t.number(row, c.port));
    socket.local_port = port_of(t.number(row, c.local_port));
    socket.application = t.text(row, c.application);
    socket.pointer = t.text(row, c.pointer);
    socket.link = t.text(row, c.link);
    socket.id = t.text(row, c.id);
    socket.connected = parse_bouncer_stamp(t.raw(row, c.connected)).value_or(BouncerStamp{});
    socket.requested = parse_bouncer_stamp(t.raw(row, c.requested)).value_or(BouncerStamp{});
    socket.wait = t.duration(row, c.wait, c.wait_us).value_or(Duration{0});
    socket.pid = std::max<std::int64_t>(0, t.number(row, c.pid).value_or(0));
    return socket;
}

} // namespace

std::optional<BouncerStamp> parse_bouncer_stamp(std::string_view text)
{
    // "2026-11-22 10:09:57 UTC"; the zone may be missing.
    if (text.size() < 19)
        return {};
    std::string iso{text.substr(0, 19)};
    iso[10] = 'T';
    const auto instant = parse_iso8601(iso + "Z");
    if (text[10] != ' ' || !instant)
        return {};
    const std::string_view zone = text.size() > 20 ? text.substr(20) : std::string_view{};
    return BouncerStamp{to_us(*instant) / 1'000'000, plain_line(zone, 32)};
}

std::string BouncerSocket::identity() const
{
    // A pointer is taken again by another, and may be within the second.
    return id.empty() ? pointer + "-" + std::to_string(connected.seconds) + "-" +
                            std::to_string(server ? local_port : port)
                      : id;
}

std::vector<BouncerPoolRow> read_bouncer_pools(const pg_result* result)
{
    const BouncerTable t{result};
    const int database = t.column("database"), user = t.column("user");
    const int mode = t.column("pool_mode"), active = t.column("sv_active");
    const int cl_active = t.column("cl_active"), cl_waiting = t.column("cl_waiting");
    const int idle = t.column("sv_idle"), used = t.column("sv_used");
    const int wait = t.column("maxwait"), wait_us = t.column("maxwait_us");
    std::vector<BouncerPoolRow> rows;
    for (std::size_t row = 0; row < std::min(t.count(), bouncer_most_rows); ++row) {
        BouncerPoolRow pool;
        pool.database = t.text(row, database);
        pool.user = t.text(row, user);
        if (pool.database == "pgbouncer")
            continue; // the console itself
        pool.mode = t.text(row, mode);
        pool.clients_active = t.number(row, cl_active);
        pool.clients_waiting = t.number(row, cl_waiting);
        pool.active = t.number(row, active);
        pool.idle = t.number(row, idle);
        if (pool.idle)
            *pool.idle += t.number(row, used).value_or(0);
        if (pool.active && pool.idle) {
            pool.total = *pool.active + *pool.idle;
            for (const char* const name :
                 {"sv_tested", "sv_login", "sv_active_cancel", "sv_being_canceled"})
                *pool.total += t.number(row, t.column(name)).value_or(0);
        }
        pool.longest_wait = t.duration(row, wait, wait_us);
        rows.push_back(std::move(pool));
    }
    return rows;
}

std::map<std::string, BouncerDatabaseRow> read_bouncer_databases(const pg_result* result)
{
    // The console's column, and what the configuration file calls it.
    constexpr std::array<std::array<const char*, 2>, 8> named{{
        {"pool_size", "pool_size"},
        {"min_pool_size", "min_pool_size"},
        {"reserve_pool", "reserve_pool"},
        {"reserve_pool_size", "reserve_pool_size"},
        {"server_lifetime", "server_lifetime"},
        {"max_connections", "max_db_connections"},
        {"max_client_connections", "max_db_client_connections"},
        {"force_user", "user"},
    }};
    const BouncerTable t{result};
    const int name = t.column("name"), host = t.column("host"), port = t.column("port");
    const int database = t.column("database"), size = t.column("pool_size");
    const int most = t.column("max_connections");
    const int paused = t.column("paused"), disabled = t.column("disabled");
    std::map<std::string, BouncerDatabaseRow> rows;
    for (std::size_t row = 0; row < std::min(t.count(), bouncer_most_rows); ++row) {
        BouncerDatabaseRow& read = rows[t.text(row, name)];
        read.host = t.text(row, host);
        read.port = t.text(row, port);
        read.database = t.text(row, database);
        read.pool_size = t.number(row, size);
        read.max_connections = t.number(row, most);
        read.paused = t.number(row, paused).value_or(0) != 0;
        read.disabled = t.number(row, disabled).value_or(0) != 0;
        read.settings.clear();
        for (const auto& [column, setting] : named) {
            if (const std::string value = t.text(row, t.column(column)); !value.empty())
                read.settings.emplace_back(setting, value);
        }
    }
    return rows;
}

std::map<std::string, std::string> read_bouncer_config(const pg_result* result)
{
    const BouncerTable t{result};
    const int key = t.column("key"), value = t.column("value");
    std::map<std::string, std::string> settings;
    for (std::size_t row = 0; row < std::min<std::size_t>(t.count(), 1000); ++row)
        settings[t.text(row, key)] = plain_line(t.raw(row, value), 4096);
    return settings;
}

std::map<std::string, BouncerStatsRow> read_bouncer_stats(const pg_result* result)
{
    const BouncerTable t{result};
    const int database = t.column("database"), waited = t.column("total_wait_time");
    const int assignments = t.column("total_server_assignment_count");
    // Of all clients together, in microseconds: a thousand that wait make an hour 3.6e12.
    constexpr std::int64_t most_waited = 100'000'000'000'000'000;
    std::map<std::string, BouncerStatsRow> rows;
    for (std::size_t row = 0; row < std::min(t.count(), bouncer_most_rows); ++row) {
        BouncerStatsRow& read = rows[t.text(row, database)];
        if (const auto count = t.number(row, assignments); count && *count >= 0)
            read.assignments = static_cast<std::uint64_t>(*count);
        if (const auto us = t.number(row, waited, most_waited); us && *us >= 0)
            read.waited = std::chrono::microseconds{*us};
    }
    return rows;
}

BouncerSockets read_bouncer_sockets(const pg_result* result, bool linked)
{
    const BouncerTable t{result};
    const SocketColumns c{t};
    BouncerSockets sockets;
    sockets.listed = t.count();
    std::string_view latest;
    for (std::size_t row = 0; row < t.count(); ++row) {
        // Of one length, so that the later one is the greater text.
        if (const std::string_view requested = t.raw(row, c.requested); requested > latest)
            latest = requested;
        if (row >= bouncer_most_rows || (linked && t.raw(row, c.link).empty()))
            continue;
        sockets.rows.push_back(read_socket(t, c, row));
    }
    sockets.latest = parse_bouncer_stamp(latest).value_or(BouncerStamp{});
    return sockets;
}

std::optional<BouncerSocket> find_bouncer_client(const pg_result* result, std::string_view id)
{
    if (id.empty()) // as every row's is where there is no such column
        return {};
    const BouncerTable t{result};
    const SocketColumns c{t};
    for (std::size_t row = 0; row < t.count(); ++row) {
        if (t.raw(row, c.id) == id)
            return read_socket(t, c, row);
    }
    return {};
}

int bouncer_version(std::string_view server_version)
{
    const std::size_t slash = server_version.find("/bouncer");
    if (slash == std::string_view::npos)
        return 0;
    const char* at = server_version.data();
    const char* const end = at + slash;
    std::array<int, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto [next, error] = std::from_chars(at, end, parts.at(i));
        // The last one is missing of a version of the days between, "1.24dev".
        if (error != std::errc{} || parts.at(i) < 0 || parts.at(i) > 99) {
            parts.at(i) = 0;
            if (i < 2)
                return 0;
        }
        at = next < end && *next == '.' ? next + 1 : end;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

} // namespace poolscope
