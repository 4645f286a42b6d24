// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// What a server answered to one statement: texts by column name. Nothing that a server sends makes
/// it read past a value.
class MySqlRows
{
public:
    using Row = std::vector<std::optional<std::string>>;

    std::vector<std::string> columns;
    std::vector<Row> rows;

    int count() const { return static_cast<int>(rows.size()); }
    /// Whatever its case; -1 if there is none.
    int column(std::string_view name) const;
    std::optional<std::string_view> text(int row, int column) const;
    std::optional<std::int64_t> integer(int row, int column) const;
    /// Seconds since the epoch, "1795271320.412000"; nullopt for anything else and for 0.
    std::optional<Timestamp> instant(int row, int column) const;
    /// Milliseconds, "12.345".
    std::optional<Duration> milliseconds(int row, int column) const;
};

/// One session of a poll, before what is looked up of it once is filled in.
struct MySqlRow
{
    Session session;
    std::optional<std::int64_t> query; ///< id of the statement that runs or ran last (MariaDB)
    std::string command;               ///< the server's word: "Sleep", "Query"
    std::string doing;                 ///< the server's words for its state
    bool row_wait = false;             ///< waits for a lock of InnoDB
    bool metadata_wait = false;        ///< waits for a lock on a table's or another object's name
};

/// One poll's answer.
struct MySqlPoll
{
    std::optional<Timestamp> clock;
    std::vector<MySqlRow> rows; ///< ascending by id
};

/// Adds InnoDB's open transactions, read just after the sessions: id, trx_state, trx_started,
/// trx_wait.
void read_mysql_transactions(const MySqlRows& rows, MySqlPoll& poll);

/// What a session does, by the server's words for its command and state.
SessionState mysql_state_of(std::string_view command, std::string_view state, bool transaction,
                            bool row_wait);
/// A client's address: "10.0.0.1:4711", "[::1]:4711" or, of a list without ports, "[::1]"; "local"
/// by a socket.
Text mysql_client(std::string_view host, bool with_port, TextPool& texts);
/// The server's own work, replication, or a client's session.
bool is_mysql_client(std::string_view command, std::string_view user);
/// "Waiting for table metadata lock" and its like.
bool waits_for_metadata(std::string_view state);

/// `started`: the server's start, for the sessions' keys.
MySqlPoll read_mysql_poll(const MySqlRows& rows, TargetId target, Timestamp started,
                          std::int64_t own_id, TextPool& texts);

/// Who blocks whom, by the server's ids; ascending, each once.
using MySqlBlockers = std::map<std::int64_t, std::vector<Pid>>;
/// From pairs of columns `waiter` and `blocker`.
void read_row_waits(const MySqlRows& rows, MySqlBlockers& blockers);
/// From the granted and pending metadata locks of every object that one is pending on.
void read_metadata_waits(const MySqlRows& rows, MySqlBlockers& blockers);

/// Locks by session, from columns id, type, relation, mode, granted.
std::map<std::int64_t, std::vector<Lock>> read_mysql_locks(const MySqlRows& rows);
inline constexpr std::size_t mysql_locks_a_session = 64;

/// Whether a metadata lock that is asked for must wait for one that is held.
bool metadata_conflict(std::string_view held, std::string_view asked);

} // namespace poolscope
