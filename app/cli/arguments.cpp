// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/arguments.h"

#include "app/cli/exitcode.h"
#include "app/cli/helptexts.h"
#include "core/model/session.h"

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace poolscope {

namespace {

std::string readDuration(const std::string& text, Duration& into)
{
    const auto duration = parse_duration(text);
    if (!duration)
        return "\"" + text + "\" is no duration: give it as 500ms, 30s, 10m or 2h";
    into = *duration;
    return {};
}

using Take = std::function<std::string(const std::string&)>;

/// An option whose value is read by us; what `take` returns is the complaint.
CLI::Option* addOption(CLI::App& app, const char* name, Take take, const char* what,
                       const char* placeholder)
{
    return app
        .add_option_function<std::string>(
            name,
            [take = std::move(take), name](const std::string& text) {
                if (const std::string complaint = take(text); !complaint.empty())
                    throw CLI::ValidationError(name, complaint);
            },
            what)
        ->type_name(placeholder);
}

/// "30s", or "orders=10s" for pools of that name, which may hold a "=" too. Again and again.
std::string readThreshold(const std::string& text, Arguments& a, Duration LeakThresholds::*which)
{
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos) {
        a.thresholdsGiven = true;
        return readDuration(text, a.thresholds.*which);
    }
    const std::string pool = text.substr(0, equals);
    if (pool.empty() || pool.size() > 128)
        return "\"" + text + "\" names no pool: give it as POOL=30s";
    Duration value{};
    if (std::string complaint = readDuration(text.substr(equals + 1), value); !complaint.empty())
        return complaint;
    if (to_us(value) <= 0)
        return "it must be longer than nothing";
    // Which ones were given shows by not being nothing; see settle().
    const auto [at, added] = a.poolThresholds.try_emplace(pool, LeakThresholds{{}, {}});
    at->second.*which = value;
    return {};
}

void addThreshold(CLI::App& app, Arguments& a, const char* name, Duration LeakThresholds::*which,
                  const char* what)
{
    app.add_option_function<std::vector<std::string>>(
           name,
           [&a, name, which](const std::vector<std::string>& texts) {
               for (const std::string& text : texts) {
                   if (const std::string complaint = readThreshold(text, a, which);
                       !complaint.empty())
                       throw CLI::ValidationError(name, complaint);
               }
           },
           what)
        ->type_name("[POOL=]DURATION")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// What was given for one pool alone, filled up by what holds for all. False where it makes no
/// sense.
bool settle(LeakThresholds& pool, const LeakThresholds& all)
{
    const bool criticalGiven = to_us(pool.critical) > 0;
    if (to_us(pool.alert) <= 0)
        pool.alert = std::min(all.alert, pool.critical);
    if (!criticalGiven)
        pool.critical = std::max(all.critical, pool.alert);
    return pool.critical >= pool.alert;
}

/// How a target is reached, and whether anything may be done there.
void addReach(CLI::App& app, Arguments& a)
{
    app.add_option("--ssh", a.sshHost, "Reach the database through HOST, by your own ssh")
        ->type_name("HOST");
    app.add_flag("--read-only", a.readOnly, "No command leaves Poolscope");
}

void addPolling(CLI::App& app, Arguments& a)
{
    addReach(app, a);
    addOption(
        app, "--interval",
        [&a](const std::string& text) -> std::string {
            if (std::string complaint = readDuration(text, a.interval); !complaint.empty())
                return complaint;
            if (a.interval < std::chrono::milliseconds{100} || a.interval > std::chrono::hours{1})
                return "polls are 100ms to 1h apart";
            a.intervalGiven = true;
            return {};
        },
        "Between polls (1s; of metrics 5s, of a fleet 15s)", "DURATION");
    addThreshold(app, a, "--leak-after", &LeakThresholds::alert,
                 "When holding becomes suspicious (30s), in all pools or in one");
    addThreshold(app, a, "--critical-after", &LeakThresholds::critical,
                 "When it becomes critical (300s), in all pools or in one");
}

void addCommon(CLI::App& app, Arguments& a)
{
    addPolling(app, a);
    app.add_option("--rules", a.rules, "Alert rules, instead of your own or those built in")
        ->type_name("FILE");
}

void addOnAlert(CLI::App& app, Arguments& a)
{
    app.add_option("--on-alert", a.onAlert,
                   "Run this when alerts begin or are over, with JSON on its input")
        ->type_name("COMMAND");
}

void addAt(CLI::App& app, Arguments& a)
{
    app.add_option("--at", a.at, "The instant of a recording, ISO 8601 or HH:MM:SS (UTC)")
        ->type_name("TIME");
}

void addFor(CLI::App& app, Arguments& a, const char* what)
{
    addOption(
        app, "--for",
        [&a](const std::string& text) {
            a.runFor.emplace();
            return readDuration(text, *a.runFor);
        },
        what, "DURATION");
}

void addCheckOptions(CLI::App& app, Arguments& a)
{
    app.add_option("target", a.targets, "Servers, processes, recordings and configuration files")
        ->required()
        ->type_name("TARGET|FILE");
    app.add_flag("--json", a.json, "Print JSON");
    app.add_flag("--exit-code", a.exitCode, "Exit status 6 where something is wrong");
    const auto positive = [](std::optional<Duration>& into) {
        return [&into](const std::string& text) -> std::string {
            into.emplace();
            if (std::string complaint = readDuration(text, *into); !complaint.empty())
                return complaint;
            return to_us(*into) > 0 ? std::string{} : "it must be longer than nothing";
        };
    };
    addOption(app, "--caller-timeout", positive(a.callerTimeout),
              "Callers of the application give up after this", "DURATION");
    addOption(app, "--firewall-timeout", positive(a.firewallTimeout),
              "Something on the way forgets idle connections after this", "DURATION");
    addFor(app, a, "Watch a live target this long, to judge sizes by its load");
    addAt(app, a);
}

void addReportOptions(CLI::App& app, Arguments& a)
{
    app.add_option("file", a.targets, "Recordings")->required()->type_name("FILE");
    app.add_option("-o,--output", a.output, "The report to write")
        ->required()
        ->type_name("OUT.html|OUT.pdf");
    addAt(app, a);
    app.add_option("--from", a.from, "Leave out what was before")->type_name("TIME");
    app.add_option("--to", a.to, "Leave out what came after")->type_name("TIME");
    app.add_flag("--utc", a.utc, "Write times in UTC instead of local time");
    app.add_flag("--redact", a.redact,
                 "Without literals, hosts, names of users, values of tags and notes");
}

void addCompareOptions(CLI::App& app, Arguments& a)
{
    app.add_option("file", a.targets, "One recording or two")->required()->type_name("FILE");
    app.add_option("--from", a.from,
                   "Where the first range begins, ISO 8601 or HH:MM:SS of its day (UTC)")
        ->type_name("TIME");
    app.add_option("--to", a.to, "Where it ends")->type_name("TIME");
    app.add_option("--and-from", a.andFrom, "Where the second range begins")->type_name("TIME");
    app.add_option("--and-to", a.andTo, "Where it ends")->type_name("TIME");
    app.add_flag("--json", a.json, "Print JSON");
    app.add_flag("--redact", a.redact, "Without hosts, names of users and names of files");
}

void addActionOptions(CLI::App& app, Arguments& a)
{
    addOption(
        app, "target",
        [&a](const std::string& text) {
            a.targets = {text};
            return std::string{};
        },
        "The database server", "TARGET")
        ->required();
    addOption(
        app, "pid",
        [&a](const std::string& text) -> std::string {
            const bool digits = !text.empty() && text.size() < 19 &&
                                text.find_first_not_of("0123456789") == std::string::npos;
            a.pid = Pid{digits ? std::stoll(text) : 0};
            return a.pid.value > 0 ? std::string{} : "\"" + text + "\" is no process id";
        },
        "The session's process id", "PID");
    addOption(
        app, "--started",
        [&a](const std::string& text) -> std::string {
            a.started = parse_iso8601(text);
            return a.started ? std::string{} : "\"" + text + "\" is no ISO 8601 time";
        },
        "When the session started, to the microsecond, as sessions prints it", "TIME");
    app.add_option("--identity", a.identity, "The session's id, as sessions --json prints it")
        ->type_name("ID");
    app.add_flag("--json", a.json, "Print JSON");
}

void addReclaimOptions(CLI::App& app, Arguments& a)
{
    addOption(
        app, "target",
        [&a](const std::string& text) {
            a.targets = {text};
            return std::string{};
        },
        "The instrumented process", "TARGET")
        ->required();
    app.add_option("checkout", a.checkout, "The checkout's id, as checkouts prints it")
        ->required()
        ->type_name("CHECKOUT");
    app.add_flag("--json", a.json, "Print JSON");
}

void addVerb(CLI::App& app, Arguments& a, const VerbText& text)
{
    CLI::App& verb = *app.add_subcommand(text.name, text.what);
    verb.footer(text.examples);
    verb.callback([&a, which = text.verb] { a.verb = which; });
    switch (text.verb) {
    case Verb::cancel:
    case Verb::terminate:
        addActionOptions(verb, a);
        addReach(verb, a);
        return;
    case Verb::reclaim:
        addReclaimOptions(verb, a);
        addReach(verb, a);
        return;
    case Verb::check:
        addCheckOptions(verb, a);
        addPolling(verb, a);
        return;
    case Verb::report:
        addReportOptions(verb, a);
        return;
    case Verb::compare:
        addCompareOptions(verb, a);
        return;
    case Verb::info:
        verb.add_option("file", a.targets, "Recordings")->required()->type_name("FILE");
        verb.add_flag("--json", a.json, "Print JSON");
        return;
    case Verb::record:
        verb.add_option("target", a.targets, "Servers and processes")
            ->required()
            ->type_name("TARGET");
        verb.add_option("-o,--output", a.output, "The recording to create")
            ->required()
            ->type_name("FILE");
        verb.add_flag("--redact", a.redact, "Replace literals in statements before writing them");
        verb.add_option("--metrics", a.metrics, "Serve what is observed there for Prometheus")
            ->type_name("[HOST:]PORT");
        addOption(
            verb, "--past",
            [&a](const std::string& given) -> std::string {
                a.past.emplace();
                if (std::string complaint = readDuration(given, *a.past); !complaint.empty())
                    return complaint;
                return *a.past < std::chrono::seconds{1} ? "it must be a second or more"
                                                         : std::string{};
            },
            "What a server of metrics remembers of a fleet, instead of what is", "DURATION");
        verb.add_flag("--json", a.json, "Print progress as JSON lines");
        addOnAlert(verb, a);
        addFor(verb, a, "How long (until Ctrl+C)");
        break;
    case Verb::watch:
        verb.add_option("target", a.targets, "Servers and processes, or one recording")
            ->required()
            ->type_name("TARGET|FILE");
        verb.add_flag("--json", a.json, "Print JSON lines");
        addOnAlert(verb, a);
        addFor(verb, a, "How long (until q)");
        addAt(verb, a);
        break;
    default:
        verb.add_option("target", a.targets, "Servers, processes and recordings")
            ->required()
            ->type_name("TARGET|FILE");
        verb.add_flag("--json", a.json, "Print JSON");
        addFor(verb, a, "Watch a live target this long before printing");
        addAt(verb, a);
        break;
    }
    addCommon(verb, a);
}

std::string complaintOf(Arguments& a)
{
    if (to_us(a.thresholds.alert) <= 0)
        return "--leak-after must be longer than nothing";
    if (a.thresholds.critical < a.thresholds.alert) {
        // Raising one threshold above the other's default moves that along.
        if (a.thresholds.critical != LeakThresholds{}.critical)
            return "--critical-after must not be shorter than --leak-after";
        a.thresholds.critical = a.thresholds.alert;
    }
    for (auto& [pool, thresholds] : a.poolThresholds) {
        if (!settle(thresholds, a.thresholds))
            return "--critical-after must not be shorter than --leak-after, for pool \"" + pool +
                   "\"";
    }
    if (a.verb != Verb::cancel && a.verb != Verb::terminate)
        return {};
    if (!a.identity.empty()) {
        const auto key = key_from_identity(TargetId{0}, a.identity);
        if (!key)
            return "\"" + a.identity + "\" is no identity of a session";
        const bool same =
            (a.pid.value == 0 || a.pid == key->pid) && (!a.started || *a.started == key->started);
        if (!same)
            return "--identity is of another session than PID and --started";
        a.pid = key->pid;
        a.started = key->started;
    }
    if (a.pid.value == 0)
        return "which session? Give PID and --started, or --identity";
    if (!a.started)
        return "--started is missing (or --identity): a process id alone may by now belong to "
               "another session";
    return {};
}

std::string complaintOfWindow(const Arguments& a)
{
    constexpr std::array pages{"overview", "pools",  "leaks",         "sessions", "blocking",
                               "stacks",   "alerts", "configuration", "actions"};
    if (!a.page.empty() && std::find(pages.begin(), pages.end(), a.page) == pages.end())
        return fmt::format("\"{}\" is no page; there are {}", a.page, fmt::join(pages, ", "));
    if (!a.theme.empty() && a.theme != "light" && a.theme != "dark")
        return "--theme is light or dark";
    if (!a.size.empty()) {
        const std::size_t x = a.size.find('x');
        const auto number = [](const std::string& t) {
            return !t.empty() && t.size() < 6 &&
                   t.find_first_not_of("0123456789") == std::string::npos;
        };
        if (x == std::string::npos || !number(a.size.substr(0, x)) || !number(a.size.substr(x + 1)))
            return "--size is given as 1440x900";
    }
    return {};
}

} // namespace

std::variant<Arguments, Reply> readArguments(const std::vector<std::string>& arguments)
{
    Arguments a;
    CLI::App app{"", "poolscope"};
    app.set_version_flag("--version", "poolscope " POOLSCOPE_VERSION);
    app.require_subcommand(0, 1);
    app.add_option("target", a.targets);
    addCommon(app, a);
    addAt(app, a);
    app.add_option("--screenshot", a.screenshot);
    app.add_option("--page", a.page);
    app.add_option("--theme", a.theme);
    app.add_option("--size", a.size);
    app.add_flag("--redact", a.redact);
    for (const VerbText& text : verbTexts())
        addVerb(app, a, text);

    const auto usage = [&](const std::string& complaint) {
        const auto chosen = app.get_subcommands();
        const std::string verb = chosen.empty() ? "" : chosen.front()->get_name() + ' ';
        return Reply{exitUsage,
                     "poolscope: " + complaint + "\nSee poolscope " + verb + "--help.\n"};
    };
    try {
        std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        const auto chosen = app.get_subcommands();
        return Reply{exitDone, chosen.empty() ? overviewText : chosen.front()->help("poolscope")};
    } catch (const CLI::CallForVersion& version) {
        return Reply{exitDone, std::string{version.what()} + '\n'};
    } catch (const CLI::ParseError& error) {
        return usage(error.what());
    }
    if (const std::string complaint = complaintOf(a); !complaint.empty())
        return usage(complaint);
    if (const std::string complaint = complaintOfWindow(a); !complaint.empty())
        return usage(complaint);
    return a;
}

std::vector<ThresholdsChanged> chosenThresholds(const Arguments& arguments)
{
    std::vector<ThresholdsChanged> choices;
    if (arguments.thresholdsGiven)
        choices.push_back({arguments.thresholds});
    for (const auto& [pool, thresholds] : arguments.poolThresholds)
        choices.push_back({thresholds, Text{pool}});
    return choices;
}

WhatIf whatIf(const Arguments& arguments)
{
    return {chosenThresholds(arguments),
            arguments.rules.empty() ? std::string{} : arguments.alertRules};
}

} // namespace poolscope
