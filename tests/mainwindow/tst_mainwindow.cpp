// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/mainwindow.h"

#include "tests/mainwindow/incident.h"
#include "ui/charts/timelinestrip.h"
#include "ui/dialogs/confirmcommanddialog.h"
#include "ui/dialogs/keysdialog.h"
#include "ui/mainwindow/commandflow.h"
#include "ui/mainwindow/finder.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/timelinerow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QAccessible>
#include <QAction>
#include <QDropEvent>
#include <QLabel>
#include <QListWidget>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolBar>
#include <QToolButton>
#include <QTreeView>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestMainWindow : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    QString file_;
    FakeSource* source_ = nullptr;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<MainWindow> window_;

    void make(bool live)
    {
        workspace_ = std::make_unique<Workspace>(fakeServers(folder_, &source_));
        window_ = std::make_unique<MainWindow>(*workspace_, AttachChoice{});
        window_->resize(1440, 900);
        window_->show();
        QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
        window_->activateWindow();
        if (!live)
            return;
        AttachRequest request;
        request.target =
            QStringLiteral("host=fake password=%1").arg(QString::fromStdString(fakePassword));
        window_->attach(request);
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::live, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->targets.empty() &&
                                     workspace_->latest()->targets[0].last_sample,
                                 60000);
    }
    void openRecording()
    {
        make(false);
        window_->open({file_});
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::replay, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->targets.empty(), 60000);
        QTRY_VERIFY_WITH_TIMEOUT(window_->complete(), 60000);
    }
    std::vector<SessionRow> firstRow()
    {
        SessionRow row;
        row.session = session(1, SessionState::active, start);
        return {row};
    }

private slots:
    void initTestCase()
    {
        QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
        QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                           folder_.filePath(QStringLiteral("settings")));
        Theme::current().install();
        file_ = recordIncident(folder_);
        QVERIFY(!file_.isEmpty());
    }
    void cleanup()
    {
        window_.reset();
        workspace_.reset();
    }

    void pagesSwitchByKeyAndSidebar()
    {
        make(false);
        const QStringList names = window_->pageNames();
        QVERIFY(names.contains(QStringLiteral("sessions")));
        for (int i = 0; i < names.size() && i < 9; ++i) {
            QTest::keyClick(window_.get(), static_cast<Qt::Key>(Qt::Key_1 + i),
                            Qt::ControlModifier);
            QCOMPARE(window_->currentPage()->name(), names[i]);
        }
        QVERIFY(!window_->showPage(QStringLiteral("nowhere")));
    }

    void aPageChosenByKeyTakesItsKeys()
    {
        openRecording();
        window_->sidebar().setFocus();
        QTest::keyClick(window_.get(), Qt::Key_4, Qt::ControlModifier);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("sessions"));
        QTRY_VERIFY(qobject_cast<DataTable*>(window_->focusWidget()));
        QTest::keyClick(window_->focusWidget(), Qt::Key_I);
        auto* const filter = window_->currentPage()->findChild<QLineEdit*>();
        QVERIFY2(filter->text().contains(QStringLiteral("age>5m")), qPrintable(filter->text()));
        // And a letter in the sidebar leads nowhere.
        window_->sidebar().setFocus();
        QTest::keyClick(window_->focusWidget(), Qt::Key_O);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("sessions"));
    }

    void theStripWaitsOnlyForWhatIsAttached()
    {
        make(false);
        QCOMPARE(window_->timeline().strip()->emptyWords(),
                 QStringLiteral("The timeline starts with the first target."));
        cleanup();
        openRecording();
        QCOMPARE(window_->timeline().strip()->emptyWords(),
                 QStringLiteral("waiting for the first sample"));
    }

    void aRecordingOpensAndSaysSo()
    {
        openRecording();
        QCOMPARE(window_->windowTitle(), QStringLiteral("night.poolrec — Poolscope"));
        QCOMPARE(workspace_->transport().start, start);
        QVERIFY(window_->sidebar().targetText(TargetId{1}).contains(QStringLiteral("recorded")));
    }

    void scrubbingByTheStrip()
    {
        openRecording();
        TimelineStrip* strip = window_->timeline().strip();
        const Timestamp wanted = start + 60s;
        QTest::mouseClick(strip, Qt::LeftButton, {},
                          QPoint(static_cast<int>(strip->x(wanted)), strip->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(std::chrono::abs(workspace_->transport().cursor - wanted) < 2s,
                                 5000);
        QTRY_VERIFY(std::chrono::abs(workspace_->latest()->now - wanted) < 2s);
    }

    void steppingAndMarks()
    {
        openRecording();
        workspace_->seek(start + 50s);
        QTRY_COMPARE(workspace_->transport().cursor, start + 50s);
        TimelineStrip* strip = window_->timeline().strip();
        strip->setFocus();
        QTest::keyClick(strip, Qt::Key_Right);
        QTRY_COMPARE(workspace_->transport().cursor, start + 51s);
        QTest::keyClick(strip, Qt::Key_Left);
        QTRY_COMPARE(workspace_->transport().cursor, start + 50s);
        // The suspicion arose 30 s after the transaction fell idle.
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->marks()->empty(), 60000);
        window_->actions().markAfter->trigger();
        QTRY_VERIFY(workspace_->transport().cursor >= start + 59s &&
                    workspace_->transport().cursor <= start + 62s);
    }

    void theStripsKeysServeWhereverNothingElseDoes()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        workspace_->seek(start + 50s);
        QTRY_COMPARE(workspace_->transport().cursor, start + 50s);
        window_->sidebar().setFocus();
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Right);
        QTRY_COMPARE(workspace_->transport().cursor, start + 51s);
        // A table and a field have a use for them.
        auto* const table = window_->currentPage()->findChild<QTreeView*>();
        auto* const field = window_->currentPage()->findChild<QLineEdit*>();
        for (QWidget* const widget : {static_cast<QWidget*>(table), static_cast<QWidget*>(field)}) {
            widget->setFocus();
            for (const Qt::Key key : {Qt::Key_Left, Qt::Key_Home, Qt::Key_Left})
                QTest::keyClick(widget, key);
        }
        QCoreApplication::processEvents();
        QCOMPARE(workspace_->transport().cursor, start + 51s);
        QToolButton* button = nullptr; // of the bar itself, not of the field in it
        for (QToolButton* const each : window_->actions().toolbar->findChildren<QToolButton*>(
                 QString(), Qt::FindDirectChildrenOnly)) {
            if (each->isVisible() && each->isEnabled())
                button = each;
        }
        QVERIFY(button);
        button->setFocus();
        QTest::keyClick(button, Qt::Key_Home);
        QTRY_COMPARE(workspace_->transport().cursor, start);
        QTest::keyClick(button, Qt::Key_Plus);
        QTRY_COMPARE(workspace_->transport().speed, 2);
    }

    void aNoteGoesToTheCursor()
    {
        make(true);
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
            for (const Mark& mark : *workspace_->marks())
                if (mark.kind == MarkKind::note && mark.sentence == text)
                    return mark.time;
            return Timestamp{};
        };
        QTRY_VERIFY(workspace_->transport().end - workspace_->transport().start >
                    std::chrono::seconds{1});
        workspace_->pause();
        QTRY_COMPARE(workspace_->transport().mode, Mode::paused);
        workspace_->seek(workspace_->transport().start);
        QTRY_COMPARE(workspace_->transport().cursor, workspace_->transport().start);
        const Timestamp then = workspace_->transport().cursor;
        write(QStringLiteral("it began here"));
        QTRY_COMPARE(noteOf("it began here"), then);
        workspace_->goLive();
        QTRY_COMPARE(workspace_->transport().mode, Mode::live);
        write(QStringLiteral("and now"));
        QTRY_VERIFY(noteOf("and now") > then);
        QVERIFY(std::is_sorted(workspace_->marks()->begin(), workspace_->marks()->end(),
                               [](const Mark& a, const Mark& b) { return a.time < b.time; }));
    }

    void theKeysAreReadWhole()
    {
        KeysDialog dialog;
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        for (const QLabel* const label : dialog.findChildren<QLabel*>())
            if (label->wordWrap())
                QVERIFY2(label->height() >= label->heightForWidth(label->width()),
                         qPrintable(label->text()));
    }

    void whatIsDetachedLeavesTheWindow()
    {
        make(true);
        AttachRequest other;
        other.target = QStringLiteral("host=other");
        window_->attach(other);
        QTRY_COMPARE(workspace_->latest()->targets.size(), 2u);
        QTRY_VERIFY(workspace_->latest()->targets[1].last_sample);
        workspace_->detach(TargetId{1});
        QTRY_COMPARE(workspace_->latest()->targets.size(), 1u);
        QCOMPARE(window_->sidebar().targetText(TargetId{1}), QString());
        QVERIFY(!window_->windowTitle().contains(QStringLiteral("more")));
        QVERIFY(std::none_of(
            workspace_->latest()->changed.begin(), workspace_->latest()->changed.end(),
            [](const SessionRow& row) { return row.session.key.target == TargetId{1}; }));
        // The last one stays to be looked at, as what it is.
        workspace_->detach(TargetId{2});
        QTRY_VERIFY(
            window_->sidebar().targetText(TargetId{2}).contains(QStringLiteral("detached")));
    }

    void commandsAreOffInReplayAndSayWhy()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        QVERIFY(!window_->actions().terminate->isEnabled());
        QVERIFY(window_->actions().terminate->statusTip().contains(QStringLiteral("replay")));
        window_->commands().request(ActionVerb::terminate, firstRow(), Formatter(true));
        QVERIFY(!window_->commands().dialog());
        QVERIFY(!window_->actions().readOnly->isEnabled());
    }

    void terminateIsConfirmedThenSent()
    {
        make(true);
        emit window_->context().commandRequested(ActionVerb::terminate, firstRow());
        ConfirmCommandDialog* dialog = window_->commands().dialog();
        QVERIFY(dialog);
        QVERIFY(source_->commands.empty());
        auto* act = dialog->findChild<QPushButton*>(QStringLiteral("act"));
        QVERIFY(act && act->isEnabled());
        act->click();
        QTRY_VERIFY(workspace_->latest()->actions && !workspace_->latest()->actions->empty());
        QCOMPARE(workspace_->latest()->actions->front().session.pid, Pid{1});
    }

    void readOnlyLetsNothingOut()
    {
        make(true);
        window_->actions().readOnly->trigger();
        QTRY_VERIFY(workspace_->transport().readOnly);
        emit window_->context().commandRequested(ActionVerb::terminate, firstRow());
        QVERIFY(!window_->commands().dialog());
    }

    void noSecretInTitleOrSidebarOrSettings()
    {
        make(true);
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

    void spacePausesAndComesBack()
    {
        make(true);
        window_->timeline().strip()->setFocus();
        QTest::keyClick(window_.get(), Qt::Key_Space);
        QTRY_COMPARE(workspace_->transport().mode, Mode::paused);
        QVERIFY(!window_->actions().terminate->isEnabled());
        window_->actions().goLive->trigger();
        QTRY_COMPARE(workspace_->transport().mode, Mode::live);
    }

    void droppedRecordingsOpen()
    {
        make(false);
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(file_)});
        QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_.get(), &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_.get(), &drop);
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::replay, 60000);
    }

    void whatCannotBeOpenedIsSaidInABanner()
    {
        make(false);
        QFile junk(folder_.filePath(QStringLiteral("junk.poolrec")));
        QVERIFY(junk.open(QIODevice::WriteOnly));
        junk.write("not a recording");
        junk.close();
        window_->open({junk.fileName()});
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 5000);
        QVERIFY(!QApplication::activeModalWidget());
    }

    void finding()
    {
        openRecording();
        window_->actions().find->trigger();
        QTest::keyClicks(&window_->finder(), QStringLiteral("billing"));
        QVERIFY(window_->finder().list()->isVisible());
        QVERIFY(window_->finder().list()->count() >= 4);
        QTest::keyClick(&window_->finder(), Qt::Key_Return);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("sessions"));
        QTRY_VERIFY(window_->context().selection());
        QVERIFY(window_->context().selection()->pid.value >= 5);
    }

    void longIdleOfThisApplicationIsThreeKeysAway_data()
    {
        QTest::addColumn<int>("from");
        QTest::addColumn<QByteArray>("keys");
        QTest::newRow("from one of them") << 11 << QByteArray("IA");
        QTest::newRow("from one of them, turned round") << 11 << QByteArray("AI");
        QTest::newRow("from any session of it") << 15 << QByteArray("AI");
    }

    void longIdleOfThisApplicationIsThreeKeysAway()
    {
        QFETCH(int, from);
        QFETCH(QByteArray, keys);
        make(true);
        const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
        ServerSample sample;
        sample.full = true;
        const auto add = [&](std::int64_t pid, const char* application, SessionState state,
                             Duration ago) {
            Session s = session(pid, state, now - ago);
            s.application = Text{application};
            sample.changed.push_back(s);
        };
        add(11, "shop-api", SessionState::idle_in_transaction, 6min);
        add(12, "shop-api", SessionState::idle_in_transaction_aborted, 7min);
        add(13, "shop-api", SessionState::idle_in_transaction, 1min);
        add(14, "billing", SessionState::idle_in_transaction, 6min);
        add(15, "shop-api", SessionState::active, 6min);
        QMetaObject::invokeMethod(source_, [this, sample] { source_->report(sample); });
        window_->showPage(QStringLiteral("sessions"));
        auto* table = window_->currentPage()->findChild<QTreeView*>();
        QVERIFY(table);
        table->setFocus();
        const SessionKey key{TargetId{1}, Pid{from}, start - 1h};
        const auto current = [&] {
            window_->context().select(std::nullopt);
            window_->context().select(key);
            const auto rows = window_->currentPage()->selectedSessions();
            return rows.size() == 1 && rows[0].session.key == key;
        };
        QTRY_VERIFY_WITH_TIMEOUT(current(), 5000);

        int pressed = 0;
        const auto press = [&](int which, Qt::KeyboardModifiers modifiers = {}) {
            ++pressed;
            QTest::keyClick(table, static_cast<Qt::Key>(which), modifiers);
        };
        for (const char letter : keys)
            press(letter);
        press(Qt::Key_A, Qt::ControlModifier);
        QCOMPARE(pressed, 3);
        std::vector<std::int64_t> pids;
        for (const SessionRow& row : window_->currentPage()->selectedSessions())
            pids.push_back(row.session.key.pid.value);
        std::sort(pids.begin(), pids.end());
        QCOMPARE(pids, (std::vector<std::int64_t>{11, 12}));
    }

    void leavingWithAnUnsavedRecordingAsks()
    {
        make(true);
        window_->close();
        QVERIFY(window_->isVisible());
        auto* box = qobject_cast<QMessageBox*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("stay"))->click();
        QVERIFY(window_->isVisible());
        QTRY_VERIFY(!window_->openDialog());
        window_->close();
        box = qobject_cast<QMessageBox*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("discard"))->click();
        QTRY_VERIFY(!window_->isVisible());
    }

    void nothingToSaveNeverAsks()
    {
        make(false);
        window_->close();
        QVERIFY(!window_->isVisible());
    }

    void savedIsWholeAndSaid()
    {
        make(true);
        const QString to = folder_.filePath(QStringLiteral("kept.poolrec"));
        window_->saveTo(to);
        QTRY_VERIFY_WITH_TIMEOUT(workspace_->transport().saved, 60000);
        QVERIFY(QFile::exists(to));
        window_->close();
        QVERIFY(!window_->isVisible());
    }

    void tabGoesAsOneReads_data()
    {
        QTest::addColumn<QString>("page");
        for (const char* page : {"overview", "leaks", "sessions", "blocking", "actions"})
            QTest::newRow(page) << QString::fromLatin1(page);
    }

    void tabGoesAsOneReads()
    {
        QFETCH(QString, page);
        openRecording();
        workspace_->seek(start + 90s);
        QTRY_COMPARE(workspace_->latest()->now, start + 90s);
        window_->showPage(page);
        const QToolBar* toolbar = window_->actions().toolbar;
        const QWidget* first = toolbar->widgetForAction(window_->actions().attach);
        // Toolbar, sidebar, page, timeline, status: never back up before the end.
        const QList<const QWidget*> places{toolbar, &window_->sidebar(), window_->currentPage(),
                                           &window_->timeline(), &window_->statusStrip()};
        const auto placeOf = [&](const QWidget* widget) {
            for (qsizetype i = 0; i < places.size(); ++i)
                if (places[i]->isAncestorOf(widget))
                    return i;
            return qsizetype{-1};
        };
        window_->statusStrip().findChildren<QToolButton*>().constLast()->setFocus();
        qsizetype last = -1;
        QSet<qsizetype> visited;
        int stops = 0;
        for (; stops < 60; ++stops) {
            QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
            const QWidget* now = QApplication::focusWidget();
            QVERIFY(now);
            if (stops == 0)
                QCOMPARE(now, first);
            else if (now == first)
                break;
            const qsizetype place = placeOf(now);
            QVERIFY2(place >= last, qPrintable(now->accessibleName()));
            last = place;
            visited << place;
            auto* const seen = QAccessible::queryAccessibleInterface(const_cast<QWidget*>(now));
            QVERIFY2(!seen->text(QAccessible::Name).isEmpty(), now->metaObject()->className());
        }
        QVERIFY(stops < 60);
        QCOMPARE(visited.size(), places.size());
    }

    void theSidebarGivesWayInANarrowWindow()
    {
        make(false);
        QCOMPARE(window_->sidebar().width(), Theme::current().scaled(200));
        window_->resize(1280, 800);
        QTRY_COMPARE(window_->sidebar().width(), Theme::current().scaled(56));
        window_->resize(2560, 1440);
        QTRY_COMPARE(window_->sidebar().width(), Theme::current().scaled(240));
    }
};

QTEST_MAIN(TestMainWindow)
#include "tst_mainwindow.moc"
