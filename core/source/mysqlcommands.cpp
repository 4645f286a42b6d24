// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlcommands.h"

#include <fmt/format.h>

#include <algorithm>

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

constexpr std::size_t compared_bytes = 1000;
constexpr const char* too_late = "The server answered too late: nothing was ended.";

/// What every list tells alike, whatever the client's character set.
std::string ascii_of(const Text& text)
{
    std::string out = text.str().substr(0, compared_bytes);
    std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80 || c == '?'; });
    return out;
}

/// Lists cut what they tell, each at a length of its own above ours; some tell of several
/// statements in one text all, some the one that runs.
bool same_statement(const Text& shown, const Text& now)
{
    if (shown.is_null())
        return true; // nothing to compare with
    const std::string a = ascii_of(shown), b = ascii_of(now);
    const std::size_t shorter = std::min(shown.str().size(), now.str().size());
    const std::size_t longer = std::max(shown.str().size(), now.str().size());
    const std::size_t both = std::min(a.size(), b.size());
    if (a.compare(0, both, b, 0, both) != 0)
        return false;
    if (a.size() == b.size() || (longer >= compared_bytes && shorter >= compared_bytes / 2))
        return true;
    return (a.size() > both ? a : b)[both] == ';';
}

} // namespace

MySqlCommands::Facts MySqlCommands::expire(Instant now)
{
    Facts facts = SessionCommands::expire(now);
    for (const ActionReported& each : facts) {
        if (inFlight() && each.action == flying().action)
            late_ = each.action;
    }
    return facts;
}

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
    // Checked again before each other way: it stands.
    if (checked_ != command.action) {
        checked_ = command.action;
        way_ = MySqlKill::plain;
        denied_.clear();
    }
    if (isLate())
        return refuse(too_late);
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
    // Of one that had run for long when it was last listed, its start tells enough; and a
    // procedure's text changes with each statement in it.
    const bool old = command.statementSince && sessions.seen() && known->statement_since &&
                     *sessions.seen() - *known->statement_since > std::chrono::seconds{5};
    const bool same = query && row.query ? *query == *row.query
                                         : old || same_statement(known->statement, now.statement);
    if ((shown && !same) || !same_start(now.statement_since, command.statementSince))
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
    case 1979: // nor of the statement that it runs (MariaDB)
    case 1227: // no such privilege
        if (way_ == MySqlKill::plain && !isLate()) {
            denied_ = reply.trouble->words;
            way_ = MySqlKill::rds; // clouds keep the privilege and lend a procedure
            return {};
        }
        break;
    case 1305: // no such procedure
    case 1370: // no right to it
    case 1044:
    case 1142:
        if (way_ == MySqlKill::rds && !isLate()) {
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
