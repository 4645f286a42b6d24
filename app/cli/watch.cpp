// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/objects.h"
#include "app/cli/screen.h"
#include "app/cli/signals.h"
#include "app/cli/verbs.h"
#include "core/source/registry.h"

#include <QElapsedTimer>
#include <QEventLoop>
#include <QSocketNotifier>
#include <QTimer>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace poolscope {

namespace {

/// The terminal's other screen, keys without Enter; everything is put back at the end.
class Terminal
{
public:
    Terminal()
    {
        tcgetattr(STDIN_FILENO, &before_);
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        print("\x1b[?1049h\x1b[?25l");
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal()
    {
        print("\x1b[?25h\x1b[?1049l");
        tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

    static bool present() { return isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0; }

    void show(const std::vector<std::string>& lines) const
    {
        std::string frame = "\x1b[H";
        for (std::size_t i = 0; i < lines.size(); ++i)
            frame += (i > 0 ? "\r\n" : "") + lines[i] + "\x1b[K";
        print(frame + "\x1b[J");
    }

    static ScreenSize size()
    {
        winsize size{};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
            return {80, 24};
        return {size.ws_col, size.ws_row};
    }

private:
    termios before_{};
};

/// Closer together than this a screen cannot be read, nor a log.
constexpr std::chrono::milliseconds mostOften{200};

/// Who is suspected, to see when somebody comes to be, or it comes to be worse.
class Suspected
{
public:
    /// What the picture before did not say.
    bool hasNews(const Picture& picture);

private:
    using Who = std::variant<CheckoutKey, SessionKey>;
    std::map<Who, LeakSeverity> before_;
};

bool Suspected::hasNews(const Picture& picture)
{
    std::map<Who, LeakSeverity> now;
    for (const TargetSummary& target : picture.targets) {
        for (const SuspectedLeak& leak : target.suspects)
            now[leak.session] = leak.severity;
        for (const Place& place : target.places) {
            for (const Holder& holder : place.holders) {
                if (holder.severity != LeakSeverity::none)
                    now[holder.checkout] = holder.severity;
            }
        }
    }
    const bool news = std::any_of(now.begin(), now.end(), [this](const auto& one) {
        const auto known = before_.find(one.first);
        return known == before_.end() || known->second < one.second;
    });
    before_ = std::move(now);
    return news;
}

/// Shows what a workspace says, live or replayed: it cannot tell the difference.
class Watch
{
public:
    Watch(const Arguments& arguments, bool recording)
        : arguments_(arguments)
        , recording_(recording)
        , live_(arguments)
    {}
    int run();

private:
    int begin();
    void play(const Transport& transport);
    void draw();
    void drawNews();
    void tellAlertTroubles();
    void readKey();
    std::string headline() const;
    bool onScreen() const { return !arguments_.json && Terminal::present(); }
    void openScreen();

    const Arguments& arguments_;
    bool recording_;
    Live live_;
    QEventLoop loop_;
    std::unique_ptr<Terminal> terminal_;
    std::unique_ptr<QSocketNotifier> keys_;
    bool begun_ = false;
    bool played_ = false;
    Suspected suspected_;
    std::string alertTrouble_; ///< of the command for alerts, while the screen is in the way
    QTimer frame_;             ///< the interval asked for
    QTimer news_;              ///< what must not wait for it
    QElapsedTimer drawn_;
};

int Watch::begin()
{
    if (!recording_) {
        if (!live_.attachAll())
            return exitUsage;
        tellAlertTroubles();
        live_.waitForPictures();
        // A server that is full or starts again is what somebody at a screen waits for. A program
        // that reads along is told at once.
        return live_.anyReady() || (onScreen() && !live_.allStopped()) ? exitDone : exitUnreachable;
    }
    Workspace& workspace = live_.workspace();
    // Says at once what is wrong with the file or the time; the player would only say that it is.
    FileQuestion question;
    question.at = arguments_.at;
    const auto first = pictureOf(arguments_.targets.front(), question);
    if (!first) {
        complain(first.error());
        return exitUnreadable;
    }
    if (const auto& bad = first.value().badTime) {
        complain(*bad);
        return exitUsage;
    }
    QObject::connect(&workspace, &Workspace::transportChanged, &loop_,
                     [this](const Transport& t) { play(t); });
    workspace.open(QString::fromStdString(arguments_.targets.front()));
    return exitDone;
}

void Watch::play(const Transport& transport)
{
    if (transport.mode != Mode::replay)
        return;
    if (!begun_) {
        begun_ = true;
        Timestamp from = transport.start;
        if (arguments_.at) {
            const auto at = instantWithin(*arguments_.at, transport.start, transport.end);
            from = at ? at.value() : from;
        }
        // Not from within the signal that announces it.
        QTimer::singleShot(0, &loop_, [this, from] {
            live_.workspace().seek(from);
            live_.workspace().play(true);
        });
        return;
    }
    // Before it plays, the cursor stands at the end.
    played_ = played_ || transport.playing;
    if (!terminal_ && played_ && !transport.playing && transport.cursor >= transport.end)
        QTimer::singleShot(0, &loop_, [this] {
            draw();
            loop_.quit();
        });
}

std::string Watch::headline() const
{
    std::string line = terminal_ ? "q quits" : "";
    if (recording_)
        line += (line.empty() ? "" : "  ") + std::string{"recording "} +
                plain_line(arguments_.targets.front(), 200);
    if (terminal_ && !alertTrouble_.empty())
        line += "  " + alertTrouble_;
    return line;
}

/// On the screen where there is one: it would be written over.
void Watch::tellAlertTroubles()
{
    AlertCommand* const command = live_.alertCommand();
    if (!command)
        return;
    QObject::connect(command, &AlertCommand::failed, &loop_, [this](const Error& error) {
        alertTrouble_ = error.sentence;
        if (!terminal_)
            complain(error);
    });
    QObject::connect(command, &AlertCommand::succeeded, &loop_, [this] { alertTrouble_.clear(); });
}

/// A suspicion is shown when it arises, however long the interval.
void Watch::drawNews()
{
    if (!suspected_.hasNews(live_.picture()) || news_.isActive())
        return;
    const std::chrono::milliseconds since{drawn_.isValid() ? drawn_.elapsed() : 0};
    news_.start(std::max(std::chrono::milliseconds{0}, mostOften - since));
}

void Watch::draw()
{
    drawn_.start();
    news_.stop();
    const Picture& picture = live_.picture();
    if (picture.targets.empty())
        return;
    if (arguments_.json) {
        JsonWriter json;
        writeWatched(json, picture);
        print(json.text() + '\n');
    } else if (terminal_) {
        terminal_->show(screenLines(picture, Terminal::size(),
                                    qEnvironmentVariableIsEmpty("NO_COLOR"), headline()));
    } else {
        std::string text;
        for (const std::string& line : screenLines(picture, {160, 0}, false, headline()))
            text += line + '\n';
        print(text + '\n');
    }
    if (outputClosed())
        loop_.quit();
}

void Watch::readKey()
{
    char key = 0;
    const ssize_t got = read(STDIN_FILENO, &key, 1);
    constexpr char endOfInput = 4;
    if (got <= 0 || key == 'q' || key == 'Q' || key == endOfInput)
        loop_.quit();
}

void Watch::openScreen()
{
    terminal_ = std::make_unique<Terminal>();
    keys_ = std::make_unique<QSocketNotifier>(STDIN_FILENO, QSocketNotifier::Read);
    QObject::connect(keys_.get(), &QSocketNotifier::activated, &loop_, [this] { readKey(); });
}

int Watch::run()
{
    if (const int code = begin(); code != exitDone) {
        if (arguments_.json && code == exitUnreachable)
            draw(); // a line that says so: who reads these reads nothing else
        return code;
    }
    EndSignals endSignals;
    QObject::connect(&endSignals, &EndSignals::asked, &loop_, &QEventLoop::quit);
    if (onScreen()) {
        openScreen();
        // A server may ask for its password only when it has room again.
        QObject::connect(&live_, &Live::aboutToAsk, &loop_, [this] {
            keys_.reset();
            terminal_.reset();
        });
        QObject::connect(&live_, &Live::haveAsked, &loop_, [this] { openScreen(); });
    }
    QObject::connect(&frame_, &QTimer::timeout, &loop_, [this] { draw(); });
    frame_.start(std::chrono::ceil<std::chrono::milliseconds>(arguments_.interval));
    news_.setSingleShot(true);
    QObject::connect(&news_, &QTimer::timeout, &loop_, [this] { draw(); });
    QObject::connect(&live_, &Live::changed, &loop_, [this] { drawNews(); });
    suspected_.hasNews(live_.picture());
    if (arguments_.runFor)
        QTimer::singleShot(std::chrono::ceil<std::chrono::milliseconds>(*arguments_.runFor), &loop_,
                           &QEventLoop::quit);
    draw();
    if (!outputClosed())
        loop_.exec();
    keys_.reset();
    terminal_.reset();
    live_.endAlertCommand();
    return live_.anyUnreachable() ? exitUnreachable : exitDone;
}

} // namespace

int runWatch(const Arguments& arguments)
{
    std::size_t recordings = 0;
    for (const std::string& target : arguments.targets) {
        const auto kind = classifyTarget(QString::fromStdString(target));
        if (!kind) {
            complain(kind.error());
            return exitUsage;
        }
        recordings += kind.value() == TargetKind::recording ? 1 : 0;
    }
    if (recordings > 0 && arguments.targets.size() > 1) {
        complain("A recording is watched by itself. Give one recording, or live targets.");
        return exitUsage;
    }
    if (!arguments.onAlert.empty() && recordings > 0) {
        complain("--on-alert is for live targets: a recording calls nobody. Leave it out.");
        return exitUsage;
    }
    if (!arguments.rules.empty() && recordings > 0) {
        complain("--rules is for live targets here: watch shows no alerts of a recording. Ask "
                 "poolscope alerts FILE --rules RULES.");
        return exitUsage;
    }
    if (arguments.at && recordings == 0) {
        complain("--at is for recordings: a live target has no past that Poolscope saw.");
        return exitUsage;
    }
    return Watch{arguments, recordings > 0}.run();
}

} // namespace poolscope
