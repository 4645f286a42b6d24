// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/disagreements.h"

#include "core/analyze/words.h"

#include <fmt/format.h>

namespace poolscope {

void DepartureHistory::drop(const PoolConnection& connection, Timestamp now)
{
    dropped_.push_back({connection, now});
    while (dropped_.size() > most || dropped_.front().at < now - disagreement_window)
        dropped_.pop_front();
}

void DepartureHistory::depart(const Session& session, Timestamp now)
{
    if (session.own || !session.is_client())
        return;
    departed_.push_back({session, now});
    departed_.back().session.statement = {};
    while (departed_.size() > most || departed_.front().at < now - disagreement_window)
        departed_.pop_front();
}

void DepartureHistory::watch(const TargetState& before, const PoolSample& sample, Timestamp now)
{
    const auto& known = before.pools.connections;
    for (const ConnectionKey& key : sample.closed) {
        if (const auto was = known.find(key); was != known.end())
            drop(was->second, now);
    }
    if (!sample.full)
        return;
    auto listed = sample.opened.begin();
    for (const auto& [key, was] : known) {
        while (listed != sample.opened.end() && listed->key < key)
            ++listed;
        if (listed == sample.opened.end() || !(listed->key == key))
            drop(was, now);
    }
}

void DepartureHistory::watch(const TargetState& before, const ServerSample& sample, Timestamp now)
{
    for (const SessionKey& key : sample.gone) {
        if (const Session* const was = before.find(key))
            depart(*was, now);
    }
    for (const Session& session : sample.changed) {
        const auto was = before.sessions.find(session.key.pid);
        if (was != before.sessions.end() && was->second.key != session.key)
            depart(was->second, now);
    }
    if (!sample.full)
        return;
    auto listed = sample.changed.begin();
    for (const auto& [pid, was] : before.sessions) {
        while (listed != sample.changed.end() && listed->key.pid < pid)
            ++listed;
        if (listed == sample.changed.end() || listed->key.pid != pid)
            depart(was, now);
    }
}

std::vector<std::string> evidence_of_disagreement(const SuspectedLeak& leak,
                                                  const TargetState& target, Timestamp now)
{
    std::vector<std::string> sentences;
    const Session* const session = target.find(leak.session);
    const std::string process = plain_line(leak.process.str(), 128);
    if (leak.kind == LeakKind::orphan) {
        const std::string ago = format_duration_prose(target.age(leak.since, now));
        const std::string pool = plain_line(leak.pool.str(), 128);
        if (leak.process_gone)
            sentences.push_back(fmt::format(
                "It was a connection of pool {} of {}, which has not answered for {}. The server "
                "has lost that process's other sessions; this one runs its statement for nobody.",
                pool, process, ago));
        else
            sentences.push_back(fmt::format("It was a connection of pool {} of {}, which dropped "
                                            "it {} ago. The server still has it.",
                                            pool, process, ago));
    } else {
        sentences.push_back(fmt::format(
            "No pool that is attached owns it: {} has {} from the same address, with the same "
            "user and application name, in its pools, and {} beside them.",
            process, count_of(leak.pooled, "connection"),
            leak.beside == 1 ? std::string{"this one"} : fmt::format("{} like this", leak.beside)));
    }
    if (session != nullptr && session->state_since) {
        const std::string since = format_duration_prose(target.age(*session->state_since, now));
        const bool idle = session->state == SessionState::idle;
        const bool open = session->state == SessionState::idle_in_transaction ||
                          session->state == SessionState::idle_in_transaction_aborted;
        if (idle || open)
            sentences.push_back(fmt::format("It has been idle{} for {}.",
                                            open ? " in its transaction" : "", since));
        else
            sentences.push_back(fmt::format("It has run a statement for {}.", since));
    }
    if (leak.kind == LeakKind::bypass)
        sentences.emplace_back(
            "Should another process of that name run there, attach to it too: it may be its.");
    return sentences;
}

} // namespace poolscope
