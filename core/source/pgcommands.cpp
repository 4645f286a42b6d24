// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgcommands.h"

#include <fmt/format.h>

namespace poolscope {

PgCommands::Facts PgCommands::add(const Command& command, const PgSessions& sessions, Instant now)
{
    const Session* const session = sessions.find(command.session);
    std::optional<std::string> why = objection(command, session);
    if (command.verb != ActionVerb::reclaim && command.session.started <= Timestamp{})
        why = "The start time of this session is hidden from this role, so that its identity "
              "cannot be checked: grant pg_monitor first.";
    if (why)
        return {fact(command, ActionPhase::refused, *why)};
    enqueue(command, session, now);
    return {};
}

std::vector<PgValue> PgCommands::valuesOf(const Command& command)
{
    PgValue statement;
    if (command.verb == ActionVerb::cancel && command.statementSince)
        statement = format_iso8601(*command.statementSince);
    return {std::to_string(command.session.pid.value), format_iso8601(command.session.started),
            statement};
}

PgCommands::Facts PgCommands::answered(const PgReply& reply)
{
    if (!inFlight())
        return {};
    const Command command = flying();
    if (reply.trouble)
        return refuse(reply.trouble->words.empty() ? reply.trouble->sentence
                                                   : "The server says: " + reply.trouble->words);
    const PgRows r{reply.rows};
    if (r.count() == 0)
        return refuse(noLonger(command));
    const auto is = [&](const char* name) {
        return r.boolean(0, r.column(name)).value_or(false);
    };
    if (is("hidden"))
        return refuse(
            "This role may not see that session's start time, so that its identity cannot "
            "be checked: grant pg_monitor first.");
    if (!is("same_session"))
        return refuse(noLonger(command));
    if (!is("client"))
        return refuse("This is not a client's session; Poolscope ends only those.");
    if (command.verb == ActionVerb::cancel && !is("same_statement"))
        return refuse(
            fmt::format("Session {} runs another statement by now.", command.session.pid.value));
    if (command.verb == ActionVerb::cancel && !is("running"))
        return refuse(fmt::format("Session {} runs no statement that could be cancelled.",
                                  command.session.pid.value));
    if (!is("done"))
        return refuse(
            "The server could not send the signal: the session ended in this moment, or it "
            "is Poolscope's own.");
    return accept(command.verb == ActionVerb::cancel
                      ? "The server told the session to cancel its statement."
                      : "The server told the session to end.");
}

PgCommands::Facts PgCommands::observe(const PgSessions& sessions, Instant now)
{
    return SessionCommands::observe([&](const SessionKey& key) { return sessions.find(key); }, now);
}

} // namespace poolscope
