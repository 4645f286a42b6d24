// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/source/pgconnection.h"

namespace poolscope {

/// Every session, in one statement. $1: texts of statements that began after this instant (always
/// where it is -infinity); $2 ask for blockers (boolean).
/// The first row is a header (pid null): clock, next_xid, pids.
PgStatement full_poll_statement(int server_version);

/// Only sessions that changed since $1, or are in a transaction, or are named in $3 (int4[]); texts
/// where the statement began after $1, and of those named in $4; $2 as above. Same columns. It asks
/// cheap functions first and builds a row only for the sessions that pass: with most sessions idle
/// it costs less than any statement that reads the whole of pg_stat_activity.
PgStatement steady_poll_statement(int server_version);

/// kind ('r' role, 'd' database), oid, name, for the roles $1 and databases $2 (oid[]).
PgStatement names_statement();

/// One row: what the server is and what we may do. From 12 on it also settles that our statements
/// are planned once: left to itself the server plans the steady poll anew each time, which costs
/// more than running it.
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
