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
        return row && row->session.own && same_on_both(session, row->session, kind);
    });
}

} // namespace poolscope
