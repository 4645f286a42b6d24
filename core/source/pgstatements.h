// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/source/pgconnection.h"

namespace poolscope {

/// The first poll on a connection: every session with its text, `query`, as bytea of little more
/// than longest_pg_statement; $1 ask for blockers (boolean).
/// What belongs to no session comes in the row of our own: clock, next_xid.
PgStatement first_poll_statement(int server_version);

/// Every session is read; sent are those that changed since $1, are not idle, or are named in $3
/// (int4[]); texts where the statement began after $1, and of those named in $4; $2 ask for
/// blockers. Our own row has `pids`, of all backends, so that departures show.
PgStatement full_poll_statement(int server_version);

/// The same columns, parameters and rows, for when few of many changed: it asks cheap functions
/// first, and reads a session only where one of them says that it may have changed.
PgStatement steady_poll_statement(int server_version);

/// kind ('r' role, 'd' database), oid, name, for the roles $1 and databases $2 (oid[]).
PgStatement names_statement();

/// One row: what the server is and what we may do. It also settles that we only read, and from 12
/// on that our statements are planned once: left to itself the server plans the steady poll anew
/// each time, which costs more than running it.
PgStatement facts_statement(int server_version);

/// Locks of the sessions $1 (int4[]), at most 64 each, those waited for first.
PgStatement locks_statement();
inline constexpr int locks_a_session = 64;

/// Signals the session with pid $1 and start $2 and, where given, statement start $3, if that is
/// still who it is, in the same statement. No row: nobody has that pid.
PgStatement signal_statement(ActionVerb verb, int server_version);

/// "{1,2,3}"
std::string array_of(const std::vector<std::int64_t>& numbers);

} // namespace poolscope
