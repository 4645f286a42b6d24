// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgsettings.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

/// Settings of others that a version does not have are simply not there. Times of our own session
/// (statement_timeout, lock_timeout) begin with it, so that what others get is not to be seen.
constexpr std::string_view namesOfSettings =
    "'max_connections', 'superuser_reserved_connections', 'reserved_connections',"
    " 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout',"
    " 'statement_timeout', 'lock_timeout', 'authentication_timeout',"
    " 'client_connection_check_interval', 'tcp_keepalives_idle', 'tcp_keepalives_interval',"
    " 'tcp_keepalives_count', 'tcp_user_timeout'";

} // namespace

PgStatement settings_statement()
{
    // reset_val is what a new session of our role gets; where our role, our database or we at
    // connecting have a value of their own, it is not the server's. The socket's own options show
    // no value over a local socket.
    return {"poolscope_settings",
            fmt::format(
                "/* poolscope */ WITH other AS (SELECT setrole, setdatabase,"
                "  split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value"
                "  FROM pg_db_role_setting, unnest(setconfig) c"
                "  WHERE split_part(c, '=', 1) IN ({0}))"
                " SELECT 0::int4 AS scope, ''::text AS subject, s.name::text AS name,"
                "  CASE WHEN s.name LIKE 'tcp%' THEN s.setting ELSE s.reset_val END::text AS value,"
                "  coalesce(s.unit, '')::text AS unit FROM pg_settings s"
                " WHERE s.name IN ({0}) AND s.source NOT IN ('client', 'user', 'database',"
                "   'database user')"
                "  AND NOT (s.name LIKE 'tcp%' AND inet_client_addr() IS NULL)"
                "  AND NOT EXISTS (SELECT FROM other o WHERE o.name = s.name"
                "   AND (o.setrole <> 0 OR o.setdatabase <> 0)"
                "   AND o.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))"
                "   AND o.setdatabase IN (0, (SELECT oid FROM pg_database"
                "    WHERE datname = current_database())))"
                " UNION ALL SELECT 1, rolname::text, '{1}', rolconnlimit::text, '' FROM pg_roles"
                "  WHERE rolconnlimit >= 0 AND rolcanlogin AND NOT rolsuper"
                " UNION ALL SELECT 2, datname::text, '{1}', datconnlimit::text, '' FROM pg_database"
                "  WHERE datconnlimit >= 0"
                " UNION ALL SELECT CASE WHEN o.setrole <> 0 THEN 1 ELSE 2 END,"
                "  coalesce(r.rolname, d.datname)::text, o.name, o.value, '' FROM other o"
                "  LEFT JOIN pg_roles r ON r.oid = o.setrole"
                "  LEFT JOIN pg_database d ON d.oid = o.setdatabase"
                "  WHERE (o.setrole = 0) <> (o.setdatabase = 0)"
                "   AND coalesce(r.rolname, d.datname) IS NOT NULL"
                " ORDER BY 1, 2, 3 LIMIT {2}",
                namesOfSettings, connection_limit, most_server_settings + 1)};
}

ServerSettings read_server_settings(const PgRows& rows)
{
    ServerSettings settings;
    const int scope = rows.column("scope"), subject = rows.column("subject");
    const int name = rows.column("name"), value = rows.column("value"), unit = rows.column("unit");
    const auto text = [&](int row, int column) {
        return plain_line(rows.text(row, column).value_or(""), 256);
    };
    for (int row = 0; row < rows.count(); ++row) {
        if (settings.all.size() >= most_server_settings) {
            settings.complete = false;
            break;
        }
        const std::int32_t whose = std::clamp(rows.int4(row, scope).value_or(0), 0, 2);
        settings.all.push_back({static_cast<SettingScope>(whose), text(row, subject),
                                text(row, name), text(row, value), text(row, unit)});
    }
    return settings;
}

} // namespace poolscope
