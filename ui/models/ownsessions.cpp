// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/ownsessions.h"

#include <algorithm>

namespace poolscope {

bool isOwn(const SessionStore& store, const Session& session)
{
    if (session.own)
        return true;
    const auto& targets = store.targets();
    return std::any_of(targets.begin(), targets.end(), [&](const TargetSummary& target) {
        const SessionRow* const same =
            store.find(SessionKey{target.info.id, session.key.pid, session.key.started});
        return same && same->session.own;
    });
}

} // namespace poolscope
