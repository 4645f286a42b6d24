// SPDX-License-Identifier: GPL-3.0-or-later
// The pages where the desktop's texts are larger than usual.
#include "tests/support/paintedtexts.h"
#include "tests/support/poolscene.h"
#include "tests/views/pagefixture.h"
#include "ui/charts/timechart.h"
#include "ui/models/findings.h"
#include "ui/models/sessioncolumns.h"
#include "ui/views/datatable.h"
#include "ui/views/linkbutton.h"

#include <QHeaderView>
#include <QImage>
#include <QLabel>
#include <QLineEdit>
#include <QScrollArea>
#include <QScrollBar>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

class TestLargePages : public QObject
{
    Q_OBJECT

    static Theme& theme() { return Theme::current(); }
    static void scales()
    {
        QTest::addColumn<double>("scale");
        for (const double scale : {1.0, 1.25, 1.5, 2.0})
            QTest::addRow("%g", scale) << scale;
    }
    /// Pages as wide as a window of 2000 px leaves them at 1.5.
    void make(double scale)
    {
        theme().setScale(scale);
        fixture_ = std::make_unique<PageFixture>(theme().scaled(QSize(1133, 640)));
        SyntheticUpdates sessions;
        for (int i = 0; i < 40; ++i)
            sessions.put(100 + i, static_cast<SessionState>(i % 6), "shop-api");
        Update update = sessions.take(true);
        PoolScene scene;
        scene.join(update);
        fixture_->apply(update);
    }
    static DataTable& tableOf(Page& page, int columns)
    {
        for (DataTable* const table : page.findChildren<DataTable*>())
            if (table->isVisible() && table->header()->count() == columns)
                return *table;
        qFatal("no such table");
    }

    std::unique_ptr<PageFixture> fixture_;

private slots:
    void cleanup()
    {
        fixture_.reset();
        theme().setScale(1.0);
    }

    void rowsOfPoolsHoldTwoLines_data() { scales(); }
    void rowsOfPoolsHoldTwoLines()
    {
        QFETCH(double, scale);
        for (const auto density :
             {Theme::Density::compact, Theme::Density::normal, Theme::Density::comfortable}) {
            theme().setDensity(density);
            make(scale);
            Page& page = fixture_->show("pools");
            QCoreApplication::processEvents();
            DataTable& table = tableOf(page, 9);
            const auto texts = paintedTexts(*table.viewport());
            QVERIFY(texts.size() > 10);
            QCOMPARE(faultIn(texts, table.viewport()->rect()), QString());
        }
        theme().setDensity(Theme::Density::normal);
    }

    void noTableScrollsSideways_data() { scales(); }
    void noTableScrollsSideways()
    {
        QFETCH(double, scale);
        make(scale);
        int tables = 0;
        for (Page* const page : fixture_->pages) {
            fixture_->show(page->name().toLatin1().constData());
            QCoreApplication::processEvents();
            for (const DataTable* const table : page->findChildren<DataTable*>()) {
                if (!table->isVisible())
                    continue;
                ++tables;
                QVERIFY2(table->horizontalScrollBar()->maximum() == 0,
                         qPrintable(page->name() + QLatin1Char(' ') + table->accessibleName()));
            }
        }
        QVERIFY(tables > 5);
    }

    /// Also where a scroll bar takes a few px of a width that was just enough.
    void columnsGoBeforeOneScrolls()
    {
        make(1.5);
        Page& page = fixture_->show("pools");
        DataTable& table = tableOf(page, 9);
        for (int width = theme().scaled(1133); width > theme().scaled(1050); width -= 7) {
            fixture_->resize({width, theme().scaled(640)});
            QCoreApplication::processEvents();
            QVERIFY2(table.horizontalScrollBar()->maximum() == 0,
                     qPrintable(QString::number(width)));
        }
    }

    /// A narrow window with large texts: as wide as one of 750 px without them.
    void wordsAreRatherCutThanOutOfSight()
    {
        theme().setScale(1.4);
        fixture_ = std::make_unique<PageFixture>(QSize(1050, 640));
        SyntheticUpdates sessions;
        sessions.put(100, SessionState::idle_in_transaction, "shop-api", 400s);
        ActionRecord action;
        action.id = ActionId{1};
        action.requested = sessions.now();
        action.subject = "idle in transaction for 6 min 40 s, of shop-api";
        sessions.actions.push_back(action);
        Update update = sessions.take(true);
        Alert alert;
        alert.target = TargetId{1};
        alert.rule = "suspected_leak";
        alert.state = AlertState::firing;
        alert.since = update.now - 40s;
        alert.sentence = "8 sessions are suspected leaks.";
        update.targets.front().alerts = {alert};
        for (const char* const name : {"alerts", "actions"}) {
            Page& page = fixture_->show(name);
            fixture_->resize({1050, 640});
            fixture_->apply(update);
            QCoreApplication::processEvents();
            int tables = 0;
            for (DataTable* const table : page.findChildren<DataTable*>()) {
                if (!table->isVisible())
                    continue;
                ++tables;
                const int first = table->columnWidth(0);
                QVERIFY2(table->horizontalScrollBar()->maximum() == 0, name);
                // What was cut comes back with the room.
                fixture_->resize({2400, 900});
                QCoreApplication::processEvents();
                QVERIFY2(table->columnWidth(0) >= first, name);
                QCOMPARE(table->horizontalScrollBar()->maximum(), 0);
            }
            QVERIFY2(tables > 0, name);
        }
    }

    /// As a laptop's window of 1366x900 leaves it with texts of 17 points.
    void aSmallWindowShowsWhatMatters()
    {
        constexpr QSize small(1270, 622);
        make(1.7);
        fixture_->resize(small);
        Page& leaks = fixture_->show("leaks");
        DataTable& holders = tableOf(leaks, leakColumnCount);
        for (int row = 0; row < 2; ++row) { // a place, and one that it holds: the detail is another
            const QModelIndex place = holders.model()->index(0, 0);
            holders.setCurrentIndex(row == 0 ? place : holders.model()->index(0, 0, place));
            QCoreApplication::processEvents();
            QVERIFY(holders.viewport()->width() < theme().scaled(560)); // beside the detail
            QCOMPARE(holders.horizontalScrollBar()->maximum(), 0);
            const int origin = holders.columnWidth(static_cast<int>(LeakColumn::origin));
            QVERIFY2(origin >= theme().scaled(110), qPrintable(QString::number(origin)));
        }

        Page& stacks = fixture_->show("stacks");
        QCoreApplication::processEvents();
        const auto* const picture = stacks.findChild<QScrollArea*>();
        const auto below = [&](const QWidget* one, const QWidget* other) {
            return other->mapTo(&stacks, QPoint()).y() -
                   one->mapTo(&stacks, QPoint(0, one->height())).y();
        };
        const auto* const name = stacks.findChild<QLabel*>(QStringLiteral("cellName"));
        const auto* const words = stacks.findChild<QLabel*>(QStringLiteral("cellWords"));
        QVERIFY(picture->isVisible() && name->isVisible());
        QVERIFY2(below(picture, name) >= 0, qPrintable(QString::number(below(picture, name))));
        DataTable& lines = *stacks.findChild<DataTable*>();
        QVERIFY(below(words, &lines) >= 0);
        QCOMPARE(lines.horizontalScrollBar()->maximum(), 0);
        QVERIFY(lines.viewport()->height() >= theme().rowHeight());
        QVERIFY(picture->height() >= theme().scaled(40));

        SyntheticUpdates server; // alone
        for (int i = 0; i < 40; ++i)
            server.put(100 + i, SessionState::idle_in_transaction, "shop-api", 400s);
        fixture_->apply(server.take(true));
        Page& page = fixture_->show("sessions");
        DataTable& sessions = tableOf(page, sessionColumnCount);
        sessions.setCurrentIndex(sessions.model()->index(0, 0, sessions.model()->index(0, 0)));
        QCoreApplication::processEvents();
        QCOMPARE(sessions.horizontalScrollBar()->maximum(), 0);
        const int state = sessions.columnWidth(static_cast<int>(SessionColumn::state));
        QVERIFY2(state >= theme().scaled(90), qPrintable(QString::number(state)));
    }

    void chartsHaveTheRoomTheirTextsNeed()
    {
        make(1.5);
        for (const char* const name : {"overview", "pools"}) {
            Page& page = fixture_->show(name);
            QCoreApplication::processEvents();
            int charts = 0;
            for (TimeChart* const chart : page.findChildren<TimeChart*>()) {
                if (!chart->isVisible())
                    continue;
                ++charts;
                QVERIFY(chart->height() >= theme().scaled(metrics::chartMinimum));
                chart->flush();
                QCOMPARE(faultIn(paintedTexts(*chart), chart->rect()), QString());
            }
            QVERIFY(charts > 0);
        }
    }

    void aLinkStaysWhereItIsWithTheFocus()
    {
        theme().setScale(1.5);
        LinkButton link;
        link.setWords(QStringLiteral("14 suspected leaks"));
        link.show();
        link.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&link));
        link.clearFocus();
        QVERIFY(link.sizeHint().height() >= theme().scaled(18));
        const auto left = [&] {
            return paintedTexts(link).front().ink.left();
        };
        const double before = left();
        link.setFocus();
        QVERIFY(link.hasFocus());
        QCOMPARE(left(), before);
    }
};

QTEST_MAIN(TestLargePages)
#include "tst_largepages.moc"
