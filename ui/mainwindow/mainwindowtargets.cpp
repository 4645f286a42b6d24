// SPDX-License-Identifier: GPL-3.0-or-later
// Attaching, its passwords and its lists; notes.
#include "ui/mainwindow/mainwindow.h"

#include "core/capture/alertrulesfile.h"
#include "core/source/registry.h"
#include "ui/dialogs/alertrulesdialog.h"
#include "ui/dialogs/attachtest.h"
#include "ui/dialogs/instrumentdialog.h"
#include "ui/dialogs/notedialog.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/passwordflow.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/models/targetkinds.h"

#include <QDateTime>
#include <QMenu>
#include <QPointer>

#include <algorithm>

namespace poolscope {

void MainWindow::setKeychain(std::shared_ptr<Keychain> keychain)
{
    passwords_->setKeychain(std::move(keychain));
}

void MainWindow::attach(const AttachRequest& request)
{
    const Attached wanted{withoutSecrets(request.target), request.sshHost, {}};
    if (!makesRoom(wanted)) {
        notice(Severity::info, tr("%1 is attached already.").arg(wanted.target.left(120)),
               tr("A second time would count its sessions twice."));
        return;
    }
    const TargetId target = workspace_.attach(request);
    if (target == TargetId{})
        return;
    leftBehind_.clear();
    targets_[target] = wanted;
    passwords_->attached(target, wanted.target, request.sshHost);
    sidebar_->setInterval(target, request.interval);
    RecentTargets(settings_).add(
        {request.target, request.sshHost, QString(), QDateTime::currentDateTime()});
}

/// False where it is attached and answers, or was attached a moment ago. One that does not answer
/// is given up for the new attempt, which may bring another password.
bool MainWindow::makesRoom(const Attached& wanted)
{
    for (const auto& [id, as] : targets_) {
        if (as.target != wanted.target || as.sshHost != wanted.sshHost ||
            (as.status && is_detached(*as.status)))
            continue;
        if (!as.status || as.status->reach == Reach::up)
            return false;
        workspace_.detach(id);
    }
    return true;
}

void MainWindow::showAttach()
{
    showAttachAt(QString());
}

void MainWindow::showAttachAt(const QString& target)
{
    if (dialog_)
        return;
    AttachChoice defaults = defaults_;
    const Transport& transport = workspace_.transport();
    defaults.readOnly = transport.readOnly;
    if (capturing())
        defaults.redact = transport.redacted;
    auto* dialog = new AttachDialog(defaults, settings_, capturing(), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    if (!target.isEmpty())
        dialog->setTarget(target);
    connect(dialog, &QDialog::accepted, this, [this, dialog] { taken(dialog->choice()); });
    connect(dialog, &AttachDialog::instrumentWanted, this, [this, dialog] {
        dialog_.clear();
        dialog->reject();
        showInstrument();
    });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::showInstrument()
{
    if (dialog_)
        return;
    auto* dialog = new InstrumentDialog(settings_, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] {
        for (AttachRequest request : dialog->choice()) {
            request.interval = intervalFor(request.target);
            attach(request);
        }
    });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::taken(const AttachChoice& choice)
{
    if (!choice.live.empty()) {
        // What is usual for this kind of target alone is no choice for the next one.
        const Duration usual = usualInterval(choice.live.front().target);
        if (choice.interval != usual || usual == usualInterval(QString()))
            defaults_.interval = choice.interval;
        // A choice, be it the default, counts before what a pool is set to itself: none was made
        // where the dialog's values were left as they were.
        const bool judged = choice.thresholds != defaults_.thresholds;
        defaults_.thresholds = choice.thresholds;
        defaults_.redact = choice.redact;
        workspace_.setReadOnly(choice.readOnly);
        workspace_.setRedact(choice.redact);
        for (const AttachRequest& request : choice.live)
            attach(request);
        if (judged)
            workspace_.setThresholds(TargetId{}, choice.thresholds);
    }
    open(choice.recordings);
}

/// As chosen, else as is usual for its kind: metrics change more seldom than sessions.
Duration MainWindow::intervalFor(const QString& target) const
{
    const bool chosen = defaults_.interval != usualInterval(QString());
    return chosen ? defaults_.interval : usualInterval(target);
}

/// A recording may come from anyone, and where it points to is not for it to decide: what was never
/// attached to from here is shown in the dialog first.
void MainWindow::attachRecorded()
{
    const std::vector<RecentTarget> recent = RecentTargets(settings_).all();
    const std::vector<TargetSummary> recorded = store_->targets();
    QString unknown;
    for (const TargetSummary& target : recorded) {
        const QString url = QString::fromStdString(target.info.url);
        const auto known =
            std::find_if(recent.begin(), recent.end(),
                         [&](const RecentTarget& entry) { return entry.target == url; });
        if (known == recent.end()) {
            if (unknown.isEmpty())
                unknown = url;
            continue;
        }
        AttachRequest request;
        request.target = url;
        request.sshHost = known->sshHost;
        request.interval = intervalFor(url);
        attach(request);
    }
    if (!unknown.isEmpty())
        showAttachAt(unknown);
}

QString MainWindow::secretKey(TargetId target)
{
    return QStringLiteral("secret %1").arg(target.value);
}

void MainWindow::askSecret(TargetId target, const QString& sentence)
{
    const TargetSummary* summary = store_->target(target);
    // Asked while attaching, it is expected; later it would be a modal out of nowhere.
    if (summary && summary->last_sample)
        notices_->offer(
            {secretKey(target), Severity::warning, sentence.left(400), QString(),
             passwords_->wantsToken(target) ? tr("Enter the token…") : tr("Enter the password…"),
             [this, target, sentence] {
                 showSecretDialog(target, sentence);
             }});
    else
        showSecretDialog(target, sentence);
}

void MainWindow::showSecretDialog(TargetId target, const QString& sentence)
{
    const TargetSummary* summary = store_->target(target);
    const auto known = targets_.find(target);
    const QString name = summary                   ? Formatter::line(summary->info.name, 80)
                         : known != targets_.end() ? known->second.target.left(120)
                                                   : tr("the target");
    passwords_->showDialog(target, name, sentence);
}

void MainWindow::addNote()
{
    if (dialog_ || !actions_->note->isEnabled())
        return;
    const Transport& transport = workspace_.transport();
    const QString end = format().instant(transport.end, transport.end);
    std::optional<Timestamp> about;
    if (transport.mode == Mode::paused && transport.cursor < transport.end)
        about = transport.cursor;
    auto* dialog = new NoteDialog(
        about ? tr("at the cursor, %1").arg(format().instant(transport.cursor, transport.end))
              : tr("at %1").arg(end),
        this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this,
            [this, dialog, about] { workspace_.addNote(dialog->text(), about); });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::showAlertRules()
{
    const bool replay = workspace_.transport().mode == Mode::replay;
    workspace_.findAlertRules(
        [window = QPointer<MainWindow>(this), replay](const std::string& rules) {
            if (window)
                window->editAlertRules(QString::fromStdString(rules), replay);
        });
}

void MainWindow::editAlertRules(const QString& rules, bool replay)
{
    if (dialog_ || replay != (workspace_.transport().mode == Mode::replay))
        return;
    const QString& path = workspace_.alertRulesPath();
    auto* dialog =
        new AlertRulesDialog(rules, path.isEmpty() ? alertRulesFile() : path, replay, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog, replay] {
        const std::string chosen = dialog->rules().toStdString();
        if (!replay) {
            adoptAlertRules(chosen);
            emit alertRulesSaved(chosen);
            return;
        }
        // What was opened meanwhile is another picture: rules for one are not tried on the other.
        if (workspace_.transport().mode == Mode::replay)
            workspace_.setAlertRules(chosen);
    });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::adoptAlertRules(const std::string& rules)
{
    if (workspace_.transport().mode == Mode::replay)
        adopted_ = rules;
    else
        workspace_.setAlertRules(rules);
}

void MainWindow::fillRecent()
{
    QMenu* menu = actions_->recentMenu;
    menu->clear();
    for (const RecentTarget& entry : RecentTargets(settings_).all()) {
        QString text = entry.target.left(80);
        text.replace(QLatin1Char('&'), QStringLiteral("&&"));
        menu->addAction(text, this, [this, entry] {
            const auto kind = classifyKnown(entry.target);
            if (!kind) {
                showTrouble(kind.error());
            } else if (kind.value() == TargetKind::recording) {
                open({entry.target});
            } else {
                AttachRequest request;
                request.target = entry.target;
                request.sshHost = entry.sshHost;
                request.interval = intervalFor(entry.target);
                attach(request);
            }
        });
    }
    if (menu->isEmpty())
        menu->addAction(tr("None yet"))->setEnabled(false);
}

void MainWindow::fillTargets()
{
    QMenu* menu = actions_->targetsMenu;
    menu->clear();
    for (const TargetSummary& target : store_->targets()) {
        if (is_detached(target.status))
            continue;
        QString text = Formatter::line(target.info.name, 80);
        text.replace(QLatin1Char('&'), QStringLiteral("&&"));
        QAction* action =
            menu->addAction(text, this, [this, id = target.info.id] { workspace_.detach(id); });
        action->setEnabled(capturing());
    }
    if (menu->isEmpty())
        menu->addAction(tr("Nothing is attached"))->setEnabled(false);
}

void MainWindow::fillForget()
{
    QMenu* menu = actions_->forgetMenu;
    menu->clear();
    for (const QString& kept : passwords_->kept()) {
        QString text = kept.left(100);
        text.replace(QLatin1Char('&'), QStringLiteral("&&"));
        menu->addAction(text, this, [this, kept] {
            passwords_->forget(kept);
            notice(Severity::info, tr("Forgotten."),
                   tr("The desktop's keychain keeps nothing for %1 any more: the next attach asks.")
                       .arg(kept.left(100)));
        });
    }
    if (menu->isEmpty())
        menu->addAction(tr("Nothing is kept"))->setEnabled(false);
}

/// At the live edge, wherever the cursor is: what is attached is so now.
void MainWindow::describeTargets(const Update& update)
{
    std::erase_if(targets_, [&](const auto& attached) { // detached
        const bool gone =
            attached.second.status && std::none_of(update.targets.begin(), update.targets.end(),
                                                   [&](const TargetSummary& target) {
                                                       return target.info.id == attached.first;
                                                   });
        if (gone)
            notices_->drop(secretKey(attached.first));
        return gone;
    });
    for (const TargetSummary& target : update.targets) {
        const auto attached = targets_.find(target.info.id);
        if (attached != targets_.end())
            attached->second.status = target.status;
        if (target.status.reach == Reach::up || is_detached(target.status))
            notices_->drop(secretKey(target.info.id)); // it needs none any more
        const bool answered =
            target.facts || target.agent || (tellsPools(target) && target.last_sample);
        if (!answered || attached == targets_.end() || !described_.insert(target.info.id).second)
            continue;
        RecentTargets(settings_).describe(attached->second.target, productOf(target));
    }
}

} // namespace poolscope
