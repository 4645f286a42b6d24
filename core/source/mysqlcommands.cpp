// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlcommands.h"

#include <fmt/format.h>

namespace poolscope {

namespace {

/// A client's address that was read without its port is the beginning of the one with it.
bool same_client(const Text& known, const Text& now)
{
    if (known == now || known.is_null())
        return true;
    const std::string& whole = now.str();
    return whole.size() > known.str().size() && whole.starts_with(known.str()) &&
           whole[known.str().size()] == ':';
}

/// Servers count in whole seconds, or tell milliseconds, depending on the list that is read.
bool same_start(const std::optional<Timestamp>& now, const std::optional<Timestamp>& wanted)
{
    return !wanted || (now && std::chrono::abs(*now - *wanted) <= std::chrono::milliseconds{1500});
}

} // namespace

MySqlCommands::Facts MySqlCommands::add(const Command& command, const MySqlSessions& sessions,
                                        Instant now)
{
    const Session* const session = sessions.find(command.session);
    if (const auto why = objection(command, session))
        return {fact(command, ActionPhase::refused, *why)};
    enqueue(command, session, now);
    return {};
}

MySqlCommands::Facts MySqlCommands::checked(const MySqlReply& reply, const MySqlSessions& sessions)
{
    if (!inFlight())
        return {};
    const Command command = flying();
    query_.reset();
    way_ = MySqlKill::plain;
    denied_.clear();
    if (reply.trouble)
        return refuse("The server says: " + reply.trouble->words);
    TextPool texts;
    const MySqlPoll poll =
        read_mysql_poll(reply.rows, command.session.target, command.session.started, 0, texts);
    const Session* const known = sessions.find(command.session);
    if (poll.rows.empty() || !known)
        return refuse(noLonger(command));
    const MySqlRow& row = poll.rows.front();
    const Session& now = row.session;
    if (now.key.pid != command.session.pid || now.user != known->user ||
        !same_client(known->client, now.client))
        return refuse(noLonger(command));
    if (!now.is_client())
        return refuse("This is not a client's session; Poolscope ends only those.");
    if (now.database != known->database)
        return refuse(fmt::format("Session {} has turned to another database since it was shown: "
                                  "look at it again.",
                                  command.session.pid.value));
    if (command.verb != ActionVerb::cancel)
        return {};
    if (now.state != SessionState::active && now.state != SessionState::waiting)
        return refuse(fmt::format("Session {} runs no statement that could be cancelled.",
                                  command.session.pid.value));
    const auto query = sessions.queryOf(command.session);
    const bool shown = same_start(known->statement_since, command.statementSince);
    if ((shown && query && row.query && *query != *row.query) ||
        !same_start(now.statement_since, command.statementSince))
        return refuse(
            fmt::format("Session {} runs another statement by now.", command.session.pid.value));
    query_ = row.query;
    return {};
}

std::string MySqlCommands::order() const
{
    return mysql_kill(flying().verb, flying().session.pid.value, query_, way_);
}

MySqlCommands::Facts MySqlCommands::killed(const MySqlReply& reply, const std::string& grant)
{
    if (!inFlight())
        return {};
    const Command command = flying();
    if (!reply.trouble)
        return accept(command.verb == ActionVerb::cancel
                          ? "The server told the session to cancel its statement."
                          : "The server told the session to end.");
    switch (reply.error) {
    case 1094: // no such thread
        return refuse(noLonger(command));
    case 1957: // no such query
        return refuse(
            fmt::format("Session {} runs another statement by now.", command.session.pid.value));
    case 1095: // not its owner
    case 1227: // no such privilege
        if (way_ == MySqlKill::plain) {
            denied_ = reply.trouble->words;
            way_ = MySqlKill::rds; // clouds keep the privilege and lend a procedure
            return {};
        }
        break;
    case 1305: // no such procedure
    case 1370: // no right to it
    case 1044:
    case 1142:
        if (way_ == MySqlKill::rds) {
            way_ = MySqlKill::azure;
            return {};
        }
        break;
    default:
        break;
    }
    if (way_ == MySqlKill::azure && !denied_.empty())
        return refuse(fmt::format("The server says: {}.{}", denied_,
                                  grant.empty() ? "" : " What would help: " + grant));
    return refuse(fmt::format("The server says: {}.", reply.trouble->words));
}

MySqlCommands::Facts MySqlCommands::observe(const MySqlSessions& sessions, Instant now)
{
    return SessionCommands::observe([&](const SessionKey& key) { return sessions.find(key); }, now);
}

} // namespace poolscope
