// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/idlegrowth.h"

#include <algorithm>
#include <bitset>
#include <tuple>

namespace poolscope {

namespace {

using Parts = std::bitset<idle_parts>;

bool counts(const Session& session)
{
    return session.state == SessionState::idle && session.state_since && session.is_client() &&
           !session.own;
}

/// One instant, and what tells of a session whether it was opened for the window before.
struct Window
{
    const TargetState& target;
    const IdleHistory& history;
    Timestamp now;        ///< the capture's clock
    Timestamp server_now; ///< the server's
};

/// One that became settled within the window and was opened for it.
bool is_new(const Session& session, Duration settled_for, const Window& window)
{
    if (settled_for >= idle_window)
        return false;
    return tells_session_start(window.target.info.kind)
               ? window.server_now - session.key.started < idle_window + idle_settled
               : window.history.appeared(session.key, window.now);
}

struct Tally
{
    std::int32_t all = 0;   ///< of the client, in any state
    std::int32_t idle = 0;  ///< settled ones
    std::int32_t added = 0; ///< of those, since the window began
    std::int32_t opened = 0;
    Parts parts; ///< of the window, in which one was added
    const Session* oldest = nullptr;
};

std::string name_of_client(const IdleHistory::Client& client)
{
    const auto& [name, address] = client;
    if (address.empty())
        return name;
    return address == "local" ? name + " (local)" : name + " at " + address;
}

void add(Tally& tally, const Session& session, Duration settled_for, const Window& window)
{
    ++tally.idle;
    if (!tally.oldest || std::tie(*session.state_since, session.key) <
                             std::tie(*tally.oldest->state_since, tally.oldest->key))
        tally.oldest = &session;
    if (settled_for >= idle_window)
        return;
    ++tally.added;
    if (is_new(session, settled_for, window)) {
        ++tally.opened;
        tally.parts.set(static_cast<std::size_t>(settled_for / (idle_window / idle_parts)));
    }
}

} // namespace

IdleHistory::Client IdleHistory::client_of(const Session& session)
{
    const std::string& name =
        session.application.empty() ? session.user.str() : session.application.str();
    // Each connection has a port of its own.
    const std::string& client = session.client.str();
    return {name, client.substr(0, client.rfind(':'))};
}

void IdleHistory::restore(const TargetState& target, Timestamp now)
{
    *this = {};
    if (target.last_sample)
        since_ = now;
}

void IdleHistory::watch(const TargetState& before, const ServerSample& sample, Timestamp now)
{
    // A clock that was set back: what was seen is of another time.
    if (!since_ || now < *since_) {
        departures_.clear();
        appeared_.clear();
        since_ = now;
    }
    note_new(before, sample, now);
    const auto settled = [&](const Session& session) {
        return counts(session) && before.age(*session.state_since, now) >= idle_settled;
    };
    for (const Session& session : sample.changed) {
        const auto old = before.sessions.find(session.key.pid);
        if (old == before.sessions.end() || !settled(old->second))
            continue;
        const Session& was = old->second;
        if (was.key != session.key || was.state != session.state ||
            was.state_since != session.state_since ||
            (!(was.application == session.application) && client_of(was) != client_of(session)))
            depart(was, now);
    }
    for (const SessionKey& key : sample.gone) {
        const Session* const was = before.find(key);
        if (was && settled(*was))
            depart(*was, now);
    }
    if (!sample.full)
        return;
    auto listed = sample.changed.begin();
    for (const auto& [pid, was] : before.sessions) {
        while (listed != sample.changed.end() && listed->key.pid < pid)
            ++listed;
        const bool stays = listed != sample.changed.end() && listed->key.pid == pid;
        if (!stays && settled(was))
            depart(was, now);
    }
}

void IdleHistory::note_new(const TargetState& before, const ServerSample& sample, Timestamp now)
{
    if (tells_session_start(before.info.kind))
        return;
    // Before the first list, and after a time without any, nobody is new.
    if (!before.sessions.empty()) {
        for (const Session& session : sample.changed) {
            if (!before.find(session.key))
                appeared_[session.key] = now;
        }
    }
    for (const SessionKey& key : sample.gone)
        appeared_.erase(key);
    if (appeared_.size() < prune_appeared_at_)
        return;
    std::erase_if(appeared_, [now](const auto& a) { return now - a.second >= idle_window; });
    prune_appeared_at_ = std::max<std::size_t>(64, 2 * appeared_.size());
}

bool IdleHistory::appeared(const SessionKey& session, Timestamp now) const
{
    const auto found = appeared_.find(session);
    return found != appeared_.end() && now - found->second < idle_window;
}

void IdleHistory::depart(const Session& session, Timestamp now)
{
    departures_[client_of(session)] = now;
    if (departures_.size() < prune_at_)
        return;
    std::erase_if(departures_, [now](const auto& d) { return now - d.second >= idle_window; });
    prune_at_ = std::max<std::size_t>(64, 2 * departures_.size());
}

bool IdleHistory::covers_window(Timestamp now) const
{
    return since_ && now - *since_ >= idle_window;
}

bool IdleHistory::departed(const Client& client, Timestamp now) const
{
    const auto found = departures_.find(client);
    return found != departures_.end() && now - found->second < idle_window;
}

std::vector<SuspectedLeak> find_idle_growth(const TargetState& target, const IdleHistory& history,
                                            Timestamp now)
{
    std::vector<SuspectedLeak> found;
    if (!history.covers_window(now))
        return found;
    const Timestamp server_now = now + target.clock_offset;
    const Window window{target, history, now, server_now};
    const auto settled_for = [&](const Session& session) {
        return server_now - *session.state_since - idle_settled;
    };
    // Most of the time there is not enough of it to group it by names.
    std::int32_t fresh = 0;
    for (const auto& [pid, session] : target.sessions) {
        if (counts(session) && settled_for(session) >= Duration{0} &&
            is_new(session, settled_for(session), window))
            ++fresh;
    }
    if (fresh < idle_growth_least)
        return found;

    std::map<IdleHistory::Client, Tally> clients;
    for (const auto& [pid, session] : target.sessions) {
        if (session.own || !session.is_client())
            continue;
        Tally& tally = clients[IdleHistory::client_of(session)];
        ++tally.all;
        if (counts(session) && settled_for(session) >= Duration{0})
            add(tally, session, settled_for(session), window);
    }
    for (const auto& [client, tally] : clients) {
        if (tally.idle < idle_count_least || tally.opened < idle_growth_least ||
            tally.parts.count() + 1 < idle_parts || history.departed(client, now))
            continue;
        SuspectedLeak leak;
        leak.session = tally.oldest->key;
        leak.since = *tally.oldest->state_since;
        leak.growth = IdleGrowth{tally.idle - tally.added, tally.idle, tally.all};
        leak.group = name_of_client(client);
        found.push_back(std::move(leak));
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const SuspectedLeak& a, const SuspectedLeak& b) {
                         return a.growth->to - a.growth->from > b.growth->to - b.growth->from;
                     });
    return found;
}

} // namespace poolscope
