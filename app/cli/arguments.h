// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/capture/whatif.h"
#include "core/leak/judgement.h"
#include "core/model/observation.h"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace poolscope {

enum class Verb {
    window,
    watch,
    record,
    sessions,
    pools,
    checkouts,
    leaks,
    blocking,
    states,
    diagnose,
    alerts,
    check,
    report,
    compare,
    info,
    cancel,
    terminate,
    reclaim,
};

/// The command line, read. A value.
struct Arguments
{
    Verb verb = Verb::window;
    std::vector<std::string> targets; ///< targets and files; may hold passwords
    bool json = false;
    bool readOnly = false;
    bool redact = false;
    std::optional<std::string> at;
    std::optional<Duration> runFor;
    Duration interval = std::chrono::seconds{1};
    bool intervalGiven = false; ///< else a live target has its usual one
    LeakThresholds thresholds;
    bool thresholdsGiven = false;
    /// Of pools of that name, where a threshold was given for one; what was not is that of all.
    std::map<std::string, LeakThresholds> poolThresholds;
    std::string rules; ///< a file of alert rules
    /// What it holds, or the one of the configuration folder; see loadAlertRules(). Empty: those
    /// built in.
    std::string alertRules;
    std::string onAlert; ///< of watch and record: the user's own command; empty: none
    std::string sshHost;
    std::string output;           ///< of record and report
    std::optional<Duration> past; ///< of record: what a query API remembers, instead of what is
    std::string metrics;          ///< of record: where it serves what it observes; empty: nowhere
    // report and compare
    std::optional<std::string> from;
    std::optional<std::string> to;
    std::optional<std::string> andFrom; ///< of compare: the second range
    std::optional<std::string> andTo;
    bool utc = false;
    // check
    bool exitCode = false; ///< say by the exit status that something is wrong
    std::optional<Duration> callerTimeout;
    std::optional<Duration> firewallTimeout;
    // cancel and terminate
    Pid pid;
    std::optional<Timestamp> started;
    std::string identity;
    std::string checkout; ///< of reclaim
    // the window
    std::string screenshot;
    std::string page;
    std::string theme;
    std::string size;
};

/// Nothing to do but to say something: help, the version, or what is wrong with the arguments.
struct Reply
{
    int exitCode = 0;
    std::string text;
};

/// What was asked for by --leak-after and --critical-after, as choices for every target.
std::vector<ThresholdsChanged> chosenThresholds(const Arguments& arguments);

/// What was asked for by these and by --rules; what counted then is what the recording says, also
/// where the user has alert rules of their own.
WhatIf whatIf(const Arguments& arguments);

std::variant<Arguments, Reply> readArguments(const std::vector<std::string>& arguments);

} // namespace poolscope
