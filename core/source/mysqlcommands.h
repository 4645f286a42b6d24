// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/mysqlconnection.h"
#include "core/source/mysqlsessions.h"
#include "core/source/mysqlstatements.h"
#include "core/source/sessioncommands.h"

#include <optional>
#include <string>

namespace poolscope {

/// Commands for sessions of MySQL and MariaDB. The server's KILL takes an id alone; so it is asked
/// first who that id is, on the same connection, and then told.
class MySqlCommands : public SessionCommands
{
public:
    /// Those without an answer in time. One of them is not ordered any more.
    Facts expire(Instant now);

    /// Queues it, or tells why it is not done.
    Facts add(const Command& command, const MySqlSessions& sessions, Instant now);

    /// The answer to mysql_check. Refuses the one in flight, or settles how to kill it: see
    /// order().
    Facts checked(const MySqlReply& reply, const MySqlSessions& sessions);
    /// The answer to order(). Without facts: another order is to be tried, after another check.
    Facts killed(const MySqlReply& reply, const std::string& grant);
    /// What to tell the server now; only while one is in flight.
    std::string order() const;

    /// After a poll: which accepted ones have taken effect.
    Facts observe(const MySqlSessions& sessions, Instant now);

private:
    bool isLate() const { return late_ == flying().action; }

    std::optional<ActionId> late_;    ///< its time was up while it was in flight
    std::optional<ActionId> checked_; ///< whom the members below are about
    std::optional<std::int64_t> query_;
    MySqlKill way_ = MySqlKill::plain;
    std::string denied_; ///< the server's words for why plain KILL is not allowed
};

} // namespace poolscope
