// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/blocking.h"

#include <algorithm>
#include <set>

namespace poolscope {

namespace {

using Edges = std::map<Pid, std::vector<Pid>>;

/// Everyone behind `from`, each once, in a graph that may have cycles. `from` itself counts only if
/// it waits for somebody behind it, and then not for itself.
std::int32_t count_behind(const Edges& waiters, Pid from)
{
    std::set<Pid> seen;
    std::vector<Pid> open{from};
    while (!open.empty()) {
        const Pid pid = open.back();
        open.pop_back();
        const auto found = waiters.find(pid);
        if (found == waiters.end())
            continue;
        for (const Pid waiter : found->second) {
            if (waiter != from && seen.insert(waiter).second)
                open.push_back(waiter);
        }
    }
    return static_cast<std::int32_t>(seen.size());
}

class Forest
{
public:
    Forest(const TargetState& target, const Edges& waiters,
           const std::map<Pid, std::int32_t>& blocks)
        : target_(target)
        , waiters_(waiters)
        , blocks_(blocks)
    {}

    BlockingNode grow(Pid pid)
    {
        placed_.insert(pid);
        BlockingNode node{key_of(pid), 0, {}};
        if (const auto found = blocks_.find(pid); found != blocks_.end())
            node.blocks = found->second;
        if (const auto found = waiters_.find(pid); found != waiters_.end()) {
            for (const Pid waiter : found->second) {
                // Placed at once, so that a sibling deeper down does not take it.
                if (!placed_.contains(waiter))
                    children(node, waiter);
            }
        }
        std::stable_sort(node.waiting.begin(), node.waiting.end(),
                         [this](const BlockingNode& a, const BlockingNode& b) {
                             return waits_since(a.key.pid) < waits_since(b.key.pid);
                         });
        return node;
    }

    bool placed(Pid pid) const { return placed_.contains(pid); }

    Timestamp waits_since(Pid pid) const
    {
        const auto found = target_.sessions.find(pid);
        if (found == target_.sessions.end())
            return Timestamp::max();
        return found->second.state_since.value_or(Timestamp::max());
    }

private:
    void children(BlockingNode& node, Pid waiter) { node.waiting.push_back(grow(waiter)); }

    SessionKey key_of(Pid pid) const
    {
        const auto found = target_.sessions.find(pid);
        return found != target_.sessions.end() ? found->second.key
                                               : SessionKey{target_.info.id, pid, {}};
    }

    const TargetState& target_;
    const Edges& waiters_;
    const std::map<Pid, std::int32_t>& blocks_;
    std::set<Pid> placed_;
};

} // namespace

Blocking find_blocking(const TargetState& target)
{
    Blocking result;
    Edges waiters;
    for (const auto& [pid, session] : target.sessions) {
        if (session.blocked_by.empty())
            continue;
        ++result.blocked;
        for (const Pid blocker : session.blocked_by)
            waiters[blocker].push_back(pid);
    }
    if (waiters.empty())
        return result;

    for (const auto& [blocker, ignored] : waiters)
        result.blocks[blocker] = count_behind(waiters, blocker);

    Forest forest{target, waiters, result.blocks};
    const auto plant = [&](Pid pid, bool cycle) {
        BlockingTree tree{forest.grow(pid), cycle, std::nullopt};
        for (const BlockingNode& waiter : tree.root.waiting) {
            const Timestamp since = forest.waits_since(waiter.key.pid);
            if (since != Timestamp::max() && (!tree.since || since < *tree.since))
                tree.since = since;
        }
        result.trees.push_back(std::move(tree));
    };
    for (const auto& [blocker, ignored] : waiters) {
        const auto session = target.sessions.find(blocker);
        if (session == target.sessions.end() || session->second.blocked_by.empty())
            plant(blocker, false);
    }
    // Whoever is left waits in a circle.
    for (const auto& [blocker, ignored] : waiters) {
        if (!forest.placed(blocker))
            plant(blocker, true);
    }
    std::stable_sort(
        result.trees.begin(), result.trees.end(),
        [](const BlockingTree& a, const BlockingTree& b) { return a.root.blocks > b.root.blocks; });
    return result;
}

} // namespace poolscope
