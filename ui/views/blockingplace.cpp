// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/blockingplace.h"

#include <algorithm>
#include <vector>

namespace poolscope {

namespace {

/// Of those beside it, the ones that the server names as its blockers.
int aheadOf(const SessionStore& store, const BlockingPlace& place)
{
    const SessionRow* const row = store.find(place.node->key);
    if (!place.node->queued || !place.parent || !row)
        return 0;
    const std::vector<Pid>& named = row->session.blocked_by;
    return static_cast<int>(std::count_if(
        place.parent->waiting.begin(), place.parent->waiting.end(), [&](const BlockingNode& n) {
            return std::find(named.begin(), named.end(), n.key.pid) != named.end();
        }));
}

} // namespace

std::optional<BlockingPlace> blockingPlace(const SessionStore& store, const SessionKey& session)
{
    const TargetSummary* const target = store.target(session.target);
    if (!target)
        return std::nullopt;
    std::vector<BlockingPlace> open;
    for (const BlockingTree& tree : target->blocking.trees)
        open.push_back({&tree.root, nullptr, 0});
    while (!open.empty()) {
        BlockingPlace place = open.back();
        open.pop_back();
        if (place.node->key == session) {
            place.ahead = aheadOf(store, place);
            return place;
        }
        for (const BlockingNode& waiter : place.node->waiting)
            open.push_back({&waiter, place.node, 0});
    }
    return std::nullopt;
}

} // namespace poolscope
