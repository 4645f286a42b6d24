// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/picture.h"
#include "app/cli/reportprinter.h"
#include "app/cli/verbs.h"
#include "core/record/reader.h"
#include "core/report/gather.h"
#include "core/report/newfile.h"

#include <QString>

#include <algorithm>

#include <sys/stat.h>

namespace poolscope {

namespace {

/// False where the instants asked for make no sense; then it has been said.
bool askInstants(const Arguments& arguments, const RecordingInfo& info, report::Question& question)
{
    const auto ask = [&](const std::optional<std::string>& text, const char* option,
                         std::optional<Timestamp>& into) {
        if (!text)
            return true;
        const auto instant = instantWithin(*text, info.started, info.ended);
        if (!instant) {
            complain(Error{std::string{option} + ": " + instant.error().sentence,
                           instant.error().next_step});
            return false;
        }
        into = instant.value();
        return true;
    };
    if (!ask(arguments.from, "--from", question.from) || !ask(arguments.to, "--to", question.to) ||
        !ask(arguments.at, "--at", question.at))
        return false;
    if (question.from && question.to && *question.to <= *question.from) {
        complain("--to is not after --from.");
        return false;
    }
    if (question.at && ((question.from && *question.at < *question.from) ||
                        (question.to && *question.at > *question.to))) {
        complain("--at is not between --from and --to.");
        return false;
    }
    return true;
}

/// An ExitCode.
int addIncident(const Arguments& arguments, const std::string& file, report::Input& input)
{
    auto opened = RecordingReader::open(file);
    auto info = opened ? opened.value()->info() : Result<RecordingInfo>{opened.error()};
    if (!info) {
        complain(info.error());
        return exitUnreadable;
    }
    report::Question question;
    question.file = report::name_of_recording(file, arguments.redact, input.incidents.size() + 1);
    question.redact = arguments.redact;
    if (!askInstants(arguments, info.value(), question))
        return exitUsage;
    auto gathered = report::gather(*opened.value(), question);
    if (!gathered) {
        complain(gathered.error());
        return exitUnreadable;
    }
    input.incidents.push_back(std::move(gathered.value().incident));
    if (const auto& damage = gathered.value().damage) {
        complain(*damage);
        return exitUnreadable;
    }
    return exitDone;
}

} // namespace

bool isPdf(const std::string& file)
{
    return QString::fromStdString(file).endsWith(QLatin1String(".pdf"), Qt::CaseInsensitive);
}

int runReport(const Arguments& arguments)
{
    return runReport(arguments, {});
}

int runReport(const Arguments& arguments, const ReportPrinter& print)
{
    const std::string& output = arguments.output;
    if (isPdf(output) && !print) {
        complain("This Poolscope was built without a window, and so without what draws a PDF. Give "
                 "the report a name that ends in .html, and print it to PDF from a browser.");
        return exitUsage;
    }
    // Before the long reading.
    struct stat existing
    {};
    if (::lstat(output.c_str(), &existing) == 0) {
        complain(output + " exists already, and is not overwritten. Choose another name.");
        return exitUsage;
    }
    report::Input input;
    input.version = POOLSCOPE_VERSION;
    input.utc = arguments.utc;
    input.redacted = arguments.redact;
    int code = exitDone;
    for (const std::string& file : arguments.targets) {
        const int ofFile = addIncident(arguments, file, input);
        if (ofFile == exitUsage)
            return exitUsage;
        code = std::max(code, ofFile);
    }
    if (input.incidents.empty())
        return code;
    const std::string page = isPdf(output) ? print(input) : report::html_of(input);
    if (const auto written = report::write_new_file(output, page); !written) {
        complain(written.error());
        return exitUnreadable;
    }
    return code;
}

} // namespace poolscope
