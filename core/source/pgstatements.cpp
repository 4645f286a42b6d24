// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgstatements.h"

#include <fmt/format.h>

namespace poolscope {

namespace {

// backend_type came with PostgreSQL 10.
constexpr int version_of_backend_type = 100000;

const char* backend_type(int server_version)
{
    return server_version >= version_of_backend_type ? "s.backend_type" : "NULL::text";
}

/// Sessions that take a slot or belong to a database; not the server's own housekeeping. Before 10
/// there are no types, and what has no database is left out.
std::string shown(int server_version)
{
    if (server_version < version_of_backend_type)
        return "coalesce(s.datid, 0) <> 0";
    return "(coalesce(s.datid, 0) <> 0 OR s.backend_type IN ('walsender', 'client backend'))";
}

/// The header row, then a row a session: one statement, one snapshot, one round trip.
std::string poll(int server_version, std::string_view from, std::string_view text)
{
    constexpr std::string_view header =
        "/* poolscope */ SELECT clock_timestamp() AS clock,"
        " txid_snapshot_xmax(txid_current_snapshot()) AS next_xid,"
        " ARRAY(SELECT pg_stat_get_backend_pid(i) FROM pg_stat_get_backend_idset() i) AS pids,"
        " NULL::int4 AS pid, NULL::oid AS datid, NULL::oid AS usesysid,"
        " NULL::text AS application_name, NULL::text AS state, NULL::text AS wait_event_type,"
        " NULL::text AS wait_event, NULL::timestamptz AS xact_start,"
        " NULL::timestamptz AS query_start, NULL::timestamptz AS backend_start,"
        " NULL::timestamptz AS state_change, NULL::inet AS client_addr,"
        " NULL::int4 AS client_port, NULL::xid AS backend_xid, NULL::xid AS backend_xmin,"
        " NULL::text AS backend_type, NULL::int4[] AS blockers, NULL::text AS query";
    return fmt::format(
        "{} UNION ALL SELECT NULL, NULL, NULL, s.pid, s.datid, s.usesysid, s.application_name,"
        " s.state, s.wait_event_type, s.wait_event, s.xact_start, s.query_start, s.backend_start,"
        " s.state_change, s.client_addr, s.client_port, s.backend_xid, s.backend_xmin, {},"
        " CASE WHEN $2::boolean AND s.wait_event_type = 'Lock' THEN pg_blocking_pids(s.pid) END,"
        " CASE WHEN {} THEN s.query END FROM {} AND {}",
        header, backend_type(server_version), text, from, shown(server_version));
}

} // namespace

PgStatement full_poll_statement(int server_version)
{
    return {"poolscope_full", poll(server_version, "pg_stat_get_activity(NULL) s WHERE true",
                                   "s.query_start IS NULL OR s.query_start > $1::timestamptz")};
}

PgStatement steady_poll_statement(int server_version)
{
    return {"poolscope_steady", poll(server_version,
                                     "pg_stat_get_backend_idset() i,"
                                     " LATERAL pg_stat_get_activity(pg_stat_get_backend_pid(i)) s"
                                     " WHERE (pg_stat_get_backend_xact_start(i) IS NOT NULL"
                                     " OR pg_stat_get_backend_activity_start(i) > $1::timestamptz"
                                     " OR pg_stat_get_backend_start(i) > $1::timestamptz"
                                     " OR pg_stat_get_backend_pid(i) = ANY($3::int4[]))",
                                     "s.query_start IS NULL OR s.query_start > $1::timestamptz"
                                     " OR s.pid = ANY($4::int4[])")};
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
            " pg_postmaster_start_time() AS server_started, pg_backend_pid() AS pid" +
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
