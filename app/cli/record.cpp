// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/objects.h"
#include "app/cli/signals.h"
#include "app/cli/verbs.h"
#include "core/capture/metricsexport.h"
#include "core/report/texttable.h"
#include "core/source/registry.h"

#include <QEventLoop>
#include <QFileInfo>
#include <QTimer>

#include <fmt/format.h>

#include <memory>

#include <unistd.h>

namespace poolscope {

namespace {

class RecordRun
{
public:
    explicit RecordRun(const Arguments& arguments)
        : arguments_(arguments)
        , live_(std::make_unique<Live>(arguments, QString::fromStdString(arguments.output)))
    {}

    int run();

private:
    bool serve();
    void progress(bool complete);
    std::string progressJson(bool complete) const;
    std::string statusLine() const;
    void sayTroubles();

    const Arguments& arguments_;
    std::unique_ptr<Live> live_;
    MetricsExport metrics_;
    std::map<TargetId, std::string> said_;
    std::string trouble_;
};

/// Before anything is attached or written: an address that is taken is seen at once.
bool RecordRun::serve()
{
    if (arguments_.metrics.empty())
        return true;
    const Result<Done> listens = metrics_.listen(QString::fromStdString(arguments_.metrics));
    if (!listens) {
        complain(listens.error());
        return false;
    }
    complain("metrics at " + metrics_.url().toStdString() +
             (metrics_.isLoopback() ? "" : ", for everybody who can reach that"));
    QObject::connect(&live_->workspace(), &Workspace::updated, &metrics_, &MetricsExport::show);
    return true;
}

int RecordRun::run()
{
    if (!serve() || !live_->attachAll())
        return exitUsage;
    // The workspace says in full why it cannot write.
    if (!live_->workspace().transport().recordingTrouble.isEmpty())
        return exitUnreadable;
    if (AlertCommand* const command = live_->alertCommand())
        QObject::connect(command, &AlertCommand::failed, command,
                         [](const Error& error) { complain(error); });

    QEventLoop loop;
    EndSignals endSignals;
    QObject::connect(&endSignals, &EndSignals::asked, &loop, &QEventLoop::quit);
    QObject::connect(live_.get(), &Live::changed, &loop, [&] {
        sayTroubles();
        if (live_->allStopped())
            loop.quit();
    });
    QTimer second;
    QObject::connect(&second, &QTimer::timeout, &loop, [this] { progress(false); });
    second.start(std::chrono::seconds{1});
    if (arguments_.runFor)
        QTimer::singleShot(std::chrono::ceil<std::chrono::milliseconds>(*arguments_.runFor), &loop,
                           &QEventLoop::quit);
    loop.exec();
    second.stop();
    live_->endAlertCommand();

    const bool unreachable = live_->anyUnreachable() || !live_->anyReady();
    // Writes what is left and closes the file, which may still go wrong.
    const Result<Done> closed = live_->workspace().endRecording();
    if (!closed && trouble_.find(closed.error().sentence) == std::string::npos)
        complain(closed.error());
    const bool recorded = trouble_.empty() && closed;
    progress(recorded);
    live_.reset();
    if (!arguments_.json && isatty(STDERR_FILENO) != 0)
        std::fputc('\n', stderr);
    if (!recorded)
        return exitUnreadable;
    return unreachable ? exitUnreachable : exitDone;
}

void RecordRun::sayTroubles()
{
    for (const TargetSummary& target : live_->picture().targets) {
        const bool bad =
            target.status.reach == Reach::failing || target.status.reach == Reach::stopped;
        std::string& said = said_[target.info.id];
        const Error trouble = bad ? live_->troubleOf(target) : Error{};
        if (bad && said != trouble.sentence)
            complain(trouble);
        said = trouble.sentence;
    }
    const std::string trouble = live_->workspace().transport().recordingTrouble.toStdString();
    if (!trouble.empty() && trouble != trouble_)
        complain(trouble);
    trouble_ = trouble;
}

std::string RecordRun::progressJson(bool complete) const
{
    const Transport& t = live_->workspace().transport();
    JsonWriter json;
    writeProgress(json,
                  {arguments_.output, t.start, t.end, t.bytes, t.gaps, t.dropped,
                   complete && t.recordingTrouble.isEmpty()},
                  live_->picture());
    return json.text() + '\n';
}

std::string RecordRun::statusLine() const
{
    const Transport& t = live_->workspace().transport();
    std::size_t up = 0;
    for (const TargetSummary& target : live_->picture().targets)
        up += target.status.reach == Reach::up ? 1 : 0;
    return fmt::format("recording to {}: {}, {:.1f} MB, {} of {} targets up, {} gap{}",
                       arguments_.output, format_duration_prose(t.end - t.start),
                       static_cast<double>(t.bytes) / 1e6, up, live_->fates().size(), t.gaps,
                       t.gaps == 1 ? "" : "s");
}

void RecordRun::progress(bool complete)
{
    if (arguments_.json)
        print(progressJson(complete));
    else if (isatty(STDERR_FILENO) != 0)
        std::fprintf(stderr, "\r\x1b[K%s",
                     shortened(statusLine(), std::max(20, outputWidth() - 1)).c_str());
}

} // namespace

int runRecord(const Arguments& arguments)
{
    for (const std::string& target : arguments.targets) {
        const auto kind = classifyTarget(QString::fromStdString(target));
        if (!kind) {
            complain(kind.error());
            return exitUsage;
        }
        if (kind.value() == TargetKind::recording) {
            complain(target + " is a recording already. Give a live target.");
            return exitUsage;
        }
    }
    if (QFileInfo::exists(QString::fromStdString(arguments.output))) {
        complain(arguments.output +
                 " exists already, and is not overwritten. Choose another name.");
        return exitUsage;
    }
    return arguments.past ? runRecordPast(arguments) : RecordRun{arguments}.run();
}

} // namespace poolscope
