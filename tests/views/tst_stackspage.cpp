// SPDX-License-Identifier: GPL-3.0-or-later
// With POOLSCOPE_PICTURES=FOLDER it also draws the page there, for looking at.
#include "tests/views/poolpages.h"
#include "ui/models/placewords.h"
#include "ui/views/datatable.h"
#include "ui/views/icicleview.h"
#include "ui/views/linkbutton.h"
#include "ui/views/stackspage.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

class StacksPageTest : public QObject
{
    Q_OBJECT
private slots:
    void init() { fixture_ = std::make_unique<PoolPageFixture<StacksPage>>(); }
    void cleanup() { fixture_.reset(); }
    void saysWhoHoldsTheMost();
    void emptyPagesSayWhy();
    void everyCellIsHitWhereItIsDrawn();
    void aClickZoomsAndEscComesBack();
    void crumbsLeadBack();
    void keysWalkTheCells();
    void zoomAndCurrentSurviveUpdates();
    void searchFinds();
    void rowsAndCellsAreTheSame();
    void aLineThatLeavesLeavesNoOtherChosen();
    void namesWithPercentAreWhole();
    void rangesNameTheSuspects();
    void copiesTheStack();
    void namesAreLiteral();
    void deepStacksHaveLowRows();
    void pictures();

private:
    IcicleView& icicle() { return fixture_->page().icicle(); }
    int cell(const char* function)
    {
        const auto& cells = icicle().cells();
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (cells[i].function == Text(function))
                return static_cast<int>(i);
        }
        return -1;
    }
    QString words(const char* name)
    {
        return fixture_->page().findChild<QLabel*>(QLatin1String(name))->text();
    }
    void click(int at)
    {
        QTest::mouseClick(&icicle(), Qt::LeftButton, {}, icicle().rectOf(at).center().toPoint());
    }

    std::unique_ptr<PoolPageFixture<StacksPage>> fixture_;
};

void StacksPageTest::saysWhoHoldsTheMost()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    QVERIFY2(fixture_->sentence().startsWith(QStringLiteral("checkout.cpp:88 holds ")),
             qPrintable(fixture_->sentence()));
    QVERIFY(fixture_->sentence().endsWith(QStringLiteral(" % of the connection time")));
    QCOMPARE(fixture_->answer().mid(fixture_->sentence().size()),
             QStringLiteral(", shop, 14 checkouts are not returned"));
    fixture_->page().nextGrouping();
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("checkout.cpp:88 made ")));
    // Only the acquiring line of the leak has a colour.
    for (const IcicleCell& one : icicle().cells())
        QCOMPARE(one.suspected, one.function == Text("shop::place_order"));
}

void StacksPageTest::emptyPagesSayWhy()
{
    PoolScene scene;
    Update update = scene.take(true);
    update.targets.front().places.clear();
    fixture_->apply(update);
    QCOMPARE(fixture_->sentence(), QStringLiteral("No connection is checked out at this moment."));
    QVERIFY(!icicle().isVisible());
    update.targets.front().pools.clear();
    update.targets.front().agent.reset();
    fixture_->apply(update);
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("No instrumented process is attached")));
    Transport replay;
    replay.mode = Mode::replay;
    replay.start = PoolScene::begin();
    replay.cursor = replay.end = PoolScene::end();
    fixture_->page().setTransport(replay);
    QVERIFY(fixture_->sentence().startsWith(
        QStringLiteral("No instrumented process is in this recording")));
    QVERIFY(!fixture_->sentence().contains(QStringLiteral("Ctrl+T")));
    replay.mode = Mode::live;
    fixture_->page().setTransport(replay);
    update.targets.clear();
    fixture_->apply(update);
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("Nothing is attached.")));
}

void StacksPageTest::everyCellIsHitWhereItIsDrawn()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    QVERIFY(icicle().cells().size() > 8);
    int seen = 0;
    for (const int zoom : {0, cell("shop::serve"), cell("reports")}) {
        icicle().zoomTo(zoom);
        for (int i = 0; i < static_cast<int>(icicle().cells().size()); ++i) {
            const QRectF area = icicle().rectOf(i);
            if (area.width() < 1)
                continue;
            ++seen;
            QCOMPARE(icicle().cellAt(area.center()), i);
            QVERIFY(area.left() >= -0.5 && area.right() <= icicle().width() + 0.5);
        }
    }
    QVERIFY(seen > 12);
    QCOMPARE(icicle().cellAt({10, icicle().height() + 10.0}), -1);
    QCOMPARE(icicle().cellAt({-1, 3}), -1);
}

void StacksPageTest::aClickZoomsAndEscComesBack()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    const int order = cell("shop::handle_checkout");
    QVERIFY(icicle().rectOf(order).width() < icicle().width() - 1);
    click(order);
    QCOMPARE(icicle().zoomed(), order);
    QCOMPARE(icicle().current(), order);
    QCOMPARE(icicle().rectOf(order).width(), double(icicle().width()));
    QVERIFY(icicle().rectOf(cell("reports")).isEmpty());
    QVERIFY(words("cellName").startsWith(QStringLiteral("shop::handle_checkout  src/routes.cpp")));
    QVERIFY(words("cellWords").startsWith(QStringLiteral("held ")));
    QTest::keyClick(&icicle(), Qt::Key_Escape);
    QCOMPARE(icicle().zoomed(), icicle().cells()[std::size_t(order)].parent);
    while (icicle().zoomed() > 0)
        QVERIFY(fixture_->page().clearOne());
    QVERIFY(fixture_->page().clearOne()); // what is current
    QCOMPARE(icicle().current(), -1);
    QVERIFY(!fixture_->page().clearOne());
}

void StacksPageTest::crumbsLeadBack()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    click(cell("shop::place_order"));
    QStringList shown;
    LinkButton* pool = nullptr;
    for (LinkButton* const crumb : fixture_->page().findChildren<LinkButton*>()) {
        if (!crumb->isVisible() || !crumb->objectName().startsWith(QLatin1String("crumb")))
            continue;
        shown << crumb->text();
        if (crumb->text() == QLatin1String("shop"))
            pool = crumb;
    }
    QCOMPARE(shown.front(), QStringLiteral("all pools"));
    QVERIFY(pool);
    QTest::mouseClick(pool, Qt::LeftButton);
    QCOMPARE(icicle().zoomed(), cell("shop"));
    QVERIFY(words("heldTotal").contains(QStringLiteral("connection time held by ")));
}

void StacksPageTest::keysWalkTheCells()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    fixture_->page().nextGrouping(); // by time "reports" is narrower than a pixel
    icicle().setFocus();
    const auto& cells = icicle().cells();
    QTest::keyClick(&icicle(), Qt::Key_Home);
    QCOMPARE(icicle().current(), 0);
    QTest::keyClick(&icicle(), Qt::Key_Down);
    QTest::keyClick(&icicle(), Qt::Key_Down);
    QCOMPARE(icicle().current(), cell("shop")); // the heaviest comes first
    QTest::keyClick(&icicle(), Qt::Key_Right);
    QCOMPARE(icicle().current(), cell("reports"));
    QTest::keyClick(&icicle(), Qt::Key_Left);
    QCOMPARE(icicle().current(), cell("shop"));
    QTest::keyClick(&icicle(), Qt::Key_Return);
    QCOMPARE(icicle().zoomed(), cell("shop"));
    QTest::keyClick(&icicle(), Qt::Key_Up);
    QCOMPARE(icicle().current(), cells[std::size_t(cell("shop"))].parent);
    QVERIFY(icicle().accessibleDescription().contains(QStringLiteral("100.0 % of what is held")));
    QTest::keyClick(&icicle(), Qt::Key_Backspace);
    QVERIFY(icicle().zoomed() < cell("shop"));
}

void StacksPageTest::zoomAndCurrentSurviveUpdates()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    click(cell("shop::serve"));
    icicle().setCurrent(cell("shop::place_order"));
    for (int i = 0; i < 5; ++i) {
        scene.advance();
        Update update = scene.take();
        // Another order of the cells: this line's holders become more than all others.
        for (Place& place : update.targets.front().places) {
            for (Holder& holder : place.holders) {
                if (place.pool == Text("reports") && i > 2)
                    holder.age += 10h;
            }
        }
        fixture_->apply(update);
        QCOMPARE(icicle().zoomed(), cell("shop::serve"));
        QCOMPARE(icicle().current(), cell("shop::place_order"));
    }
    QVERIFY(icicle().cells()[1].share > 0);
    // What is gone is let go.
    Update update = scene.take();
    std::erase_if(update.targets.front().places,
                  [](const Place& place) { return place.pool == Text("shop"); });
    fixture_->apply(update);
    QCOMPARE(icicle().zoomed(), 0);
    QCOMPARE(icicle().current(), -1);
}

void StacksPageTest::searchFinds()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    fixture_->page().setFilter(QStringLiteral("CHECKOUT.cpp"));
    QCOMPARE(icicle().matches(), 1);
    QVERIFY(words("found").startsWith(QStringLiteral("1 frame, ")));
    QVERIFY(icicle().matchedShare() > 0.5);
    fixture_->page().setFilter(QStringLiteral("nowhere"));
    QCOMPARE(words("found"), QStringLiteral("no frame"));
    QVERIFY(fixture_->page().clearOne());
    QCOMPARE(words("found"), QString());
}

void StacksPageTest::rowsAndCellsAreTheSame()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    DataTable& table = fixture_->page().table();
    QCOMPARE(table.model()->rowCount(), 4);
    QCOMPARE(table.model()->index(0, int(HeldColumn::line)).data().toString(),
             QStringLiteral("checkout.cpp:88"));
    QCOMPARE(table.model()->index(0, int(HeldColumn::line)).data(CopyRole).toString(),
             QStringLiteral("src/checkout.cpp:88"));
    QCOMPARE(table.model()->index(0, int(HeldColumn::note)).data().toString(),
             QStringLiteral("suspected"));
    table.setCurrentIndex(table.model()->index(0, 0));
    QCOMPARE(icicle().current(), cell("shop::place_order"));
    icicle().setCurrent(cell("shop::rebuild_search_index"));
    QCOMPARE(table.currentIndex().siblingAtColumn(int(HeldColumn::line)).data().toString(),
             QStringLiteral("reindex.cpp:41"));
    scene.advance();
    fixture_->apply(scene.take());
    QCOMPARE(table.selectionModel()->selectedRows().size(), 1);
    QCOMPARE(table.currentIndex().siblingAtColumn(int(HeldColumn::line)).data().toString(),
             QStringLiteral("reindex.cpp:41"));
    double sum = 0;
    for (int row = 0; row < table.model()->rowCount(); ++row)
        sum += table.model()->index(row, int(HeldColumn::share)).data(SortRole).toDouble();
    QVERIFY(std::abs(sum - 1) < 1e-9);
}

void StacksPageTest::aLineThatLeavesLeavesNoOtherChosen()
{
    PoolScene scene;
    Update update = scene.take(true);
    fixture_->apply(update);
    DataTable& table = fixture_->page().table();
    table.setCurrentIndex(table.model()->index(0, 0));
    const QString line = table.model()->index(0, int(HeldColumn::line)).data(CopyRole).toString();
    QCOMPARE(line, QStringLiteral("src/checkout.cpp:88"));
    std::erase_if(update.targets.front().places, [](const Place& place) {
        const StackLine* const at = acquiring_line(place.stack.get());
        return at && at->line == 88;
    });
    fixture_->apply(update);
    QVERIFY(table.model()->rowCount() > 0);
    QVERIFY(!table.selectionModel()->hasSelection());
}

void StacksPageTest::namesWithPercentAreWhole()
{
    QCOMPARE(fileAndLine(QStringLiteral("a%1b%2.cpp"), 7), QStringLiteral("a%1b%2.cpp:7"));
    QCOMPARE(fileAndLine(QStringLiteral("a%1.cpp"), 0), QStringLiteral("a%1.cpp"));
    IcicleCell icicleCell;
    icicleCell.file = Text{"src/%2%1.cpp"};
    icicleCell.line = 3;
    QCOMPARE(icicleLine(icicleCell), QStringLiteral("%2%1.cpp:3"));
}

void StacksPageTest::rangesNameTheSuspects()
{
    PoolScene scene;
    SessionStore store;
    store.apply(scene.take(true));
    World world;
    WorldDelta delta;
    HeldFold fold(PoolScene::begin(), PoolScene::end());
    for (const Observation& observation : scene.observations()) {
        fold.watch(world, observation);
        world.apply(observation, delta);
    }
    const std::vector<HeldPlace> held = fold.finish(world);
    QVERIFY(held.size() >= 4);
    const std::vector<IciclePlace> places = heldOver(held, store);
    QCOMPARE(places.size(), held.size());
    std::uint64_t open = 0, suspected = 0;
    for (const IciclePlace& place : places) {
        QCOMPARE(place.target, Text("shop-api"));
        open += place.open;
        suspected += place.suspected;
        if (place.suspected)
            QVERIFY(same_stack(place.stack, scene.stack(PoolScene::leak)));
    }
    QCOMPARE(suspected, std::uint64_t{1});
    QCOMPARE(open, std::uint64_t(scene.pools().checkouts.size()));
    // The brief ones are many here, and few now.
    const auto byCount = heldLines(places, IcicleWeight::checkouts);
    QCOMPARE(heldLineName(byCount.front().sum), QStringLiteral("catalog.cpp:52"));
    QCOMPARE(heldLineName(heldLines(heldNow(store), IcicleWeight::held).front().sum),
             QStringLiteral("checkout.cpp:88"));
}

void StacksPageTest::copiesTheStack()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    icicle().setCurrent(cell("shop::place_order"));
    QTest::keyClick(&icicle(), Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    const QStringList lines = QGuiApplication::clipboard()->text().split(QLatin1Char('\n'));
    QCOMPARE(lines.front(), QStringLiteral("shop::place_order (src/checkout.cpp:88)"));
    QCOMPARE(lines.back(), QStringLiteral("shop-api"));
}

void StacksPageTest::namesAreLiteral()
{
    PoolScene scene;
    Update update = scene.take(true);
    Place hostile = update.targets.front().places.front();
    hostile.pool = Text("<b>p</b>\n\u202e");
    hostile.stack =
        make_stack({{Text("<i>f</i>\x1b[2J\n"), Text("<u>a</u>/\u202eb.cpp"), 7, true}});
    update.targets.front().places = {hostile};
    update.targets.front().info.name = "<script>\n";
    fixture_->apply(update);
    const auto& cells = icicle().cells();
    QCOMPARE(cells.size(), std::size_t{4});
    for (const IcicleCell& one : cells) {
        for (const QString& text : {icicleName(one), icicleLine(one)}) {
            QVERIFY(!text.contains(QLatin1Char('\n')));
            QVERIFY(!text.contains(QChar(0x1b)));
            QVERIFY(!text.contains(QChar(0x202e)));
        }
    }
    QVERIFY(icicleName(cells[3]).startsWith(QStringLiteral("<i>f</i>")));
    icicle().setCurrent(3);
    icicle().zoomTo(3);
    for (const QLabel* label : fixture_->page().findChildren<QLabel*>())
        QCOMPARE(label->textFormat(), Qt::PlainText);
    fixture_->page().grab();
}

void StacksPageTest::deepStacksHaveLowRows()
{
    IcicleView view;
    std::vector<StackLine> lines;
    for (int i = 0; i < 40; ++i)
        lines.push_back({Text("f" + std::to_string(i)), Text("deep.cpp"), i + 1, true});
    IciclePlace place;
    place.target = Text("t");
    place.pool = Text("p");
    place.stack = make_stack(std::move(lines));
    place.held = 10s;
    place.checkouts = 1;
    view.setCells(layOutIcicle({place}, IcicleWeight::held));
    view.resize(600, 43 * 32);
    QCOMPARE(view.rowHeight(), 32);
    view.resize(600, 43 * 24);
    QCOMPARE(view.rowHeight(), 24);
    QCOMPARE(view.minimumSizeHint().height(), 43 * 24);
    view.setCells({});
    QCOMPARE(view.cellAt({5, 5}), -1);
    view.grab();
}

void StacksPageTest::pictures()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    fixture_->shoot(QStringLiteral("stacks-now"));
    icicle().setCurrent(cell("shop::place_order"));
    icicle().zoomTo(cell("shop::serve"));
    fixture_->page().setFilter(QStringLiteral("catalog"));
    fixture_->shoot(QStringLiteral("stacks-zoom"));
    Update none = scene.take(true);
    none.targets.front().places.clear();
    fixture_->apply(none);
    fixture_->shoot(QStringLiteral("stacks-none"));
}

QTEST_MAIN(StacksPageTest)
#include "tst_stackspage.moc"
