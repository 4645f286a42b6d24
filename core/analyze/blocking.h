// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"

#include <map>
#include <vector>

namespace poolscope {

/// One session in a blocking tree, or a prepared transaction (pid 0).
struct BlockingNode
{
    SessionKey key;
    /// Everyone behind it, directly or not, each counted once.
    std::int32_t blocks = 0;
    /// Sessions that wait for this one, ascending by how long they have waited, longest first. One
    /// that waits for several stands under the lowest pid of them, so that every waiter is once in
    /// the forest.
    std::vector<BlockingNode> waiting;
    friend bool operator==(const BlockingNode&, const BlockingNode&) = default;
};

/// A session that blocks others and itself waits for nobody; in a cycle, its lowest pid.
struct BlockingTree
{
    BlockingNode root;
    bool cycle = false;             ///< a deadlock that the server has not broken yet
    std::optional<Timestamp> since; ///< server's clock: its first waiter began to wait
    friend bool operator==(const BlockingTree&, const BlockingTree&) = default;
};

struct Blocking
{
    std::vector<BlockingTree> trees;    ///< most blocked first, then by pid
    std::map<Pid, std::int32_t> blocks; ///< only those above 0
    std::int32_t blocked = 0;           ///< how many sessions wait for another
    friend bool operator==(const Blocking&, const Blocking&) = default;
};

/// Pure. Cost grows with the number of waiters alone.
Blocking find_blocking(const TargetState& target);

} // namespace poolscope
