// SPDX-License-Identifier: GPL-3.0-or-later
// The locks of those that are watched, and what the server is told to end.
#include "core/source/mysqlsource.h"

#include <algorithm>

namespace poolscope {

using std::chrono::milliseconds;

std::vector<SessionKey> MySqlSource::dueLocks()
{
    std::vector<SessionKey> keys;
    if (locksRefused_ || sessions_.count() == 0 || (!shape_.transactions && !shape_.metadata))
        return keys;
    const bool again = std::any_of(watched_.begin(), watched_.end(), [&](const Watched& each) {
        return each.read && isDue(each.read, timings_.locks);
    });
    for (Watched& each : watched_) {
        if ((again || !each.read) && sessions_.find(each.session)) {
            each.read = Steady::now();
            keys.push_back(each.session);
        }
    }
    return keys;
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
        for (const SessionKey& key : sessions) {
            if (sessions_.find(key))
                fact(LocksReported{key, std::move(found[key.pid.value])});
        }
    });
}

void MySqlSource::setWatched(const std::vector<SessionKey>& sessions)
{
    std::vector<Watched> watched;
    for (const SessionKey& key : sessions) {
        const auto known = std::find_if(watched_.begin(), watched_.end(),
                                        [&](const Watched& each) { return each.session == key; });
        watched.push_back(known != watched_.end() ? *known : Watched{key, {}});
    }
    // Those new in the list are read after the next poll, which comes within an interval.
    watched_ = std::move(watched);
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
    const Command command = commands_.take();
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
    const auto deadline = commands_.deadline();
    if (!deadline) {
        commandTimer_.stop();
        return;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(*deadline - Steady::now());
    commandTimer_.start(std::max(milliseconds{1}, left + milliseconds{1}));
}

} // namespace poolscope
