// SPDX-License-Identifier: GPL-3.0-or-later
// Recordings: several at once, by dialog and by drop, saved, left behind; and the way back to what
// lives.
#include "tests/mainwindow/shownwindow.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/dialogs/questiondialog.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/views/page.h"

#include <QAction>
#include <QDropEvent>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QScopeGuard>
#include <QSignalSpy>
#include <QToolButton>

#include <csignal>
#include <sys/resource.h>

using namespace poolscope;
using namespace poolscope::test;

class TestFiles : public QObject, ShownWindow
{
    Q_OBJECT

    QStringList files_;

    bool shows(const QString& file) const
    {
        for (const MainWindow* window : windows_->all())
            if (window->shownFile() == file && window->isVisible())
                return window->context().workspace().transport().mode == Mode::replay;
        return false;
    }
    static QToolButton* link(QWidget* in, const QString& words)
    {
        for (QToolButton* button : in->findChildren<QToolButton*>())
            if (button->text() == words && button->isVisible())
                return button;
        return nullptr;
    }
    /// Types a name into the real dialog and presses Enter.
    void choose(const QString& name)
    {
        auto* dialog = qobject_cast<QFileDialog*>(window_->openDialog());
        QVERIFY(dialog);
        QTRY_VERIFY(dialog->isVisible());
        auto* edit = dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"));
        QVERIFY(edit);
        edit->selectAll();
        QTest::keyClicks(edit, name);
        QTest::keyClick(edit, Qt::Key_Return);
        QTRY_VERIFY(!window_->openDialog());
    }
    QString leaveBehind()
    {
        const QDir cache(folder_.filePath(QStringLiteral("cache")));
        cache.mkpath(QStringLiteral("."));
        const QString file = cache.filePath(QStringLiteral("crashed.poolrec"));
        QFile::copy(files_[0], file);
        return file;
    }

private slots:
    void initTestCase()
    {
        useOwnSettings();
        for (const char* name : {"night.poolrec", "noon.poolrec", "dusk.poolrec"})
            files_ << recordIncident(folder_, QString::fromLatin1(name));
        QVERIFY(!files_.contains(QString()));
    }
    void init() { QSettings().setValue(QStringLiteral("folder"), folder_.path()); }
    void cleanup() { closeAll(); }

    void severalOpenInWindowsOfTheirOwn()
    {
        make();
        window_->open(files_);
        QTRY_COMPARE(windows_->all().size(), 3u);
        for (const QString& file : files_)
            QTRY_VERIFY_WITH_TIMEOUT(shows(file), 60000);
        QCOMPARE(window_->shownFile(), files_[0]);
        // Once more: they are there already.
        windows_->open({files_[1], files_[2]});
        QCOMPARE(windows_->all().size(), 3u);
    }

    void oneClosedLeavesTheOthers()
    {
        make();
        window_->open(files_);
        QTRY_VERIFY_WITH_TIMEOUT(shows(files_[2]), 60000);
        windows_->all()[1]->close();
        QTRY_COMPARE(windows_->all().size(), 2u);
        QVERIFY(window_->isVisible());
        QVERIFY(!shows(files_[1]));
        window_->actions().quit->trigger();
        QTRY_VERIFY(windows_->all().empty());
    }

    void aCaptureGoesOnBesideRecordings()
    {
        makeLive();
        window_->open({files_[0]});
        QTRY_COMPARE(windows_->all().size(), 2u);
        QTRY_VERIFY_WITH_TIMEOUT(shows(files_[0]), 60000);
        QCOMPARE(workspace().transport().mode, Mode::live);
        QVERIFY(!window_->openDialog());
    }

    void whatCannotBeOpenedLeavesNoWindow()
    {
        makeLive();
        const QString foreign = folder_.filePath(QStringLiteral("shopping.poolrec"));
        QFile file(foreign);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("milk, bread");
        file.close();
        window_->open({foreign});
        QTRY_VERIFY_WITH_TIMEOUT(
            window_->banner().accessibleName().contains(QStringLiteral("shopping")), 60000);
        QTRY_COMPARE(windows_->all().size(), 1u);
        QCOMPARE(workspace().transport().mode, Mode::live);
    }

    void aNewWindowIsEmpty()
    {
        makeLive();
        window_->actions().newWindow->trigger();
        QCOMPARE(windows_->all().size(), 2u);
        QCOMPARE(windows_->all()[1]->context().workspace().transport().mode, Mode::empty);
        QVERIFY(windows_->all()[1]->isVisible());
    }

    void severalAreDropped()
    {
        make();
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(files_[0]), QUrl::fromLocalFile(files_[1]),
                      QUrl(QStringLiteral("https://example.org/x.poolrec"))});
        QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_, &drop);
        QTRY_COMPARE(windows_->all().size(), 2u);
        QTRY_VERIFY_WITH_TIMEOUT(shows(files_[0]) && shows(files_[1]), 60000);
    }

    void tooManyAreBounded()
    {
        make();
        QStringList many;
        for (int i = 0; i < Windows::most + 3; ++i)
            many << folder_.filePath(QStringLiteral("none-%1.poolrec").arg(i));
        windows_->open(many);
        QCOMPARE(windows_->all().size(), std::size_t{Windows::most + 1});
    }

    void theOpenDialogOpensAndNothingStops()
    {
        make();
        window_->actions().open->trigger();
        auto* dialog = qobject_cast<QFileDialog*>(window_->openDialog());
        QVERIFY(dialog); // it came back at once: no loop of its own
        QCOMPARE(dialog->fileMode(), QFileDialog::ExistingFiles);
        dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"))
            ->setText(QStringLiteral("\"night.poolrec\" \"noon.poolrec\""));
        static_cast<QDialog*>(dialog)->accept(); // as its Open button does
        QTRY_VERIFY(!window_->openDialog());
        QTRY_VERIFY_WITH_TIMEOUT(shows(files_[0]) && shows(files_[1]), 60000);
    }

    void theSaveDialogSaves()
    {
        makeLive();
        QSignalSpy updates(&workspace(), &Workspace::updated);
        window_->actions().save->trigger();
        QVERIFY(window_->openDialog());
        QTRY_VERIFY_WITH_TIMEOUT(updates.count() >= 1, 5000); // the capture goes on below it
        choose(QStringLiteral("kept"));
        const QString kept = folder_.filePath(QStringLiteral("kept.poolrec"));
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().saved, 60000);
        QVERIFY(QFile::exists(kept));
        QCOMPARE(QSettings().value(QStringLiteral("folder")).toString(), folder_.path());
        window_->close();
        QTRY_VERIFY(windows_->all().empty());
    }

    void savingCanBeStopped()
    {
        makeLive();
        const QString file = folder_.filePath(QStringLiteral("stopped.poolrec"));
        auto* stop = window_->statusStrip().findChild<QToolButton*>(QStringLiteral("stopSaving"));
        QVERIFY(stop && !stop->isVisible());
        window_->saveTo(file);
        QVERIFY(stop->isVisible());
        stop->click(); // before the copy can have begun: the capture flushes first
        QTRY_VERIFY(!stop->isVisible());
        // However the race ends, there is a whole file or none.
        QCOMPARE(QFile::exists(file), workspace().transport().saved);
    }

    void noOtherTroubleEndsASave()
    {
        makeLive();
        const QString file = folder_.filePath(QStringLiteral("troubled.poolrec"));
        auto* stop = window_->statusStrip().findChild<QToolButton*>(QStringLiteral("stopSaving"));
        window_->saveTo(file);
        emit workspace().failed(Error{"The socket is gone.", "Start the process again."});
        QVERIFY(window_->banner().accessibleName().contains(QStringLiteral("socket is gone")));
        QVERIFY(stop->isVisible());
        // Nor does another save.
        window_->actions().save->trigger();
        QVERIFY(!window_->openDialog());
        QVERIFY(window_->banner().accessibleName().contains(QStringLiteral("saved already")));
        window_->close();
        QVERIFY(!window_->openDialog());
        QVERIFY(window_->notices().offered().isVisible());
        QTRY_VERIFY_WITH_TIMEOUT(windows_->all().empty(), 60000);
        QVERIFY(QFile::exists(file));
    }

    void aSaveThatFailsKeepsTheWindow()
    {
        makeLive();
        auto* stop = window_->statusStrip().findChild<QToolButton*>(QStringLiteral("stopSaving"));
        window_->saveTo(folder_.filePath(QStringLiteral("nowhere/lost.poolrec")));
        window_->close();
        QVERIFY(window_->notices().offered().isVisible());
        QTRY_VERIFY_WITH_TIMEOUT(!stop->isVisible(), 60000);
        QVERIFY(window_->banner().isVisible());
        QVERIFY(!window_->notices().offered().isVisible()); // it does not close
        QVERIFY(window_->isVisible());
    }

    void leavingBySavingClosesOnceItIsSaved()
    {
        makeLive();
        window_->close();
        auto* box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("save"))->click();
        QTRY_VERIFY(qobject_cast<QFileDialog*>(window_->openDialog()));
        // A change of mind keeps the window.
        QTest::keyClick(window_->openDialog(), Qt::Key_Escape);
        QTRY_VERIFY(!window_->openDialog());
        QVERIFY(window_->isVisible());
        window_->close();
        box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("save"))->click();
        QTRY_VERIFY(qobject_cast<QFileDialog*>(window_->openDialog()));
        choose(QStringLiteral("last"));
        QTRY_VERIFY_WITH_TIMEOUT(windows_->all().empty(), 60000);
        QVERIFY(QFile::exists(folder_.filePath(QStringLiteral("last.poolrec"))));
    }

    void leftBehindIsOfferedOpenedAndSaved()
    {
        const QString file = leaveBehind();
        make();
        window_->offerLeftBehind();
        Banner& offered = window_->notices().offered();
        QTRY_VERIFY_WITH_TIMEOUT(offered.isVisible(), 5000);
        QVERIFY(offered.accessibleName().contains(QStringLiteral("shop-db")));
        link(&offered, QStringLiteral("Open or discard…"))->click();
        auto* box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("open"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(shows(file), 60000);
        QTRY_VERIFY(!workspace().latest()->targets.empty());
        workspace().seek(start + 60s);
        QTRY_COMPARE(workspace().transport().cursor, start + 60s);
        const QString kept = folder_.filePath(QStringLiteral("rescued.poolrec"));
        window_->saveTo(kept);
        QTRY_VERIFY_WITH_TIMEOUT(shows(kept), 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(file), 5000);
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().cursor, start + 60s, 5000);
    }

    void leftBehindIsDiscarded()
    {
        const QString file = leaveBehind();
        make();
        window_->offerLeftBehind();
        Banner& offered = window_->notices().offered();
        QTRY_VERIFY_WITH_TIMEOUT(offered.isVisible(), 5000);
        link(&offered, QStringLiteral("Open or discard…"))->click();
        auto* box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("discard"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(file), 5000);
        QVERIFY(!offered.isVisible());
    }

    void leftBehindAndUnreadableIsNamed()
    {
        const QString file = leaveBehind();
        QFile broken{file};
        QVERIFY(broken.open(QIODevice::ReadWrite));
        broken.resize(5000); // as a power cut leaves it
        broken.close();
        make();
        window_->offerLeftBehind();
        Banner& offered = window_->notices().offered();
        QTRY_VERIFY_WITH_TIMEOUT(offered.isVisible(), 5000);
        QVERIFY2(offered.accessibleName().contains(QStringLiteral("cannot be read")) &&
                     offered.accessibleName().contains(QStringLiteral("damaged")),
                 qPrintable(offered.accessibleName()));
        link(&offered, QStringLiteral("Discard it"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(file), 5000);
        QTRY_VERIFY(!offered.isVisible());
    }

    void pausedHasAWayBackToLive()
    {
        makeLive();
        QVERIFY(!link(window_->currentPage(), QStringLiteral("Return to live")));
        workspace().pause();
        QTRY_COMPARE(workspace().transport().mode, Mode::paused);
        QToolButton* back = link(window_->currentPage(), QStringLiteral("Return to live"));
        QVERIFY(back);
        back->click();
        QTRY_COMPARE(workspace().transport().mode, Mode::live);
        QVERIFY(!link(window_->currentPage(), QStringLiteral("Return to live")));
    }

    void aReplayLeadsToItsLivingTarget()
    {
        make();
        window_->open({files_[0]});
        QTRY_VERIFY_WITH_TIMEOUT(shows(files_[0]), 60000);
        QTRY_VERIFY(!workspace().latest()->targets.empty());
        const QString words = QStringLiteral("Attach to shop-db now");
        QTRY_VERIFY(link(window_->currentPage(), words));
        // Where a stranger's recording points to is shown first.
        link(window_->currentPage(), words)->click();
        auto* dialog = qobject_cast<AttachDialog*>(window_->openDialog());
        QVERIFY(dialog);
        QCOMPARE(dialog->findChild<QLineEdit*>(QStringLiteral("target"))->text(),
                 QStringLiteral("service=shop-db"));
        QCOMPARE(workspace().transport().mode, Mode::replay);
        dialog->reject();
        QTRY_VERIFY(!window_->openDialog());
        // What was attached to before is attached to at once.
        QSettings settings;
        RecentTargets(settings).add({QStringLiteral("service=shop-db"), QStringLiteral("bastion"),
                                     QString(), QDateTime::currentDateTime()});
        settings.sync();
        link(window_->currentPage(), words)->click();
        QVERIFY(!window_->openDialog());
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().mode, Mode::live, 60000);
        QCOMPARE(RecentTargets(settings).all().front().sshHost, QStringLiteral("bastion"));
    }

    void aDiskThatRefusesIsSaidOnce()
    {
        makeLive();
        QTRY_VERIFY(workspace().transport().bytes > 0);
        const QDir cache(folder_.filePath(QStringLiteral("cache")));
        const QFileInfoList logs = cache.entryInfoList({QStringLiteral("*.poolrec-wal")});
        QCOMPARE(logs.size(), 1);
        rlimit before{};
        QCOMPARE(getrlimit(RLIMIT_FSIZE, &before), 0);
        const auto allow = qScopeGuard([&] { setrlimit(RLIMIT_FSIZE, &before); });
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit tight{static_cast<rlim_t>(logs[0].size()), before.rlim_max};
        QCOMPARE(setrlimit(RLIMIT_FSIZE, &tight), 0);

        const Banner& banner = window_->banner();
        const QString lead = QStringLiteral("Nothing is being recorded.");
        QTRY_VERIFY(banner.isVisible() && banner.accessibleName().startsWith(lead));
        QVERIFY(banner.accessibleName().contains(QStringLiteral("could not be written")));
        QVERIFY(banner.accessibleName().contains(QStringLiteral("Check that the disk")));
        link(&window_->banner(), QStringLiteral("Dismiss"))->click();
        QTest::qWait(2500); // it was tried once more
        QVERIFY(!workspace().transport().recordingTrouble.isEmpty());
        QVERIFY(!banner.isVisible());

        setrlimit(RLIMIT_FSIZE, &before);
        QTRY_VERIFY(banner.isVisible());
        QVERIFY(banner.accessibleName().startsWith(QStringLiteral("Recording goes on. What was")));
        QVERIFY(workspace().transport().recordingTrouble.isEmpty());
    }

    void aRecordingBeginsWhereItWasAskedTo()
    {
        make();
        window_->beginAt([](Timestamp from, Timestamp) { return Result<Timestamp>(from + 30s); });
        window_->open({files_[0]});
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().cursor, start + 30s, 60000);
        QTRY_COMPARE_WITH_TIMEOUT(workspace().latest()->now, start + 30s, 5000);
    }
};

QTEST_MAIN(TestFiles)
#include "tst_files.moc"
