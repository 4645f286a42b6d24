// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/demosource.h"

#include "core/base/clock.h"
#include "core/source/privatefolder.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcessEnvironment>

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds lookEvery{50};
constexpr milliseconds appearLimit{15'000};
constexpr milliseconds politeness{2000}; ///< to end by itself
constexpr milliseconds firstLook{100};   ///< between the socket's appearing and its listening
constexpr const char* inside = "POOLSCOPE_DEMO";
const QString socketName = QStringLiteral("demo.sock");

} // namespace

DemoSource::DemoSource(TargetId id, const AttachRequest& request)
    : info_{id, "demo", "demo", "demo:"}
    , request_(request)
    , arguments_{QStringLiteral("--demo-workload")}
{
    appears_.setInterval(lookEvery);
    restart_.setSingleShot(true);
    connect(&appears_, &QTimer::timeout, this, &DemoSource::lookForSocket);
    connect(&restart_, &QTimer::timeout, this, &DemoSource::launch);
}

DemoSource::~DemoSource()
{
    stop();
    for (const auto& process : ending_) {
        process->disconnect(this);
        if (!process->waitForFinished(500)) // its input has ended
            process->kill();
    }
}

void DemoSource::setProgram(const QString& program, const QStringList& arguments)
{
    program_ = program;
    arguments_ = arguments;
}

void DemoSource::setTimings(const AgentSource::Timings& timings)
{
    timings_ = timings;
}

void DemoSource::start()
{
    if (started_)
        return;
    started_ = true;
    failures_ = 0;
    // A program that does not know the argument would attach again, and start itself again.
    if (qEnvironmentVariableIsSet(inside)) {
        tell(StatusChanged{{Reach::stopped, "The demo does not start inside of itself.", {}, {}}});
        return;
    }
    teller_.forgetSample();
    tell(StatusChanged{{Reach::connecting, {}, {}, {}}});
    folder_ = makeSocketFolder(socketName);
    socket_ = folder_->filePath(socketName);
    if (!folder_->isValid()) {
        tell(StatusChanged{{Reach::stopped,
                            "A temporary folder for the demo cannot be made.",
                            "Set TMPDIR to a folder that may be written.",
                            {}}});
        return;
    }
    AttachRequest request;
    request.interval = interval_.value_or(request_.interval);
    agent_ = std::make_unique<AgentSource>(info_, request, AgentAddress{socket_, {}, 0});
    AgentSource::Timings timings = timings_;
    timings.firstRetry = std::min(timings.firstRetry, firstLook);
    agent_->setTimings(timings);
    connect(agent_.get(), &Source::observed, this, &DemoSource::take);
    launch();
}

void DemoSource::launch()
{
    if (!started_)
        return;
    QFile::remove(socket_);
    answered_ = false;
    words_.clear();
    launched_ = std::chrono::steady_clock::now();
    child_ = std::make_unique<QProcess>();
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"), QStringLiteral("unix:") + socket_);
    environment.insert(QLatin1String(inside), QStringLiteral("1"));
    child_->setProcessEnvironment(environment);
    child_->setStandardOutputFile(QProcess::nullDevice());
    connect(child_.get(), &QProcess::readyReadStandardError, this,
            [this] { words_ = (words_ + child_->readAllStandardError()).right(4096); });
    connect(child_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            childEnded("cannot be started: " + child_->errorString().toStdString(), false);
    });
    connect(child_.get(), &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) {
        childEnded(status == QProcess::CrashExit ? fmt::format("was ended by signal {}", code)
                                                 : fmt::format("ended with code {}", code),
                   true);
    });
    appears_.start();
    child_->start(program_.isEmpty() ? QCoreApplication::applicationFilePath() : program_,
                  arguments_);
}

void DemoSource::lookForSocket()
{
    if (QFileInfo::exists(socket_)) {
        appears_.stop();
        agent_->start();
        return;
    }
    if (std::chrono::steady_clock::now() - launched_ > appearLimit)
        childEnded("did not begin to listen", true);
}

void DemoSource::childEnded(const std::string& how, bool retry)
{
    if (!started_)
        return;
    const QByteArray said = words_.trimmed(); // its last line tells why
    const std::string words = plain_line(said.mid(said.lastIndexOf('\n') + 1).toStdString(), 300);
    agent_->stop();
    dismiss();
    const std::string sentence =
        "The demo's process " + plain_line(how, 300) + (words.empty() ? "." : ": " + words);
    teller_.gap(sentence);
    if (!started_)
        return;
    if (!retry) {
        tell(StatusChanged{{Reach::stopped, sentence, "Attach to demo: again.", {}}});
        return;
    }
    failures_ = answered_ ? 0 : failures_ + 1;
    const milliseconds wait =
        std::min(timings_.firstRetry * (1 << std::min(failures_, 10)), timings_.longestRetry);
    restart_.start(wait);
    tell(StatusChanged{
        {Reach::failing, sentence, "It is started again.", SystemClock{}.now() + wait}});
}

/// Lets the child go; its input ends with that. It is kept until it has gone: waiting would block
/// this thread, and this may be called from one of its signals.
void DemoSource::dismiss()
{
    appears_.stop();
    if (!child_)
        return;
    QProcess* const process = child_.get();
    process->disconnect(this);
    ending_.push_back(std::move(child_));
    const auto forget = [this, process] {
        std::erase_if(ending_, [&](const auto& each) { return each.get() == process; });
    };
    if (process->state() == QProcess::NotRunning) {
        QMetaObject::invokeMethod(this, forget, Qt::QueuedConnection);
        return;
    }
    connect(process, &QProcess::finished, this, forget, Qt::QueuedConnection);
    process->closeWriteChannel();
    QTimer::singleShot(politeness, process, [process] { process->kill(); });
}

void DemoSource::stop()
{
    started_ = false;
    restart_.stop();
    if (agent_)
        agent_->stop();
    dismiss();
    removeFolder();
}

/// The child clears up after itself at the same time: a file that is gone by then is no failure.
void DemoSource::removeFolder()
{
    constexpr int attempts = 5; // there are fewer files than that
    bool gone = !folder_ || !folder_->isValid();
    for (int i = 0; i < attempts && !gone; ++i)
        gone = QDir(folder_->path()).removeRecursively();
    if (folder_ && gone)
        folder_->setAutoRemove(false);
    folder_.reset();
}

void DemoSource::take(const Fact& fact)
{
    if (const auto* const status = std::get_if<StatusChanged>(&fact)) {
        answered_ = answered_ || status->status.reach == Reach::up;
        // Between the socket's appearing and the child's listening lies a moment.
        if (!answered_)
            return;
    }
    if (std::holds_alternative<Gap>(fact))
        teller_.forgetSample();
    else if (std::holds_alternative<PoolSample>(fact))
        teller_.sampling();
    tell(fact);
}

void DemoSource::tell(const Fact& fact)
{
    if (started_)
        emit observed(fact);
}

void DemoSource::sampleNow()
{
    if (!started_)
        return;
    if (restart_.isActive()) {
        restart_.stop();
        launch();
    } else if (agent_) {
        agent_->sampleNow();
    }
}

void DemoSource::setInterval(Duration interval)
{
    interval_ = interval;
    if (agent_)
        agent_->setInterval(interval);
}

void DemoSource::execute(const Command& command)
{
    if (!started_)
        return;
    if (agent_ && child_) {
        agent_->execute(command);
        return;
    }
    tell(AgentCommands::told(command, ActionPhase::refused,
                             "It was not sent: the demo's process does not run now."));
}

} // namespace poolscope
