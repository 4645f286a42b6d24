// SPDX-License-Identifier: GPL-3.0-or-later
// The locks of those that are watched, and what the server is told to end.
#include "core/source/deadline.h"
#include "core/source/mysqlsource.h"

#include <algorithm>

namespace poolscope {

std::vector<SessionKey> MySqlSource::dueLocks()
{
    if (locksRefused_ || sessions_.count() == 0 || (!shape_.transactions && !shape_.metadata))
        return {};
    const auto exists = [this](const SessionKey& key) {
        return sessions_.find(key) != nullptr;
    };
    if (unasked_.empty())
        unasked_ = watched_.due(Steady::now(), timings_.locks, exists);
    const auto end =
        unasked_.begin() + static_cast<std::ptrdiff_t>(std::min(unasked_.size(), timings_.named));
    std::vector<SessionKey> now(unasked_.begin(), end);
    unasked_.erase(unasked_.begin(), end);
    return now;
}

void MySqlSource::askLocks(const std::vector<SessionKey>& sessions)
{
    std::vector<std::int64_t> ids;
    for (const SessionKey& key : sessions)
        ids.push_back(key.pid.value);
    ask(Job::locks, mysql_locks(shape_, ids), [this, sessions](const MySqlReply& reply) {
        if (reply.trouble) {
            // Asked again where the server was only busy; not where it refuses.
            if (mysql_is_closed(reply.error)) {
                locksRefused_ = true;
                statusUp();
            }
            return;
        }
        auto found = read_mysql_locks(reply.rows);
        const bool cut = reply.rows.count() >= mysql_most_locks;
        for (const SessionKey& key : sessions) {
            // Whose locks were cut off has not none: they are not known.
            if (sessions_.find(key) && (!cut || found.contains(key.pid.value)))
                fact(LocksReported{key, std::move(found[key.pid.value])});
        }
    });
}

void MySqlSource::setWatched(const std::vector<SessionKey>& sessions)
{
    // Those new in the list are read after the next poll, which comes within an interval.
    watched_.set(sessions);
}

// Commands

void MySqlSource::execute(const Command& command)
{
    if (!reach_.isStarted())
        return;
    tell(commands_.add(command, sessions_, Steady::now()));
    armCommandTimer();
    next();
}

void MySqlSource::sendCommand()
{
    const Command command = commands_.take(Steady::now());
    fact(ActionReported{command.action,
                        command.verb,
                        command.session,
                        ActionPhase::sent,
                        "Sent to the server.",
                        {}});
    checkAndOrder(command.session);
}

/// Who that id is by now, and then the order: again before each other way to give it.
void MySqlSource::checkAndOrder(const SessionKey& session)
{
    ask(Job::command, mysql_check(shape_, session.pid.value),
        [this, session](const MySqlReply& reply) {
            tell(commands_.checked(reply, sessions_));
            armCommandTimer();
            if (commands_.inFlight())
                order(session);
        });
}

void MySqlSource::order(const SessionKey& session)
{
    ask(Job::command, commands_.order(), [this, session](const MySqlReply& reply) {
        tell(commands_.killed(reply, wouldHelp_));
        armCommandTimer();
        if (commands_.inFlight())
            checkAndOrder(session);
        else if (commands_.watching() && poll_.isActive())
            schedulePoll();
    });
}

void MySqlSource::tell(const MySqlCommands::Facts& facts)
{
    for (const ActionReported& each : facts)
        fact(each);
}

void MySqlSource::armCommandTimer()
{
    armTimer(commandTimer_, commands_.deadline());
}

} // namespace poolscope
