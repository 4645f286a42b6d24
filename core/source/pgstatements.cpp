// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgstatements.h"

#include "core/source/pgrows.h"

#include <fmt/format.h>

namespace poolscope {

namespace {

// backend_type came with PostgreSQL 10.
constexpr int version_of_backend_type = 100000;

const char* backend_type(int server_version)
{
    if (server_version >= version_of_backend_type)
        return "s.backend_type";
    // A process that belongs to no client has no port; neither has one that this role may not see.
    return "CASE WHEN s.pid IN (SELECT w.pid FROM pg_stat_get_wal_senders() w) THEN 'walsender'"
           " WHEN s.client_port IS NULL AND s.backend_start IS NOT NULL THEN 'background process'"
           " ELSE 'client backend' END";
}

/// A row a backend: one statement, one snapshot, one round trip. Each column costs the server as
/// much as a tenth of reading the backend, and a UNION, a join or a filter by text more: what there
/// is once (clock, next_xid, pids) goes with our own row, and backends that are no sessions are
/// dropped on our side.
std::string poll(int server_version, std::string_view once, std::string_view ask_blockers,
                 std::string_view query, std::string_view from)
{
    return fmt::format(
        "/* poolscope */ SELECT"
        " CASE WHEN s.pid = pg_backend_pid() THEN clock_timestamp() END AS clock,"
        " CASE WHEN s.pid = pg_backend_pid()"
        "  THEN txid_snapshot_xmax(txid_current_snapshot()) END AS next_xid,"
        "{} s.pid, s.datid, s.usesysid, s.application_name, s.state, s.wait_event_type,"
        " s.wait_event, s.xact_start, s.query_start, s.backend_start, s.state_change,"
        " s.client_addr, s.client_port, s.backend_xid, s.backend_xmin, {} AS backend_type,"
        " CASE WHEN {}::boolean AND s.wait_event_type = 'Lock'"
        "  THEN pg_blocking_pids(s.pid) END AS blockers,"
        " {} AS query FROM {}",
        once, backend_type(server_version), ask_blockers, query, from);
}

constexpr std::string_view pids_once =
    " CASE WHEN s.pid = pg_backend_pid() THEN ARRAY(SELECT pg_stat_get_backend_pid(i)"
    "  FROM pg_stat_get_backend_idset() i) END AS pids,";

/// As much of a text as is kept, and the rest of a character that the end falls into: a server may
/// keep a megabyte of each. Bytes as they would be sent, not characters, which another database's
/// encoding may have wrong.
std::string bounded_text()
{
    return fmt::format("substring(textsend(s.query), 1, {})", longest_pg_statement + 3);
}

std::string new_texts()
{
    return "CASE WHEN s.query_start IS NULL OR s.query_start > $1::timestamptz"
           "  OR s.pid = ANY($4::int4[]) THEN " +
           bounded_text() + " END";
}

} // namespace

PgStatement first_poll_statement(int server_version)
{
    return {"poolscope_first",
            poll(server_version, "", "$1", bounded_text(), "pg_stat_get_activity(NULL) s")};
}

PgStatement full_poll_statement(int server_version)
{
    // Who does nothing, in a transaction or not, stays as it was until its state changes; a login
    // and a new statement change it too.
    return {"poolscope_full",
            poll(server_version, pids_once, "$2", new_texts(),
                 "pg_stat_get_activity(NULL) s WHERE s.state_change > $1::timestamptz"
                 " OR s.state IS NULL OR (s.state <> 'idle' AND s.state <> 'idle in transaction'"
                 "  AND s.state <> 'idle in transaction (aborted)')"
                 " OR s.pid = ANY($3::int4[])")};
}

PgStatement steady_poll_statement(int server_version)
{
    return {"poolscope_steady", poll(server_version, pids_once, "$2", new_texts(),
                                     "pg_stat_get_backend_idset() i,"
                                     " LATERAL pg_stat_get_activity(pg_stat_get_backend_pid(i)) s"
                                     " WHERE pg_stat_get_backend_xact_start(i) IS NOT NULL"
                                     " OR pg_stat_get_backend_activity_start(i) > $1::timestamptz"
                                     " OR pg_stat_get_backend_start(i) > $1::timestamptz"
                                     " OR pg_stat_get_backend_pid(i) = ANY($3::int4[])")};
}

PgStatement names_statement()
{
    return {"poolscope_names",
            "/* poolscope */ SELECT 'r'::text AS kind, oid, rolname::text AS name FROM pg_roles"
            " WHERE oid = ANY($1::oid[]) UNION ALL"
            " SELECT 'd', oid, datname::text FROM pg_database WHERE oid = ANY($2::oid[])"};
}

PgStatement facts_statement(int server_version)
{
    const char* const plan_once =
        server_version >= 120000
            ? ", set_config('plan_cache_mode', 'force_generic_plan', false) AS planned"
            : "";
    // Roles that this version does not have yet give null.
    return {"poolscope_facts",
            "/* poolscope */ SELECT current_setting('server_version') AS version,"
            " current_setting('server_version_num')::int4 AS version_number,"
            " current_setting('max_connections')::int4 AS max_connections,"
            " current_setting('superuser_reserved_connections')::int4"
            "  + coalesce(nullif(current_setting('reserved_connections', true), '')::int4, 0)"
            "  AS reserved,"
            " current_user::text AS role, quote_ident(current_user::text) AS quoted_role,"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,"
            " pg_is_in_recovery() AS in_recovery,"
            " (SELECT pg_has_role(oid, 'USAGE') FROM pg_roles"
            "  WHERE rolname = 'pg_read_all_stats') AS reads_all,"
            " (SELECT pg_has_role(oid, 'USAGE') FROM pg_roles"
            "  WHERE rolname = 'pg_signal_backend') AS signals,"
            " pg_postmaster_start_time() AS server_started, pg_backend_pid() AS pid,"
            " set_config('default_transaction_read_only', 'on', false) AS reads_only,"
            " set_config('idle_in_transaction_session_timeout', '10000', false) AS ends_itself" +
                std::string{plan_once}};
}

PgStatement locks_statement()
{
    return {"poolscope_locks",
            fmt::format(
                "/* poolscope */ SELECT pid, locktype, mode, granted,"
                " CASE WHEN relation IS NULL THEN ''"
                "  WHEN database = 0 OR database = own THEN relation::regclass::text"
                "  ELSE 'relation ' || relation || ' in database '"
                "   || coalesce(datname::text, database::text) END AS relation"
                " FROM (SELECT l.*, d.datname, (SELECT oid FROM pg_database"
                "   WHERE datname = current_database()) AS own,"
                "  row_number() OVER (PARTITION BY l.pid ORDER BY l.granted, l.relation IS NULL)"
                "   AS place"
                "  FROM pg_locks l LEFT JOIN pg_database d ON d.oid = l.database"
                "  WHERE l.pid = ANY($1::int4[])"
                "   AND NOT (l.locktype = 'virtualxid' AND l.granted)) AS them"
                " WHERE place <= {} ORDER BY pid, place",
                locks_a_session)};
}

PgStatement signal_statement(ActionVerb verb, int server_version)
{
    const bool cancel = verb == ActionVerb::cancel;
    // CASE decides the order: no signal is sent before everything has been compared.
    return {
        cancel ? "poolscope_cancel" : "poolscope_terminate",
        fmt::format("/* poolscope */ SELECT s.backend_start IS NULL AS hidden,"
                    " coalesce(s.backend_start = $2::timestamptz, false) AS same_session,"
                    " coalesce({0} = 'client backend', true) AS client,"
                    " coalesce($3::timestamptz IS NULL OR s.query_start = $3::timestamptz, false)"
                    "  AS same_statement,"
                    " coalesce(s.state IN ('active', 'fastpath function call'), false) AS running,"
                    " CASE WHEN s.backend_start = $2::timestamptz AND s.pid <> pg_backend_pid()"
                    "  AND coalesce({0} = 'client backend', true)"
                    "  AND ($3::timestamptz IS NULL OR s.query_start = $3::timestamptz){1}"
                    "  THEN {2}(s.pid) END AS done"
                    " FROM pg_stat_get_activity($1::int4) s",
                    backend_type(server_version),
                    cancel ? " AND s.state IN ('active', 'fastpath function call')" : "",
                    cancel ? "pg_cancel_backend" : "pg_terminate_backend")};
}

std::string array_of(const std::vector<std::int64_t>& numbers)
{
    return fmt::format("{{{}}}", fmt::join(numbers, ","));
}

} // namespace poolscope
