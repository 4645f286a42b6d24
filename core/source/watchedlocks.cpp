// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/watchedlocks.h"

#include <algorithm>

namespace poolscope {

void WatchedLocks::set(const std::vector<SessionKey>& sessions)
{
    std::vector<Watched> next;
    next.reserve(sessions.size());
    for (const SessionKey& key : sessions) {
        const auto known = std::find_if(watched_.begin(), watched_.end(),
                                        [&](const Watched& each) { return each.session == key; });
        next.push_back(known != watched_.end() ? *known : Watched{key, {}});
    }
    watched_ = std::move(next);
}

void WatchedLocks::forget()
{
    for (Watched& each : watched_)
        each.asked.reset();
}

std::vector<SessionKey> WatchedLocks::due(Instant now, std::chrono::milliseconds every,
                                          const std::function<bool(const SessionKey&)>& exists)
{
    const bool again = std::any_of(watched_.begin(), watched_.end(), [&](const Watched& each) {
        return each.asked && now - *each.asked >= every;
    });
    std::vector<SessionKey> keys;
    for (Watched& each : watched_) {
        if ((again || !each.asked) && exists(each.session)) {
            each.asked = now;
            keys.push_back(each.session);
        }
    }
    return keys;
}

} // namespace poolscope
