// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/sessioncommands.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {
constexpr std::chrono::minutes longest_watch{5};
} // namespace

ActionReported SessionCommands::fact(const Command& command, ActionPhase phase,
                                     std::string sentence)
{
    return {command.action, command.verb,        command.session,
            phase,          std::move(sentence), command.checkout};
}

std::string SessionCommands::noLonger(const Command& command)
{
    return fmt::format("Session {} is no longer the one that was shown (it ended, or its pid was "
                       "reused).",
                       command.session.pid.value);
}

std::optional<std::string> SessionCommands::objection(const Command& command,
                                                      const Session* session)
{
    if (command.verb == ActionVerb::reclaim)
        return "A database server lends no connections that could be reclaimed: cancel the "
               "statement or terminate the session, or attach to the pool.";
    if (session && session->own)
        return "This is Poolscope's own session.";
    if (session && !session->is_client())
        return fmt::format("This is a {}, not a client's session; Poolscope ends only those.",
                           session->backend_type.str());
    return std::nullopt;
}

void SessionCommands::enqueue(const Command& command, const Session* session, Instant now)
{
    std::optional<Timestamp> statement = command.statementSince;
    if (!statement && session)
        statement = session->statement_since;
    queue_.push_back({command, now, {}, statement, false});
}

Command SessionCommands::take(Instant now)
{
    flying_ = queue_.front();
    queue_.pop_front();
    flying_->sent = progress_ = now;
    return flying_->command;
}

SessionCommands::Facts SessionCommands::refuse(std::string why)
{
    const Entry entry = *std::exchange(flying_, std::nullopt);
    return {fact(entry.command, ActionPhase::refused, std::move(why))};
}

SessionCommands::Facts SessionCommands::accept(std::string sentence)
{
    accepted_.push_back(*std::exchange(flying_, std::nullopt));
    return {fact(accepted_.back().command, ActionPhase::accepted, std::move(sentence))};
}

SessionCommands::Facts SessionCommands::lost()
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

/// Of one in the queue.
SessionCommands::Instant SessionCommands::giveUp(const Entry& queued) const
{
    return std::min(std::max(queued.added, progress_) + limit_, queued.added + longest_queue);
}

SessionCommands::Facts SessionCommands::expire(Instant now)
{
    Facts facts;
    while (!queue_.empty() && giveUp(queue_.front()) <= now) {
        const Entry& entry = queue_.front();
        const bool silent = std::max(entry.added, progress_) + limit_ <= now;
        facts.push_back(fact(
            entry.command, ActionPhase::timed_out,
            silent ? fmt::format("It was not sent: the server did not answer for {} s.",
                                 limit_.count() / 1000)
                   : fmt::format("It was not sent: {} s have passed since it was confirmed, and "
                                 "others were still before it. Look again, and repeat it.",
                                 longest_queue.count())));
        queue_.pop_front();
    }
    if (flying_ && !flying_->told && flying_->sent + limit_ <= now) {
        flying_->told = true;
        facts.push_back(fact(flying_->command, ActionPhase::timed_out,
                             fmt::format("No answer from the server within {} s; it may still take "
                                         "effect.",
                                         limit_.count() / 1000)));
    }
    return facts;
}

std::optional<SessionCommands::Instant> SessionCommands::deadline() const
{
    std::optional<Instant> earliest;
    if (!queue_.empty())
        earliest = giveUp(queue_.front());
    if (flying_ && !flying_->told)
        earliest = std::min(earliest.value_or(Instant::max()), flying_->sent + limit_);
    return earliest;
}

SessionCommands::Facts SessionCommands::observe(const Finder& find, Instant now)
{
    Facts facts;
    std::erase_if(accepted_, [&](const Entry& entry) {
        const Session* const session = find(entry.command.session);
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
        return now - entry.sent > longest_watch;
    });
    return facts;
}

} // namespace poolscope
