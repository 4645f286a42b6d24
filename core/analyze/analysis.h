// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alerts.h"
#include "core/analyze/blocking.h"
#include "core/analyze/diagnosis.h"
#include "core/analyze/disagreements.h"
#include "core/analyze/holders.h"
#include "core/analyze/idlegrowth.h"
#include "core/analyze/poolflow.h"
#include "core/analyze/statementgrowth.h"
#include "core/analyze/suspects.h"
#include "core/model/world.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace poolscope {

/// What follows from one target's state at one instant.
struct TargetFindings
{
    Blocking blocking;
    /// Holders of transactions first, then clients whose idle sessions only grow.
    std::vector<SuspectedLeak> suspects;
    /// Of an instrumented process: all that hold a connection, by the line that acquired it.
    std::vector<Place> places;
    /// Places whose prepared statements only grow in number.
    std::vector<StatementLeak> statements;
    friend bool operator==(const TargetFindings&, const TargetFindings&) = default;
};

/// The deterministic fold over observations that finds things: a World and what follows from it.
/// Live capture and replay drive the same class. A value; not thread-safe.
class Analysis
{
public:
    /// How far before a cursor a replay must begin for the findings to be those of the live run:
    /// they are those of the last observation before it, one second earlier and hardly more.
    static constexpr Duration longest_window =
        std::max(
            {idle_window, statement_window_most, flow_window, disagreement_window, alert_window}) +
        std::chrono::seconds{2};

    const World& world() const { return world_; }
    /// Folds one observation into the world, and brings the findings up to it.
    void apply(const Observation& observation, WorldDelta& delta);
    /// The same, but the findings stay behind until look(), and no marks arise: for the way to an
    /// instant. Then look() gives what apply() would have given.
    void fold(const Observation& observation, WorldDelta& delta);
    void look();
    /// Marks that arose since the last call: onsets of suspicion, sources up and down, actions,
    /// notes.
    std::vector<Mark> take_marks();
    const std::map<TargetId, TargetFindings>& findings() const { return findings_; }
    const TargetFindings& findings(TargetId target) const;
    /// What pools and servers disagree about, and why what is exhausted is so: from everything
    /// attached together, at the world's instant. Found when first asked for after an observation;
    /// not by several threads at once.
    const Disagreements& disagreements() const;
    const std::vector<Diagnosis>& diagnoses() const;
    /// What the alert rules say, at the world's instant; likewise when first asked for. Of all
    /// targets: firing ones first, then the worse, then the older.
    const std::vector<Alert>& alerts() const;
    const AlertRules& alert_rules() const { return alert_book_.rules(); }
    /// A what-if: these rules, whatever the recording says; null: what it says. All alerts begin
    /// anew.
    void suppose_alert_rules(std::optional<AlertRules> rules);
    /// A target's suspects, and those that its pools disown.
    std::vector<SuspectedLeak> suspects(TargetId target) const;
    /// Starts again from a keyframe.
    void restore(World world);

    friend bool operator==(const Analysis& a, const Analysis& b)
    {
        return a.world_ == b.world_ && a.findings_ == b.findings_;
    }

private:
    /// What is to be looked at of a target, as of the last observation that concerns it. Who waits
    /// for whom follows from its sessions alone, so time does not change it.
    struct Due
    {
        Timestamp at;
        bool sessions = false;
    };
    void examine(TargetId target, const Due& due);
    void mark(const Observation& observation);
    void mark(TargetId target, const PoolSample& sample, Timestamp at);
    void mark(const TargetState& target, const std::vector<SuspectedLeak>& before);
    void mark(const TargetState& target, const std::vector<Place>& before);
    void mark(const TargetState& target, const std::vector<StatementLeak>& now);
    void mark(const std::vector<Diagnosis>& now);
    void mark(const AlertBook::Onset& onset);
    void forget_joint();
    void adopt_alert_rules();

    World world_;
    std::map<TargetId, IdleHistory> histories_;
    std::map<TargetId, StatementHistory> prepared_;
    std::map<TargetId, FlowHistory> flows_;
    std::map<TargetId, DepartureHistory> departures_;
    AlertBook alert_book_;
    std::string alert_rules_; ///< the text that alert_book_ has; empty: those built in
    std::optional<AlertRules> supposed_rules_;
    std::map<TargetId, Due> due_;
    std::map<TargetId, TargetFindings> findings_;
    /// When acquires from a pool last timed out, for its mark.
    std::map<std::pair<TargetId, Text>, Timestamp> timed_out_;
    /// When a client was last found growing, for its mark.
    std::map<std::pair<TargetId, std::string>, Timestamp> growing_;
    /// When a place was last found to prepare more and more, and how bad, for its mark.
    std::map<std::pair<TargetId, PlaceKey>, std::pair<Timestamp, LeakSeverity>> preparing_;
    std::map<TargetId, bool> up_; ///< as last marked
    /// When a pool or server was last diagnosed with a cause, for its mark.
    std::map<std::tuple<TargetId, Text, Cause>, Timestamp> diagnosed_;
    mutable std::optional<Disagreements> disagreements_;
    mutable std::optional<std::vector<Diagnosis>> diagnoses_;
    mutable std::optional<std::vector<Alert>> alerts_;
    std::vector<Mark> marks_;
};

} // namespace poolscope
