// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/blocking.h"

#include "core/analyze/waitgraph.h"

#include <algorithm>
#include <set>

namespace poolscope {

namespace {

using Index = WaitGraph::Index;

class Forest
{
public:
    Forest(const TargetState& target, const WaitGraph& graph)
        : target_(target)
        , graph_(graph)
        , children_(graph.size())
        , parent_(graph.size())
    {
        for (Index i = 0; i < graph.size(); ++i) {
            parent_[i] = choose_parent(i);
            if (parent_[i])
                children_[*parent_[i]].push_back(i);
        }
        for (std::vector<Index>& siblings : children_)
            put_in_order(siblings);
    }

    std::optional<Index> parent(Index i) const { return parent_[i]; }
    bool placed(Index i) const { return placed_.contains(i); }

    /// `cycle` becomes true if anyone in the tree waits for itself.
    BlockingNode grow(Index i, bool& cycle)
    {
        placed_.insert(i);
        cycle = cycle || graph_.behind_itself(i);
        BlockingNode node{key_of(i), graph_.count_behind(i), {}, queued_.contains(i), {}};
        for (const Index blocker : graph_.waits_for(i)) {
            if (blocker != parent_[i])
                node.also.push_back(graph_.pid(blocker));
        }
        for (const Index waiter : children_[i]) {
            if (!placed_.contains(waiter))
                node.waiting.push_back(grow(waiter, cycle));
        }
        return node;
    }

    Timestamp waits_since(Pid pid) const
    {
        const auto found = target_.sessions.find(pid);
        if (found == target_.sessions.end())
            return Timestamp::max();
        return found->second.state_since.value_or(Timestamp::max());
    }

private:
    /// The lowest pid it waits for; one that is not in turn behind it, if there is such a one.
    std::optional<Index> choose_parent(Index i) const
    {
        const std::vector<Index>& blockers = graph_.waits_for(i);
        for (const Index blocker : blockers) {
            if (!graph_.is_behind(i, blocker))
                return blocker;
        }
        return blockers.empty() ? std::nullopt : std::optional{blockers.front()};
    }

    /// Whoever the server puts ahead comes first; of those that are free to come next, the one that
    /// has waited longest.
    void put_in_order(std::vector<Index>& siblings)
    {
        const std::set<Index> all(siblings.begin(), siblings.end());
        std::map<Index, std::vector<Index>> followers;
        std::map<Index, std::size_t> ahead;
        for (const Index i : siblings) {
            for (const Index other : graph_.named_by(i)) {
                if (other != i && all.contains(other)) {
                    followers[other].push_back(i);
                    ++ahead[i];
                    queued_.insert(i);
                }
            }
        }
        const auto rank = [this](Index i) {
            return std::make_pair(waits_since(graph_.pid(i)), i);
        };
        using Ranked = std::pair<Timestamp, Index>;
        std::set<Ranked> waiting, free;
        for (const Index i : siblings)
            (ahead.contains(i) ? waiting : free).insert(rank(i));
        siblings.clear();
        while (!free.empty() || !waiting.empty()) {
            // Nobody is free in a circle: then any may begin.
            std::set<Ranked>& from = free.empty() ? waiting : free;
            const Index next = from.extract(from.begin()).value().second;
            siblings.push_back(next);
            for (const Index follower : followers[next]) {
                if (--ahead[follower] == 0 && waiting.erase(rank(follower)) > 0)
                    free.insert(rank(follower));
            }
        }
    }

    SessionKey key_of(Index i) const
    {
        const Pid pid = graph_.pid(i);
        const auto found = target_.sessions.find(pid);
        return found != target_.sessions.end() ? found->second.key
                                               : SessionKey{target_.info.id, pid, {}};
    }

    const TargetState& target_;
    const WaitGraph& graph_;
    std::vector<std::vector<Index>> children_;
    std::vector<std::optional<Index>> parent_;
    std::set<Index> queued_;
    std::set<Index> placed_;
};

} // namespace

Blocking find_blocking(const TargetState& target)
{
    Blocking result;
    const WaitGraph graph{target};
    if (graph.size() == 0)
        return result;
    for (Index i = 0; i < graph.size(); ++i) {
        result.blocked += graph.named_by(i).empty() ? 0 : 1;
        if (const std::int32_t behind = graph.count_behind(i); behind > 0)
            result.blocks[graph.pid(i)] = behind;
    }

    Forest forest{target, graph};
    const auto plant = [&](Index root) {
        BlockingTree tree;
        tree.root = forest.grow(root, tree.cycle);
        for (const BlockingNode& waiter : tree.root.waiting) {
            const Timestamp since = forest.waits_since(waiter.key.pid);
            if (since != Timestamp::max() && (!tree.since || since < *tree.since))
                tree.since = since;
        }
        result.trees.push_back(std::move(tree));
    };
    for (Index i = 0; i < graph.size(); ++i) {
        if (!forest.parent(i) && (graph.count_behind(i) > 0 || graph.is_named(i)))
            plant(i);
    }
    // What is left hangs on circles. Its lowest pid is the root of each.
    for (Index i = 0; i < graph.size(); ++i) {
        if (!forest.placed(i) && graph.behind_itself(i))
            plant(i);
    }
    std::stable_sort(
        result.trees.begin(), result.trees.end(),
        [](const BlockingTree& a, const BlockingTree& b) { return a.root.blocks > b.root.blocks; });
    return result;
}

} // namespace poolscope
