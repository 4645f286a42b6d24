// SPDX-License-Identifier: GPL-3.0-or-later
// The window where the desktop's texts are larger than usual.
#include "tests/mainwindow/shownwindow.h"
#include "tests/support/paintedtexts.h"
#include "tests/support/places.h"
#include "ui/charts/timechart.h"
#include "ui/charts/timelinestrip.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/views/datatable.h"
#include "ui/views/page.h"

#include <QLabel>
#include <QScrollBar>

using namespace poolscope;
using poolscope::test::inTree;
using namespace poolscope::support;

class TestLargeWindow : public QObject, test::ShownWindow
{
    Q_OBJECT

    static constexpr double large_ = 1.55;

    static QLabel* headOf(const Sidebar& sidebar)
    {
        for (QLabel* const label : sidebar.findChildren<QLabel*>())
            if (label->text() == QStringLiteral("Targets"))
                return label;
        qFatal("no head");
    }

private slots:
    void initTestCase()
    {
        Theme::current().setScale(large_);
        useOwnSettings();
    }
    void init()
    {
        makeReplay(inTree("resources/samples/incident.poolrec"));
        window_->resize(2000, 1250);
        QCoreApplication::processEvents();
    }
    void cleanup() { closeAll(); }

    void theSidebarKeepsItsMargins()
    {
        const Theme& theme = Theme::current();
        auto* const sidebar = window_->findChild<Sidebar*>();
        QVERIFY(!sidebar->narrow());
        QCOMPARE(headOf(*sidebar)->contentsMargins(), theme.scaled(QMargins(12, 16, 0, 4)));
        QCOMPARE(faultIn(paintedTexts(*sidebar), sidebar->rect()), QString());
        // Icons alone where the same window would have them with usual texts.
        window_->resize(theme.scaled(1280), 1250);
        QTRY_VERIFY(sidebar->narrow());
        window_->resize(theme.scaled(1290), 1250);
        QTRY_VERIFY(!sidebar->narrow());
        QCOMPARE(headOf(*sidebar)->contentsMargins(), theme.scaled(QMargins(12, 16, 0, 4)));
    }

    void nothingScrollsSidewaysOrLiesOverOther()
    {
        for (Page* const page : window_->findChildren<Page*>()) {
            window_->showPage(page->name());
            QCoreApplication::processEvents();
            QVERIFY(page->isVisible());
            for (const DataTable* const table : page->findChildren<DataTable*>()) {
                if (table->isVisible())
                    QVERIFY2(table->horizontalScrollBar()->maximum() == 0,
                             qPrintable(page->name()));
            }
            for (TimeChart* const chart : page->findChildren<TimeChart*>()) {
                if (!chart->isVisible())
                    continue;
                chart->flush();
                QCOMPARE(faultIn(paintedTexts(*chart), chart->rect()), QString());
            }
        }
    }

    void theTimelineIsAsTallAsItsRows()
    {
        auto* const strip = window_->findChild<TimelineStrip*>();
        QCOMPARE(strip->height(), Theme::current().scaled(metrics::stripHeight));
        QTRY_VERIFY(!strip->groups().empty());
        QCOMPARE(faultIn(paintedTexts(*strip), strip->rect()), QString());
    }

    void itIsNotLargerThanTheScreen()
    {
        const QSize screen = window_->screen()->availableSize();
        QVERIFY(window_->minimumWidth() <= std::max(900, screen.width()));
        QVERIFY(window_->minimumHeight() <= std::max(560, screen.height()));
    }
};

QTEST_MAIN(TestLargeWindow)
#include "tst_largewindow.moc"
