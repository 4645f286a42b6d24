// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/roles.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/tablehead.h"

#include <QClipboard>
#include <QElapsedTimer>
#include <QGuiApplication>
#include <QHeaderView>
#include <QPaintEvent>
#include <QScrollBar>
#include <QSettings>
#include <QStandardItemModel>
#include <QTemporaryDir>
#include <QTest>
#include <QThreadPool>

using namespace poolscope;

namespace {

/// What a widget was asked to draw anew.
class Painted : public QObject
{
public:
    bool eventFilter(QObject*, QEvent* event) override
    {
        if (event->type() == QEvent::Paint)
            region += static_cast<QPaintEvent*>(event)->region();
        return false;
    }
    QRegion region;
};

} // namespace

/// Columns kept from another build or a wider window, and how rows are drawn.
class TestDataTable : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    QStandardItemModel model_{20, 6};

    std::unique_ptr<DataTable> table(int width, int elastic = -1)
    {
        auto made = std::make_unique<DataTable>(QStringLiteral("test"), true);
        made->setModel(&model_);
        made->setWidths({80, 90, 100, 110, 120, 0});
        if (elastic >= 0)
            made->setElastic(elastic);
        made->restoreColumns(0, Qt::AscendingOrder);
        made->resize(width, 300);
        made->show();
        return made;
    }
    static int sideways(const DataTable& table) { return table.horizontalScrollBar()->maximum(); }
    static void keep(const QHeaderView& header)
    {
        QSettings().setValue(QStringLiteral("columns/test/header"), header.saveState());
    }

private slots:
    void initTestCase()
    {
        QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
        QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder_.path());
        Theme::current().install();
    }
    void init() { QSettings().clear(); }

    void copiesTheRowsAsTheyStand()
    {
        const auto shown = table(900);
        for (int row = 0; row < 20; ++row)
            model_.setData(model_.index(row, 0), QStringLiteral("row %1").arg(row), CopyRole);
        shown->clearSelection();
        for (const int row : {17, 3, 11})
            shown->selectionModel()->select(model_.index(row, 0), QItemSelectionModel::Select |
                                                                      QItemSelectionModel::Rows);
        shown->copySelection();
        QStringList first;
        for (const QString& line : QGuiApplication::clipboard()->text().split(u'\n'))
            first << line.section(u'\t', 0, 0);
        QCOMPARE(first, (QStringList{QStringLiteral("row 3"), QStringLiteral("row 11"),
                                     QStringLiteral("row 17")}));
    }

    void copyingManyRowsTakesNoTime()
    {
        QStandardItemModel many{60'000, 1};
        DataTable shown(QStringLiteral("many"), true);
        shown.setModel(&many);
        shown.resize(300, 300);
        shown.show();
        shown.selectAll();
        QElapsedTimer clock;
        clock.start();
        shown.copySelection();
        QVERIFY2(clock.elapsed() < 5000, qPrintable(QString::number(clock.elapsed())));
        QCOMPARE(QGuiApplication::clipboard()->text().count(u'\n'), 59'999);
    }

    void theFrameOfTheCurrentRowGoesWhole()
    {
        const auto now = table(800);
        QVERIFY(QTest::qWaitForWindowExposed(now.get()));
        const auto go = [&](int row) {
            now->selectionModel()->setCurrentIndex(model_.index(row, 0),
                                                   QItemSelectionModel::NoUpdate);
        };
        go(2);
        QTest::qWait(50);
        Painted painted;
        now->viewport()->installEventFilter(&painted);
        go(5);
        const auto whole = [&](int row) {
            const QRect cell = now->visualRect(model_.index(row, 0));
            return QRect(0, cell.top(), now->viewport()->width(), cell.height());
        };
        QTRY_VERIFY(!painted.region.isEmpty());
        for (const int row : {2, 5})
            QVERIFY((QRegion(whole(row)) - painted.region).isEmpty());
    }

    void aRowWhoseFirstColumnIsHiddenIsScrolledTo()
    {
        const auto now = table(800);
        now->resize(800, 150);
        QVERIFY(QTest::qWaitForWindowExposed(now.get()));
        now->setColumnHidden(0, true);
        const QModelIndex last = model_.index(19, 0);
        now->scrollTo(last);
        QVERIFY(now->viewport()->rect().contains(now->visualRect(last).center()));
        QVERIFY(now->visualRect(last).height() > 0);
    }

    /// As while Ctrl+Left jumps to another mark, and with it to another row.
    void aChosenRowIsTheOnlyOneWhileCtrlIsHeld()
    {
        const auto now = table(800);
        QVERIFY(QTest::qWaitForWindowExposed(now.get()));
        QTest::keyPress(now.get(), Qt::Key_Control, Qt::ControlModifier);
        QCOMPARE(QGuiApplication::keyboardModifiers(), Qt::ControlModifier);
        for (const int row : {2, 5}) {
            now->choose(model_.index(row, 0));
            QCOMPARE(now->selectionModel()->selectedRows(0), QModelIndexList{model_.index(row, 0)});
        }
        QTest::keyRelease(now.get(), Qt::Key_Control);
    }

    void theSortMarkStandsBesideTheName()
    {
        model_.setHorizontalHeaderLabels({{}, QStringLiteral("State"), QStringLiteral("For")});
        model_.setHeaderData(2, Qt::Horizontal, int(Qt::AlignRight | Qt::AlignVCenter),
                             Qt::TextAlignmentRole);
        const auto now = table(800);
        now->header()->resizeSection(1, 200);
        now->header()->resizeSection(2, 200);
        const auto* head = qobject_cast<const TableHead*>(now->header());
        QVERIFY(head);

        now->sortByColumn(1, Qt::AscendingOrder);
        const int left = head->sectionViewportPosition(1);
        QVERIFY(head->markRect(1).left() > left);
        QVERIFY(head->markRect(1).right() < left + 100);
        QVERIFY(head->markRect(2).isNull());

        now->sortByColumn(2, Qt::DescendingOrder);
        const int right = head->sectionViewportPosition(2) + head->sectionSize(2);
        QVERIFY(head->markRect(2).right() < right);
        QVERIFY(head->markRect(2).left() > right - 100);
        QVERIFY(head->markRect(1).isNull());
        model_.clear();
        model_.setRowCount(20);
        model_.setColumnCount(6);
    }

    void aHeaderWithoutAnElasticColumnGetsOne()
    {
        QTreeView older;
        older.setModel(&model_);
        older.header()->setStretchLastSection(false);
        older.header()->resizeSection(5, 1500);
        keep(*older.header());
        const auto now = table(800);
        QTRY_COMPARE(sideways(*now), 0);
        QVERIFY(now->header()->stretchLastSection());
        QVERIFY(now->columnWidth(5) > 200);
    }

    void anotherElasticColumnIsNone()
    {
        QTreeView older;
        older.setModel(&model_);
        older.header()->setStretchLastSection(false);
        older.header()->setSectionResizeMode(1, QHeaderView::Stretch);
        older.resize(2400, 300);
        older.show();
        keep(*older.header());
        const auto now = table(800, 0);
        QTRY_COMPARE(sideways(*now), 0);
        QCOMPARE(now->header()->sectionResizeMode(0), QHeaderView::Stretch);
        QCOMPARE(now->header()->sectionResizeMode(1), QHeaderView::Interactive);
    }

    /// To write a setting waits for the disk: nothing that is shown waits for that.
    void widthsAreKeptLater()
    {
        const auto kept = [] {
            return QSettings().value(QStringLiteral("columns/test/header")).toByteArray();
        };
        const auto now = table(800);
        now->header()->resizeSection(1, 133);
        QVERIFY(kept().isEmpty());
        QTRY_VERIFY(!kept().isEmpty());
        QCOMPARE(table(800)->columnWidth(1), 133);
        now->header()->resizeSection(1, 144);
    }

    void widthsAreKeptWhenTheWindowCloses()
    {
        const auto kept = [] {
            return QSettings().value(QStringLiteral("columns/test/header")).toByteArray();
        };
        const auto now = table(800);
        now->header()->resizeSection(1, 155);
        QVERIFY(kept().isEmpty());
        now->close(); // and no event is served from here on
        QVERIFY(QThreadPool::globalInstance()->waitForDone(20000));
        QVERIFY(!kept().isEmpty());
    }

    /// The one that takes the rest keeps some room: what a narrower window gives up first goes.
    void columnsMakeRoomForTheElasticOne()
    {
        DataTable now(QStringLiteral("test"), true);
        now.setModel(&model_);
        now.setWidths({200, 200, 200, 200, 200, 0});
        int from = 500;
        now.setAutomaticColumns(
            [&from](int column, int width) { return column == 5 || width >= from + 80 * column; });
        now.restoreColumns(0, Qt::AscendingOrder);
        now.resize(900, 300);
        now.show();
        const auto hidden = [&] {
            int count = 0;
            for (int column = 0; column < 6; ++column)
                count += now.isColumnHidden(column) ? 1 : 0;
            return count;
        };
        QTRY_COMPARE(hidden(), 2);
        QVERIFY(now.isColumnHidden(4) && now.isColumnHidden(3));
        QVERIFY(now.columnWidth(5) >= Theme::current().scaled(90));
        QCOMPARE(sideways(now), 0);
        now.resize(1200, 300);
        QTRY_COMPARE(hidden(), 0);
        // None helps: all stay as the window's own width has them.
        from = -10000;
        now.resize(500, 300);
        now.refitColumns();
        QCOMPARE(hidden(), 0);
    }

    void widthsOfAWiderWindowShrink()
    {
        {
            const auto wide = table(2400);
            wide->header()->resizeSection(1, 700);
            wide->header()->resizeSection(2, 400);
            QTRY_COMPARE(sideways(*wide), 0);
        }
        const auto narrow = table(800);
        QTRY_COMPARE(sideways(*narrow), 0);
        QVERIFY(narrow->columnWidth(5) >= Theme::current().scaled(100));
        // None below what it was laid out for, and those that were not widened are left alone.
        QVERIFY(narrow->columnWidth(1) >= Theme::current().scaled(90));
        QCOMPARE(narrow->columnWidth(0), Theme::current().scaled(80));
        // In a window as wide as before they are as they were.
        QCOMPARE(table(2400)->columnWidth(1), 700);
        narrow->resize(560, 300);
        QTRY_VERIFY(narrow->columnWidth(1) < 120);
    }
};

QTEST_MAIN(TestDataTable)
#include "tst_datatable.moc"
