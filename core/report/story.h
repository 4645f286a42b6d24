// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/report/report.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace poolscope::report {

/// What instants there are for a report, of any recording: sums and differences of them do not
/// overflow. The years 1 to 9999.
inline constexpr Timestamp earliest_told = timestamp_from_us(-62'135'596'800'000'000);
inline constexpr Timestamp latest_told = timestamp_from_us(253'402'300'799'000'000);

/// What happened between two instants, and when it was worst: a fold beside the analysis. A value.
class Story
{
public:
    Story(Timestamp from, Timestamp to)
        : from_(from)
        , to_(to)
    {}

    /// Around each observation: what the analysis was before it, and is after it.
    void before(const Analysis& analysis, const Observation& observation);
    void after(Analysis& analysis, const Observation& observation);
    /// No more comes. Fills in periods and moments.
    void finish(Incident& incident);

    /// The moment of the strongest finding; null where there was none at all.
    std::optional<Timestamp> worst() const { return worst_; }

private:
    using Key = std::tuple<Period::Kind, TargetId, Text, std::string>;
    struct Open
    {
        Period period;
        Timestamp seen;
    };
    /// How bad things are: the best founded diagnosis, how many there are, leaks, who waits.
    using Score = std::tuple<int, int, int, int, int>;

    void look(Analysis& analysis, Timestamp now);
    void weigh(const Analysis& analysis, Timestamp now);
    void keep(const Key& key, Period period, Timestamp now);
    void close(const Open& open, std::optional<Timestamp> to);
    void add_up(const Period& gap, Timestamp to);
    void open_gap(const TargetState& target, Timestamp now, const std::string& reason);
    void close_gap(TargetId target, Timestamp now);

    Timestamp from_;
    Timestamp to_;
    Timestamp last_look_;
    bool looked_ = false;
    int extra_looks_ = 0; ///< for the sake of marks
    std::map<Key, Open> open_;
    std::map<TargetId, Period> gaps_;
    std::set<std::pair<TargetId, std::string>> told_; ///< sentences of what is a period
    std::vector<Period> periods_;                     ///< that are over
    std::vector<Period> gaps_over_;
    std::map<TargetId, Unseen> unseen_; ///< of all gaps, listed or not
    std::vector<Moment> moments_;
    std::size_t left_out_ = 0;
    std::optional<Timestamp> worst_;
    Score score_{};
};

/// "shop-db, pool orders"
std::string who_of(const TargetState* target, const Text& pool);

} // namespace poolscope::report
