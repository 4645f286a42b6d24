// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/verbs.h"

#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "core/source/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace poolscope {

int outputWidth()
{
    winsize size{};
    if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

namespace {

bool nobodyReads = false;

} // namespace

void print(const std::string& text)
{
    if (nobodyReads)
        return;
    const bool all = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    nobodyReads = (!all || std::fflush(stdout) != 0) && errno == EPIPE;
}

bool outputClosed()
{
    return nobodyReads;
}

namespace {

void writeObjects(Verb verb, JsonWriter& json, const Picture& picture)
{
    switch (verb) {
    case Verb::sessions:
        writeSessions(json, picture);
        break;
    case Verb::pools:
        writePools(json, picture);
        break;
    case Verb::checkouts:
        writeCheckouts(json, picture);
        break;
    case Verb::leaks:
        writeLeaks(json, picture);
        break;
    case Verb::blocking:
        writeAllBlocking(json, picture);
        break;
    case Verb::diagnose:
        writeDiagnoses(json, picture);
        break;
    case Verb::alerts:
        writeAlerts(json, picture);
        break;
    default:
        writeAllStates(json, picture);
        break;
    }
}

std::string textOf(Verb verb, const Picture& picture, int width)
{
    switch (verb) {
    case Verb::sessions:
        return sessionsText(picture, width);
    case Verb::pools:
        return poolsText(picture, width);
    case Verb::checkouts:
        return checkoutsText(picture, width);
    case Verb::leaks:
        return leaksText(picture, width);
    case Verb::blocking:
        return blockingText(picture, width);
    case Verb::diagnose:
        return diagnosesText(picture);
    case Verb::alerts:
        return alertsText(picture, width);
    default:
        return statesText(picture, width);
    }
}

/// An empty answer to a question that nothing attached can answer is no good news: say so.
void sayWhatIsNotKnown(Verb verb, const std::vector<Picture>& pictures)
{
    const bool ofPools = verb == Verb::pools || verb == Verb::checkouts;
    if (verb == Verb::leaks || verb == Verb::diagnose || verb == Verb::alerts)
        return;
    const TargetSummary* any = nullptr;
    for (const Picture& picture : pictures) {
        for (const TargetSummary& target : picture.targets) {
            if (hasPools(target) == ofPools)
                return;
            any = &target;
        }
    }
    if (!any)
        return;
    const std::string name = plain_line(any->info.name, 64);
    if (ofPools)
        complain(name + " is a database server: it knows sessions, not the pools they belong to. "
                        "Give the application's pool as well, as pool://host:port.");
    else
        complain(
            name +
            (any->info.kind == "pgbouncer" ? " is a pooler" : " is an instrumented process") +
            ": it knows pools and checkouts, not the server's sessions. Ask for pools, checkouts "
            "or leaks.");
}

/// An empty array is none either, where a pool is all lent.
void sayWhatIsUndiagnosed(const std::vector<Picture>& pictures)
{
    for (const Picture& picture : pictures) {
        for (const std::string& sentence : undiagnosed(picture))
            complain(sentence);
    }
}

/// Nor is it good news where the role sees itself alone.
void sayWhatIsHidden(const std::vector<Picture>& pictures)
{
    for (const Picture& picture : pictures) {
        for (const TargetSummary& target : picture.targets) {
            if (!target.facts || target.facts->sees_all)
                continue;
            const std::string& grant = target.facts->missing_grant;
            complain(fmt::format("{}: the role {} cannot see what other users' sessions do, so "
                                 "what they hold, wait for or leak is not among this.{}",
                                 plain_line(target.info.name, 64),
                                 plain_line(target.facts->role, 64),
                                 grant.empty() ? "" : " What helps: " + plain_line(grant, 300)));
        }
    }
}

void printPictures(const Arguments& arguments, const std::vector<Picture>& pictures)
{
    if (!arguments.json) {
        for (const Picture& picture : pictures)
            print(textOf(arguments.verb, picture, outputWidth()));
        return;
    }
    JsonWriter json;
    json.begin_array();
    for (const Picture& picture : pictures)
        writeObjects(arguments.verb, json, picture);
    json.end_array();
    print(json.text() + '\n');
}

int readFiles(const Arguments& arguments, std::vector<Picture>& pictures)
{
    int code = exitDone;
    for (const std::string& file : arguments.targets) {
        FileQuestion question;
        question.at = arguments.at;
        question.whatIf = whatIf(arguments);
        auto read = pictureOf(file, question);
        if (!read) {
            complain(read.error());
            code = exitUnreadable;
            continue;
        }
        if (const auto& bad = read.value().badTime) {
            complain(*bad);
            return exitUsage;
        }
        if (!read.value().beyond.empty())
            complain(read.value().beyond);
        if (const auto& damage = read.value().damage) {
            complain(*damage);
            code = exitUnreadable;
        }
        pictures.push_back(std::move(read.value().picture));
    }
    return code;
}

int readLive(const Arguments& arguments, std::vector<Picture>& pictures)
{
    if (arguments.targets.empty())
        return exitDone;
    Live live{arguments};
    if (!live.attachAll())
        return exitUsage;
    live.waitForPictures();
    // What is exhausted for a moment is not; a cause shows over some seconds.
    constexpr Duration whileDiagnosing = std::chrono::seconds{10};
    const bool judges = arguments.verb == Verb::diagnose || arguments.verb == Verb::alerts;
    const std::optional<Duration> runFor = arguments.runFor ? arguments.runFor
                                           : judges         ? std::optional(whileDiagnosing)
                                                            : std::nullopt;
    if (judges && *runFor < whileDiagnosing)
        complain(fmt::format("--for is short: what does not show in {} may be there all the same. "
                             "Leave --for out for {}.",
                             format_duration_prose(*runFor),
                             format_duration_prose(whileDiagnosing)));
    if (runFor && live.anyReady()) {
        live.waitUntil([] { return false; }, *runFor);
        live.sampleAgain();
    }
    live.sayRemarks();
    if (live.anyReady())
        pictures.push_back(live.picture());
    return live.anyUnreachable() ? exitUnreachable : exitDone;
}

} // namespace

int runRead(const Arguments& arguments)
{
    Arguments files = arguments;
    Arguments servers = arguments;
    files.targets.clear();
    servers.targets.clear();
    for (const std::string& target : arguments.targets) {
        const auto kind = classifyTarget(QString::fromStdString(target));
        if (!kind) {
            complain(kind.error());
            return exitUsage;
        }
        (kind.value() == TargetKind::recording ? files : servers).targets.push_back(target);
    }
    if (arguments.at && !servers.targets.empty()) {
        complain("--at is for recordings: a live target has no past that Poolscope saw.");
        return exitUsage;
    }
    if (arguments.runFor && servers.targets.empty()) {
        complain("--for is for live targets: a recording is read at one instant. Give --at.");
        return exitUsage;
    }
    std::vector<Picture> pictures;
    const int ofFiles = readFiles(files, pictures);
    if (ofFiles == exitUsage)
        return exitUsage;
    const int ofServers = readLive(servers, pictures);
    if (ofServers == exitUsage)
        return exitUsage;
    sayWhatIsNotKnown(arguments.verb, pictures);
    sayWhatIsHidden(pictures);
    if (arguments.json && arguments.verb == Verb::diagnose)
        sayWhatIsUndiagnosed(pictures);
    // An array is an array, also when nothing could be reached.
    if (arguments.json || !pictures.empty())
        printPictures(arguments, pictures);
    return ofServers != exitDone ? ofServers : ofFiles;
}

int runInfo(const Arguments& arguments)
{
    int code = exitDone;
    for (const std::string& file : arguments.targets) {
        auto opened = RecordingReader::open(file);
        auto info = opened ? opened.value()->info() : Result<RecordingInfo>{opened.error()};
        if (!info) {
            complain(info.error());
            code = exitUnreadable;
            continue;
        }
        if (arguments.json) {
            JsonWriter json;
            writeInfo(json, info.value());
            print(json.text() + '\n');
        } else {
            print(infoText(info.value()));
        }
    }
    return code;
}

namespace {

int dispatch(const Arguments& arguments)
{
    switch (arguments.verb) {
    case Verb::info:
        return runInfo(arguments);
    case Verb::cancel:
    case Verb::terminate:
    case Verb::reclaim:
        return runAction(arguments);
    case Verb::record:
        return runRecord(arguments);
    case Verb::watch:
        return runWatch(arguments);
    case Verb::check:
        return runCheck(arguments);
    case Verb::report:
        return runReport(arguments);
    case Verb::compare:
        return runCompare(arguments);
    default:
        return runRead(arguments);
    }
}

/// What it prints is all that it is for: a recording goes on without a reader, and what was ended
/// on a server is ended.
bool onlyPrints(Verb verb)
{
    return verb != Verb::record && verb != Verb::cancel && verb != Verb::terminate &&
           verb != Verb::reclaim;
}

} // namespace

int runVerb(const Arguments& arguments)
{
    const int code = dispatch(arguments);
    const bool unread = outputClosed() && onlyPrints(arguments.verb);
    return unread && code == exitDone ? exitClosedPipe : code;
}

} // namespace poolscope
