// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/check.h"

#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/verbs.h"
#include "core/record/reader.h"
#include "core/report/texttable.h"
#include "core/source/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

/// A server answers what it is set to with its first polls, or does not tell.
constexpr Duration longestSettingsWait = std::chrono::seconds{3};

const CheckTarget* targetOf(const CheckInput& input, TargetId id)
{
    const auto found = std::find_if(input.targets.begin(), input.targets.end(),
                                    [id](const CheckTarget& each) { return each.info.id == id; });
    return found == input.targets.end() ? nullptr : &*found;
}

/// What pools did while they were watched.
class SeriesKeeper
{
public:
    void take(const Update& update)
    {
        for (const PoolSeries& each : update.live_pool_points) {
            PoolSeries& kept = series_[{each.target, each.pool}];
            kept.target = each.target;
            kept.pool = each.pool;
            kept.points.insert(kept.points.end(), each.points.begin(), each.points.end());
        }
    }
    std::vector<PoolSeries> all() const
    {
        std::vector<PoolSeries> list;
        for (const auto& [key, series] : series_)
            list.push_back(series);
        return list;
    }

private:
    std::map<std::pair<TargetId, Text>, PoolSeries> series_;
};

struct Checked
{
    CheckInput input;
    ConfigReport report;
};

CheckOptions optionsOf(const Arguments& arguments)
{
    return {arguments.callerTimeout, arguments.firewallTimeout};
}

/// Exit codes as of the other verbs that read.
int checkRecordings(const Arguments& arguments, const std::vector<std::string>& files,
                    std::vector<Checked>& all)
{
    int code = exitDone;
    for (const std::string& file : files) {
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
        const Picture& picture = read.value().picture;
        Checked checked{checkInput(picture), {}};
        if (auto opened = RecordingReader::open(file)) {
            auto series = opened.value()->pool_series(picture.now - check_load_range, picture.now,
                                                      check_load_points);
            if (series)
                checked.input.series = std::move(series).value();
        }
        checked.report = check_configuration(checked.input, optionsOf(arguments));
        all.push_back(std::move(checked));
    }
    return code;
}

/// Everything live, and the files that describe pools: they may lead to those servers.
int checkLive(const Arguments& servers, std::vector<CheckedFile>& files, std::vector<Checked>& all)
{
    Checked checked;
    bool unreachable = false;
    if (!servers.targets.empty()) {
        Live live{servers};
        SeriesKeeper keeper;
        QObject::connect(&live.workspace(), &Workspace::updated, &live,
                         [&keeper](const UpdatePtr& update) { keeper.take(*update); });
        if (!live.attachAll())
            return exitUsage;
        live.waitForPictures();
        if (servers.runFor && live.anyReady()) {
            live.waitUntil([] { return false; }, *servers.runFor);
            live.sampleAgain();
        }
        live.waitUntil(
            [&live] {
                const auto& targets = live.picture().targets;
                return std::all_of(targets.begin(), targets.end(), [](const TargetSummary& each) {
                    return each.info.kind != "postgresql" || each.settings || !each.last_sample;
                });
            },
            longestSettingsWait);
        live.sayRemarks();
        checked.input = checkInput(live.picture());
        checked.input.series = keeper.all();
        unreachable = live.anyUnreachable();
    }
    for (CheckedFile& file : files)
        checked.input.targets.push_back(file.target);
    if (checked.input.targets.empty())
        return unreachable ? exitUnreachable : exitDone;
    checked.report = check_configuration(checked.input, optionsOf(servers));
    for (const CheckedFile& file : files) {
        for (ConfigFinding& finding : checked.report.findings) {
            const std::string place = finding.target == file.target.info.id
                                          ? place_in_file(file.content, file.name, finding)
                                          : std::string{};
            if (!place.empty())
                finding.evidence.push_back(place + '.');
        }
        auto& unknown = checked.report.unknown;
        unknown.insert(unknown.begin(), file.content.notes.begin(), file.content.notes.end());
    }
    all.push_back(std::move(checked));
    return unreachable ? exitUnreachable : exitDone;
}

void printReports(const Arguments& arguments, const std::vector<Checked>& all)
{
    if (!arguments.json) {
        for (const Checked& each : all)
            print(findingsText(each.input, each.report, outputWidth()));
        return;
    }
    JsonWriter json;
    json.begin_array();
    for (const Checked& each : all)
        writeFindings(json, each.input, each.report);
    json.end_array();
    print(json.text() + '\n');
    for (const Checked& each : all) {
        for (const std::string& sentence : each.report.unknown)
            complain(sentence);
    }
}

/// Advice alone does not stop a pipeline.
bool anythingWrong(const std::vector<Checked>& all)
{
    return std::any_of(all.begin(), all.end(), [](const Checked& each) {
        return std::any_of(
            each.report.findings.begin(), each.report.findings.end(),
            [](const ConfigFinding& f) { return f.severity != ConfigSeverity::info; });
    });
}

} // namespace

CheckInput checkInput(const Picture& picture)
{
    CheckInput input;
    for (const TargetSummary& each : picture.targets)
        input.targets.push_back(
            check_target(each.info, each.facts, each.settings, each.pools, each.places));
    std::vector<PoolRoute> routes;
    for (const auto& [key, checkout] : picture.checkouts) {
        const SessionLink* const link = picture.links().session_of(key);
        if (const SessionRow* const row = link ? picture.sessionOf(key) : nullptr)
            routes.push_back(route_of(checkout, *link, row->session));
    }
    add_routes(input, std::move(routes));
    return input;
}

void writeFindings(JsonWriter& json, const CheckInput& input, const ConfigReport& report)
{
    for (const ConfigFinding& finding : report.findings) {
        const CheckTarget* const target = targetOf(input, finding.target);
        json.begin_object();
        json.member("severity", name_of(finding.severity));
        json.member("pool", finding.pool);
        json.member("setting", finding.setting);
        json.member("value", finding.value);
        json.key("proposed");
        if (finding.proposed.empty())
            json.null();
        else
            json.value(finding.proposed);
        json.member("sentence", finding.sentence);
        json.key("target");
        if (target)
            json.value(target->info.url);
        else
            json.null();
        json.member("rule", finding.rule);
        json.key("evidence");
        json.begin_array();
        for (const std::string& sentence : finding.evidence)
            json.value(sentence);
        json.end_array();
        json.end_object();
    }
}

std::string findingsText(const CheckInput& input, const ConfigReport& report, int width)
{
    std::string text;
    std::size_t pools = 0;
    for (const CheckTarget& each : input.targets)
        pools += each.pools.size();
    if (report.findings.empty())
        text +=
            fmt::format("Nothing to object to in {} {}.\n", pools, pools == 1 ? "pool" : "pools");
    for (const ConfigFinding& finding : report.findings) {
        const CheckTarget* const target = targetOf(input, finding.target);
        const std::string where =
            target ? plain_line(target->info.name, 64) : std::string{"unknown"};
        const std::string proposed =
            finding.proposed.empty() ? std::string{} : ", proposed " + finding.proposed;
        add_wrapped(
            text,
            fmt::format("{}: {}{}: {} {}{}", name_of(finding.severity), where,
                        finding.pool.is_null() ? std::string{}
                                               : ", pool " + plain_line(finding.pool.str(), 128),
                        plain_line(finding.setting, 128), plain_line(finding.value, 64), proposed),
            0, width);
        add_wrapped(text, plain_line(finding.sentence, 2000), 4, width);
        for (const std::string& sentence : finding.evidence)
            add_wrapped(text, plain_line(sentence, 2000), 4, width);
    }
    if (!report.unknown.empty())
        text += "Not judged:\n";
    for (const std::string& sentence : report.unknown)
        add_wrapped(text, plain_line(sentence, 2000), 4, width);
    return text;
}

int runCheck(const Arguments& arguments)
{
    Arguments servers = arguments;
    servers.targets.clear();
    std::vector<std::string> recordings;
    std::vector<CheckedFile> files;
    int code = exitDone;
    for (const std::string& target : arguments.targets) {
        const auto kind = classifyTarget(QString::fromStdString(target));
        if (!kind) {
            complain(kind.error());
            return exitUsage;
        }
        if (kind.value() != TargetKind::recording) {
            servers.targets.push_back(target);
        } else if (isRecordingFile(target)) {
            recordings.push_back(target);
        } else {
            // Far from what a workspace gives its targets.
            const TargetId id{static_cast<std::uint32_t>(3'000'000'000U + files.size())};
            auto read = readCheckedFile(target, id);
            if (read) {
                files.push_back(std::move(read).value());
            } else {
                complain(read.error());
                code = exitUnreadable;
            }
        }
    }
    if (arguments.at && recordings.size() != arguments.targets.size()) {
        complain("--at is for recordings: a live target has no past that Poolscope saw.");
        return exitUsage;
    }
    if (arguments.runFor && servers.targets.empty()) {
        complain("--for is for live targets: a file is checked as it is. Leave it out.");
        return exitUsage;
    }
    std::vector<Checked> all;
    const int ofRecordings = checkRecordings(arguments, recordings, all);
    if (ofRecordings == exitUsage)
        return exitUsage;
    const int ofLive = checkLive(servers, files, all);
    if (ofLive == exitUsage)
        return exitUsage;
    if (arguments.json || !all.empty())
        printReports(arguments, all);
    for (const int trouble : {ofLive, ofRecordings, code}) {
        if (trouble != exitDone)
            return trouble;
    }
    return arguments.exitCode && anythingWrong(all) ? exitFindings : exitDone;
}

} // namespace poolscope
