// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/mainwindow.h"

#include "tests/mainwindow/shownwindow.h"
#include "ui/charts/timelinestrip.h"
#include "ui/dialogs/questiondialog.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/timelinerow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"

#include <QAction>
#include <QDropEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestMainWindow : public QObject, ShownWindow
{
    Q_OBJECT

    QString file_;

    void openRecording()
    {
        makeReplay(file_);
        QTRY_VERIFY_WITH_TIMEOUT(window_->complete(), 60000);
    }

private slots:
    void initTestCase()
    {
        useOwnSettings();
        file_ = recordIncident(folder_);
        QVERIFY(!file_.isEmpty());
    }
    void cleanup() { closeAll(); }

    void theStripWaitsOnlyForWhatIsAttached()
    {
        make();
        QCOMPARE(window_->timeline().strip()->emptyWords(),
                 QStringLiteral("The timeline starts with the first target."));
        closeAll();
        openRecording();
        QCOMPARE(window_->timeline().strip()->emptyWords(),
                 QStringLiteral("waiting for the first sample"));
    }

    void aRecordingOpensAndSaysSo()
    {
        openRecording();
        QCOMPARE(window_->windowTitle(), QStringLiteral("night.poolrec — Poolscope"));
        QCOMPARE(workspace().transport().start, start);
        QVERIFY(window_->sidebar().targetText(TargetId{1}).contains(QStringLiteral("recorded")));
    }

    void theStripForgetsARecordingOnceACaptureBegins()
    {
        const QString file = folder_.filePath(QStringLiteral("full.poolrec"));
        auto writer = RecordingWriter::create(file.toStdString(), {});
        QVERIFY(bool(writer));
        PoolSample sample;
        sample.full = true;
        Pool pool;
        pool.name = Text{"main"};
        pool.used = pool.total = pool.max = 20;
        sample.pools = {pool};
        std::uint64_t sequence = 0;
        const auto add = [&](Timestamp time, const Fact& fact) {
            QVERIFY(bool(
                writer.value()->append({SequenceNumber{++sequence}, time, TargetId{1}, fact})));
        };
        add(start, TargetAttached{{TargetId{1}, "pool", "shop", "pool+unix:///run/shop.sock"}});
        add(start, StatusChanged{{Reach::up, {}, {}, {}}});
        for (int second = 1; second <= 60; ++second)
            add(start + std::chrono::seconds{second}, sample);
        QVERIFY(bool(writer.value()->close()));

        makeReplay(file);
        QTRY_VERIFY_WITH_TIMEOUT(window_->complete(), 60000);
        TimelineStrip* strip = window_->timeline().strip();
        const auto worst = [strip] {
            strip->flush();
            double share = -1;
            for (int x = 0; x < strip->width(); ++x)
                share = std::max(share, strip->shareAt(x));
            return share;
        };
        QTRY_COMPARE(worst(), 1.0);
        AttachRequest request;
        request.target = QStringLiteral("host=fake"); // eight sessions of a hundred
        window_->attach(request);
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().mode, Mode::live, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(worst() > 0 && worst() < 0.5, 10000);
    }

    void scrubbingByTheStrip()
    {
        openRecording();
        TimelineStrip* strip = window_->timeline().strip();
        const Timestamp wanted = start + 60s;
        QTest::mouseClick(strip, Qt::LeftButton, {},
                          QPoint(static_cast<int>(strip->x(wanted)), strip->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(std::chrono::abs(workspace().transport().cursor - wanted) < 2s,
                                 5000);
        QTRY_VERIFY(std::chrono::abs(workspace().latest()->now - wanted) < 2s);
    }

    void steppingAndMarks()
    {
        openRecording();
        workspace().seek(start + 50s);
        QTRY_COMPARE(workspace().transport().cursor, start + 50s);
        TimelineStrip* strip = window_->timeline().strip();
        strip->setFocus();
        QTest::keyClick(strip, Qt::Key_Right);
        QTRY_COMPARE(workspace().transport().cursor, start + 51s);
        QTest::keyClick(strip, Qt::Key_Left);
        QTRY_COMPARE(workspace().transport().cursor, start + 50s);
        // The suspicion arose 30 s after the transaction fell idle.
        QTRY_VERIFY_WITH_TIMEOUT(!workspace().marks()->empty(), 60000);
        window_->actions().markAfter->trigger();
        QTRY_VERIFY(workspace().transport().cursor >= start + 59s &&
                    workspace().transport().cursor <= start + 62s);
    }

    void aNoteGoesToTheCursor()
    {
        makeLive();
        const auto write = [&](const QString& text) {
            window_->addNote();
            QVERIFY(window_->openDialog());
            auto* const edit = window_->openDialog()->findChild<QLineEdit*>();
            QVERIFY(edit);
            QTest::keyClicks(edit, text);
            QTest::keyClick(edit, Qt::Key_Return);
            QTRY_VERIFY(!window_->openDialog());
        };
        const auto noteOf = [&](const std::string& text) {
            for (const Mark& mark : *workspace().marks())
                if (mark.kind == MarkKind::note && mark.sentence == text)
                    return mark.time;
            return Timestamp{};
        };
        QTRY_VERIFY(workspace().transport().end - workspace().transport().start >
                    std::chrono::seconds{1});
        workspace().pause();
        QTRY_COMPARE(workspace().transport().mode, Mode::paused);
        workspace().seek(workspace().transport().start);
        QTRY_COMPARE(workspace().transport().cursor, workspace().transport().start);
        const Timestamp then = workspace().transport().cursor;
        write(QStringLiteral("it began here"));
        QTRY_COMPARE(noteOf("it began here"), then);
        workspace().goLive();
        QTRY_COMPARE(workspace().transport().mode, Mode::live);
        write(QStringLiteral("and now"));
        QTRY_VERIFY(noteOf("and now") > then);
        QVERIFY(std::is_sorted(workspace().marks()->begin(), workspace().marks()->end(),
                               [](const Mark& a, const Mark& b) { return a.time < b.time; }));
    }

    void whatIsAttachedIsNotAttachedAgain()
    {
        makeLive();
        AttachRequest again;
        again.target = QStringLiteral("host=fake");
        window_->attach(again);
        QVERIFY(window_->banner().isVisible());
        QVERIFY(window_->banner().accessibleName().contains(QStringLiteral("attached already")));
        AttachRequest beyond = again; // another server, for all that is known
        beyond.sshHost = QStringLiteral("bastion");
        window_->attach(beyond);
        QTRY_COMPARE(workspace().latest()->targets.size(), 2u);
        workspace().detach(TargetId{1});
        QTRY_COMPARE(workspace().latest()->targets.size(), 1u);
        window_->attach(again);
        QTRY_COMPARE(workspace().latest()->targets.size(), 2u);
    }

    /// In the past it may not have been, or not have answered.
    void whatIsAttachedIsSoWhereverTheCursorIs()
    {
        makeLive();
        QTRY_VERIFY(workspace().transport().end - workspace().transport().start >
                    std::chrono::seconds{1});
        AttachRequest other;
        other.target = QStringLiteral("host=other");
        window_->attach(other);
        QTRY_COMPARE(workspace().latest()->targets.size(), 2u);
        workspace().pause();
        QTRY_COMPARE(workspace().transport().mode, Mode::paused);
        workspace().seek(workspace().transport().start);
        QTRY_COMPARE(workspace().latest()->targets.size(), 1u);
        window_->attach(other);
        QVERIFY(window_->banner().accessibleName().contains(QStringLiteral("attached already")));
        workspace().goLive();
        QTRY_COMPARE(workspace().latest()->targets.size(), 2u);
        window_->attach(other);
        QTest::qWait(100); // until a third one would be there
        QCOMPARE(workspace().latest()->targets.size(), 2u);
    }

    /// With another password, for one.
    void whatDoesNotAnswerGivesWayToANewAttempt()
    {
        makeLive();
        QMetaObject::invokeMethod(source_, [this] {
            TargetStatus refused;
            refused.reach = Reach::stopped;
            refused.sentence = "password authentication failed";
            source_->report(StatusChanged{refused});
        });
        QTRY_COMPARE(workspace().latest()->targets[0].status.reach, Reach::stopped);
        AttachRequest again;
        again.target = QStringLiteral("host=fake");
        window_->attach(again);
        QTRY_VERIFY(workspace().latest()->targets.size() == 1 &&
                    workspace().latest()->targets[0].info.id == TargetId{2});
        QTRY_COMPARE(workspace().latest()->targets[0].status.reach, Reach::up);
    }

    void whatIsDetachedLeavesTheWindow()
    {
        makeLive();
        AttachRequest other;
        other.target = QStringLiteral("host=other");
        window_->attach(other);
        QTRY_COMPARE(workspace().latest()->targets.size(), 2u);
        QTRY_VERIFY(workspace().latest()->targets[1].last_sample);
        workspace().detach(TargetId{1});
        QTRY_COMPARE(workspace().latest()->targets.size(), 1u);
        QCOMPARE(window_->sidebar().targetText(TargetId{1}), QString());
        QVERIFY(!window_->windowTitle().contains(QStringLiteral("more")));
        QVERIFY(std::none_of(
            workspace().latest()->changed.begin(), workspace().latest()->changed.end(),
            [](const SessionRow& row) { return row.session.key.target == TargetId{1}; }));
        // The last one stays to be looked at, as what it is.
        workspace().detach(TargetId{2});
        QTRY_VERIFY(
            window_->sidebar().targetText(TargetId{2}).contains(QStringLiteral("detached")));
    }

    void noSecretInTitleOrSidebarOrSettings()
    {
        makeLive(QStringLiteral("host=fake password=%1").arg(QString::fromStdString(fakePassword)));
        const QString hidden = QString::fromStdString(fakePassword);
        QVERIFY(window_->windowTitle().endsWith(QStringLiteral("— Poolscope")));
        QVERIFY(!window_->windowTitle().contains(hidden));
        for (const QLabel* label : window_->findChildren<QLabel*>())
            QVERIFY(!label->text().contains(hidden));
        QSettings settings;
        settings.sync();
        QFile file(settings.fileName());
        QVERIFY(file.open(QIODevice::ReadOnly));
        QVERIFY(!file.readAll().contains(fakePassword.c_str()));
    }

    void droppedRecordingsOpen()
    {
        make();
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(file_)});
        QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_, &drop);
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().mode, Mode::replay, 60000);
    }

    void whatIsAttachedAgainIsPolledAsIsUsual_data()
    {
        QTest::addColumn<int>("chosen"); // ms
        QTest::addColumn<QString>("said");
        QTest::newRow("usual") << 1000 << QStringLiteral("5 s");
        QTest::newRow("as chosen") << 2000 << QStringLiteral("2 s");
    }

    void whatIsAttachedAgainIsPolledAsIsUsual()
    {
        QFETCH(int, chosen);
        QFETCH(QString, said);
        AttachChoice defaults;
        defaults.interval = std::chrono::milliseconds{chosen};
        windows_ = std::make_unique<Windows>(fakeServers(folder_, &source_), defaults, nullptr);
        window_ = &windows_->add();
        window_->show();
        QSettings settings;
        RecentTargets(settings).add({QStringLiteral("prometheus+http://localhost:9/metrics"),
                                     {},
                                     {},
                                     QDateTime::currentDateTime()});
        emit window_->actions().recentMenu->aboutToShow();
        window_->actions().recentMenu->actions().front()->trigger();
        const auto words = [this] {
            return window_->sidebar().targetText(TargetId{1});
        };
        QTRY_VERIFY2_WITH_TIMEOUT(QString(words()).replace(QChar(0xa0), u' ').contains(said),
                                  qPrintable(words()), 20000);
    }

    void whatCannotBeOpenedIsSaidInABanner()
    {
        make();
        QFile junk(folder_.filePath(QStringLiteral("junk.poolrec")));
        QVERIFY(junk.open(QIODevice::WriteOnly));
        junk.write("not a recording");
        junk.close();
        window_->open({junk.fileName()});
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 5000);
        QVERIFY(!QApplication::activeModalWidget());
    }

    void leavingWithAnUnsavedRecordingAsks()
    {
        makeLive();
        window_->close();
        QVERIFY(window_->isVisible());
        auto* box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        const auto* const words = box->findChild<QLabel*>(QStringLiteral("words"));
        const QString then = words->text();
        QTRY_VERIFY(words->text() != then); // it goes on meanwhile, and the box says so
        box->findChild<QPushButton*>(QStringLiteral("stay"))->click();
        QVERIFY(window_->isVisible());
        QTRY_VERIFY(!window_->openDialog());
        window_->close();
        box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("discard"))->click();
        QTRY_VERIFY(windows_->all().empty());
    }

    void nothingToSaveNeverAsks()
    {
        make();
        window_->close();
        QTRY_VERIFY(windows_->all().empty());
    }

    void savedIsWholeAndSaid()
    {
        makeLive();
        const QString to = folder_.filePath(QStringLiteral("kept.poolrec"));
        window_->saveTo(to);
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().saved, 60000);
        QVERIFY(QFile::exists(to));
        window_->close();
        QTRY_VERIFY(windows_->all().empty());
    }

    /// A copy does not grow with the recording: what was done since is not in it.
    void whatWasDoneSinceItWasSavedIsAskedFor()
    {
        makeLive();
        const QString to = folder_.filePath(QStringLiteral("early.poolrec"));
        window_->saveTo(to);
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().saved, 60000);
        QVERIFY(workspace().transport().savedUntil);
        const Timestamp until = *workspace().transport().savedUntil;
        SessionRow one;
        one.session.key = {TargetId{1}, Pid{77}, until - 1h};
        workspace().execute(ActionVerb::terminate, {one});
        QTRY_VERIFY(!workspace().latest()->actions->empty() &&
                    workspace().latest()->actions->back().requested > until);
        window_->close();
        QVERIFY(window_->isVisible());
        auto* const box = qobject_cast<QuestionDialog*>(window_->openDialog());
        QVERIFY(box);
        const QString words = box->findChild<QLabel*>(QStringLiteral("words"))->text();
        QVERIFY2(words.startsWith(QStringLiteral("It was saved up to ")), qPrintable(words));
        const auto labels = window_->statusStrip().findChildren<QLabel*>();
        QTRY_VERIFY(std::any_of(labels.begin(), labels.end(), [](const QLabel* label) {
            return label->text().contains(QStringLiteral("saved up to "));
        }));
        box->findChild<QPushButton*>(QStringLiteral("discard"))->click();
        QTRY_VERIFY(windows_->all().empty());
    }

    void theSidebarGivesWayInANarrowWindow()
    {
        make();
        QCOMPARE(window_->sidebar().width(), Theme::current().scaled(200));
        window_->resize(1280, 800);
        QTRY_COMPARE(window_->sidebar().width(), Theme::current().scaled(56));
        window_->resize(2560, 1440);
        QTRY_COMPARE(window_->sidebar().width(), Theme::current().scaled(240));
    }
};

QTEST_MAIN(TestMainWindow)
#include "tst_mainwindow.moc"
