// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/windows.h"

#include "core/capture/alertcommand.h"
#include "ui/models/formatter.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QDeadlineTimer>
#include <QFileInfo>
#include <QPointer>
#include <QScreen>

#include <algorithm>
#include <chrono>

namespace poolscope {

namespace {

/// For what is still to be told when all windows are closed.
constexpr std::chrono::milliseconds lastAlerts{5'000};

} // namespace

struct Windows::One
{
    Workspace* workspace = nullptr; ///< outlives its window
    std::unique_ptr<MainWindow> window;

    One() = default;
    /// Neither a disk nor a source that hangs holds up the windows that stay.
    ~One()
    {
        window.reset();
        workspace->letGo();
    }
    One(const One&) = delete;
    One& operator=(const One&) = delete;
};

Windows::Windows(const Workspace::Options& options, const AttachChoice& defaults,
                 std::shared_ptr<Keychain> keychain, QObject* parent)
    : QObject(parent)
    , options_(options)
    , defaults_(defaults)
    , keychain_(std::move(keychain))
{}

Windows::~Windows()
{
    const QDeadlineTimer until(lastAlerts);
    const auto end = [&until](AlertCommand& command) {
        command.end(std::chrono::milliseconds{until.remainingTime()});
    };
    for (const auto& one : all_)
        end(one->window->alertCommand());
    for (AlertCommand* const command : findChildren<AlertCommand*>(Qt::FindDirectChildrenOnly))
        end(*command);
}

MainWindow& Windows::add()
{
    auto one = std::make_unique<One>();
    one->workspace = new Workspace(options_);
    one->window = std::make_unique<MainWindow>(*one->workspace, defaults_);
    MainWindow* const window = one->window.get();
    window->setKeychain(keychain_);
    connect(window, &MainWindow::openElsewhere, this, &Windows::open);
    connect(window, &MainWindow::alertRulesSaved, this, &Windows::takeAlertRules);
    connect(window, &MainWindow::quitRequested, qApp, &QApplication::closeAllWindows);
    // It is still at work on its own closing.
    connect(
        window, &MainWindow::closed, this, [this, window] { drop(window); }, Qt::QueuedConnection);
    if (!page_.isEmpty())
        window->showPage(page_);
    all_.push_back(std::move(one));
    return *window;
}

std::vector<MainWindow*> Windows::all() const
{
    std::vector<MainWindow*> windows;
    for (const auto& one : all_)
        windows.push_back(one->window.get());
    return windows;
}

void Windows::open(const QStringList& files)
{
    const auto shows = [](const QString& path) {
        return [path](const std::unique_ptr<One>& one) {
            return one->window->shownFile() == path;
        };
    };
    auto* const asker = qobject_cast<MainWindow*>(sender());
    const auto show = [this, asker](const QStringList& recording) {
        MainWindow& window = add();
        place(window);
        window.beginAt(at_);
        if (asker && !recording.isEmpty())
            closeWhereNothingOpens(*all_.back(), *asker);
        window.open(recording);
        window.show();
        return &window;
    };
    if (files.isEmpty()) {
        show({});
        return;
    }
    MainWindow* last = nullptr;
    for (const QString& file : files.first(std::min<qsizetype>(files.size(), most))) {
        const auto shown =
            std::find_if(all_.begin(), all_.end(), shows(QFileInfo(file).absoluteFilePath()));
        last = shown == all_.end() ? show({file}) : (*shown)->window.get();
    }
    if (files.size() > most)
        last->notice(Severity::warning,
                     tr("%1 recordings were not opened.").arg(files.size() - most),
                     tr("At most %1 are opened at once.").arg(most));
    last->raise();
    last->activateWindow();
}

/// What cannot be opened is told where it was asked for, and leaves no empty window.
void Windows::closeWhereNothingOpens(const One& one, MainWindow& asker)
{
    // Only until it shows something: from then on its troubles are its own.
    auto* const first = new QObject(&asker);
    connect(one.workspace, &Workspace::transportChanged, first,
            [first](const Transport& transport) {
                if (transport.mode != Mode::empty)
                    first->deleteLater();
            });
    connect(one.window.get(), &QObject::destroyed, first, &QObject::deleteLater);
    connect(
        one.workspace, &Workspace::failed, first,
        [&asker, workspace = QPointer<Workspace>(one.workspace),
         window = QPointer<MainWindow>(one.window.get())](const Error& error) {
            if (!workspace || !window || workspace->transport().mode != Mode::empty)
                return;
            window->close();
            asker.notice(Severity::critical, Formatter::line(error.sentence, 400),
                         Formatter::line(error.next_step, 400));
            asker.activateWindow();
        },
        Qt::QueuedConnection);
}

/// As large as the last one, and a step beside it.
void Windows::place(MainWindow& window) const
{
    if (all_.size() < 2) {
        window.restoreWindow();
        return;
    }
    const MainWindow& before = *all_[all_.size() - 2]->window;
    window.resize(before.size());
    const int step = Theme::current().scaled(32);
    QPoint at = before.pos() + QPoint(step, step);
    // Whole on the screen, even if that covers the one before.
    if (const QScreen* const screen = before.screen()) {
        const QRect room = screen->availableGeometry();
        const QSize frame = before.frameGeometry().size();
        at.setX(std::max(room.left(), std::min(at.x(), room.right() + 1 - frame.width())));
        at.setY(std::max(room.top(), std::min(at.y(), room.bottom() + 1 - frame.height())));
    }
    window.move(at);
}

void Windows::drop(const MainWindow* window)
{
    const auto dropped =
        std::find_if(all_.begin(), all_.end(), [window](const std::unique_ptr<One>& one) {
            return one->window.get() == window;
        });
    if (dropped == all_.end())
        return;
    letItTell((*dropped)->window->alertCommand());
    all_.erase(dropped);
}

/// What has waited for its turn is told, whoever closed the window meanwhile.
void Windows::letItTell(AlertCommand& command)
{
    command.leave();
    if (!command.busy())
        return;
    command.setParent(this);
    connect(&command, &AlertCommand::done, &command, &QObject::deleteLater);
    connect(&command, &AlertCommand::failed, this, [this](const Error& error) {
        if (!all_.empty())
            all_.front()->window->notice(Severity::warning, Formatter::line(error.sentence, 400),
                                         Formatter::line(error.next_step, 400));
    });
}

/// They are of one file: each window watches by what is in it, but for what a replay supposes.
void Windows::takeAlertRules(const std::string& rules)
{
    options_.alertRules = rules;
    for (const auto& one : all_) {
        if (one->window.get() != sender())
            one->window->adoptAlertRules(rules);
    }
}

} // namespace poolscope
