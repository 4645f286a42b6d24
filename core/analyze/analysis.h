// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/blocking.h"
#include "core/analyze/suspects.h"
#include "core/model/world.h"

#include <map>
#include <vector>

namespace poolscope {

/// What follows from one target's state at one instant.
struct TargetFindings
{
    Blocking blocking;
    std::vector<SuspectedLeak> suspects;
    friend bool operator==(const TargetFindings&, const TargetFindings&) = default;
};

/// The deterministic fold over observations that finds things: a World and what follows from it.
/// Live capture and replay drive the same class. A value; not thread-safe.
class Analysis
{
public:
    /// How far before a cursor a replay must begin for the findings to be those of the live run.
    static constexpr Duration longest_window{std::chrono::minutes{0}};

    const World& world() const { return world_; }
    /// Folds one observation into the world, and brings the findings up to it.
    void apply(const Observation& observation, WorldDelta& delta);
    /// Marks that arose since the last call: onsets of suspicion, sources up and down, actions,
    /// notes.
    std::vector<Mark> take_marks();
    const std::map<TargetId, TargetFindings>& findings() const { return findings_; }
    const TargetFindings& findings(TargetId target) const;
    /// Starts again from a keyframe.
    void restore(World world);

    friend bool operator==(const Analysis& a, const Analysis& b)
    {
        return a.world_ == b.world_ && a.findings_ == b.findings_;
    }

private:
    void examine(TargetId target);
    void mark(const Observation& observation);

    World world_;
    std::map<TargetId, TargetFindings> findings_;
    std::vector<Mark> marks_;
};

} // namespace poolscope
