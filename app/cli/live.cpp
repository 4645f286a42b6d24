// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/live.h"

#include "app/cli/secrets.h"
#include "core/source/privatefolder.h"
#include "core/source/registry.h"

#include <QEventLoop>
#include <QTimer>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace poolscope {

namespace {
/// Sources give up on a connection long before.
constexpr Duration longestWait = std::chrono::seconds{30};
/// A server that takes longer has answered before: what it said then is printed.
constexpr Duration longestResample = std::chrono::seconds{3};
constexpr int mostQuestions = 3;
/// At the end: for a command that is being told of alerts.
constexpr std::chrono::milliseconds lastAlerts{5000};

volatile sig_atomic_t typingEnd = -1;
volatile sig_atomic_t typingSignal = 0;

extern "C" void onSignalWhileTyping(int number)
{
    const char byte = 1;
    typingSignal = number;
    const ssize_t written = write(typingEnd, &byte, 1);
    static_cast<void>(written);
}

/// A terminal that does not show what is typed, whatever ends that. A signal that comes meanwhile
/// ends it, and then does what it does otherwise. One at a time.
class SilentTerminal
{
public:
    SilentTerminal()
    {
        typingSignal = 0;
        tcgetattr(STDIN_FILENO, &before_);
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
            typingEnd = ends_[1];
            struct sigaction action
            {};
            action.sa_handler = onSignalWhileTyping;
            action.sa_flags = SA_RESTART;
            for (std::size_t i = 0; i < signals_.size(); ++i)
                sigaction(signals_.at(i), &action, &handlers_.at(i));
        }
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    ~SilentTerminal()
    {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::fputc('\n', stderr);
        if (ends_[0] < 0)
            return;
        for (std::size_t i = 0; i < signals_.size(); ++i)
            sigaction(signals_.at(i), &handlers_.at(i), nullptr);
        close(ends_[0]);
        close(ends_[1]);
        if (typingSignal != 0)
            std::raise(typingSignal);
    }
    SilentTerminal(const SilentTerminal&) = delete;
    SilentTerminal& operator=(const SilentTerminal&) = delete;

    /// False: it was ended.
    bool waitForMore() const
    {
        std::array<pollfd, 2> both{{{STDIN_FILENO, POLLIN, 0}, {ends_[0], POLLIN, 0}}};
        while (typingSignal == 0 && poll(both.data(), both.size(), -1) < 0) {
            if (errno != EINTR)
                return false;
        }
        return typingSignal == 0;
    }

private:
    static constexpr std::array<int, 3> signals_{SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, 3> handlers_{};
    std::array<int, 2> ends_{-1, -1};
    termios before_{};
};
} // namespace

void complain(const std::string& sentence)
{
    std::fprintf(stderr, "poolscope: %s\n", sentence.c_str());
}

void complain(const Error& error)
{
    complain(error.next_step.empty() ? error.sentence : error.sentence + ' ' + error.next_step);
}

namespace {

/// A source says at the end of its advice that it goes on trying. A verb that leaves does not.
std::string withoutRetry(const std::string& nextStep)
{
    for (const std::string_view promise : {"It is tried again", "Poolscope keeps trying"}) {
        const std::size_t at = nextStep.rfind(promise);
        if (at != std::string::npos && nextStep.find('.', at) == nextStep.size() - 1)
            return nextStep.substr(0, at > 0 ? at - 1 : 0);
    }
    return nextStep;
}

} // namespace

QString askForPassword(const QString& sentence, const QString& word)
{
    if (isatty(STDIN_FILENO) == 0)
        return {};
    // First silent, then asking: what is typed at once must neither show nor get lost.
    const SilentTerminal terminal;
    std::fprintf(stderr, "%s\n%s: ", sentence.toStdString().c_str(), word.toStdString().c_str());
    QByteArray typed;
    for (char c = 0;;) {
        if (!terminal.waitForMore()) {
            typed.fill('\0');
            return {};
        }
        if (read(STDIN_FILENO, &c, 1) != 1 || c == '\n')
            break;
        typed += c;
    }
    QString password = QString::fromLocal8Bit(typed);
    typed.fill('\0');
    return password;
}

Live::Live(const Arguments& arguments, const QString& recordTo)
    : arguments_(arguments)
    , scratch_(makePrivateFolder())
{
    Workspace::Options options;
    options.temporaryFolder = scratch_->path();
    options.recordTo = recordTo;
    options.redact = arguments.redact;
    options.readOnly = arguments.readOnly;
    options.thresholds = chosenThresholds(arguments);
    options.alertRules = arguments.alertRules;
    options.whatIf = whatIf(arguments);
    workspace_ = std::make_unique<Workspace>(options);
    connect(workspace_.get(), &Workspace::updated, this, &Live::updated);
    connect(workspace_.get(), &Workspace::secretRequired, this, &Live::askFor);
    connect(workspace_.get(), &Workspace::failed, this, [](const Error& e) { complain(e); });
}

Live::~Live() = default;

void Live::endAlertCommand()
{
    if (alertCommand_)
        alertCommand_->end(lastAlerts);
}

bool Live::attachAll()
{
    if (!arguments_.onAlert.empty()) {
        const QString command = QString::fromStdString(arguments_.onAlert);
        if (const auto trouble = AlertCommand::trouble(command)) {
            complain(*trouble);
            return false;
        }
        alertCommand_ = std::make_unique<AlertCommand>();
        alertCommand_->setCommand(command);
        alertCommand_->follow(*workspace_);
    }
    std::vector<AttachRequest> requests;
    for (const std::string& target : arguments_.targets) {
        AttachRequest request;
        request.target = QString::fromStdString(target);
        request.sshHost = QString::fromStdString(arguments_.sshHost);
        request.interval =
            arguments_.intervalGiven ? arguments_.interval : usualInterval(request.target);
        // Connects nothing; tells whether the target can be read at all.
        if (const auto source = makeSource(TargetId{1}, request); !source) {
            complain(source.error());
            return false;
        }
        requests.push_back(request);
    }
    for (const AttachRequest& request : requests) {
        const TargetId target = workspace_->attach(request);
        fates_[target] = Fate::pending;
        const auto kind = classifyTarget(request.target);
        if (kind && (kind.value() == TargetKind::pool || kind.value() == TargetKind::demo ||
                     kind.value() == TargetKind::metrics))
            tokens_.insert(target);
        secretPlaces_[target] = secretPlace(request.target.toStdString());
    }
    return true;
}

bool Live::anyUnreachable() const
{
    return std::any_of(fates_.begin(), fates_.end(),
                       [](const auto& fate) { return fate.second == Fate::unreachable; });
}

bool Live::anyReady() const
{
    return std::any_of(fates_.begin(), fates_.end(),
                       [](const auto& fate) { return fate.second == Fate::ready; });
}

Error Live::troubleOf(const TargetSummary& target) const
{
    const auto refusal = refusals_.find(target.info.id);
    const Error why = refusal == refusals_.end()
                          ? Error{target.status.sentence, target.status.next_step}
                          : refusal->second;
    return {plain_line(target.info.name, 64) + ": " + why.sentence, why.next_step};
}

bool Live::allStopped() const
{
    return std::all_of(fates_.begin(), fates_.end(), [this](const auto& fate) {
        const TargetSummary* const target = picture_.target(fate.first);
        return target && target->status.reach == Reach::stopped;
    });
}

void Live::updated(const UpdatePtr& update)
{
    picture_.apply(*update);
    for (const TargetSummary& target : picture_.targets) {
        const auto found = fates_.find(target.info.id);
        if (found == fates_.end() || found->second == Fate::ready ||
            refusals_.contains(target.info.id))
            continue;
        if (target.last_sample)
            found->second = Fate::ready;
        else if (target.status.reach == Reach::failing || target.status.reach == Reach::stopped)
            found->second = Fate::unreachable;
        else
            found->second = Fate::pending;
    }
    emit changed();
}

void Live::askFor(TargetId target, const QString& sentence)
{
    ++questions_;
    const bool again = asked_[target]++ < mostQuestions;
    const bool token = tokens_.contains(target);
    const QString word = token ? QStringLiteral("Token") : QStringLiteral("Password");
    QString password;
    if (again) {
        emit aboutToAsk();
        password = askForPassword(sentence, word);
        emit haveAsked();
    }
    if (password.isEmpty()) {
        refusals_[target] = {sentence.toStdString(), "There is nobody to ask for it here: use " +
                                                         secretPlaces_[target] + '.'};
        if (isatty(STDIN_FILENO) != 0)
            refusals_[target].next_step.clear();
        fates_[target] = Fate::unreachable;
    }
    workspace_->provideSecret(target, password);
    emit changed();
}

bool Live::waitUntil(const std::function<bool()>& done, Duration atMost)
{
    if (done())
        return true;
    QEventLoop loop;
    connect(this, &Live::changed, &loop, [&] {
        if (done())
            loop.quit();
    });
    QTimer::singleShot(std::chrono::ceil<std::chrono::milliseconds>(atMost), &loop,
                       &QEventLoop::quit);
    loop.exec();
    return done();
}

void Live::sampleAgain()
{
    std::map<TargetId, std::optional<Timestamp>> before;
    for (const TargetSummary& target : picture_.targets) {
        if (target.status.reach == Reach::up)
            before[target.info.id] = target.last_sample;
    }
    workspace_->sampleNow();
    waitUntil(
        [this, &before] {
            return std::all_of(before.begin(), before.end(), [this](const auto& known) {
                const TargetSummary* const target = picture_.target(known.first);
                return !target || target->last_sample != known.second;
            });
        },
        longestResample);
}

void Live::sayRemarks() const
{
    for (const auto& [id, fate] : fates_) {
        const TargetSummary* const target = fate == Fate::ready ? picture_.target(id) : nullptr;
        if (target && !target->status.sentence.empty())
            complain(Error{plain_line(target->info.name, 64) + ": " + target->status.sentence,
                           withoutRetry(target->status.next_step)});
    }
}

void Live::waitForPictures()
{
    const auto decided = [this] {
        return std::none_of(fates_.begin(), fates_.end(),
                            [](const auto& fate) { return fate.second == Fate::pending; });
    };
    // The time that somebody needs to type a password does not count.
    for (int asked = -1; asked != questions_ && !decided();) {
        asked = questions_;
        waitUntil(decided, longestWait);
    }
    for (auto& [id, fate] : fates_) {
        if (fate == Fate::ready)
            continue;
        const TargetSummary* const target = picture_.target(id);
        const std::string name = target ? plain_line(target->info.name, 64) + ": " : "";
        const auto refusal = refusals_.find(id);
        if (target && fate == Fate::unreachable) {
            Error why = troubleOf(*target);
            why.next_step = withoutRetry(why.next_step);
            complain(why);
        } else if (refusal != refusals_.end())
            complain(refusal->second);
        else
            complain(name + "no answer in " + format_duration_prose(longestWait) + '.');
        fate = Fate::unreachable;
    }
}

} // namespace poolscope
