// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/ownsessions.h"

#include <algorithm>

namespace poolscope {

namespace {

bool same_or_beginning(const Text& a, const Text& b)
{
    return a.str().starts_with(b.str()) || b.str().starts_with(a.str());
}

/// Of two targets of one kind: it is one session that both of them see.
bool same_on_both(const Session& a, const Session& b, std::string_view kind)
{
    const SessionKey moved{a.key.target, b.key.pid, b.key.started};
    if (!same_session(a.key, moved, kind))
        return false;
    // Where no start is told, servers that were started together count alike. By its client's port
    // one of their sessions is told from another; some lists leave out the port.
    return tells_session_start(kind) || (a.user == b.user && same_or_beginning(a.client, b.client));
}

/// `there`: who has that pid on the other target.
bool is_ours_there(const Session& session, const Session* there, std::string_view kind)
{
    return there && there->own && same_on_both(session, *there, kind);
}

} // namespace

bool is_own(const Session& session, const std::vector<TargetSummary>& targets,
            const SessionByPid& find)
{
    if (session.own)
        return true;
    const auto kind_of = [&](TargetId id) {
        const auto found =
            std::find_if(targets.begin(), targets.end(),
                         [id](const TargetSummary& target) { return target.info.id == id; });
        return found == targets.end() ? std::string_view{} : std::string_view{found->info.kind};
    };
    if (targets.size() < 2)
        return false;
    const std::string_view kind = kind_of(session.key.target);
    return std::any_of(targets.begin(), targets.end(), [&](const TargetSummary& target) {
        if (target.info.id == session.key.target || target.info.kind != kind)
            return false;
        const SessionRow* const row = find(target.info.id, session.key.pid);
        return is_ours_there(session, row ? &row->session : nullptr, kind);
    });
}

bool is_own(const SessionKey& key, const World& world)
{
    const TargetState* const of = world.target(key.target);
    if (!of)
        return false;
    const std::string_view kind = of->info.kind;
    const auto named = [&key](const TargetState& target) -> const Session* {
        const auto found = target.sessions.find(key.pid);
        return found == target.sessions.end() ? nullptr : &found->second;
    };
    const Session* const known = named(*of);
    Session session;
    session.key = key;
    if (known && same_session(known->key, key, kind))
        session = *known;
    if (session.own)
        return true;
    return std::any_of(world.targets().begin(), world.targets().end(), [&](const auto& other) {
        return other.first != key.target && other.second.info.kind == kind &&
               is_ours_there(session, named(other.second), kind);
    });
}

} // namespace poolscope
