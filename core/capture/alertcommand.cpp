// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/alertcommand.h"

#include "core/analyze/alerts.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QFileInfo>
#include <QProcess>
#include <QStandardPaths>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <unistd.h>
#if defined(__linux__)
#include <linux/close_range.h>
#endif

namespace poolscope {

namespace {

constexpr qsizetype mostWords = 4096;
/// They open databases and processes; what a script needs of them it is given by other ways.
constexpr std::array<const char*, 4> secretVariables{"PGPASSWORD", "MYSQL_PWD", "POOLSCOPE_TOKEN",
                                                     "POOLSCOPE_METRICS_TOKEN"};
constexpr int lastWait = 500; ///< ms that a process has which is left behind

QStringList wordsOf(const QString& command)
{
    QStringList words = QProcess::splitCommand(command);
    // What a shell would have done, and the only thing of it that is missed.
    if (!words.isEmpty() && words.front().startsWith(QLatin1String("~/")))
        words.front().replace(0, 1, QDir::homePath());
    return words;
}

std::string named(const QString& program)
{
    return plain_line(program.toStdString(), 200);
}

Error noProgram(const QString& program)
{
    return {fmt::format("The alert command cannot be run: there is no program {}.", named(program)),
            "Give the path of a program or script that this user may run."};
}

std::string lastLine(const QByteArray& words)
{
    const QByteArray whole = words.trimmed();
    return plain_line(whole.mid(whole.lastIndexOf('\n') + 1).toStdString(), 300);
}

} // namespace

AlertCommand::AlertCommand(QObject* parent)
    : AlertCommand(Limits{}, parent)
{}

AlertCommand::AlertCommand(const Limits& limits, QObject* parent)
    : QObject(parent)
    , limits_(limits)
    , limit_(this)
    , kill_(this)
    , pause_(this)
{
    for (QTimer* const timer : {&limit_, &kill_, &pause_})
        timer->setSingleShot(true);
    connect(&limit_, &QTimer::timeout, this, &AlertCommand::overdue);
    connect(&kill_, &QTimer::timeout, this, [this] { signalGroup(SIGKILL); });
    connect(&pause_, &QTimer::timeout, this, &AlertCommand::next);
}

AlertCommand::~AlertCommand()
{
    if (!process_)
        return;
    process_->disconnect(this);
    signalGroup(SIGTERM);
    if (!process_->waitForFinished(lastWait)) {
        signalGroup(SIGKILL);
        process_->waitForFinished(lastWait);
    }
}

std::optional<Error> AlertCommand::trouble(const QString& command)
{
    const QStringList words = wordsOf(command);
    if (words.isEmpty())
        return std::nullopt;
    const QString& program = words.front();
    if (!program.contains(QLatin1Char('/')))
        return QStandardPaths::findExecutable(program).isEmpty() ? std::optional(noProgram(program))
                                                                 : std::nullopt;
    const QFileInfo file(program);
    if (!file.isFile())
        return noProgram(program);
    if (!file.isExecutable())
        return Error{fmt::format("The alert command cannot be run: this user may not execute {}.",
                                 named(program)),
                     "Allow it with chmod +x, or give another program."};
    return std::nullopt;
}

void AlertCommand::setCommand(const QString& command)
{
    if (command == command_)
        return;
    command_ = command;
    complained_.clear();
    // What waits was for another one.
    waiting_.clear();
    leftOut_ = 0;
}

void AlertCommand::follow(Workspace& workspace)
{
    connect(&workspace, &Workspace::observedNow, this,
            [this](const UpdatePtr& update) { apply(*update); });
    connect(&workspace, &Workspace::transportChanged, this, [this](const Transport& transport) {
        if (transport.mode == Mode::replay || transport.mode == Mode::empty)
            forget();
    });
}

/// What was observed has ended: whether an alert of it is over nobody knows.
void AlertCommand::forget()
{
    calling_.clear();
}

void AlertCommand::apply(const Update& update)
{
    now_ = update.now;
    std::map<Key, Calling> calling;
    for (const TargetSummary& target : update.targets) {
        for (const Alert& alert : target.alerts) {
            if (!alert.calls() || alert.severity == AlertSeverity::info)
                continue;
            const Key key{alert.target, alert.pool, alert.rule};
            if (auto known = calling_.extract(key)) {
                calling.insert(std::move(known));
            } else {
                const auto [at, anew] =
                    calling.try_emplace(key, Calling{{target.info, alert}, false});
                if (anew)
                    at->second.told = tell(at->second.news);
            }
        }
    }
    calling_.swap(calling);
    for (auto& entry : calling) {
        Calling& before = entry.second;
        // Of what was detached nobody knows whether it is over; of what nobody heard nothing ends.
        const bool watched =
            std::any_of(update.targets.begin(), update.targets.end(), [&](const auto& target) {
                return target.info.id == before.news.alert.target && !is_detached(target.status);
            });
        if (watched && before.told)
            noLonger(before.news, update);
    }
    next();
}

/// One that called and does not now.
void AlertCommand::noLonger(AlertNews& news, const Update& update)
{
    for (const TargetSummary& target : update.targets) {
        for (const Alert& alert : target.alerts) {
            if (alert.target != news.alert.target || alert.pool != news.alert.pool ||
                alert.rule != news.alert.rule)
                continue;
            // Somebody is at it, or wants to hear nothing of it.
            if (alert.answer)
                return;
            if (alert.state == AlertState::resolved) {
                news.alert = alert;
                tell(news);
                return;
            }
        }
    }
    // It is not reported any more, or by now may fire again.
    news.alert.state = AlertState::resolved;
    news.alert.since = update.now;
    news.alert.longer = false;
    news.alert.value.reset();
    news.alert.sentence = "It is over: " + news.alert.sentence;
    tell(news);
}

bool AlertCommand::tell(AlertNews news)
{
    if (command_.isEmpty() || ending_ || leaving_)
        return false;
    if (waiting_.size() < limits_.most)
        waiting_.push_back(std::move(news));
    else
        ++leftOut_;
    return true;
}

void AlertCommand::next()
{
    if (!waiting_.empty() && !process_ && !pause_.isActive())
        start();
}

/// After a run.
void AlertCommand::goOn()
{
    if (ending_)
        return;
    next();
    if (leaving_ && !busy())
        emit done();
}

void AlertCommand::start()
{
    QStringList words = wordsOf(command_);
    const AlertMessage message =
        alertMessage(std::exchange(waiting_, {}), std::exchange(leftOut_, 0), now_);
    if (words.isEmpty())
        return;
    program_ = words.takeFirst();
    words_.clear();
    late_ = false;
    process_ = std::make_unique<QProcess>(this);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const char* const secret : secretVariables)
        environment.remove(QLatin1String(secret));
    for (const auto& [name, value] : message.environment)
        environment.insert(name, value);
    process_->setProcessEnvironment(environment);
    // Our own output is for the screen, or for who reads JSON.
    process_->setStandardOutputFile(QProcess::nullDevice());
    // A group of its own: what a script has started ends with it.
    process_->setChildProcessModifier([] {
        ::setpgid(0, 0);
#ifdef CLOSE_RANGE_CLOEXEC
        // No connection of ours goes along: not every library marks its own.
        ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
#endif
    });
    connect(process_.get(), &QProcess::readyReadStandardError, this,
            [this] { words_ = (words_ + process_->readAllStandardError()).right(mostWords); });
    connect(process_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            notStarted();
    });
    connect(process_.get(), &QProcess::finished, this,
            [this](int code, QProcess::ExitStatus status) {
                ended(code, status == QProcess::CrashExit);
            });
    limit_.start(limits_.run);
    pause_.start(limits_.pause);
    process_->start(program_, words);
    if (!process_)
        return;
    process_->write(message.json);
    process_->closeWriteChannel();
}

void AlertCommand::signalGroup(int number) const
{
    if (process_ && process_->processId() > 0)
        ::kill(static_cast<pid_t>(-process_->processId()), number);
}

void AlertCommand::overdue()
{
    late_ = true;
    signalGroup(SIGTERM);
    kill_.start(limits_.grace);
}

/// It is in the middle of a signal.
void AlertCommand::letGo()
{
    process_->disconnect(this);
    process_.release()->deleteLater();
}

void AlertCommand::notStarted()
{
    limit_.stop();
    const std::string why = plain_line(process_->errorString().toStdString(), 200);
    letGo();
    const std::optional<Error> known = trouble(command_);
    complain(known ? *known
                   : Error{fmt::format("The alert command {} cannot be started: {}.",
                                       named(program_), why),
                           "Run it once in a terminal: the first line of a script names what "
                           "reads it."});
    goOn();
}

void AlertCommand::ended(int code, bool crashed)
{
    limit_.stop();
    kill_.stop();
    letGo();
    const std::string said = lastLine(words_);
    const std::string last = said.empty() ? "" : fmt::format(" It said last: {}", said);
    if (late_ && ending_)
        complain({fmt::format("The alert command {} still ran when Poolscope ended, and was ended "
                              "with it.{}",
                              named(program_), last),
                  {}});
    else if (late_)
        complain({fmt::format("The alert command {} ran for more than {} and was ended.{}",
                              named(program_), format_duration_prose(limits_.run), last),
                  "Give it a time limit of its own, as with curl --max-time 20, or have it hand "
                  "over to something that goes on by itself."});
    else if (crashed)
        complain(
            {fmt::format("The alert command {} was ended by a signal.{}", named(program_), last),
             "Run it once in a terminal to see why."});
    else if (code != 0)
        complain({fmt::format("The alert command {} failed with exit status {}.{}", named(program_),
                              code, last),
                  "Run it once in a terminal to see why."});
    else {
        complained_.clear();
        emit succeeded();
    }
    goOn();
}

void AlertCommand::complain(const Error& error)
{
    if (std::exchange(complained_, error.sentence) != error.sentence)
        emit failed(error);
}

void AlertCommand::end(std::chrono::milliseconds patience)
{
    if (std::exchange(ending_, true))
        return;
    const QDeadlineTimer until(patience);
    const auto left = [&until] {
        return static_cast<int>(until.remainingTime());
    };
    while ((process_ || !waiting_.empty()) && !until.hasExpired()) {
        if (!process_)
            start();
        if (process_)
            process_->waitForFinished(std::max(1, left()));
    }
    const std::size_t untold = waiting_.size() + leftOut_;
    waiting_.clear();
    if (process_) {
        late_ = true;
        signalGroup(SIGTERM);
        if (!process_->waitForFinished(lastWait)) {
            signalGroup(SIGKILL);
            process_->waitForFinished(lastWait);
        }
    }
    if (untold > 0)
        complain({fmt::format("The alert command was not told of {} alert{}: Poolscope ended "
                              "before.",
                              untold, untold == 1 ? "" : "s"),
                  {}});
}

} // namespace poolscope
