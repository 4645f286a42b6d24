// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"

#include <cstdint>
#include <vector>

namespace poolscope {

/// Who waits for whom in one target, once those are left out that merely stand ahead in the same
/// queue. A value; may have cycles.
class WaitGraph
{
public:
    /// Of everyone that waits or is waited for, ascending by pid.
    using Index = std::uint32_t;

    explicit WaitGraph(const TargetState& target);

    Index size() const { return static_cast<Index>(pids_.size()); }
    Pid pid(Index i) const { return pids_[i]; }
    /// Whom the server names as blockers, ascending.
    const std::vector<Index>& named_by(Index i) const { return named_[i]; }
    /// Whether the server names it as a blocker.
    bool is_named(Index i) const { return is_named_[i]; }
    /// Those of them that would have to end for it to go on, ascending.
    const std::vector<Index>& waits_for(Index i) const { return waits_for_[i]; }
    /// Whether `later` waits, directly or not, for `i`.
    bool is_behind(Index i, Index later) const
    {
        return (behind_[i][later / 64] >> (later % 64) & 1) != 0;
    }
    bool behind_itself(Index i) const { return is_behind(i, i); }
    /// Everyone behind it, each once, but never itself.
    std::int32_t count_behind(Index i) const;

private:
    void leave_out_queues();
    void lift_row_queues(const TargetState& target);
    void close();

    std::vector<Pid> pids_;
    std::vector<std::vector<Index>> named_;
    std::vector<bool> is_named_;
    std::vector<std::vector<Index>> waits_for_;
    std::vector<std::vector<std::uint64_t>> behind_; ///< a bit for each that is behind
};

} // namespace poolscope
