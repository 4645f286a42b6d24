// SPDX-License-Identifier: GPL-3.0-or-later
// The window against a real PostgreSQL: attached by the dialog, through a bastion too; sessions
// terminated, one and several, by key.
#include "tests/mainwindow/privatesshd.h"
#include "tests/support/loopwatch.h"
#include "tests/support/pgcluster.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/dialogs/attachtest.h"
#include "ui/dialogs/confirmcommanddialog.h"
#include "ui/mainwindow/commandflow.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/theme.h"
#include "ui/views/page.h"

#include <QAbstractItemView>
#include <QAction>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRegularExpression>
#include <QScopeGuard>
#include <QTableWidget>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestRealWindow : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    PgCluster cluster_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<MainWindow> window_;

    void make()
    {
        Workspace::Options options;
        options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
        workspace_ = std::make_unique<Workspace>(options);
        AttachChoice defaults;
        defaults.interval = std::chrono::milliseconds{200};
        window_ = std::make_unique<MainWindow>(*workspace_, defaults);
        window_->resize(1440, 900);
        window_->show();
        QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
        window_->activateWindow();
    }
    AttachDialog* dialog() { return qobject_cast<AttachDialog*>(window_->openDialog()); }
    QLineEdit* field(const QString& accessibleName)
    {
        for (QLineEdit* edit : dialog()->findChildren<QLineEdit*>())
            if (edit->accessibleName() == accessibleName)
                return edit;
        return nullptr;
    }
    /// Fills the dialog by typing and presses Enter.
    void attachByDialog(const QString& target, const QString& sshHost = {})
    {
        window_->actions().attach->trigger();
        QVERIFY(dialog());
        QTRY_VERIFY(dialog()->isVisible());
        QTest::keyClicks(field(QStringLiteral("Target")), target);
        QTest::keyClicks(field(QStringLiteral("SSH host")), sshHost);
    }
    void enter()
    {
        QTest::keyClick(field(QStringLiteral("Target")), Qt::Key_Return);
        QTRY_VERIFY(!window_->openDialog());
    }
    bool sampled() const
    {
        const UpdatePtr latest = workspace_->latest();
        return !latest->targets.empty() && latest->targets[0].last_sample &&
               latest->targets[0].status.reach == Reach::up;
    }
    QAbstractItemView* table()
    {
        for (QAbstractItemView* view : window_->currentPage()->findChildren<QAbstractItemView*>())
            if (view->accessibleName() == QStringLiteral("Sessions"))
                return view;
        return nullptr;
    }
    /// Sessions page, narrowed to these sessions; the focus is in the table, all of them selected.
    void selectAll(const QString& filter, std::size_t expected)
    {
        window_->showPage(QStringLiteral("sessions"));
        window_->currentPage()->setFilter(filter);
        table()->setFocus();
        const auto chosen = [&] {
            QTest::keyClick(table(), Qt::Key_A, Qt::ControlModifier);
            return window_->currentPage()->selectedSessions().size();
        };
        QTRY_COMPARE_WITH_TIMEOUT(chosen(), expected, 10000);
    }
    ConfirmCommandDialog* confirmation() { return window_->commands().dialog(); }
    template <class T>
    T* part(const char* name)
    {
        return confirmation()->findChild<T*>(QString::fromLatin1(name));
    }
    std::vector<PgClient> shop(int count, const QString& application)
    {
        std::vector<PgClient> clients;
        for (int i = 0; i < count; ++i) {
            clients.emplace_back(cluster_.conninfo() + QStringLiteral(" application_name=") +
                                 application);
            clients.back().exec(QStringLiteral("BEGIN"));
            clients.back().exec(QStringLiteral("SELECT 1"));
        }
        return clients;
    }
    void attachDirectly()
    {
        make();
        attachByDialog(cluster_.uri());
        enter();
        QTRY_VERIFY_WITH_TIMEOUT(sampled(), 15000);
    }

private slots:
    void initTestCase()
    {
        if (!PgCluster::available())
            QSKIP("this needs a PostgreSQL server");
        QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
        QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                           folder_.filePath(QStringLiteral("settings")));
        Theme::current().install();
        QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    }
    void cleanup()
    {
        window_.reset();
        workspace_.reset();
    }

    void throughABastionByTheDialog()
    {
        PrivateSshd bastion;
        if (const QString trouble = bastion.start(); !trouble.isEmpty())
            QSKIP(qPrintable(trouble));
        qputenv("POOLSCOPE_SSH", QFile::encodeName(bastion.client()));
        make();
        attachByDialog(cluster_.uri(), bastion.host());
        auto* test = dialog()->test();
        for (QPushButton* button : dialog()->findChildren<QPushButton*>())
            if (button->text().remove(QLatin1Char('&')) == QStringLiteral("Test"))
                button->click();
        QVERIFY(test->running());
        QTRY_VERIFY_WITH_TIMEOUT(!test->running(), 15000);
        QVERIFY2(test->lines().join(QLatin1Char('\n')).contains(QStringLiteral("PostgreSQL")),
                 qPrintable(test->lines().join(QLatin1Char('\n'))));
        enter();
        QTRY_VERIFY_WITH_TIMEOUT(sampled(), 15000);
        qunsetenv("POOLSCOPE_SSH");
        // Once for the test, once to stay, both to this host.
        const QStringList calls = bastion.calls().split(QLatin1Char('\n'), Qt::SkipEmptyParts);
        QCOMPARE(calls.size(), 2);
        for (const QString& call : calls)
            QVERIFY2(call.contains(bastion.host()), qPrintable(call));
        const std::vector<PgClient> clients = shop(2, QStringLiteral("behind"));
        selectAll(QStringLiteral("app:behind"), 2);
    }

    void enterAndEscapeSendNothing()
    {
        attachDirectly();
        std::vector<PgClient> clients = shop(1, QStringLiteral("alone"));
        for (const Qt::Key key : {Qt::Key_Return, Qt::Key_Escape}) {
            selectAll(QStringLiteral("app:alone"), 1);
            QTest::keyClick(table(), Qt::Key_K);
            QVERIFY(confirmation());
            QTRY_VERIFY(confirmation()->isVisible());
            QCOMPARE(part<QLabel>("question")->text().section(QLatin1Char(' '), 0, 2),
                     QStringLiteral("Terminate session %1").arg(clients[0].pid()));
            QCOMPARE(confirmation()->focusWidget(), part<QPushButton>("safe"));
            QTest::keyClick(confirmation()->focusWidget(), key);
            QTRY_VERIFY(!confirmation());
        }
        QVERIFY(clients[0].exec(QStringLiteral("SELECT 2")));
        QVERIFY(workspace_->latest()->actions->empty());
    }

    void oneOfSeveralIsTerminatedByKey()
    {
        attachDirectly();
        std::vector<PgClient> clients = shop(3, QStringLiteral("three"));
        selectAll(QStringLiteral("app:three"), 3);
        selectAll(QStringLiteral("pid:%1").arg(clients[1].pid()), 1);
        QTest::keyClick(table(), Qt::Key_K);
        QVERIFY(confirmation());
        QTRY_VERIFY(confirmation()->isVisible());
        QTest::keyClick(confirmation()->focusWidget(), Qt::Key_Tab);
        QWidget* red = confirmation()->focusWidget();
        QCOMPARE(red->objectName(), QStringLiteral("act"));
        QTest::keyClick(red, Qt::Key_Space);
        QTRY_VERIFY(!confirmation());
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->actions->empty() &&
                                     workspace_->latest()->actions->back().phase ==
                                         ActionPhase::observed,
                                 15000);
        QVERIFY(!clients[1].exec(QStringLiteral("SELECT 2")));
        QVERIFY(clients[0].exec(QStringLiteral("SELECT 2")));
        QVERIFY(clients[2].exec(QStringLiteral("SELECT 2")));
    }

    void severalAreTerminatedWithAResultEach()
    {
        attachDirectly();
        std::vector<PgClient> clients = shop(4, QStringLiteral("many"));
        std::vector<PgClient> others = shop(1, QStringLiteral("spared"));
        selectAll(QStringLiteral("app:many"), 4);
        QTest::keyClick(table(), Qt::Key_K);
        QVERIFY(confirmation());
        QTRY_VERIFY(confirmation()->isVisible());
        auto* hits = confirmation()->findChild<QTableWidget*>();
        QCOMPARE(hits->rowCount(), 4);
        // One leaves by itself in the meantime.
        const int gone = clients[0].pid();
        clients[0] = PgClient();
        const auto struck = [&] {
            for (int row = 0; row < 4; ++row)
                if (hits->item(row, 0)->text() == QString::number(gone))
                    return hits->item(row, 0)->font().strikeOut();
            return false;
        };
        QTRY_VERIFY_WITH_TIMEOUT(struck(), 10000);
        QTest::keyClick(confirmation()->focusWidget(), Qt::Key_Tab);
        QTest::keyClick(confirmation()->focusWidget(), Qt::Key_Space);
        QVERIFY(confirmation()); // it stays, and fills in what comes
        QTRY_VERIFY_WITH_TIMEOUT(
            part<QLabel>("note")->text().startsWith(QStringLiteral("All answered")), 15000);
        const int results = hits->columnCount() - 1;
        for (int row = 0; row < 4; ++row)
            QVERIFY2(!hits->item(row, results)->text().isEmpty(),
                     qPrintable(hits->item(row, 0)->text()));
        for (std::size_t i = 1; i < clients.size(); ++i)
            QVERIFY(!clients[i].exec(QStringLiteral("SELECT 2")));
        QVERIFY(others[0].exec(QStringLiteral("SELECT 2")));
        QCOMPARE(workspace_->latest()->actions->size(), 3u);
    }

    /// Nobody waits behind it and it is no suspect: it is read because somebody looks.
    void whatALookedAtSessionHoldsIsRead()
    {
        PgClient admin(cluster_.conninfo());
        for (const char* const name : {"one", "two", "three"})
            QVERIFY(admin.exec(QStringLiteral("CREATE TABLE held_%1 ()").arg(QLatin1String(name))));
        attachDirectly();
        std::vector<PgClient> clients = shop(3, QStringLiteral("young"));
        QVERIFY(clients[0].exec(QStringLiteral("LOCK TABLE held_one")));
        QVERIFY(clients[1].exec(QStringLiteral("LOCK TABLE held_two")));
        const auto detailSays = [this](const QString& words) {
            const auto labels = window_->currentPage()->findChildren<QLabel*>();
            return std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) {
                return label->isVisible() && label->text().contains(words);
            });
        };
        selectAll(QStringLiteral("pid:%1").arg(clients[0].pid()), 1);
        QTRY_VERIFY_WITH_TIMEOUT(detailSays(QStringLiteral("AccessExclusiveLock")), 10000);

        selectAll(QStringLiteral("app:young"), 3);
        QTest::keyClick(table(), Qt::Key_K);
        QVERIFY(confirmation());
        QTRY_VERIFY(confirmation()->isVisible());
        const auto* const hits = confirmation()->findChild<QTableWidget*>();
        const auto listed = [&] {
            QStringList cells;
            for (int row = 0; row < hits->rowCount(); ++row)
                for (int column = 0; column < hits->columnCount(); ++column)
                    if (hits->item(row, column) &&
                        hits->item(row, column)->text().startsWith(QStringLiteral("locks on ")))
                        cells << hits->item(row, column)->text();
            return cells.join(QLatin1Char('|'));
        };
        QTRY_VERIFY2_WITH_TIMEOUT(listed().contains(QStringLiteral("held_one")) &&
                                      listed().contains(QStringLiteral("held_two")),
                                  qPrintable(listed()), 10000);
        QTest::keyClick(confirmation()->focusWidget(), Qt::Key_Escape);
        QTRY_VERIFY(!confirmation());

        // Of one alone it is said beneath.
        clients.push_back(std::move(shop(1, QStringLiteral("single")).front()));
        selectAll(QStringLiteral("app:single"), 1);
        QTest::keyClick(table(), Qt::Key_K);
        QVERIFY(confirmation());
        QVERIFY(clients.back().exec(QStringLiteral("LOCK TABLE held_three")));
        const auto facts = [this] {
            QStringList words;
            for (const QLabel* const label : confirmation()->findChildren<QLabel*>())
                words << label->text();
            return words.join(QLatin1Char('|'));
        };
        // Read once before, so that it takes until they are read again.
        QTRY_VERIFY2_WITH_TIMEOUT(facts().contains(QRegularExpression(
                                      QStringLiteral("\\|locks on [a-z.]*held_three\\|"))),
                                  qPrintable(facts()), 15'000);
    }

    /// Neither painting nor clicking waits for a server.
    void aFrozenServerLeavesTheWindowFree()
    {
        attachDirectly();
        const std::vector<PgClient> clients = shop(3, QStringLiteral("frozen"));
        // Made once: what a page costs when it is first shown is another matter.
        for (const QString& page : window_->pageNames()) {
            QVERIFY(window_->showPage(page));
            QTest::qWait(50);
        }
        selectAll(QStringLiteral("app:frozen"), 3);
        const auto thaw = qScopeGuard([this] { cluster_.thaw(); });
        cluster_.freeze();
        const LoopWatch watch;
        IdleThread idle;
        const QStringList pages = window_->pageNames();
        const auto reach = [this] {
            return workspace_->latest()->targets[0].status.reach;
        };
        QElapsedTimer frozen;
        frozen.start();
        for (qsizetype turn = 0; frozen.elapsed() < 3000 || reach() != Reach::failing; ++turn) {
            QVERIFY(frozen.elapsed() < 30'000);
            QVERIFY(window_->showPage(pages[turn % pages.size()]));
            QTest::qWait(40);
            QTest::keyClick(window_->focusWidget() ? window_->focusWidget() : window_.get(),
                            turn % 2 == 0 ? Qt::Key_Down : Qt::Key_F5);
            QTest::qWait(40);
        }
        idle.quit();
        idle.wait();
        QVERIFY2(watch.longestMs() < 100 + idle.longestMs(),
                 qPrintable(QStringLiteral("%1 ms, an idle thread %2 ms")
                                .arg(watch.longestMs())
                                .arg(idle.longestMs())));
    }
};

QTEST_MAIN(TestRealWindow)
#include "tst_realwindow.moc"
