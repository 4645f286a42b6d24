// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/disagreements.h"

#include "core/analyze/links.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace poolscope {

namespace {

bool tells(const TargetState& target, std::string_view what)
{
    return target.pools.agent &&
           std::find(target.pools.agent->can.begin(), target.pools.agent->can.end(), what) !=
               target.pools.agent->can.end();
}

/// One whose list of connections is whole, and names the server's processes.
bool names_connections(const TargetState& target)
{
    return tells(target, "connections") && tells(target, "server_pid");
}

bool is_database(const TargetState& target)
{
    return target.info.kind == "postgresql" || target.info.kind == "mysql";
}

bool answers(const TargetState& target)
{
    return target.status.reach == Reach::up && target.last_sample && !target.gap_since_sample;
}

/// An id that no checkout of the target has.
Text connection_id(const ConnectionKey& key)
{
    return Text{key.pool.str() + '\x1f' + key.id.str()};
}

/// As if it were lent since it was opened: what joins a checkout to its session joins this too.
Checkout as_checkout(const TargetState& target, const PoolConnection& connection, Timestamp now)
{
    Checkout checkout;
    checkout.key = {target.info.id, connection_id(connection.key)};
    checkout.pool = connection.key.pool;
    checkout.server_pid = connection.server_pid;
    checkout.local_port = connection.local_port;
    checkout.acquired = connection.opened ? *connection.opened : target.theirs(now);
    return checkout;
}

Text database_of(const TargetState& target, const Text& pool)
{
    const auto found = target.pools.pools.find(pool);
    return found == target.pools.pools.end() ? Text{} : found->second.database;
}

/// "10.0.0.1" of "10.0.0.1:5432"; empty where there is no port: then any process may be its owner.
std::string address_with_port(const Session& session)
{
    const std::string& client = session.client.str();
    const std::size_t colon = client.rfind(':');
    return colon == std::string::npos ? std::string{} : client.substr(0, colon);
}

bool same_port(const Session& session, const PoolConnection& connection)
{
    if (!connection.local_port)
        return false;
    const std::string port = ":" + std::to_string(*connection.local_port);
    return session.client.str().ends_with(port);
}

/// Application, user and address.
using ClientGroup = std::tuple<std::string, std::string, std::string>;

ClientGroup group_of(const Session& session)
{
    return {session.application.str(), session.user.str(), address_with_port(session)};
}

class Comparison
{
public:
    Comparison(const World& world, const std::map<TargetId, DepartureHistory>& histories)
        : world_(world)
        , histories_(histories)
        , now_(world.now())
    {}

    Disagreements run()
    {
        if (!worth_it())
            return {};
        join_present();
        find_orphans();
        for (const auto& [id, target] : world_.targets()) {
            if (!names_connections(target))
                continue;
            if (target.status.reach == Reach::failing)
                find_survivors(target);
            else if (answers(target))
                find_bypasses(target);
        }
        find_lost();
        for (auto& [id, leaks] : found_.sessions)
            std::sort(leaks.begin(), leaks.end(),
                      [](const auto& a, const auto& b) { return a.session < b.session; });
        return std::move(found_);
    }

private:
    bool worth_it() const
    {
        std::size_t all = 0;
        bool process = false;
        bool server = false;
        for (const auto& [id, target] : world_.targets()) {
            all += target.sessions.size() + target.pools.connections.size() +
                   target.pools.checkouts.size();
            process = process || names_connections(target);
            server = server || (is_database(target) && answers(target));
        }
        return process && server && all <= disagreement_most;
    }

    Links links_of_sessions() const
    {
        Links links;
        for (const auto& [id, target] : world_.targets()) {
            links.add_target(target.info, target.clock_offset);
            for (const auto& [pid, session] : target.sessions)
                links.add_session(session);
        }
        return links;
    }

    /// What anybody attached may own, also where it cannot be told which.
    void join_present()
    {
        Links links = links_of_sessions();
        for (const auto& [id, target] : world_.targets()) {
            for (const auto& [key, connection] : target.pools.connections)
                links.add_checkout(as_checkout(target, connection, now_),
                                   database_of(target, key.pool));
            for (const auto& [key, checkout] : target.pools.checkouts)
                links.add_checkout(checkout, database_of(target, checkout.pool));
        }
        const auto own = [&](const CheckoutKey& key) {
            const SessionLink* const link = links.session_of(key);
            if (link != nullptr) {
                owned_.insert(link->sessions.begin(), link->sessions.end());
                owned_.insert(link->doubted.begin(), link->doubted.end());
            }
            return link;
        };
        for (const auto& [id, target] : world_.targets()) {
            for (const auto& [key, checkout] : target.pools.checkouts)
                own(checkout.key);
            for (const auto& [key, connection] : target.pools.connections) {
                const SessionLink* const link = own({id, connection_id(key)});
                if (link == nullptr || !link->session() || link->by != JoinedBy::server_pid)
                    continue;
                const Session* const session = world_.session(*link->session());
                if (session != nullptr)
                    joined_[id].push_back({&connection, session});
            }
        }
    }

    SuspectedLeak leak_of(LeakKind kind, const Session& session, Timestamp since) const
    {
        SuspectedLeak leak;
        leak.kind = kind;
        leak.session = session.key;
        leak.since = since;
        leak.group = session.application.empty() ? session.user.str() : session.application.str();
        return leak;
    }

    bool seen_since(TargetId server, Timestamp instant) const
    {
        const TargetState* const target = world_.target(server);
        return target != nullptr && answers(*target) && *target->last_sample >= instant;
    }

    /// The pool dropped it, and the server still has it.
    void find_orphans()
    {
        Links links = links_of_sessions();
        std::vector<std::tuple<const TargetState*, const DepartureHistory::Dropped*, CheckoutKey>>
            all;
        for (const auto& [id, history] : histories_) {
            const TargetState* const target = world_.target(id);
            if (target == nullptr || !names_connections(*target) || !answers(*target))
                continue;
            for (const DepartureHistory::Dropped& dropped : history.dropped()) {
                if (now_ - dropped.at > disagreement_window ||
                    target->pools.connections.contains(dropped.connection.key) ||
                    !dropped.connection.opened)
                    continue;
                Checkout checkout = as_checkout(*target, dropped.connection, now_);
                all.emplace_back(target, &dropped, checkout.key);
                links.add_checkout(checkout, database_of(*target, checkout.pool));
            }
        }
        for (const auto& [target, dropped, key] : all) {
            const SessionLink* const link = links.session_of(key);
            const auto session = link != nullptr && link->by == JoinedBy::server_pid
                                     ? link->session()
                                     : std::nullopt;
            const Session* const still = session ? world_.session(*session) : nullptr;
            // On its way to leave, as far as one knows: no orphan yet, and no stranger either.
            if (session && now_ - dropped->at < disagreement_settled) {
                owned_.insert(*session);
                continue;
            }
            if (still == nullptr || owned_.contains(*session) || !still->is_client() ||
                !seen_since(session->target, dropped->at + disagreement_settled / 2))
                continue;
            orphan(*target, dropped->connection, *still, dropped->at, false);
        }
    }

    void orphan(const TargetState& process, const PoolConnection& connection,
                const Session& session, Timestamp dropped, bool process_gone)
    {
        const TargetState& server = *world_.target(session.key.target);
        SuspectedLeak leak = leak_of(LeakKind::orphan, session, server.theirs(dropped));
        leak.pool = connection.key.pool;
        leak.process = Text{process.info.name};
        leak.process_gone = process_gone;
        owned_.insert(session.key);
        found_.sessions[session.key.target].push_back(std::move(leak));
    }

    /// Of a process that answers no more: where the server lost its other sessions at the same
    /// time, the process is gone, and what still runs a statement runs it for nobody.
    void find_survivors(const TargetState& process)
    {
        if (!process.last_sample || now_ - *process.last_sample < disagreement_settled)
            return;
        const Timestamp silent = *process.last_sample;
        std::vector<const std::pair<const PoolConnection*, const Session*>*> left;
        for (const auto& joined : joined_[process.info.id]) {
            const Session& session = *joined.second;
            const TargetState& server = *world_.target(session.key.target);
            const bool runs =
                (session.state == SessionState::active || session.state == SessionState::waiting) &&
                session.statement_since &&
                *session.statement_since <= server.theirs(silent) + std::chrono::seconds{2};
            if (!runs || !seen_since(session.key.target, silent + disagreement_settled / 2))
                return;
            left.push_back(&joined);
        }
        if (left.empty())
            return;
        const TargetId server = left.front()->second->key.target;
        const auto history = histories_.find(server);
        if (history == histories_.end())
            return;
        std::size_t went = 0;
        for (const auto& [key, connection] : process.pools.connections) {
            for (const DepartureHistory::Departed& departed : history->second.departed())
                went += connection.server_pid &&
                                departed.session.key.pid.value == *connection.server_pid &&
                                same_port(departed.session, connection) &&
                                departed.at >= silent - std::chrono::seconds{5}
                            ? 1
                            : 0;
        }
        if (went == 0)
            return;
        for (const auto* const joined : left)
            orphan(process, *joined->first, *joined->second, silent, true);
    }

    /// Sessions of the same client as the pools' own, beside them.
    void find_bypasses(const TargetState& process)
    {
        for (const auto& [key, connection] : process.pools.connections) {
            if (!connection.server_pid)
                return; // it may be any of them
        }
        // A process that is known, and silent now, may have opened some meanwhile.
        for (const auto& [id, other] : world_.targets()) {
            if (!is_database(other) && !answers(other))
                return;
        }
        std::map<std::pair<TargetId, ClientGroup>, std::int32_t> pooled;
        for (const auto& [connection, session] : joined_[process.info.id]) {
            if (same_port(*session, *connection) && !session->application.empty() &&
                seen_since(session->key.target, now_ - disagreement_settled / 2))
                ++pooled[{session->key.target, group_of(*session)}];
        }
        for (const auto& [of, count] : pooled)
            find_bypasses(process, of.first, of.second, count);
    }

    void find_bypasses(const TargetState& process, TargetId of, const ClientGroup& group,
                       std::int32_t pooled)
    {
        const TargetState& server = *world_.target(of);
        const Timestamp server_now = server.theirs(now_);
        const bool tells_start = tells_session_start(server.info.kind);
        std::vector<const Session*> beside;
        std::set<Timestamp> opened; ///< lately
        for (const auto& [pid, session] : server.sessions) {
            if (session.own || !session.is_client() || owned_.contains(session.key) ||
                group_of(session) != group)
                continue;
            if (tells_start && server_now - session.key.started < disagreement_window)
                opened.insert(session.key.started);
            beside.push_back(&session);
        }
        // A second process of that name would have a pool of about the same size, opened at once.
        const bool grows =
            opened.size() >= 3 && *opened.rbegin() - *opened.begin() >= std::chrono::seconds{20};
        if (!grows && static_cast<std::int32_t>(beside.size()) >= pooled)
            return;
        const Duration alert = world_.thresholds(of).alert;
        for (const Session* const session : beside) {
            const bool idle = session->state == SessionState::idle ||
                              session->state == SessionState::idle_in_transaction ||
                              session->state == SessionState::idle_in_transaction_aborted;
            if (!idle || !session->state_since ||
                server.age(*session->state_since, now_) < std::max(alert, disagreement_settled))
                continue;
            SuspectedLeak leak = leak_of(LeakKind::bypass, *session, *session->state_since);
            leak.process = Text{process.info.name};
            leak.pooled = pooled;
            leak.beside = static_cast<std::int32_t>(beside.size());
            owned_.insert(session->key);
            found_.sessions[of].push_back(std::move(leak));
        }
    }

    /// The server's session left, and the pool still lists its connection.
    void find_lost()
    {
        for (const auto& [server, history] : histories_) {
            const TargetState* const target = world_.target(server);
            if (target == nullptr || !is_database(*target))
                continue;
            std::multimap<std::int64_t, const DepartureHistory::Departed*> by_pid;
            for (const DepartureHistory::Departed& departed : history.departed()) {
                const Duration ago = now_ - departed.at;
                if (ago >= disagreement_settled && ago <= disagreement_window)
                    by_pid.emplace(departed.session.key.pid.value, &departed);
            }
            if (by_pid.empty())
                continue;
            for (const auto& [id, process] : world_.targets()) {
                if (names_connections(process) && answers(process))
                    find_lost(process, by_pid);
            }
        }
        for (auto& [id, lost] : found_.lost)
            std::sort(lost.begin(), lost.end(),
                      [](const auto& a, const auto& b) { return a.connection < b.connection; });
    }

    void find_lost(const TargetState& process,
                   const std::multimap<std::int64_t, const DepartureHistory::Departed*>& by_pid)
    {
        for (const auto& [key, connection] : process.pools.connections) {
            if (!connection.server_pid || !connection.opened)
                continue;
            const auto [first, last] = by_pid.equal_range(*connection.server_pid);
            for (auto it = first; it != last; ++it) {
                const Session& session = it->second->session;
                // By process and port, and there before it left.
                if (!same_port(session, connection) || world_.session(session.key) != nullptr ||
                    *connection.opened - process.clock_offset > it->second->at)
                    continue;
                const bool lent = std::any_of(
                    process.pools.checkouts.begin(), process.pools.checkouts.end(),
                    [&key = key](const auto& c) {
                        return c.second.pool == key.pool && c.second.connection == key.id;
                    });
                found_.lost[process.info.id].push_back({key, session.key, it->second->at, lent});
                break;
            }
        }
    }

    const World& world_;
    const std::map<TargetId, DepartureHistory>& histories_;
    Timestamp now_;
    std::set<SessionKey> owned_;
    std::map<TargetId, std::vector<std::pair<const PoolConnection*, const Session*>>> joined_;
    Disagreements found_;
};

} // namespace

Disagreements find_disagreements(const World& world,
                                 const std::map<TargetId, DepartureHistory>& histories)
{
    return Comparison{world, histories}.run();
}

} // namespace poolscope
