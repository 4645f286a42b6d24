// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/ownsessions.h"

#include "core/capture/ownsessions.h"

namespace poolscope {

bool isOwn(const SessionStore& store, const Session& session)
{
    return is_own(session, store.targets(),
                  [&store](TargetId target, Pid pid) { return store.find(target, pid); });
}

} // namespace poolscope
