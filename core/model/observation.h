// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"
#include "core/model/session.h"
#include "core/model/target.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace poolscope {

/// The first observation of a target.
struct TargetAttached
{
    TargetInfo info;
    friend bool operator==(const TargetAttached&, const TargetAttached&) = default;
};

struct StatusChanged
{
    TargetStatus status;
    friend bool operator==(const StatusChanged&, const StatusChanged&) = default;
};

struct FactsReported
{
    ServerFacts facts;
    friend bool operator==(const FactsReported&, const FactsReported&) = default;
};

/// One poll. A full one lists every session; another one those that changed and those that left.
struct ServerSample
{
    bool full = false;
    std::vector<Session> changed; ///< ascending by key; whole sessions
    std::vector<SessionKey> gone; ///< ascending; empty in a full sample
    /// Server's clock minus ours.
    Duration clock_offset{};
    std::optional<std::uint64_t> next_xid;
    Duration poll_cost{}; ///< from sending the statement to the last row, our clock
    friend bool operator==(const ServerSample&, const ServerSample&) = default;
};

/// The locks of one session: at onset and every 10 s for blockers and suspects.
struct LocksReported
{
    SessionKey session;
    std::vector<Lock> locks;
    friend bool operator==(const LocksReported&, const LocksReported&) = default;
};

/// Nothing was seen between the target's last sample and now.
struct Gap
{
    std::string reason;
    friend bool operator==(const Gap&, const Gap&) = default;
};

/// The numbers are stored in recordings. Reclaim takes a connection of a pool back from its holder.
enum class ActionVerb : std::uint8_t { cancel = 0, terminate = 1, reclaim = 2 };
enum class ActionPhase : std::uint8_t {
    requested = 0,
    sent = 1,
    accepted = 2,  ///< the server took the signal, the pool the order
    refused = 3,   ///< by the server, by read-only mode, or because the identity no longer matches
    timed_out = 4, ///< no answer; what became of it is not known
    observed = 5,  ///< the session was seen to leave, its statement or the checkout to end
};
std::string_view name_of(ActionVerb verb);
std::string_view name_of(ActionPhase phase);

struct ActionReported
{
    ActionId action;
    ActionVerb verb = ActionVerb::cancel;
    SessionKey session; ///< of cancel and terminate
    ActionPhase phase = ActionPhase::requested;
    /// What the session was, when requested ("shop-api, idle in transaction for 6 min 12 s"); later
    /// the server's words.
    std::string sentence;
    CheckoutKey checkout{}; ///< of reclaim
    friend bool operator==(const ActionReported&, const ActionReported&) = default;
};

struct Note
{
    std::string text;
    /// The instant that it is about, where that is not the one at which it was written. Worlds take
    /// no later one than that.
    std::optional<Timestamp> about{};
    friend bool operator==(const Note&, const Note&) = default;
};

/// What a person chose: thresholds of one pool of a target, of a target, or of all targets without
/// their own where the target is 0. The narrower choice counts; what is chosen for a target or for
/// all also counts before what a pool is set to itself.
struct ThresholdsChanged
{
    LeakThresholds thresholds;
    Text pool{};          ///< null: of all pools
    bool revoked = false; ///< the choice is taken back; then `thresholds` says nothing
    friend bool operator==(const ThresholdsChanged&, const ThresholdsChanged&) = default;
};

/// Other alert rules from now on, of all targets.
struct AlertRulesChanged
{
    /// A file of rules, at most core/analyze/alertrules.h's longest_rules; empty: those built in.
    std::string rules;
    friend bool operator==(const AlertRulesChanged&, const AlertRulesChanged&) = default;
};

/// The numbers are stored in recordings.
enum class AlertAnswer : std::uint8_t {
    acknowledged = 0, ///< somebody is at it
    silenced = 1,     ///< nobody wants to hear of it
    revoked = 2,      ///< what was said before no longer counts
};
std::string_view name_of(AlertAnswer answer);

/// What a person said of an alert: it is still shown, but does not call until then.
struct AlertAnswered
{
    Text pool;        ///< null: of the target itself
    std::string rule; ///< by its name
    AlertAnswer answer = AlertAnswer::acknowledged;
    Timestamp until; ///< capture's clock
    friend bool operator==(const AlertAnswered&, const AlertAnswered&) = default;
};

/// Drives time when nothing else arrives.
struct Tick
{
    friend bool operator==(const Tick&, const Tick&) = default;
};

/// What an agent said of its process: at every attach, and when it changes.
struct AgentReported
{
    AgentFacts facts;
    friend bool operator==(const AgentReported&, const AgentReported&) = default;
};

/// What a server is set to: at every attach, and when it changes.
struct SettingsReported
{
    ServerSettings settings;
    friend bool operator==(const SettingsReported&, const SettingsReported&) = default;
};

using Fact = std::variant<TargetAttached, StatusChanged, FactsReported, ServerSample, LocksReported,
                          Gap, ActionReported, Note, ThresholdsChanged, Tick, AgentReported,
                          PoolSample, SettingsReported, AlertRulesChanged, AlertAnswered>;

/// One stamped fact. Order is the sequence number alone.
struct Observation
{
    SequenceNumber sequence;
    Timestamp time;  ///< the capture's clock
    TargetId target; ///< 0 where it is about no target
    Fact what;
    friend bool operator==(const Observation&, const Observation&) = default;
};

} // namespace poolscope
