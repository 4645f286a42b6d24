// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/source/mysqlrows.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace poolscope {

/// Where sessions are read from.
enum class MySqlList {
    processlist, ///< performance_schema.processlist, MySQL from 8.0.22 on
    threads,     ///< performance_schema.threads
    information, ///< information_schema.PROCESSLIST: everywhere, and it locks more
};
std::string_view table_of(MySqlList list);

/// What a server is and lets us read: it decides how it is asked.
struct MySqlShape
{
    bool mariadb = false;
    int version = 0; ///< 101119, 80040
    MySqlList list = MySqlList::information;
    bool transactions = true; ///< INNODB_TRX may be read: with PROCESS
    bool attributes = false;  ///< of connections: with performance_schema
    bool metadata = false;    ///< metadata_locks may be read
    bool rows = true;         ///< who waits for whose rows may be read

    /// For a server where performance_schema is `on`.
    void choose(bool on);
    friend bool operator==(const MySqlShape&, const MySqlShape&) = default;
};

/// How many sessions one question names. Those beyond are not asked about by it.
constexpr std::size_t mysql_most_named = 2000;
/// How many locks one answer tells at most: what is not among so many is not known.
constexpr int mysql_most_locks = 5000;

/// How long the longest text of a statement may be that a poll brings, with so many sessions.
std::size_t mysql_text_limit(std::size_t sessions);

/// Limits for our own session; what matters most first.
std::vector<std::string> mysql_assignments(const MySqlShape& shape);
std::string mysql_set(const std::vector<std::string>& assignments);
/// One row: what the server is.
std::string mysql_facts(const MySqlShape& shape);
/// What the configuration check wants to know. By itself: not every server that speaks the protocol
/// answers it.
std::string mysql_settings();
std::string mysql_grants();
/// Every session.
std::string mysql_poll(const MySqlShape& shape, std::size_t text_limit);
/// InnoDB's open transactions. Joined to the sessions here: the server has no index for that.
std::string mysql_transactions();
/// id, name, value: what is looked up once of new sessions. Empty where there is nothing to ask.
std::string mysql_details(const MySqlShape& shape, const std::vector<std::int64_t>& ids);
/// waiter, blocker: of locks on rows and tables of InnoDB.
std::string mysql_row_waits(const MySqlShape& shape);
/// The locks on each name that someone waits for.
std::string mysql_metadata_waits();
/// id, type, relation, mode, granted.
std::string mysql_locks(const MySqlShape& shape, const std::vector<std::int64_t>& ids);

/// One session again, as a poll reads it: before it is killed.
std::string mysql_check(const MySqlShape& shape, std::int64_t id);
/// Which way to kill: the server's own, or a procedure of a cloud where that is not allowed.
enum class MySqlKill { plain, rds, azure };
/// `query`: that statement and no later one, where the server can tell (MariaDB).
std::string mysql_kill(ActionVerb verb, std::int64_t id, std::optional<std::int64_t> query,
                       MySqlKill way);

/// name: of those procedures, the ones that this account may call, or read.
std::string mysql_killers();

/// What the lines of SHOW GRANTS allow.
struct MySqlGrants
{
    bool process = false;
    bool kill = false; ///< others' sessions
    bool super = false;
    bool schema = false;      ///< performance_schema may be read
    bool executes = false;    ///< a procedure of a cloud that ends them, if there is one
    bool sees_others = false; ///< procedures that it may not call
    friend bool operator==(const MySqlGrants&, const MySqlGrants&) = default;
};
MySqlGrants read_mysql_grants(const MySqlRows& rows, const MySqlShape& shape);

} // namespace poolscope
