// SPDX-License-Identifier: GPL-3.0-or-later
// Opening, saving, dropping and leaving.
#include "ui/mainwindow/mainwindow.h"

#include "ui/dialogs/questiondialog.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/mainwindow/compareflow.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/reportflow.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/models/comparerows.h"
#include "ui/theme/theme.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QAction>
#include <QCloseEvent>
#include <QDateTime>
#include <QDesktopServices>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QScreen>
#include <QUrl>

#include <algorithm>

namespace poolscope {

namespace {

constexpr int titleBarRoom = 40; ///< px that a desktop puts around a window, about

const QString closing = QStringLiteral("closing"); ///< the key of what is offered then
const QString suffix = QStringLiteral("poolrec");

QStringList fileFilters()
{
    return {MainWindow::tr("Recordings (*.poolrec)"), MainWindow::tr("All files (*)")};
}

QStringList filesIn(const QMimeData* data)
{
    QStringList files;
    for (const QUrl& url : data->urls())
        if (url.isLocalFile())
            files << url.toLocalFile();
    files.removeDuplicates();
    return files;
}

} // namespace

bool MainWindow::capturing() const
{
    const Mode mode = workspace_.transport().mode;
    return mode == Mode::live || mode == Mode::paused;
}

void MainWindow::open(const QStringList& files)
{
    QStringList elsewhere = files;
    // A capture is not given up for a look at something else.
    if (!capturing() && !elsewhere.isEmpty())
        openHere(elsewhere.takeFirst());
    if (!elsewhere.isEmpty())
        emit openElsewhere(elsewhere);
}

void MainWindow::openHere(const QString& file)
{
    const QString path = QFileInfo(file).absoluteFilePath();
    notices_->unsay();
    asked_ = path;
    opening_ = true;
    workspace_.open(path);
}

void MainWindow::goToBeginning()
{
    const Transport& transport = workspace_.transport();
    const Instant wanted = std::exchange(beginAt_, {});
    if (!wanted || transport.mode != Mode::replay)
        return;
    const auto at = wanted(transport.start, transport.end);
    if (at)
        workspace_.seek(at.value());
    else
        showTrouble(at.error());
}

QString MainWindow::shownFile() const
{
    return capturing() ? QString() : workspace_.transport().file;
}

void MainWindow::showOpen()
{
    if (dialog_)
        return;
    auto* dialog = new QFileDialog(this, tr("Open recordings"));
    dialog->setAcceptMode(QFileDialog::AcceptOpen);
    dialog->setFileMode(QFileDialog::ExistingFiles);
    connect(dialog, &QFileDialog::filesSelected, this, &MainWindow::open);
    showFileDialog(dialog);
}

void MainWindow::showSave()
{
    if (dialog_)
        return;
    if (saving_) { // a second copy would stop the first
        notice(Severity::info, tr("The recording is being saved already."),
               tr("Save it again once that is done, or stop that first."));
        return;
    }
    auto* dialog = new QFileDialog(this, tr("Save recording"));
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setFileMode(QFileDialog::AnyFile);
    dialog->setDefaultSuffix(suffix);
    connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::saveTo);
    connect(dialog, &QDialog::rejected, this, [this] { afterSave_ = {}; });
    showFileDialog(dialog);
    dialog->selectFile(QDateTime::currentDateTime().toString(QStringLiteral("yyyy-MM-dd-HHmm")) +
                       QLatin1Char('.') + suffix);
    // Typing replaces the proposal; the desktop's own dialog sees to that itself.
    if (auto* const name = dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit")))
        name->selectAll();
}

/// Both dialogs begin where the last one ended, and neither blocks what runs.
void MainWindow::showFileDialog(QFileDialog* dialog)
{
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setNameFilters(fileFilters());
    dialog->setDirectory(settings_.value(QStringLiteral("folder"), QDir::homePath()).toString());
    connect(dialog, &QDialog::accepted, this, [this, dialog] {
        settings_.setValue(QStringLiteral("folder"), dialog->directory().absolutePath());
    });
    dialog_ = dialog;
    dialog->open();
}

void MainWindow::saveTo(const QString& file)
{
    saving_ = true;
    stopped_ = false;
    // Another recording may have been opened since, or could not be.
    if (QFileInfo(leftBehind_).absoluteFilePath() != shownFile())
        leftBehind_.clear();
    status_->setSaving(0);
    workspace_.save(file);
}

void MainWindow::saved(const QString& file)
{
    saving_ = false;
    status_->setSaving(-1);
    RecentTargets(settings_).add({file, QString(), QString(), QDateTime::currentDateTime()});
    if (const QString kept = std::exchange(leftBehind_, {}); !kept.isEmpty()) {
        // It is safe now under its own name: that one is shown, at the same instant.
        beginAt_ = [cursor = workspace_.transport().cursor](Timestamp, Timestamp) {
            return Result<Timestamp>(cursor);
        };
        asked_ = file;
        workspace_.open(file);
        workspace_.removeLeftBehind(kept);
    }
    if (const std::function<void()> then = std::exchange(afterSave_, {}))
        then();
}

/// What went wrong is said by showTrouble(), as with all else.
void MainWindow::saveFailed()
{
    saving_ = false;
    status_->setSaving(-1);
    afterSave_ = {};
    notices_->drop(closing);
    asWanted_ = std::exchange(stopped_, false);
}

/// Once where it begins to fail, and once where it goes on.
void MainWindow::tellRecording(const Transport& transport)
{
    const bool trouble = capturing() && !transport.recordingTrouble.isEmpty();
    if (trouble == unrecorded_.has_value())
        return;
    if (trouble) {
        unrecorded_ = transport.dropped;
        notice(Severity::warning, tr("Nothing is being recorded."),
               Formatter::line(transport.recordingTrouble.toStdString(), 1024));
        return;
    }
    const auto before = std::exchange(unrecorded_, std::nullopt);
    const bool all = transport.dropped == before;
    if (capturing())
        notice(Severity::info, tr("Recording goes on."),
               all ? tr("What was seen meanwhile is in it.")
                   : tr("Not all that was seen meanwhile is in it: a gap shows where."));
}

void MainWindow::showReport()
{
    if (dialog_ || !actions_->report->isEnabled())
        return;
    const Transport& transport = workspace_.transport();
    ReportScope scope;
    scope.start = transport.start;
    scope.end = transport.end;
    scope.visibleFrom = context_->rangeFrom();
    scope.visibleTo = context_->rangeTo();
    scope.growing = capturing();
    scope.utc = context_->utc();
    ReportDialog* const dialog = reports_->ask(
        scope, settings_.value(QStringLiteral("folder"), QDir::homePath()).toString());
    connect(dialog, &QDialog::accepted, this, [this, dialog] {
        settings_.setValue(QStringLiteral("folder"), QFileInfo(dialog->wish().file).absolutePath());
    });
    dialog_ = dialog;
}

void MainWindow::showCompare()
{
    if (dialog_ || !actions_->compare->isEnabled())
        return;
    const Transport& transport = workspace_.transport();
    CompareScope scope;
    scope.any = transport.mode != Mode::empty;
    scope.name = capturing() && transport.file.isEmpty() ? tr("this capture")
                                                         : QFileInfo(transport.file).fileName();
    scope.start = transport.start;
    scope.end = transport.end;
    scope.visibleFrom = context_->rangeFrom();
    scope.visibleTo = context_->rangeTo();
    scope.growing = capturing();
    scope.utc = context_->utc();
    const auto marks = workspace_.marks();
    const CompareSplit cut =
        compareSplit(marks ? *marks : std::vector<Mark>{}, scope.start, scope.end, format(),
                     timestamp_from_us(QDateTime::currentMSecsSinceEpoch() * 1000));
    scope.cut = cut.at;
    scope.cutWords = cut.why;
    dialog_ = compares_->ask(
        scope, settings_.value(QStringLiteral("folder"), QDir::homePath()).toString());
}

void MainWindow::reported(const QString& file, const QString& damage)
{
    const auto open = [this, file] {
        openReport(file);
    };
    const QString path = QDir::toNativeSeparators(file);
    const QString key = QStringLiteral("report");
    if (damage.isEmpty())
        notices_->offer(
            {key, Severity::info, tr("The report is written."), path, tr("Open"), open});
    else
        notices_->offer({key, Severity::warning, tr("The report tells what could be read."),
                         tr("%1 It is %2.").arg(damage, path), tr("Open"), open});
}

void MainWindow::openReport(const QString& file)
{
    if (!QDesktopServices::openUrl(QUrl::fromLocalFile(file)))
        notice(Severity::warning, tr("The desktop did not open the report."),
               tr("Open %1 yourself.").arg(QDir::toNativeSeparators(file)));
}

void MainWindow::showTrouble(const Error& error)
{
    notice(std::exchange(asWanted_, false) ? Severity::info : Severity::critical,
           Formatter::line(error.sentence, 400), Formatter::line(error.next_step, 400));
}

void MainWindow::notice(Severity severity, const QString& lead, const QString& text)
{
    notices_->say(severity, lead, text);
}

Banner& MainWindow::banner() const
{
    return notices_->said();
}

void MainWindow::offerLeftBehind()
{
    workspace_.findLeftBehind(
        [self = QPointer<MainWindow>(this)](const std::vector<LeftBehind>& found) {
            for (const LeftBehind& recording : found)
                if (self && recording.file != self->leftBehind_)
                    return self->offer(recording);
        });
}

void MainWindow::offer(const LeftBehind& recording)
{
    if (recording.trouble) {
        notices_->offer({QStringLiteral("left behind"), Severity::warning,
                         tr("A recording that was not saved cannot be read."),
                         Formatter::line(recording.trouble->sentence, 400), tr("Discard it"),
                         [this, file = recording.file] {
                             workspace_.removeLeftBehind(file);
                             offerLeftBehind();
                         }});
        return;
    }
    const QString of = Formatter::line(recording.info.targets.front().name, 80);
    const QString from = format().instant(
        recording.info.started, timestamp_from_us(QDateTime::currentMSecsSinceEpoch() * 1000));
    const QString length = Formatter::ageProse(recording.info.ended - recording.info.started);
    notices_->offer({QStringLiteral("left behind"), Severity::info,
                     tr("A recording of %1 was not saved.").arg(of),
                     tr("It begins at %1 and is %2 long; Poolscope ended before it could ask.")
                         .arg(from, length),
                     tr("Open or discard…"), [this, file = recording.file, of] {
                         askLeftBehind(file, of);
                     }});
}

void MainWindow::askLeftBehind(const QString& file, const QString& of)
{
    using Kind = QuestionDialog::Kind;
    auto* box = new QuestionDialog(tr("Recording left behind"), tr("Open it or discard it?"),
                                   tr("The recording of %1 was not saved.").arg(of), this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->addAnswer(tr("Later"), QStringLiteral("later"), Kind::plain);
    QPushButton* gone = box->addAnswer(tr("Discard"), QStringLiteral("discard"), Kind::plain);
    QPushButton* opened = box->addAnswer(tr("Open"), QStringLiteral("open"), Kind::primary);
    connect(opened, &QPushButton::clicked, this, [this, file] {
        const bool here = !capturing();
        open({file});
        if (here)
            leftBehind_ = file;
    });
    connect(gone, &QPushButton::clicked, this, [this, file] {
        workspace_.removeLeftBehind(file);
        offerLeftBehind();
    });
    dialog_ = box;
    box->open();
}

bool MainWindow::worthSaving() const
{
    const Transport& transport = workspace_.transport();
    if (!capturing() || (transport.saved && !transport.savedUntil))
        return false;
    // Whoever saves and leaves at once is not asked again, unless something was done since.
    constexpr Duration justNow = std::chrono::seconds{10};
    if (transport.saved && transport.end - *transport.savedUntil < justNow) {
        const auto& actions = *workspace_.latest()->actions;
        return std::any_of(actions.begin(), actions.end(), [&](const ActionRecord& action) {
            return action.requested > *transport.savedUntil;
        });
    }
    const auto& targets = store_->targets();
    return std::any_of(targets.begin(), targets.end(),
                       [](const TargetSummary& target) { return target.last_sample.has_value(); });
}

void MainWindow::askToSave()
{
    using Kind = QuestionDialog::Kind;
    const auto words = [this] {
        const Transport& transport = workspace_.transport();
        if (transport.saved && transport.savedUntil)
            return tr("It was saved up to %1. The %2 since then go when they are discarded.")
                .arg(format().instant(*transport.savedUntil, transport.end),
                     Formatter::ageProse(transport.end - *transport.savedUntil));
        return tr("It is %1 long and goes when it is discarded.")
            .arg(Formatter::ageProse(transport.end - transport.start));
    };
    auto* box = new QuestionDialog(workspace_.transport().saved ? tr("Recording went on")
                                                                : tr("Recording not saved"),
                                   tr("Save the recording before leaving?"), words(), this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->addAnswer(tr("Keep going"), QStringLiteral("stay"), Kind::plain);
    QPushButton* discard = box->addAnswer(tr("Discard"), QStringLiteral("discard"), Kind::plain);
    QPushButton* save = box->addAnswer(tr("Save…"), QStringLiteral("save"), Kind::primary);
    connect(&workspace_, &Workspace::transportChanged, box,
            [box, words] { box->setWords(words()); }); // it goes on meanwhile
    // Once the box is gone: the next dialog takes its place.
    connect(
        save, &QPushButton::clicked, this,
        [this] {
            dialog_.clear();
            afterSave_ = [this] {
                leaveOnceDone();
            };
            showSave();
        },
        Qt::QueuedConnection);
    connect(discard, &QPushButton::clicked, this, &MainWindow::leaveOnceDone, Qt::QueuedConnection);
    dialog_ = box;
    box->open();
}

/// What is read for a report or a comparison ends with the window: not without a word.
void MainWindow::leaveOnceDone()
{
    leavesAfterReport_ = reports_->running();
    if (leavesAfterReport_)
        notices_->offer({closing, Severity::info,
                         tr("This window closes once the report is written."), QString(),
                         tr("Close without it"), [this] {
                             closeForGood();
                         }});
    else if (compares_->running()) // it is shown by this window
        notices_->offer({closing, Severity::info, tr("A comparison is still being made."),
                         tr("It goes with this window."), tr("Close without it"), [this] {
                             closeForGood();
                         }});
    else
        closeForGood();
}

void MainWindow::leaveAfterReport(bool written)
{
    if (!std::exchange(leavesAfterReport_, false))
        return;
    notices_->drop(closing);
    if (written)
        leaveOnceDone();
}

/// It stands in nobody's way any more.
void MainWindow::comparisonEnded()
{
    if (!saving_ && !leavesAfterReport_)
        notices_->drop(closing);
}

void MainWindow::closeForGood()
{
    leaving_ = true;
    close();
}

void MainWindow::closeEvent(QCloseEvent* event)
{
    if (!leaving_ && saving_) {
        event->ignore();
        afterSave_ = [this] {
            leaveOnceDone();
        };
        notices_->offer({closing, Severity::info,
                         tr("This window closes once the recording is saved."), QString(),
                         tr("Close without it"), [this] {
                             closeForGood();
                         }});
        return;
    }
    if (!leaving_ && worthSaving()) {
        event->ignore();
        if (!dialog_)
            askToSave();
        return;
    }
    if (!leaving_ && (reports_->running() || compares_->running())) {
        event->ignore();
        leaveOnceDone();
        return;
    }
    saveWindow();
    QMainWindow::closeEvent(event);
    emit closed();
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
        resize(Theme::current()
                   .scaled(QSize(1440, 900))
                   .boundedTo(screen()->availableSize() - QSize(0, titleBarRoom)));
    showPage(settings_.value(QStringLiteral("window/page")).toString());
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event)
{
    if (!filesIn(event->mimeData()).isEmpty())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event)
{
    const QStringList files = filesIn(event->mimeData());
    if (files.isEmpty())
        return;
    event->acceptProposedAction();
    open(files);
}

} // namespace poolscope
