// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/waitgraph.h"

#include <algorithm>
#include <bit>

namespace poolscope {

namespace {

bool waits_on(const TargetState& target, Pid pid, std::string_view event)
{
    const auto found = target.sessions.find(pid);
    return found != target.sessions.end() && found->second.wait_event.str() == event;
}

} // namespace

WaitGraph::WaitGraph(const TargetState& target)
{
    for (const auto& [pid, session] : target.sessions) {
        if (session.blocked_by.empty())
            continue;
        pids_.push_back(pid);
        pids_.insert(pids_.end(), session.blocked_by.begin(), session.blocked_by.end());
    }
    std::sort(pids_.begin(), pids_.end());
    pids_.erase(std::unique(pids_.begin(), pids_.end()), pids_.end());
    named_.resize(pids_.size());
    is_named_.resize(pids_.size());
    for (Index i = 0; i < size(); ++i) {
        const auto session = target.sessions.find(pids_[i]);
        if (session == target.sessions.end())
            continue;
        for (const Pid blocker : session->second.blocked_by) {
            const auto at = std::lower_bound(pids_.begin(), pids_.end(), blocker) - pids_.begin();
            named_[i].push_back(static_cast<Index>(at));
            is_named_[static_cast<std::size_t>(at)] = true;
        }
        std::sort(named_[i].begin(), named_[i].end());
    }
    leave_out_queues();
    lift_row_queues(target);
    close();
}

/// Whoever waits for another of one's own blockers is ahead in the queue, and not what it waits
/// for. Where that would leave nobody (a circle), all stay.
void WaitGraph::leave_out_queues()
{
    waits_for_.resize(size());
    std::vector<Index> mark(size(), size());
    for (Index i = 0; i < size(); ++i) {
        for (const Index blocker : named_[i])
            mark[blocker] = i;
        for (const Index blocker : named_[i]) {
            const bool ahead =
                std::any_of(named_[blocker].begin(), named_[blocker].end(), [&](Index other) {
                    return other != blocker && other != i && mark[other] == i;
                });
            if (!ahead)
                waits_for_[i].push_back(blocker);
        }
        if (waits_for_[i].empty())
            waits_for_[i] = named_[i];
    }
}

/// A lock on a row itself ("tuple") is held only by the first of those who wait for the transaction
/// that changed the row, and only while it waits: whoever waits for that lock waits for the same
/// transaction.
void WaitGraph::lift_row_queues(const TargetState& target)
{
    std::vector<bool> first(size());
    for (Index i = 0; i < size(); ++i)
        first[i] = !waits_for_[i].empty() && waits_on(target, pids_[i], "Lock/transactionid");
    for (Index i = 0; i < size(); ++i) {
        if (waits_for_[i].size() != 1 || !first[waits_for_[i].front()] ||
            !waits_on(target, pids_[i], "Lock/tuple"))
            continue;
        const std::vector<Index>& holders = waits_for_[waits_for_[i].front()];
        // In a deadlock the row's holder may be this very session.
        if (std::find(holders.begin(), holders.end(), i) == holders.end())
            waits_for_[i] = holders;
    }
}

void WaitGraph::close()
{
    behind_.assign(size(), std::vector<std::uint64_t>((size() + 63) / 64));
    bool more = true;
    // Each round reaches at least one step further; most graphs are flat.
    while (more) {
        more = false;
        for (Index waiter = 0; waiter < size(); ++waiter) {
            for (const Index blocker : waits_for_[waiter]) {
                std::vector<std::uint64_t>& to = behind_[blocker];
                const std::vector<std::uint64_t>& from = behind_[waiter];
                for (std::size_t word = 0; word < to.size(); ++word) {
                    const std::uint64_t own =
                        word == waiter / 64 ? std::uint64_t{1} << waiter % 64 : 0;
                    const std::uint64_t united = to[word] | from[word] | own;
                    more = more || united != to[word];
                    to[word] = united;
                }
            }
        }
    }
}

std::int32_t WaitGraph::count_behind(Index i) const
{
    std::int32_t count = behind_itself(i) ? -1 : 0;
    for (const std::uint64_t word : behind_[i])
        count += std::popcount(word);
    return count;
}

} // namespace poolscope
