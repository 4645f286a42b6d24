// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/delta.h"
#include "core/model/observation.h"
#include "core/model/pools.h"
#include "core/model/series.h"

#include <map>
#include <string>
#include <tuple>

namespace poolscope {

/// Everything known of one target at one instant.
struct TargetState
{
    TargetInfo info;
    TargetStatus status;
    std::optional<ServerFacts> facts;
    std::optional<ServerSettings> settings;
    /// By pid: a server has each only once. A new start time under an old pid replaces the session.
    std::map<Pid, Session> sessions;
    std::map<Pid, std::vector<Lock>> locks; ///< of blockers and suspects, while they live
    /// Client sessions by state; Poolscope's own counts as other.
    StateCounts counts{};
    Pools pools;             ///< of an instrumented process; empty for a server
    Duration clock_offset{}; ///< server's or process's clock minus the capture's
    Duration poll_cost{};
    std::optional<std::uint64_t> next_xid;
    std::optional<Timestamp> last_sample; ///< capture's clock
    bool gap_since_sample = false;        ///< a gap was reported after the last sample

    /// All that take a slot of max_connections.
    std::int32_t client_count() const;
    /// The server's or process's clock at the capture's instant `now`.
    Timestamp theirs(Timestamp now) const { return now + clock_offset; }
    /// Age on the server's clock at the capture's instant `now`; never negative.
    Duration age(Timestamp since, Timestamp now) const;
    const Session* find(const SessionKey& key) const;
    friend bool operator==(const TargetState&, const TargetState&) = default;
};

/// One action and all that happened to it.
struct ActionRecord
{
    ActionId id;
    ActionVerb verb = ActionVerb::cancel;
    SessionKey session;
    ActionPhase phase = ActionPhase::requested;
    Timestamp requested;
    Timestamp changed;
    std::string subject;    ///< the sentence of the request
    std::string outcome;    ///< the sentence of the latest phase
    CheckoutKey checkout{}; ///< of reclaim; then `session` is empty
    friend bool operator==(const ActionRecord&, const ActionRecord&) = default;
};

struct NoteRecord
{
    Timestamp time; ///< that it is about
    std::string text;
    Timestamp written; ///< never before `time`
    friend bool operator==(const NoteRecord&, const NoteRecord&) = default;
};

/// The state of everything attached at one instant: the fold of all observations up to then.
/// A value; not thread-safe, one thread writes it. Copying it is a keyframe.
class World
{
public:
    /// Folds one observation in. Observations come in the order of their sequence numbers.
    void apply(const Observation& observation, WorldDelta& delta);
    void apply(const Observation& observation);

    /// The instant and number of the latest observation.
    Timestamp now() const { return now_; }
    SequenceNumber sequence() const { return sequence_; }

    const std::map<TargetId, TargetState>& targets() const { return targets_; }
    const TargetState* target(TargetId id) const;
    const Session* session(const SessionKey& key) const;
    const Checkout* checkout(const CheckoutKey& key) const;
    /// Oldest first. All of them: a person makes few.
    const std::vector<ActionRecord>& actions() const { return actions_; }
    const std::vector<NoteRecord>& notes() const { return notes_; }
    /// Chosen for that target, else for all, else the default.
    const LeakThresholds& thresholds(TargetId target) const;
    /// The same; null where nobody chose, and a pool's own count.
    const LeakThresholds* chosen_thresholds(TargetId target) const;
    /// By pool: null in the key is the target itself, target 0 is all of them.
    using ThresholdChoices = std::map<std::pair<TargetId, Text>, LeakThresholds>;
    const ThresholdChoices& chosen_thresholds() const { return thresholds_; }
    /// The text of the rules that were given last; empty: those built in.
    const std::string& alert_rules() const { return alert_rules_; }
    /// By target, pool and rule; what is past too.
    using AlertAnswers = std::map<std::tuple<TargetId, Text, std::string>, AlertAnswered>;
    const AlertAnswers& alert_answers() const { return alert_answers_; }

    /// The point that the latest sample of a target adds to its series.
    SeriesPoint series_point(const TargetState& target, bool gap_before) const;

    /// Puts a keyframe in place of everything.
    void restore(SequenceNumber sequence, Timestamp now, std::map<TargetId, TargetState> targets,
                 std::vector<ActionRecord> actions, std::vector<NoteRecord> notes,
                 ThresholdChoices thresholds, std::string alert_rules, AlertAnswers alert_answers);

    friend bool operator==(const World&, const World&) = default;

private:
    void apply_to(TargetState& target, const ServerSample& sample, Timestamp time,
                  WorldDelta& delta);
    static void apply_to(TargetState& target, const PoolSample& sample, Timestamp time,
                         WorldDelta& delta);
    void apply_action(const ActionReported& action, Timestamp time);

    SequenceNumber sequence_;
    Timestamp now_;
    std::map<TargetId, TargetState> targets_;
    std::vector<ActionRecord> actions_;
    std::vector<NoteRecord> notes_;
    ThresholdChoices thresholds_;
    std::string alert_rules_;
    AlertAnswers alert_answers_;
};

} // namespace poolscope
