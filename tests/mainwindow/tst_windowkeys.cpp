// SPDX-License-Identifier: GPL-3.0-or-later
// Keys, menus, the finder, and what goes out to servers by them.
#include "tests/mainwindow/shownwindow.h"
#include "ui/charts/timelinestrip.h"
#include "ui/dialogs/confirmcommanddialog.h"
#include "ui/dialogs/keysdialog.h"
#include "ui/mainwindow/commandflow.h"
#include "ui/mainwindow/finder.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/timelinerow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/views/datatable.h"
#include "ui/views/page.h"

#include <QAbstractItemView>
#include <QAccessible>
#include <QAction>
#include <QComboBox>
#include <QLabel>
#include <QListWidget>
#include <QMenu>
#include <QPushButton>
#include <QToolBar>
#include <QToolButton>
#include <QTreeView>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestWindowKeys : public QObject, ShownWindow
{
    Q_OBJECT

    QString file_;

    void openRecording()
    {
        makeReplay(file_);
        QTRY_VERIFY_WITH_TIMEOUT(window_->complete(), 60000);
    }
    static std::vector<SessionRow> firstRow()
    {
        SessionRow row;
        row.session = session(1, SessionState::active, start);
        return {row};
    }
    /// What the Session menu offers now.
    QString offered()
    {
        QString letters;
        emit window_->actions().sessionMenu->aboutToShow();
        for (const QAction* action : window_->actions().sessionMenu->actions()) {
            const QString text = action->text();
            if (action->isEnabled() && text.contains(QLatin1Char('\t')))
                letters += text.back();
        }
        return letters;
    }
    /// Where a keyboard's would go.
    static void press(Qt::Key key, Qt::KeyboardModifiers modifiers = {})
    {
        QVERIFY(QApplication::focusWidget());
        QTest::keyClick(QApplication::focusWidget(), key, modifiers);
    }
    void choose(QChar letter)
    {
        for (QAction* action : window_->actions().sessionMenu->actions())
            if (action->text().endsWith(QLatin1Char('\t') + QString(letter)))
                action->trigger();
    }

private slots:
    void initTestCase()
    {
        useOwnSettings();
        file_ = recordIncident(folder_);
        QVERIFY(!file_.isEmpty());
    }
    void cleanup() { closeAll(); }

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

    /// By the same rule as the buttons beside a session.
    void sessionMenuSaysWhatStandsAgainstIt()
    {
        makeLive();
        ServerSample sample;
        Session own = session(20, SessionState::active, start);
        own.own = true;
        Session worker = session(21, SessionState::active, start);
        worker.backend_type = Text{"walsender"};
        sample.changed = {own, worker};
        source_->report(sample);
        window_->showPage(QStringLiteral("sessions"));
        const auto* const table = window_->currentPage()->findChild<QTreeView*>();
        const auto listed = [model = table->model()] {
            int rows = 0; // within the groups
            for (int group = 0; group < model->rowCount(); ++group)
                rows += model->rowCount(model->index(group, 0));
            return rows;
        };
        QTRY_COMPARE_WITH_TIMEOUT(listed(), 10, 5000);
        const WindowActions& actions = window_->actions();
        const auto choose = [&](std::int64_t pid) {
            window_->context().select(SessionKey{TargetId{1}, Pid{pid}, start - 1h});
        };
        choose(1);
        QTRY_VERIFY_WITH_TIMEOUT(actions.terminate->isEnabled(), 20000);
        QVERIFY(actions.cancelStatement->isEnabled() && actions.terminate->statusTip().isEmpty());
        choose(2); // idle
        QTRY_VERIFY(!actions.cancelStatement->isEnabled() && actions.terminate->isEnabled());
        QVERIFY(actions.cancelStatement->statusTip().contains(QStringLiteral("no statement")));
        choose(20);
        QTRY_VERIFY(!actions.terminate->isEnabled() && !actions.cancelStatement->isEnabled());
        QVERIFY2(actions.terminate->statusTip().contains(QStringLiteral("Poolscope's own")),
                 qPrintable(actions.terminate->statusTip()));
        choose(21);
        QTRY_VERIFY2(
            actions.terminate->statusTip().contains(QStringLiteral("the server's own worker")),
            qPrintable(actions.terminate->statusTip()));
        QVERIFY(!actions.terminate->isEnabled());
        closeAll();
    }
    void terminateIsConfirmedThenSent()
    {
        makeLive();
        emit window_->context().commandRequested(ActionVerb::terminate, firstRow());
        ConfirmCommandDialog* dialog = window_->commands().dialog();
        QVERIFY(dialog);
        QVERIFY(source_->commands.empty());
        auto* act = dialog->findChild<QPushButton*>(QStringLiteral("act"));
        QVERIFY(act && act->isEnabled());
        act->click();
        QTRY_VERIFY(workspace().latest()->actions && !workspace().latest()->actions->empty());
        QCOMPARE(workspace().latest()->actions->front().session.pid, Pid{1});
    }

    void readOnlyLetsNothingOut()
    {
        makeLive();
        window_->actions().readOnly->trigger();
        QTRY_VERIFY(workspace().transport().readOnly);
        emit window_->context().commandRequested(ActionVerb::terminate, firstRow());
        QVERIFY(!window_->commands().dialog());
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

    void allThatWasFoundIsShown()
    {
        openRecording();
        window_->actions().find->trigger();
        QTest::keyClicks(&window_->finder(), QStringLiteral("select 6"));
        QListWidget* const list = window_->finder().list();
        QVERIFY(list->item(list->count() - 1)->text().contains(QStringLiteral("All 1")));
        list->setCurrentRow(list->count() - 1);
        QTest::keyClick(&window_->finder(), Qt::Key_Return);
        auto* const table = window_->currentPage()->findChild<QTreeView*>();
        QTRY_COMPARE(table->model()->rowCount(), 1);
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
        makeLive();
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

    void aPageChosenByKeyTakesItsKeys()
    {
        openRecording();
        window_->sidebar().setFocus();
        QTest::keyClick(window_, Qt::Key_4, Qt::ControlModifier);
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

    void whatAJumpLeadsToTakesTheKeys()
    {
        openRecording();
        workspace().seek(start + 90s);
        QTRY_COMPARE(workspace().latest()->now, start + 90s);
        QTRY_VERIFY(!workspace().latest()->targets[0].suspects.empty());
        // Leaks was never shown: its filter stands before its table.
        QTreeView* leaks = nullptr;
        for (auto* const table : window_->currentPage()->findChildren<QTreeView*>())
            if (table->accessibleName().contains(QStringLiteral("leaks")))
                leaks = table;
        QVERIFY(leaks && leaks->isVisible());
        leaks->setFocus();
        leaks->setCurrentIndex(leaks->model()->index(0, 0));
        press(Qt::Key_Return);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("leaks"));
        QVERIFY(qobject_cast<DataTable*>(QApplication::focusWidget()));
        press(Qt::Key_B);
        QCOMPARE(window_->currentPage()->findChild<QLineEdit*>()->text(), QString());
        // By the sidebar's mouse, too.
        emit window_->sidebar().pageChosen(QStringLiteral("configuration"));
        QVERIFY(!qobject_cast<QLineEdit*>(QApplication::focusWidget()));

        press(Qt::Key_K, Qt::ControlModifier);
        QCOMPARE(QApplication::focusWidget(), &window_->finder());
        press(Qt::Key_6);
        press(Qt::Key_Return);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("sessions"));
        QVERIFY(qobject_cast<DataTable*>(QApplication::focusWidget()));
        QTRY_VERIFY(window_->context().selection());
        press(Qt::Key_A);
        QCOMPARE(window_->currentPage()->findChild<QLineEdit*>()->text(),
                 QStringLiteral("app:\"billing\""));
    }

    void escapeInTheFinderGivesTheKeysBack()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        QWidget* const strip = window_->timeline().strip();
        strip->setFocus();
        press(Qt::Key_K, Qt::ControlModifier);
        press(Qt::Key_6);
        QVERIFY(window_->finder().list()->isVisible());
        press(Qt::Key_Escape);
        QVERIFY(!window_->finder().list()->isVisible());
        QCOMPARE(QApplication::focusWidget(), strip);
        // What had it is gone meanwhile: the page has it.
        auto* const passing = new QLineEdit(window_);
        passing->show();
        passing->setFocus();
        press(Qt::Key_K, Qt::ControlModifier);
        delete passing;
        press(Qt::Key_Escape);
        QVERIFY(qobject_cast<DataTable*>(QApplication::focusWidget()));
    }

    void theStripsKeysServeWhereverNothingElseDoes()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        workspace().seek(start + 50s);
        QTRY_COMPARE(workspace().transport().cursor, start + 50s);
        window_->sidebar().setFocus();
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Right);
        QTRY_COMPARE(workspace().transport().cursor, start + 51s);
        // A table and a field have a use for them.
        auto* const table = window_->currentPage()->findChild<QTreeView*>();
        auto* const field = window_->currentPage()->findChild<QLineEdit*>();
        for (QWidget* const widget : {static_cast<QWidget*>(table), static_cast<QWidget*>(field)}) {
            widget->setFocus();
            for (const Qt::Key key : {Qt::Key_Left, Qt::Key_Home, Qt::Key_Left})
                QTest::keyClick(widget, key);
        }
        QCoreApplication::processEvents();
        QCOMPARE(workspace().transport().cursor, start + 51s);
        QToolButton* button = nullptr; // of the bar itself, not of the field in it
        for (QToolButton* const each : window_->actions().toolbar->findChildren<QToolButton*>(
                 QString(), Qt::FindDirectChildrenOnly)) {
            if (each->isVisible() && each->isEnabled())
                button = each;
        }
        QVERIFY(button);
        button->setFocus();
        QTest::keyClick(button, Qt::Key_Home);
        QTRY_COMPARE(workspace().transport().cursor, start);
        QTest::keyClick(button, Qt::Key_Plus);
        QTRY_COMPARE(workspace().transport().speed, 2);
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

    void spacePausesAndComesBack()
    {
        makeLive();
        window_->timeline().strip()->setFocus();
        QTest::keyClick(window_, Qt::Key_Space);
        QTRY_COMPARE(workspace().transport().mode, Mode::paused);
        QVERIFY(!window_->actions().terminate->isEnabled());
        window_->actions().goLive->trigger();
        QTRY_COMPARE(workspace().transport().mode, Mode::live);
    }

    void spaceOpensABoxAndPausesNothing()
    {
        makeLive();
        auto* const box = new QComboBox(window_);
        box->addItems({QStringLiteral("of pool main"), QStringLiteral("of all of shop")});
        box->show();
        box->setFocus();
        QCOMPARE(QApplication::focusWidget(), box);
        press(Qt::Key_Space);
        QTRY_VERIFY(box->view()->isVisible());
        box->hidePopup();
        QTest::qWait(100);
        QCOMPARE(workspace().transport().mode, Mode::live);
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
        workspace().seek(start + 90s);
        QTRY_COMPARE(workspace().latest()->now, start + 90s);
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

    void pagesSwitchByKeyAndSidebar()
    {
        make();
        const QStringList names = window_->pageNames();
        QVERIFY(names.contains(QStringLiteral("sessions")));
        for (int i = 0; i < names.size() && i < 9; ++i) {
            QTest::keyClick(window_, static_cast<Qt::Key>(Qt::Key_1 + i), Qt::ControlModifier);
            QCOMPARE(window_->currentPage()->name(), names[i]);
        }
        QVERIFY(!window_->showPage(QStringLiteral("nowhere")));
    }

    void whatHidesUnderTheFocusKeepsItInThePage()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        auto* const table = window_->currentPage()->findChild<DataTable*>();
        table->setFocus();
        QTRY_VERIFY(table->hasFocus());
        table->hide(); // as Blocking's, once nobody waits any more
        QCOMPARE(window_->focusWidget(), window_->currentPage());
        for (const Qt::KeyboardModifiers shift : {Qt::NoModifier, Qt::ShiftModifier}) {
            window_->currentPage()->setFocus();
            QTest::keyClick(window_->currentPage(), shift ? Qt::Key_Backtab : Qt::Key_Tab, shift);
            QWidget* const now = window_->focusWidget();
            QVERIFY(now != window_->currentPage());
            QCOMPARE(window_->currentPage()->isAncestorOf(now), !shift);
        }
    }

    void theSessionMenuHasTheTablesLetters()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        window_->context().select(SessionKey{TargetId{1}, Pid{6}, start - 1h});
        QCOMPARE(offered(), QStringLiteral("IALG"));
        choose(u'A');
        auto* const filter = window_->currentPage()->findChild<QLineEdit*>();
        QCOMPARE(filter->text(), QStringLiteral("app:\"billing\""));
        choose(u'A');
        QCOMPARE(filter->text(), QString());
        window_->showPage(QStringLiteral("alerts"));
        QCOMPARE(offered(), QString());
    }
};

QTEST_MAIN(TestWindowKeys)
#include "tst_windowkeys.moc"
