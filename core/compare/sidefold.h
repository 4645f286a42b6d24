// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/compare/side.h"

#include <cstdint>
#include <map>
#include <optional>

namespace poolscope::compare {

/// The fold behind a comparison: sums over a range of a recording. What stands between two samples
/// counts as at the first; what was counted while nothing was seen does not. Memory follows what is
/// open and how many pools, lines of code and applications there are, not how long it lasts. A
/// value; not thread-safe.
class SideFold
{
public:
    SideFold(Timestamp from, Timestamp to)
        : from_(from)
        , to_(to)
    {}

    /// The world that the folding begins with.
    void begin(const World& world);
    /// Around each observation: the world before it, and after it. What is stamped outside the
    /// range belongs to it in nothing but its order: a clock may be set for a while.
    void before(const World& world, const Observation& observation);
    void after(const World& world, const Observation& observation);
    /// What the analysis finds by now; once a second.
    void look(const Analysis& analysis);
    /// Ends at `end`, `to` or earlier where the recording could not be read further.
    Side finish(const World& world, Timestamp end);

private:
    /// Of one target, what does not become a figure.
    struct Watched
    {
        std::optional<Timestamp> last; ///< its last sample
        bool broken = false;           ///< nothing was seen since
        double clock = 0;              ///< seconds observed within the range
        /// The time that the sample at hand tells of, within the range; empty where a is b.
        Timestamp a;
        Timestamp b;
        bool counts = false; ///< what came with it is of that time
        // Between the last two looks:
        bool broke = false;  ///< for a moment at least nothing was seen
        bool looked = false; ///< it was known at the first of them
        bool seen = false;   ///< all the while
    };
    /// When something was found last.
    struct Found
    {
        std::uint64_t look = 0;
        Timestamp time;
    };

    bool within(Timestamp t) const { return t >= from_ && t <= to_; }
    TargetFigures& figures(const TargetState& target);
    void advance(TargetFigures& figures, Watched& watched, Timestamp now);
    void interrupt(const TargetState& target);
    void returned(TargetFigures& figures, const Watched& watched, const TargetState& target,
                  const PoolSample& sample);
    void acquired(TargetFigures& figures, const Watched& watched, const TargetState& target,
                  const PoolSample& sample);
    void brief(TargetFigures& figures, const Watched& watched, const PoolSample& sample);
    void gave_up(TargetFigures& figures, const Watched& watched, const PoolSample& sample);
    void read(PoolFigures& figures, const Pool& pool, const Watched& watched, bool within);
    void read_all(TargetFigures& figures, const Watched& watched, const TargetState& target,
                  bool within);
    void recount_checkouts(TargetFigures& figures, const Watched& watched,
                           const TargetState& target, bool within);
    void count_sessions(TargetFigures& figures, const Watched& watched, const TargetState& target,
                        bool within);
    PoolFigures* pool(TargetFigures& figures, const Text& name);
    PlaceFigures* place(TargetFigures& figures, const Text& pool, const StackRef& stack);
    /// `seen`: its target was, since the look before, which is so many seconds ago.
    void stand(Stood& stood, std::optional<Found>& found, bool seen, double step, int weight);

    Timestamp from_;
    Timestamp to_;
    Side side_;
    std::map<TargetId, Watched> watched_;
    std::size_t pools_ = 0;
    std::size_t places_ = 0;
    std::size_t applications_ = 0;
    std::size_t stood_ = 0;
    std::uint64_t looks_ = 0;
    std::optional<Timestamp> looked_;
    std::map<std::pair<TargetId, DiagnosisKey>, std::optional<Found>> diagnosed_;
    std::map<std::pair<TargetId, AlertKey>, std::optional<Found>> fired_;
};

} // namespace poolscope::compare
