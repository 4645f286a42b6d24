// SPDX-License-Identifier: GPL-3.0-or-later
// Attaching, opening, saving, dropping and leaving.
#include "ui/mainwindow/mainwindow.h"

#include "core/source/registry.h"
#include "ui/dialogs/attachtest.h"
#include "ui/dialogs/notedialog.h"
#include "ui/dialogs/passworddialog.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/views/page.h"

#include <QCloseEvent>
#include <QDateTime>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QUrl>

#include <algorithm>

namespace poolscope {

namespace {
const QString suffix = QStringLiteral(".poolrec");

QString fileFilter()
{
    return MainWindow::tr("Recordings (*.poolrec);;All files (*)");
}

QStringList recordingsIn(const QMimeData* data)
{
    QStringList files;
    for (const QUrl& url : data->urls())
        if (url.isLocalFile() && QFileInfo(url.toLocalFile()).isFile())
            files << url.toLocalFile();
    return files;
}
} // namespace

void MainWindow::attach(const AttachRequest& request)
{
    const TargetId target = workspace_.attach(request);
    if (target == TargetId{})
        return;
    const QString plain = withoutSecrets(request.target);
    targets_[target] = plain;
    sidebar_->setInterval(target, request.interval);
    RecentTargets(settings_).add(
        {request.target, request.sshHost, QString(), QDateTime::currentDateTime()});
}

void MainWindow::open(const QString& file)
{
    leave(tr("Save the recording under way before opening another?"), [this, file] {
        banner_->hide();
        workspace_.open(QFileInfo(file).absoluteFilePath());
        RecentTargets(settings_).add({QFileInfo(file).absoluteFilePath(), QString(), QString(),
                                      QDateTime::currentDateTime()});
    });
}

void MainWindow::showAttach()
{
    if (dialog_)
        return;
    AttachChoice defaults = defaults_;
    const Transport& transport = workspace_.transport();
    const bool capturing = transport.mode == Mode::live || transport.mode == Mode::paused;
    defaults.readOnly = transport.readOnly;
    if (capturing)
        defaults.redact = transport.redacted;
    auto* dialog = new AttachDialog(defaults, settings_, capturing, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] { taken(dialog->choice()); });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::taken(const AttachChoice& choice)
{
    if (!choice.live.empty()) {
        defaults_.interval = choice.interval;
        defaults_.thresholds = choice.thresholds;
        defaults_.redact = choice.redact;
        workspace_.setReadOnly(choice.readOnly);
        workspace_.setRedact(choice.redact);
        for (const AttachRequest& request : choice.live)
            attach(request);
        workspace_.setThresholds(TargetId{}, choice.thresholds);
    } else if (!choice.recordings.isEmpty()) {
        open(choice.recordings.front());
    }
}

void MainWindow::showOpen()
{
    const QString folder = settings_.value(QStringLiteral("folder"), QDir::homePath()).toString();
    const QString file =
        QFileDialog::getOpenFileName(this, tr("Open recording"), folder, fileFilter());
    if (file.isEmpty())
        return;
    settings_.setValue(QStringLiteral("folder"), QFileInfo(file).absolutePath());
    open(file);
}

void MainWindow::showSave()
{
    const QString folder = settings_.value(QStringLiteral("folder"), QDir::homePath()).toString();
    const QString proposed = QDir(folder).filePath(
        QDateTime::currentDateTime().toString(QStringLiteral("yyyy-MM-dd-HHmm")) + suffix);
    QString file = QFileDialog::getSaveFileName(this, tr("Save recording"), proposed, fileFilter());
    if (file.isEmpty()) {
        afterSave_ = {};
        return;
    }
    if (QFileInfo(file).suffix().isEmpty())
        file += suffix;
    settings_.setValue(QStringLiteral("folder"), QFileInfo(file).absolutePath());
    saveTo(file);
}

void MainWindow::saveTo(const QString& file)
{
    status_->setSaving(0);
    workspace_.save(file);
}

void MainWindow::saved(const QString& file)
{
    status_->setSaving(-1);
    RecentTargets(settings_).add({file, QString(), QString(), QDateTime::currentDateTime()});
    if (const std::function<void()> then = std::exchange(afterSave_, {}))
        then();
}

void MainWindow::showTrouble(const Error& error)
{
    status_->setSaving(-1);
    afterSave_ = {};
    showBanner(static_cast<int>(Severity::critical), Formatter::line(error.sentence, 400),
               Formatter::line(error.next_step, 400), tr("Dismiss"), {});
}

void MainWindow::showBanner(int severity, const QString& lead, const QString& text,
                            const QString& link, std::function<void()> does)
{
    banner_->setMessage(static_cast<Severity>(severity), lead, text);
    banner_->setCode(QString());
    banner_->setLink(link);
    bannerDoes_ = std::move(does);
    banner_->show();
}

void MainWindow::offerLeftBehind(const QString& file, const QString& of)
{
    showBanner(static_cast<int>(Severity::info), tr("A recording of %1 was not saved.").arg(of),
               tr("Poolscope ended before it could ask."), tr("Open or discard…"), [this, file] {
                   auto* box = new QMessageBox(this);
                   box->setAttribute(Qt::WA_DeleteOnClose);
                   box->setWindowTitle(tr("Recording left behind"));
                   box->setTextFormat(Qt::PlainText);
                   box->setText(tr("Open the recording that was not saved, or discard it?"));
                   QPushButton* opened = box->addButton(tr("Open"), QMessageBox::AcceptRole);
                   QPushButton* gone = box->addButton(tr("Discard"), QMessageBox::DestructiveRole);
                   box->addButton(tr("Later"), QMessageBox::RejectRole);
                   box->setDefaultButton(opened);
                   connect(opened, &QPushButton::clicked, this, [this, file] { open(file); });
                   connect(gone, &QPushButton::clicked, this,
                           [file] { Workspace::discardLeftBehind(file); });
                   dialog_ = box;
                   box->open();
               });
}

void MainWindow::askSecret(TargetId target, const QString& sentence)
{
    const TargetSummary* summary = store_->target(target);
    // Asked while attaching, it is expected; later it would be a modal out of nowhere.
    if (summary && summary->last_sample)
        showBanner(static_cast<int>(Severity::warning), sentence.left(400), QString(),
                   tr("Enter the password…"),
                   [this, target, sentence] { showSecretDialog(target, sentence); });
    else
        showSecretDialog(target, sentence);
}

void MainWindow::showSecretDialog(TargetId target, const QString& sentence)
{
    const TargetSummary* summary = store_->target(target);
    const auto known = targets_.find(target);
    const QString name = summary                   ? Formatter::line(summary->info.name, 80)
                         : known != targets_.end() ? known->second.left(120)
                                                   : tr("the server");
    auto* dialog = new PasswordDialog(name, sentence, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::finished, this, [this, dialog, target](int result) {
        workspace_.provideSecret(target,
                                 result == QDialog::Accepted ? dialog->password() : QString());
    });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::addNote()
{
    if (dialog_ || !actions_->note->isEnabled())
        return;
    const Transport& transport = workspace_.transport();
    auto* dialog =
        new NoteDialog(tr("at %1").arg(format().instant(transport.end, transport.end)), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this,
            [this, dialog] { workspace_.addNote(dialog->text()); });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::fillRecent()
{
    QMenu* menu = actions_->recentMenu;
    menu->clear();
    for (const RecentTarget& entry : RecentTargets(settings_).all()) {
        QString text = entry.target.left(80);
        text.replace(QLatin1Char('&'), QStringLiteral("&&"));
        menu->addAction(text, this, [this, entry] {
            const auto kind = classifyTarget(entry.target);
            if (!kind) {
                showTrouble(kind.error());
            } else if (kind.value() == TargetKind::recording) {
                open(entry.target);
            } else {
                AttachRequest request;
                request.target = entry.target;
                request.sshHost = entry.sshHost;
                request.interval = defaults_.interval;
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
    const Mode mode = workspace_.transport().mode;
    for (const TargetSummary& target : store_->targets()) {
        QString text = Formatter::line(target.info.name, 80);
        text.replace(QLatin1Char('&'), QStringLiteral("&&"));
        QAction* action =
            menu->addAction(text, this, [this, id = target.info.id] { workspace_.detach(id); });
        action->setEnabled(mode == Mode::live || mode == Mode::paused);
    }
    if (menu->isEmpty())
        menu->addAction(tr("Nothing is attached"))->setEnabled(false);
}

void MainWindow::describeTargets(const Update& update)
{
    for (const TargetSummary& target : update.targets) {
        const auto attached = targets_.find(target.info.id);
        if (!target.facts || attached == targets_.end() ||
            !described_.insert(target.info.id).second)
            continue;
        RecentTargets(settings_).describe(
            attached->second,
            tr("PostgreSQL %1")
                .arg(Formatter::line(target.facts->version, 60).section(QLatin1Char(' '), 0, 0)));
    }
}

bool MainWindow::worthSaving() const
{
    const Transport& transport = workspace_.transport();
    if (transport.saved || (transport.mode != Mode::live && transport.mode != Mode::paused))
        return false;
    const auto& targets = store_->targets();
    return std::any_of(targets.begin(), targets.end(),
                       [](const TargetSummary& target) { return target.last_sample.has_value(); });
}

void MainWindow::leave(const QString& question, const std::function<void()>& then)
{
    if (!worthSaving()) {
        then();
        return;
    }
    const Transport& transport = workspace_.transport();
    auto* box = new QMessageBox(this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setWindowTitle(tr("Recording not saved"));
    box->setTextFormat(Qt::PlainText);
    box->setText(question);
    box->setInformativeText(tr("It is %1 long and goes when it is discarded.")
                                .arg(Formatter::ageProse(transport.end - transport.start)));
    QPushButton* save = box->addButton(tr("Save…"), QMessageBox::AcceptRole);
    QPushButton* discard = box->addButton(tr("Discard"), QMessageBox::DestructiveRole);
    QPushButton* stay = box->addButton(tr("Keep going"), QMessageBox::RejectRole);
    save->setObjectName(QStringLiteral("save"));
    discard->setObjectName(QStringLiteral("discard"));
    stay->setObjectName(QStringLiteral("stay"));
    box->setDefaultButton(save);
    box->setEscapeButton(stay);
    connect(save, &QPushButton::clicked, this, [this, then] {
        afterSave_ = then;
        showSave();
    });
    connect(discard, &QPushButton::clicked, this, then, Qt::QueuedConnection);
    dialog_ = box;
    box->open();
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    if (!leaving_ && worthSaving()) {
        event->ignore();
        leave(tr("Save the recording before leaving?"), [this] {
            leaving_ = true;
            close();
        });
        return;
    }
    saveWindow();
    QMainWindow::closeEvent(event);
}

void MainWindow::saveWindow()
{
    settings_.setValue(QStringLiteral("window/geometry"), saveGeometry());
    if (const Page* page = currentPage())
        settings_.setValue(QStringLiteral("window/page"), page->name());
}

void MainWindow::restoreWindow()
{
    if (!restoreGeometry(settings_.value(QStringLiteral("window/geometry")).toByteArray()))
        resize(1440, 900);
    showPage(settings_.value(QStringLiteral("window/page")).toString());
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event)
{
    if (!recordingsIn(event->mimeData()).isEmpty())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event)
{
    const QStringList files = recordingsIn(event->mimeData());
    if (files.isEmpty())
        return;
    event->acceptProposedAction();
    open(files.front());
}

} // namespace poolscope
