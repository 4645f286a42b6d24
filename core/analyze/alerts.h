// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alertrules.h"
#include "core/model/world.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

struct TargetFindings;

enum class AlertState : std::uint8_t { pending, firing, resolved };
/// JSON names: "pending", "firing", "resolved".
std::string_view name_of(AlertState state);

/// A rule that holds, or held a moment ago, of one pool or of a target.
struct Alert
{
    TargetId target;
    Text pool; ///< null: of the target itself
    std::string rule;
    AlertMeasure measure = AlertMeasure::used_ratio;
    AlertSeverity severity = AlertSeverity::warning;
    AlertState state = AlertState::pending;
    /// Capture's clock: since when the condition holds; of a resolved one, since when it no longer
    /// does.
    Timestamp since;
    bool longer = false; ///< it began before `since`: no longer past than alert_memory is known
    /// What a person said of it, while that counts, and until when; never revoked.
    std::optional<AlertAnswer> answer{};
    std::optional<Timestamp> answered_until{};
    std::optional<double> value; ///< now; null: not reported any more
    double threshold = 0;
    std::string sentence; ///< for a person: "orders: 19 of 20 connections are used."
    /// It fires, and nobody has said anything of it.
    bool calls() const { return state == AlertState::firing && !answer; }
    friend bool operator==(const Alert&, const Alert&) = default;
};

/// An alert that fires stays for that long though its condition no longer holds for its sustain
/// time, while it is not clear either.
inline constexpr Duration alert_hold = longest_clear;
/// How long a resolved one is told of.
inline constexpr Duration alert_afterglow = std::chrono::minutes{1};
/// How far back an onset is known.
inline constexpr Duration alert_memory = std::chrono::minutes{3};
/// A state follows from no more than this much past, so that a replay that begins there comes to
/// the same: whether it fires alert_memory ago follows from alert_hold and the sustain time before.
inline constexpr Duration alert_window = alert_memory + alert_hold + longest_sustain;
static_assert(alert_afterglow < alert_memory);

/// The rules at work: pending, firing and resolved, as a fold over observations: of a target with
/// each of its own, of all at each tick. A value; not thread-safe. Memory: a rule and pool, and a
/// minute of a pool's counters.
class AlertBook
{
public:
    AlertBook();

    /// All alerts begin anew.
    void set_rules(AlertRules rules);
    const AlertRules& rules() const { return *rules_; }

    /// Begins anew, with the world as it is.
    void restore(const World& world);
    /// After an observation was folded into the world.
    void watch(const World& world, const Observation& observation);

    /// An alert that began to fire.
    struct Onset
    {
        TargetId target;
        AlertMeasure measure = AlertMeasure::used_ratio;
        AlertSeverity severity = AlertSeverity::warning;
        std::string sentence;
    };
    /// Since the last call.
    std::vector<Onset> take_onsets();

    /// As of the world's instant, firing ones first, then the worse, then the older.
    std::vector<Alert> alerts(const World& world,
                              const std::map<TargetId, TargetFindings>& findings) const;

private:
    /// One rule of one pool or target.
    struct Run
    {
        std::size_t rule = 0;
        std::optional<Timestamp> holds_since;
        std::optional<Timestamp> fires_since;
        std::optional<Timestamp> clear_since;
        std::optional<Timestamp> resolved;
        Timestamp sustained; ///< when its condition last held for the sustain time
        std::optional<double> value;

        bool quiet() const { return !holds_since && !fires_since && !resolved; }
    };
    /// A pool's counters at one instant; what is not told there stands as before.
    struct WaitPoint
    {
        Timestamp time;
        Timestamp since; ///< up to then, the reading before, it stood as at the point before
        std::uint64_t timeouts = 0;
        std::uint64_t waits = 0;
        Duration waited{};
        bool timeouts_told = false;
        bool waits_told = false;
    };
    struct Watched
    {
        std::vector<Run> runs;
        std::deque<WaitPoint> waits; ///< the last minute, a second apart, and one before it
        bool changed = true;
    };
    using Subject = std::pair<TargetId, Text>; ///< a null name: the target itself

    Watched& watched(const World& world, const Subject& subject);
    /// `before`: when the pool's target was read before.
    static void note(Watched& pool, const Pool& now, Timestamp at, Timestamp before);
    void interrupt(TargetId target);
    void evaluate(const World& world);
    void evaluate(const World& world, const Subject& subject, Watched& each);
    void step(Run& run, std::optional<double> value, Timestamp now, const Subject& subject,
              const World& world);
    std::optional<double> measure(const World& world, const Subject& subject,
                                  const Watched& watched, AlertMeasure what) const;
    static std::optional<double> measure_waits(const Watched& watched, AlertMeasure what,
                                               Timestamp now);
    void add_leaks(std::vector<Alert>& alerts, const World& world,
                   const std::map<TargetId, TargetFindings>& findings) const;

    std::shared_ptr<const AlertRules> rules_;
    std::map<Subject, Watched> subjects_;
    std::map<TargetId, Timestamp> read_; ///< when each was last read; none since a gap
    std::optional<Timestamp> seen_;      ///< the latest observation
    std::vector<Onset> onsets_;
};

/// Somebody ended looking at it, which is no trouble: the words of core/capture.
bool is_detached(const TargetStatus& status);

/// "orders: 19 of 20 connections are used."
std::string sentence_of(const AlertRule& rule, const TargetState& target, const Pool* pool,
                        std::optional<double> value);

} // namespace poolscope
