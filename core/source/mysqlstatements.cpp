// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlstatements.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cctype>

namespace poolscope {

namespace {

std::string list_of(const std::vector<std::int64_t>& ids)
{
    const auto end =
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), mysql_most_named));
    return fmt::format("{}", fmt::join(ids.begin(), end, ","));
}

bool has_lock_tables(const MySqlShape& shape)
{
    return !shape.mariadb && shape.version >= 80001;
}

/// Not UNIX_TIMESTAMP(NOW(6)): a local time is two instants where summer time ends.
constexpr std::string_view server_clock = "UNIX_TIMESTAMP() + MICROSECOND(NOW(6)) * 0.000001";

/// From MariaDB's information_schema.PROCESSLIST: what other lists do not have.
constexpr std::string_view mariadb_extras = "p.TIME_MS AS time_ms, p.QUERY_ID AS query_id, ";

std::string status_value(const MySqlShape& shape, std::string_view name)
{
    const bool own = !shape.mariadb && shape.version >= 50700;
    // Names in performance_schema mind their case where file names do.
    return fmt::format(
        "(SELECT VARIABLE_VALUE FROM {} WHERE VARIABLE_NAME='{}')",
        own ? "performance_schema.global_status" : "information_schema.GLOBAL_STATUS", name);
}

} // namespace

std::string_view table_of(MySqlList list)
{
    switch (list) {
    case MySqlList::processlist:
        return "performance_schema.processlist";
    case MySqlList::threads:
        return "performance_schema.threads";
    case MySqlList::information:
        break;
    }
    return "information_schema.PROCESSLIST";
}

void MySqlShape::choose(bool on)
{
    list = MySqlList::information;
    transactions = true;
    attributes = on;
    metadata = on && version >= (mariadb ? 100502 : 50700);
    rows = on || !has_lock_tables(*this);
    if (on)
        list = !mariadb && version >= 80022 ? MySqlList::processlist : MySqlList::threads;
}

std::size_t mysql_text_limit(std::size_t sessions)
{
    constexpr std::size_t budget = std::size_t{32} * 1024 * 1024;
    const std::size_t each = budget / std::max<std::size_t>(sessions, 1);
    // In steps, so that one session more or less changes no text.
    return std::clamp<std::size_t>(std::bit_floor(each), 1024, std::size_t{64} * 1024);
}

std::vector<std::string> mysql_assignments(const MySqlShape& shape)
{
    // Times in the server's own zone: that is in which InnoDB tells when a transaction began.
    std::vector<std::string> all{"@@SESSION.time_zone='SYSTEM'", "@@SESSION.lock_wait_timeout=1",
                                 "@@SESSION.autocommit=1", "@@SESSION.sql_mode=''",
                                 "@@SESSION.wait_timeout=28800"};
    if (shape.mariadb && shape.version >= 100101)
        all.emplace_back("@@SESSION.max_statement_time=5");
    else if (!shape.mariadb && shape.version >= 50708)
        all.emplace_back("@@SESSION.max_execution_time=5000");
    return all;
}

std::string mysql_set(const std::vector<std::string>& assignments)
{
    return fmt::format("SET /* poolscope */ {}", fmt::join(assignments, ", "));
}

std::string mysql_facts(const MySqlShape& shape)
{
    // Both clocks are the statement's own: the difference is when the server started, to the
    // second, whenever it is asked.
    return fmt::format("SELECT /* poolscope */ CONNECTION_ID() AS id, VERSION() AS version, "
                       "@@version_comment AS comment, CURRENT_USER() AS role, "
                       "@@max_connections AS max_connections, @@performance_schema AS schema_on, "
                       "@@read_only AS read_only, {} AS clock, "
                       "UNIX_TIMESTAMP() - {} AS started, {} AS connected, {} AS refused",
                       server_clock, status_value(shape, "Uptime"),
                       status_value(shape, "Threads_connected"),
                       status_value(shape, "Connection_errors_max_connections"));
}

std::string mysql_settings()
{
    return "SHOW /* poolscope */ GLOBAL VARIABLES WHERE Variable_name IN "
           "('max_user_connections', 'wait_timeout', 'interactive_timeout')";
}

std::string mysql_grants()
{
    return "SHOW GRANTS";
}

std::string mysql_poll(const MySqlShape& shape, std::size_t text_limit)
{
    std::string columns, table;
    const std::string_view p = table_of(shape.list);
    if (shape.list == MySqlList::threads) {
        columns = "p.PROCESSLIST_ID AS id, p.PROCESSLIST_USER AS user, "
                  "p.PROCESSLIST_HOST AS address, p.PROCESSLIST_DB AS db, "
                  "p.PROCESSLIST_COMMAND AS command, p.PROCESSLIST_TIME AS time, "
                  "p.PROCESSLIST_STATE AS state, p.PROCESSLIST_INFO AS info"; // of 1 KiB at most
    } else {
        columns = "p.ID AS id, p.USER AS user, p.HOST AS host, p.DB AS db, p.COMMAND AS command, "
                  "p.TIME AS time, p.STATE AS state, ";
        if (shape.mariadb)
            columns += mariadb_extras;
        columns += fmt::format("LEFT(p.INFO, {}) AS info", text_limit);
    }
    std::string sql =
        fmt::format("SELECT /* poolscope */ {} AS clock, {} FROM {} p", server_clock, columns, p);
    if (shape.list == MySqlList::threads)
        sql += " WHERE p.PROCESSLIST_ID IS NOT NULL";
    return sql;
}

std::string mysql_transactions()
{
    return "SELECT /* poolscope */ trx_mysql_thread_id AS id, trx_state AS trx_state, "
           "UNIX_TIMESTAMP(trx_started) AS trx_started, "
           "UNIX_TIMESTAMP(trx_wait_started) AS trx_wait FROM information_schema.INNODB_TRX "
           "LIMIT 100000";
}

std::string mysql_details(const MySqlShape& shape, const std::vector<std::int64_t>& ids)
{
    std::vector<std::string> parts;
    const std::string list = list_of(ids);
    if (shape.attributes)
        parts.push_back(fmt::format(
            "SELECT PROCESSLIST_ID AS id, CONVERT(ATTR_NAME USING utf8mb4) AS name, "
            "CONVERT(LEFT(ATTR_VALUE, 256) USING utf8mb4) AS value "
            "FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID IN ({}) "
            "AND ATTR_NAME IN ('program_name', '_client_name')",
            list));
    // The threads' table has the client's host and not its port.
    if (shape.list == MySqlList::threads)
        parts.push_back(fmt::format("SELECT ID AS id, CONVERT('host' USING utf8mb4) AS name, "
                                    "CONVERT(HOST USING utf8mb4) AS value "
                                    "FROM information_schema.PROCESSLIST WHERE ID IN ({})",
                                    list));
    if (parts.empty())
        return {};
    return fmt::format("/* poolscope */ {}", fmt::join(parts, " UNION ALL "));
}

std::string mysql_row_waits(const MySqlShape& shape)
{
    // A prepared transaction (XA) whose session has left keeps the number of a thread that is no
    // more. One without a thread for another reason is none: it ended between the two.
    if (has_lock_tables(shape))
        return "SELECT /* poolscope */ DISTINCT r.PROCESSLIST_ID AS waiter, "
               "COALESCE(b.PROCESSLIST_ID, (SELECT 0 FROM information_schema.INNODB_TRX x "
               "WHERE x.trx_id = w.BLOCKING_ENGINE_TRANSACTION_ID AND x.trx_mysql_thread_id = 0 "
               "LIMIT 1)) AS blocker FROM performance_schema.data_lock_waits w "
               "JOIN performance_schema.threads r ON r.THREAD_ID = w.REQUESTING_THREAD_ID "
               "LEFT JOIN performance_schema.threads b ON b.THREAD_ID = w.BLOCKING_THREAD_ID "
               "LIMIT 20000";
    return "SELECT /* poolscope */ DISTINCT r.trx_mysql_thread_id AS waiter, "
           "b.trx_mysql_thread_id AS blocker FROM information_schema.INNODB_LOCK_WAITS w "
           "JOIN information_schema.INNODB_TRX r ON r.trx_id = w.requesting_trx_id "
           "JOIN information_schema.INNODB_TRX b ON b.trx_id = w.blocking_trx_id LIMIT 20000";
}

std::string mysql_metadata_waits()
{
    return "SELECT /* poolscope */ t.PROCESSLIST_ID AS id, m.OBJECT_TYPE AS object_type, "
           "m.OBJECT_SCHEMA AS object_schema, m.OBJECT_NAME AS object_name, "
           "m.LOCK_TYPE AS lock_type, m.LOCK_STATUS AS lock_status "
           "FROM performance_schema.metadata_locks m "
           "JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID "
           "JOIN (SELECT DISTINCT OBJECT_TYPE, OBJECT_SCHEMA, OBJECT_NAME "
           "FROM performance_schema.metadata_locks WHERE LOCK_STATUS = 'PENDING') w "
           "ON w.OBJECT_TYPE = m.OBJECT_TYPE AND w.OBJECT_SCHEMA <=> m.OBJECT_SCHEMA "
           "AND w.OBJECT_NAME <=> m.OBJECT_NAME "
           "WHERE t.PROCESSLIST_ID IS NOT NULL LIMIT 20000";
}

std::string mysql_locks(const MySqlShape& shape, const std::vector<std::int64_t>& ids)
{
    const std::string list = list_of(ids);
    std::vector<std::string> parts;
    const auto text = [](std::string_view expression) {
        return fmt::format("CONVERT({} USING utf8mb4)", expression);
    };
    if (has_lock_tables(shape) && shape.attributes) {
        parts.push_back(fmt::format(
            "SELECT t.PROCESSLIST_ID AS id, {} AS type, {} AS relation, {} AS mode, "
            "l.LOCK_STATUS = 'GRANTED' AS granted FROM performance_schema.data_locks l "
            "JOIN performance_schema.threads t ON t.THREAD_ID = l.THREAD_ID "
            "WHERE t.PROCESSLIST_ID IN ({})",
            text("LOWER(l.LOCK_TYPE)"), text("CONCAT_WS('.', l.OBJECT_SCHEMA, l.OBJECT_NAME)"),
            text("l.LOCK_MODE"), list));
    } else if (!has_lock_tables(shape) && shape.transactions) {
        parts.push_back(fmt::format(
            "SELECT x.trx_mysql_thread_id AS id, {} AS type, {} AS relation, {} AS mode, "
            "NOT (x.trx_requested_lock_id <=> l.lock_id) AS granted "
            "FROM information_schema.INNODB_LOCKS l "
            "JOIN information_schema.INNODB_TRX x ON x.trx_id = l.lock_trx_id "
            "WHERE x.trx_mysql_thread_id IN ({})",
            text("LOWER(l.lock_type)"), text("REPLACE(l.lock_table, '`', '')"), text("l.lock_mode"),
            list));
    }
    if (shape.metadata)
        parts.push_back(fmt::format(
            "SELECT t.PROCESSLIST_ID AS id, {} AS type, {} AS relation, {} AS mode, "
            "m.LOCK_STATUS = 'GRANTED' AS granted FROM performance_schema.metadata_locks m "
            "JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID "
            "WHERE t.PROCESSLIST_ID IN ({})",
            text("CONCAT('metadata ', LOWER(m.OBJECT_TYPE))"),
            text("CONCAT_WS('.', m.OBJECT_SCHEMA, m.OBJECT_NAME)"), text("m.LOCK_TYPE"), list));
    if (parts.empty())
        return {};
    return fmt::format("SELECT /* poolscope */ * FROM ({}) l ORDER BY granted LIMIT {}",
                       fmt::join(parts, " UNION ALL "), mysql_most_locks);
}

std::string mysql_check(const MySqlShape& shape, std::int64_t id)
{
    const bool own = shape.list == MySqlList::processlist;
    return fmt::format("SELECT /* poolscope */ {} AS clock, p.ID AS id, "
                       "p.USER AS user, p.HOST AS host, p.DB AS db, p.COMMAND AS command, "
                       "p.TIME AS time, p.STATE AS state, {}LEFT(p.INFO, 1024) AS info "
                       "FROM {} p WHERE p.ID = {}",
                       server_clock, shape.mariadb ? mariadb_extras : std::string_view{},
                       table_of(own ? MySqlList::processlist : MySqlList::information), id);
}

std::string mysql_kill(ActionVerb verb, std::int64_t id, std::optional<std::int64_t> query,
                       MySqlKill way)
{
    const bool cancel = verb == ActionVerb::cancel;
    switch (way) {
    case MySqlKill::rds:
        return fmt::format("CALL mysql.{}({})", cancel ? "rds_kill_query" : "rds_kill", id);
    case MySqlKill::azure:
        return fmt::format("CALL mysql.{}({})", cancel ? "az_kill_query" : "az_kill", id);
    case MySqlKill::plain:
        break;
    }
    if (cancel && query)
        return fmt::format("KILL QUERY ID {}", *query);
    return fmt::format("KILL {} {}", cancel ? "QUERY" : "CONNECTION", id);
}

std::string mysql_killers()
{
    return "SELECT /* poolscope */ ROUTINE_NAME AS name FROM information_schema.ROUTINES "
           "WHERE ROUTINE_SCHEMA = 'mysql' AND ROUTINE_TYPE = 'PROCEDURE' "
           "AND ROUTINE_NAME IN ('rds_kill', 'az_kill')";
}

MySqlGrants read_mysql_grants(const MySqlRows& rows, const MySqlShape& shape)
{
    MySqlGrants grants;
    // From then on MariaDB's SUPER is no longer enough to kill others.
    const bool own_kill = shape.mariadb && shape.version >= 100502;
    for (int row = 0; row < rows.count(); ++row) {
        std::string line{rows.text(row, 0).value_or("")};
        std::transform(line.begin(), line.end(), line.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        const std::size_t on = line.find(" ON ");
        if (!line.starts_with("GRANT ") || on == std::string::npos)
            continue;
        const std::string_view where = std::string_view{line}.substr(on + 4);
        // MySQL writes its newer privileges without blanks between.
        std::string what = "," + line.substr(6, on - 6) + ",";
        for (std::size_t at = what.find(", "); at != std::string::npos; at = what.find(", ", at))
            what.erase(at + 1, 1);
        const auto has = [&](std::string_view privilege) {
            return what.find(fmt::format(",{},", privilege)) != std::string::npos;
        };
        const bool everywhere = where.starts_with("*.* ");
        const bool all = has("ALL PRIVILEGES") || has("ALL");
        if (everywhere) {
            grants.process = grants.process || all || has("PROCESS");
            grants.super = grants.super || all || has("SUPER");
            grants.kill = grants.kill || all || has("CONNECTION ADMIN") ||
                          has("CONNECTION_ADMIN") || (has("SUPER") && !own_kill);
        }
        if ((everywhere || where.starts_with("`PERFORMANCE_SCHEMA`.")) && (all || has("SELECT")))
            grants.schema = true;
        const bool system = everywhere || where.starts_with("`MYSQL`.* ");
        grants.executes =
            grants.executes || ((all || has("EXECUTE")) &&
                                (system || where.starts_with("PROCEDURE `MYSQL`.`RDS_KILL`") ||
                                 where.starts_with("PROCEDURE `MYSQL`.`AZ_KILL`")));
        grants.sees_others = grants.sees_others || has("SHOW_ROUTINE") ||
                             (has("SELECT") && (system || where.starts_with("`MYSQL`.`PROC` ")));
    }
    return grants;
}

} // namespace poolscope
