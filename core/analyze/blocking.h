// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"

#include <map>
#include <vector>

namespace poolscope {

/// One session in a blocking tree, or a prepared transaction (pid 0).
///
/// The server names as blockers also those that merely stand ahead in the same queue
/// (pg_blocking_pids: "soft block"), so that a queue for one row looks like a chain as deep as it
/// is long. Here a session stands under the one that would have to end for it to go on; who queues
/// with it for the same thing is its sibling.
struct BlockingNode
{
    SessionKey key;
    /// Everyone behind it, directly or not, each counted once.
    std::int32_t blocks = 0;
    /// Sessions that wait for this one: those of one queue in its order, else longest wait first.
    /// One that waits for several stands under the lowest pid of them, so that every waiter is once
    /// in the forest.
    std::vector<BlockingNode> waiting;
    /// It stands in a queue behind a sibling above it: ending that one alone would not free it.
    bool queued = false;
    /// Others, ascending, that would have to end too for it to go on.
    std::vector<Pid> also;
    friend bool operator==(const BlockingNode&, const BlockingNode&) = default;
};

/// A session that blocks others and itself waits for nobody; in a cycle, its lowest pid.
struct BlockingTree
{
    BlockingNode root;
    bool cycle = false;             ///< holds a deadlock that the server has not broken yet
    std::optional<Timestamp> since; ///< server's clock: its first waiter began to wait
    friend bool operator==(const BlockingTree&, const BlockingTree&) = default;
};

struct Blocking
{
    std::vector<BlockingTree> trees;    ///< most blocked first, then by pid
    std::map<Pid, std::int32_t> blocks; ///< as in the nodes; only those above 0
    std::int32_t blocked = 0;           ///< how many sessions wait for another
    friend bool operator==(const Blocking&, const Blocking&) = default;
};

/// Pure. Cost grows with the number of waiters and of the blockers that each names.
Blocking find_blocking(const TargetState& target);

} // namespace poolscope
