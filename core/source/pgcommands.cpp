// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgcommands.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

constexpr std::chrono::minutes longest_watch{5};

ActionReported fact(const Command& command, ActionPhase phase, std::string sentence)
{
    return {command.action, command.verb,        command.session,
            phase,          std::move(sentence), command.checkout};
}

std::string no_longer(const Command& command)
{
    return fmt::format("Session {} is no longer the one that was shown (it ended, or its pid was "
                       "reused).",
                       command.session.pid.value);
}

} // namespace

PgCommands::Facts PgCommands::add(const Command& command, const PgSessions& sessions, Instant now)
{
    const Session* const session = sessions.find(command.session);
    const auto refused = [&](std::string why) {
        return Facts{fact(command, ActionPhase::refused, std::move(why))};
    };
    if (command.verb == ActionVerb::reclaim)
        return refused("A database server lends no connections that could be reclaimed: cancel the "
                       "statement or terminate the session, or attach to the pool.");
    if (command.session.started <= Timestamp{})
        return refused(
            "The start time of this session is hidden from this role, so that its identity "
            "cannot be checked: grant pg_monitor first.");
    if (session && session->own)
        return refused("This is Poolscope's own session.");
    if (session && !session->is_client())
        return refused(
            fmt::format("This is a {}, not a client's session; Poolscope ends only those.",
                        session->backend_type.str()));
    std::optional<Timestamp> statement = command.statementSince;
    if (!statement && session)
        statement = session->statement_since;
    queue_.push_back({command, now, statement, false});
    return {};
}

Command PgCommands::take()
{
    flying_ = queue_.front();
    queue_.pop_front();
    return flying_->command;
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
    if (!flying_)
        return {};
    const Entry entry = *std::exchange(flying_, std::nullopt);
    const Command& command = entry.command;
    const auto refused = [&](std::string why) {
        return Facts{fact(command, ActionPhase::refused, std::move(why))};
    };
    if (reply.trouble)
        return refused(reply.trouble->words.empty() ? reply.trouble->sentence
                                                    : "The server says: " + reply.trouble->words);
    const PgRows r{reply.rows};
    if (r.count() == 0)
        return refused(no_longer(command));
    const auto is = [&](const char* name) {
        return r.boolean(0, r.column(name)).value_or(false);
    };
    if (is("hidden"))
        return refused(
            "This role may not see that session's start time, so that its identity cannot "
            "be checked: grant pg_monitor first.");
    if (!is("same_session"))
        return refused(no_longer(command));
    if (!is("client"))
        return refused("This is not a client's session; Poolscope ends only those.");
    if (command.verb == ActionVerb::cancel && !is("same_statement"))
        return refused(
            fmt::format("Session {} runs another statement by now.", command.session.pid.value));
    if (command.verb == ActionVerb::cancel && !is("running"))
        return refused(fmt::format("Session {} runs no statement that could be cancelled.",
                                   command.session.pid.value));
    if (!is("done"))
        return refused(
            "The server could not send the signal: the session ended in this moment, or it "
            "is Poolscope's own.");
    accepted_.push_back(entry);
    return {fact(command, ActionPhase::accepted,
                 command.verb == ActionVerb::cancel ? "The server told the session to cancel its "
                                                      "statement."
                                                    : "The server told the session to end.")};
}

PgCommands::Facts PgCommands::lost()
{
    if (!flying_)
        return {};
    const Entry entry = *std::exchange(flying_, std::nullopt);
    if (entry.told)
        return {};
    return {fact(entry.command, ActionPhase::timed_out,
                 "The connection was lost before the server answered; what became of it is not "
                 "known.")};
}

PgCommands::Facts PgCommands::expire(Instant now)
{
    Facts facts;
    while (!queue_.empty() && queue_.front().added + limit_ <= now) {
        facts.push_back(fact(queue_.front().command, ActionPhase::timed_out,
                             fmt::format("It was not sent: the server did not answer for {} s.",
                                         limit_.count() / 1000)));
        queue_.pop_front();
    }
    if (flying_ && !flying_->told && flying_->added + limit_ <= now) {
        flying_->told = true;
        facts.push_back(fact(flying_->command, ActionPhase::timed_out,
                             fmt::format("No answer from the server within {} s; it may still take "
                                         "effect.",
                                         limit_.count() / 1000)));
    }
    return facts;
}

std::optional<PgCommands::Instant> PgCommands::deadline() const
{
    std::optional<Instant> earliest;
    if (!queue_.empty())
        earliest = queue_.front().added + limit_;
    if (flying_ && !flying_->told)
        earliest = std::min(earliest.value_or(Instant::max()), flying_->added + limit_);
    return earliest;
}

PgCommands::Facts PgCommands::observe(const PgSessions& sessions, Instant now)
{
    Facts facts;
    std::erase_if(accepted_, [&](const Entry& entry) {
        const Session* const session = sessions.find(entry.command.session);
        if (!session) {
            facts.push_back(fact(entry.command, ActionPhase::observed, "The session ended."));
            return true;
        }
        const bool running =
            session->state == SessionState::active || session->state == SessionState::waiting;
        if (entry.command.verb == ActionVerb::cancel &&
            (!running || session->statement_since != entry.statement)) {
            facts.push_back(fact(entry.command, ActionPhase::observed, "Its statement ended."));
            return true;
        }
        return now - entry.added > longest_watch;
    });
    return facts;
}

} // namespace poolscope
