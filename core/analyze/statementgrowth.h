// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/holders.h"
#include "core/model/world.h"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// Prepared statements that are never closed: at one place of one pool the open ones only grow in
/// number, and the oldest is past the alert threshold.
///
/// What is kept for reuse is no leak: it levels off, at one of each text a connection. So the
/// growth must go on in each part of a window. Where more are open than one of each text a
/// connection, which no cache needs, a window of twice the alert threshold is enough; where there
/// are not, or the texts are not told, it takes the longest one, and many of them.
inline constexpr Duration statement_window_least = std::chrono::seconds{15};
inline constexpr Duration statement_window_most = std::chrono::minutes{5};
inline constexpr int statement_parts = 6;
/// New ones within a window, at the least.
inline constexpr std::uint64_t statement_growth_least = 5;
/// The same where a cache that fills could look like it.
inline constexpr std::uint64_t statement_growth_unsure = 50;

/// What must be remembered of one process for that: how many were open at each second of the
/// longest window. A value.
class StatementHistory
{
public:
    /// Begins with the process as it is.
    void restore(const TargetState& target, Timestamp now);
    /// After the sample was folded into the target.
    void watch(const TargetState& after, const PoolSample& sample, Timestamp now);
    /// At an instant on the capture's clock within the longest window; null before the beginning.
    std::optional<std::uint64_t> open_at(const PlaceKey& place, Timestamp at) const;
    /// How many places are remembered.
    std::size_t size() const { return places_.size(); }

private:
    struct Point
    {
        Timestamp time; ///< a whole second
        std::uint64_t open = 0;
    };
    using Points = std::deque<Point>;
    static constexpr std::size_t prune_least = 64;
    static void note(Points& points, std::uint64_t open, Timestamp now);
    /// Places where nothing was open in the whole window; now and then, as it looks at each.
    void forget_closed(Timestamp now);

    std::optional<Timestamp> since_;
    Timestamp last_;
    std::map<PlaceKey, Points> places_;
    std::size_t prune_at_ = prune_least;
};

struct StatementLeak
{
    Text pool;
    StackRef stack; ///< where they are prepared; null where that is not known
    LeakSeverity severity = LeakSeverity::alert;
    std::uint64_t open = 0;
    std::uint64_t before = 0; ///< open when the window began
    Duration window{};
    Duration age{};                        ///< of the oldest, on the process's clock
    std::optional<std::uint64_t> distinct; ///< texts
    std::uint64_t connections = 0;         ///< of the pool now; 0: not known
    Text statement;                        ///< fingerprint of the last of them
    LeakThresholds thresholds;             ///< by which it is judged
    friend bool operator==(const StatementLeak& a, const StatementLeak& b);
};

/// The worst first: by severity, then by how many are open. `now` is the capture's clock. Pure.
std::vector<StatementLeak> find_statement_leaks(const TargetState& target,
                                                const StatementHistory& history,
                                                const Judging& judging, Timestamp now);

/// In words, one sentence each, for a person.
std::vector<std::string> evidence_of(const StatementLeak& leak);

} // namespace poolscope
