// SPDX-License-Identifier: GPL-3.0-or-later
// What menu, toolbar and keys of the window do.
#include "ui/mainwindow/mainwindow.h"

#include "core/capture/alertcommand.h"
#include "ui/dialogs/keysdialog.h"
#include "ui/dialogs/settingsdialog.h"
#include "ui/mainwindow/finder.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/timelinerow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/models/ringlimits.h"
#include "ui/views/page.h"

#include <QAbstractButton>
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QComboBox>
#include <QMenu>

namespace poolscope {

void MainWindow::wireActions()
{
    const WindowActions& a = *actions_;
    const auto on = [this](QAction* action, auto does) {
        connect(action, &QAction::triggered, this, does);
    };
    on(a.attach, [this] { showAttach(); });
    on(a.instrument, [this] { showInstrument(); });
    on(a.open, [this] { showOpen(); });
    on(a.save, [this] { showSave(); });
    on(a.report, [this] { showReport(); });
    on(a.compare, [this] { showCompare(); });
    on(a.newWindow, [this] { emit openElsewhere({}); });
    on(a.closeWindow, [this] { close(); });
    on(a.quit, [this] { emit quitRequested(); });
    on(a.note, [this] { addNote(); });
    on(a.live, [this] {
        workspace_.transport().mode == Mode::live ? workspace_.pause() : workspace_.goLive();
        actions_->setTransport(workspace_.transport());
    });
    on(a.goLive, [this] { workspace_.goLive(); });
    on(a.readOnly, [this](bool checked) { workspace_.setReadOnly(checked); });
    on(a.find, [this] {
        finder_->setFocus(Qt::ShortcutFocusReason);
        finder_->selectAll();
    });
    on(a.filter, [this] {
        if (Page* page = currentPage())
            page->focusFilter();
    });
    on(a.sampleNow, [this] { workspace_.sampleNow(); });
    on(a.playPause, [this] { timeline_->playPause(); });
    on(a.stepBack, [this] { workspace_.step(false); });
    on(a.stepOn, [this] { workspace_.step(true); });
    on(a.markBefore, [this] { workspace_.jumpToMark(false); });
    on(a.markAfter, [this] { workspace_.jumpToMark(true); });
    on(a.faster, [this] { timeline_->changeSpeed(1); });
    on(a.slower, [this] { timeline_->changeSpeed(-1); });
    on(a.cancelStatement, [this] { command(ActionVerb::cancel); });
    on(a.terminate, [this] { command(ActionVerb::terminate); });
    on(a.settings, [this] {
        auto* dialog = new SettingsDialog(settings_, this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        connect(dialog, &QDialog::accepted, this, [] {
            for (QWidget* const each : QApplication::topLevelWidgets())
                if (auto* const window = qobject_cast<MainWindow*>(each))
                    window->readSettings();
        });
        dialog->open();
    });
    on(a.keys, [this] {
        auto* dialog = new KeysDialog(this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->show();
    });
    on(a.about, [this] {
        auto* dialog = new AboutDialog(this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->open();
    });
    connect(actions_, &WindowActions::pageRequested, this, &MainWindow::goTo);
    connect(a.sessionMenu, &QMenu::aboutToShow, this,
            [this] { actions_->setLetters(currentPage()->letters()); });
    connect(actions_, &WindowActions::letterChosen, this,
            [this](int key) { currentPage()->serveLetter(key); });
    connect(a.recentMenu, &QMenu::aboutToShow, this, &MainWindow::fillRecent);
    connect(a.targetsMenu, &QMenu::aboutToShow, this, &MainWindow::fillTargets);
    connect(a.forgetMenu, &QMenu::aboutToShow, this, &MainWindow::fillForget);
    // Space presses a button and opens a box that has the focus; elsewhere it pauses and plays.
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
        const bool itsOwn = qobject_cast<QAbstractButton*>(now) || qobject_cast<QComboBox*>(now);
        actions_->playPause->setShortcut(itsOwn ? QKeySequence() : QKeySequence(Qt::Key_Space));
    });
}

void MainWindow::wireAlertCommand()
{
    readSettings();
    alertCommand_->follow(workspace_);
    connect(alertCommand_, &AlertCommand::failed, this, [this](const Error& error) {
        notice(Severity::warning, Formatter::line(error.sentence, 400),
               Formatter::line(error.next_step, 400));
    });
}

void MainWindow::readSettings()
{
    alertCommand_->setCommand(settings_.value(QStringLiteral("alerts/command")).toString());
    const RingLimits kept = RingLimits::read(settings_);
    workspace_.keepTemporary(kept.keepFor(), kept.keepBytes());
    status_->setKept(kept);
}

} // namespace poolscope
