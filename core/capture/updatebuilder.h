// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <set>

namespace poolscope {

/// Coalesces what observations changed into the next Update. The live capture and the player each
/// own one, so that the window gets the same from both. A target that was detached is left out as
/// long as another one is attached, or was attached to the same again: somebody ended looking at
/// it. Where all are detached they are what there is to see. Not thread-safe.
class UpdateBuilder
{
public:
    /// What an observation changed.
    void add(const WorldDelta& delta);
    /// A point at the live edge.
    void add(TargetId target, const SeriesPoint& point);
    void add(TargetId target, const Text& pool, const PoolPoint& point);
    /// The next update carries everything.
    void reset() { reset_ = true; }
    bool dirty() const { return dirty_ || reset_; }
    /// What changed since the last call.
    UpdatePtr build(const Analysis& analysis);

private:
    void leave_out(const World& world);
    void collect_rows(const Analysis& analysis, Update& update);
    void collect_checkouts(const World& world, Update& update);
    TargetSummary summarise(const Analysis& analysis, const TargetState& target) const;

    bool reset_ = true;
    bool dirty_ = false;
    std::set<TargetId> left_out_; ///< detached, as of the latest update
    std::set<SessionKey> touched_;
    std::set<SessionKey> sent_;                              ///< whom the window knows
    std::map<TargetId, std::map<Pid, std::int32_t>> blocks_; ///< as last sent
    std::set<CheckoutKey> touched_checkouts_;
    std::set<CheckoutKey> sent_checkouts_;
    std::map<TargetId, std::vector<SeriesPoint>> points_;
    std::map<std::pair<TargetId, Text>, std::vector<PoolPoint>> pool_points_;
    std::shared_ptr<const std::vector<ActionRecord>> actions_;
    std::shared_ptr<const std::vector<NoteRecord>> notes_;
};

} // namespace poolscope
