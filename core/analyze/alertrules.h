// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// What a rule looks at. resources/alerts/README.md describes each for those who write rules.
enum class AlertMeasure : std::uint8_t {
    used_ratio,        ///< of a pool: used / max
    pending,           ///< of a pool: acquires that wait
    wait,              ///< of a pool: mean wait in seconds of the acquires of the last 10 s
    wait_growth,       ///< of a pool: waiting of the last 10 s to that of the 50 s before
    timeouts,          ///< of a pool: acquires that gave up within 60 s
    idle,              ///< of a pool: idle connections
    circuit_open,      ///< of a pool: 1 while its circuit breaker is open, 0.5 half-open, 0 closed
    connections_ratio, ///< of a server: client connections / max_connections less the reserved
    lock_waiters,      ///< of a server: sessions that wait for a lock
    unreachable,       ///< of any target: 1 while its source fails or gave up, else 0
    refusing,          ///< of a server: 1 while it turns new connections away itself, else 0
    leaks,             ///< suspected leaks, whatever their severity
    critical_leaks,    ///< those that are critical
};
/// As written in a rule: "used_ratio". Null: no such measure.
std::string_view name_of(AlertMeasure measure);
std::optional<AlertMeasure> measure_named(std::string_view name);
/// It is true or not at one instant: no sustain time, no hysteresis.
bool is_instant(AlertMeasure measure);

enum class AlertSeverity : std::uint8_t { info, warning, critical };
std::string_view name_of(AlertSeverity severity);

/// How long a condition may have to hold. A replay folds back that far, so it is bounded.
inline constexpr Duration longest_sustain = std::chrono::minutes{5};
/// And how long it may have to be clear: what no longer holds is over by then anyway.
inline constexpr Duration longest_clear = std::chrono::minutes{2};

struct AlertRule
{
    std::string name; ///< unique among the rules
    AlertMeasure measure = AlertMeasure::used_ratio;
    AlertSeverity severity = AlertSeverity::warning;
    bool at_most = false; ///< fires at and below the threshold instead of at and above it
    double threshold = 0;
    /// It clears beyond that: below it, or above it where at_most. Between the two it stays.
    double clear = 0;
    Duration sustain{};       ///< how long the condition must hold, at most longest_sustain
    Duration clear_after{};   ///< and how long it must be clear, at most longest_clear
    std::string target = "*"; ///< pattern with * of the target's name
    std::string pool = "*";   ///< and of the pool's
    bool enabled = true;
    friend bool operator==(const AlertRule&, const AlertRule&) = default;
};

/// What is wrong with a rule, for a person.
struct RuleProblem
{
    std::string file;
    std::int32_t line = 0; ///< from 1
    std::string sentence;
    /// "alerts.toml:14: …"
    std::string text() const;
    friend bool operator==(const RuleProblem&, const RuleProblem&) = default;
};

struct AlertRules
{
    std::vector<AlertRule> rules; ///< in the order of the file
    std::vector<RuleProblem> problems;
    friend bool operator==(const AlertRules&, const AlertRules&) = default;
};

inline constexpr std::size_t longest_rules = 256 * 1024; ///< bytes of a file
inline constexpr std::size_t most_rules = 200;
/// Wrong ones too; those beyond are not read.
inline constexpr std::size_t most_rules_read = 400;
/// What is told of; then one that says that there is more.
inline constexpr std::size_t most_rule_problems = 100;
/// The parser nests a table for each dot of a key, so a line and a rule are bounded, but for
/// comments on lines of their own.
inline constexpr std::size_t longest_rule_line = 1024;
inline constexpr std::size_t longest_rule = 4096;

/// Reads rules from TOML. A rule with an error is left out and told of; the others go on, even
/// beside a syntax error. `file` is for the problems alone.
AlertRules parse_alert_rules(std::string_view text, const std::string& file);

/// resources/alerts/default.toml, built in.
std::string_view default_alert_rules_text();
const AlertRules& default_alert_rules();

/// Whether a pattern with * matches the whole of a name; letters of either case are the same.
bool matches_pattern(std::string_view pattern, std::string_view name);

} // namespace poolscope
