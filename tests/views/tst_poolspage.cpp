// SPDX-License-Identifier: GPL-3.0-or-later
// With POOLSCOPE_PICTURES=FOLDER it also draws the page there, for looking at.
#include "tests/views/poolpages.h"
#include "ui/views/datatable.h"
#include "ui/views/poolspage.h"
#include "ui/views/poolspageboard.h"
#include "ui/views/poolspagepanel.h"

#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

namespace {

Pool bare(const char* name)
{
    Pool pool;
    pool.name = Text(name);
    return pool;
}

Pool& pool(Update& update, const char* name)
{
    for (Pool& one : update.targets.front().pools) {
        if (one.name == Text(name))
            return one;
    }
    qFatal("no such pool");
}

} // namespace

class PoolsPageTest : public QObject
{
    Q_OBJECT
private slots:
    void init() { fixture_ = std::make_unique<PoolPageFixture<PoolsPage>>(); }
    void cleanup() { fixture_.reset(); }
    void saysWhichPoolIsShort();
    void saysThatAllIsWell();
    void saysWhatToAttach();
    void severities();
    void rowsTellTheFigures();
    void whatIsNotReportedSaysSo();
    void overflowIsTold();
    void theTableGrowsWithItsRows();
    void theChoiceSurvives();
    void whatWasLeftToThePageIsTheWorst();
    void theChartsAreThoseOfThePool();
    void liveIsWhatTheSeriesSay();
    void namesAreLiteral();
    void theFullestFirst();
    void filters();
    void configurationIsThePools();
    void aFleetsPoolLeadsToItsPage();
    void replayHasACursor();
    void pictures();

private:
    QString cell(int row, PoolTableColumn column) const
    {
        QAbstractItemModel* const model = fixture_->page().table().model();
        return model->index(row, static_cast<int>(column)).data().toString();
    }
    int rowOf(const QString& name) const
    {
        QAbstractItemModel* const model = fixture_->page().table().model();
        for (int row = 0; row < model->rowCount(); ++row) {
            if (cell(row, PoolTableColumn::pool).startsWith(name))
                return row;
        }
        return -1;
    }
    void choose(const QString& name)
    {
        DataTable& table = fixture_->page().table();
        table.setCurrentIndex(table.model()->index(rowOf(name), 0));
    }

    std::unique_ptr<PoolPageFixture<PoolsPage>> fixture_;
};

void PoolsPageTest::saysWhichPoolIsShort()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    QCOMPARE(fixture_->sentence(),
             QStringLiteral("shop: 20 of 20 in use, 4 wait, 7 acquires timed out"));
    Update update = scene.take(true);
    pool(update, "reports").used = 5;
    fixture_->apply(update);
    QVERIFY(fixture_->answer().endsWith(QStringLiteral("1 more pool is near its limit")));
    // Two of a name are told apart by their process.
    update.targets.push_back(update.targets.front());
    update.targets.back().info.id = TargetId{7};
    update.targets.back().info.name = "other";
    update.targets.back().pools.resize(2);
    fixture_->apply(update);
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("shop of shop-api: ")));
}

void PoolsPageTest::saysThatAllIsWell()
{
    PoolScene scene;
    Update update = scene.take(true);
    pool(update, "shop").used = 6;
    pool(update, "shop").pending = 0;
    fixture_->apply(update);
    QCOMPARE(fixture_->sentence(), QStringLiteral("No pool is near its limit"));
    QVERIFY(fixture_->answer().contains(QStringLiteral("the fullest is reports: 2 of 5 in use")));
}

void PoolsPageTest::saysWhatToAttach()
{
    PoolScene scene;
    Update update = scene.take(true);
    update.targets.front().pools.clear();
    fixture_->apply(update);
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("No pool is reported.")));
    QVERIFY(!fixture_->page().table().isVisible());
    update.targets.clear();
    fixture_->apply(update);
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("Nothing is attached.")));
}

void PoolsPageTest::severities()
{
    Pool p = bare("p");
    QCOMPARE(severityOf(p), 0);
    p.used = 15;
    QCOMPARE(severityOf(p), 0);
    p.max = 0; // unlimited
    QCOMPARE(severityOf(p), 0);
    QCOMPARE(poolWords(p), QStringLiteral("15 in use"));
    p.max = 20;
    QCOMPARE(severityOf(p), 0);
    p.used = 16;
    QCOMPARE(severityOf(p), 1);
    p.used = 19;
    QCOMPARE(severityOf(p), 2);
    p.used = 1;
    p.pending = 1;
    QCOMPARE(severityOf(p), 1);
    QCOMPARE(poolWords(p), QStringLiteral("1 of 20 in use, 1 waits"));
    p.pending = 0;
    p.circuit = Text("half_open");
    QCOMPARE(severityOf(p), 1);
    p.circuit = Text("open");
    QCOMPARE(severityOf(p), 2);
    QCOMPARE(poolWords(p), QStringLiteral("1 of 20 in use, circuit breaker open"));
}

void PoolsPageTest::rowsTellTheFigures()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    QCOMPARE(rowOf(QStringLiteral("shop")), 0); // the worst
    QCOMPARE(cell(0, PoolTableColumn::pool), QStringLiteral("shop\nshop-api, poolscope"));
    QCOMPARE(cell(0, PoolTableColumn::used), QStringLiteral("20/20"));
    QCOMPARE(cell(0, PoolTableColumn::idle), QStringLiteral("0"));
    QCOMPARE(cell(0, PoolTableColumn::pending), QStringLiteral("4"));
    QCOMPARE(cell(0, PoolTableColumn::timeouts), QStringLiteral("7"));
    // Of waits and uses the median above the 99th percentile.
    QCOMPARE(cell(0, PoolTableColumn::wait), QStringLiteral("0.1 ms\n4.2 s"));
    QCOMPARE(cell(0, PoolTableColumn::use).split(QLatin1Char('\n')).size(), 2);
    QCOMPARE(cell(0, PoolTableColumn::circuit), QStringLiteral("closed"));
    QCOMPARE(cell(0, PoolTableColumn::health), QStringLiteral("healthy"));
    // What is copied is raw.
    DataTable& table = fixture_->page().table();
    QCOMPARE(table.model()->index(0, int(PoolTableColumn::pool)).data(CopyRole).toString(),
             QStringLiteral("shop-api/shop"));
    QCOMPARE(table.visualRect(table.model()->index(0, 0)).height(), 40);
}

void PoolsPageTest::whatIsNotReportedSaysSo()
{
    PoolScene scene;
    Update update = scene.take(true);
    update.targets.front().pools = {bare("mystery")};
    fixture_->apply(update);
    for (const PoolTableColumn column :
         {PoolTableColumn::used, PoolTableColumn::idle, PoolTableColumn::pending,
          PoolTableColumn::timeouts, PoolTableColumn::wait, PoolTableColumn::use,
          PoolTableColumn::circuit, PoolTableColumn::health})
        QCOMPARE(cell(0, column), QStringLiteral("not reported"));
    QVERIFY(fixture_->answer().contains(QStringLiteral("nothing is reported")));
    for (const auto& [name, value] : stateFacts(bare("mystery")))
        QCOMPARE(value, QStringLiteral("not reported"));
}

void PoolsPageTest::overflowIsTold()
{
    Pool pool = bare("orders");
    pool.kind = Text{"sqlalchemy"};
    pool.total = 8;
    pool.configuration = {{"pool_size", "5"}, {"max_overflow", "10"}};
    const std::pair told{QStringLiteral("overflow"), QStringLiteral("3 of 10")};
    const PoolFacts facts = stateFacts(pool);
    QCOMPARE(std::count(facts.begin(), facts.end(), told), 1);
    pool.configuration.back().second = "-1";
    const std::pair unbound{QStringLiteral("overflow"), QStringLiteral("3, no bound")};
    const PoolFacts without = stateFacts(pool);
    QCOMPARE(std::count(without.begin(), without.end(), unbound), 1);
}

/// Without news: in a replay that stands none come.
void PoolsPageTest::theTableGrowsWithItsRows()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    const DataTable& table = fixture_->page().table();
    const int before = table.height();
    Theme::current().setDensity(Theme::Density::comfortable);
    const int row = table.visualRect(table.model()->index(0, 0)).height();
    const int after = table.maximumHeight();
    Theme::current().setDensity(Theme::Density::normal);
    QVERIFY2(after > before, qPrintable(QStringLiteral("%1, %2").arg(before).arg(after)));
    QVERIFY(after >= table.model()->rowCount() * row);
    QCOMPARE(table.maximumHeight(), before);
}

void PoolsPageTest::theChoiceSurvives()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    QCOMPARE(fixture_->page().shown()->pool, Text("shop"));
    choose(QStringLiteral("reports"));
    QCOMPARE(fixture_->page().shown()->pool, Text("reports"));
    for (int i = 0; i < 5; ++i) {
        scene.advance();
        Update update = scene.take();
        // Now it is the worst, and its row another.
        pool(update, "reports").used = 5;
        pool(update, "shop").used = 3;
        pool(update, "shop").pending = 0;
        fixture_->apply(update);
        QCOMPARE(fixture_->page().shown()->pool, Text("reports"));
        DataTable& table = fixture_->page().table();
        QCOMPARE(table.selectionModel()->selectedRows().size(), 1);
        QVERIFY(table.selectionModel()->selectedRows().front().data().toString().startsWith(
            QStringLiteral("reports")));
    }
    QCOMPARE(rowOf(QStringLiteral("reports")), 0);
    // A seek keeps it too.
    fixture_->apply(scene.take(true));
    QCOMPARE(fixture_->page().shown()->pool, Text("reports"));
    QVERIFY(fixture_->page().clearOne()); // the range
    QVERIFY(fixture_->page().clearOne());
    QCOMPARE(fixture_->page().shown()->pool, Text("shop"));
    QVERIFY(!fixture_->page().clearOne());
}

void PoolsPageTest::whatWasLeftToThePageIsTheWorst()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    scene.advance();
    Update update = scene.take();
    update.targets.front().pools = {bare("fresh")};
    fixture_->apply(update);
    QCOMPARE(fixture_->page().shown()->pool, Text("fresh"));
    // It stays as long as none is worse, and goes to the one that is.
    Update more = scene.take(true);
    pool(more, "shop").used = 3;
    pool(more, "shop").pending = 0;
    more.targets.front().pools.insert(more.targets.front().pools.begin(), bare("fresh"));
    fixture_->apply(more);
    QCOMPARE(fixture_->page().shown()->pool, Text("fresh"));
    pool(more, "shop").used = 20;
    fixture_->apply(more);
    QCOMPARE(fixture_->page().shown()->pool, Text("shop"));
}

void PoolsPageTest::theChartsAreThoseOfThePool()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    const PoolBoard& board = fixture_->page().board();
    const PoolPicture& use = board.chart(PoolPlot::use).picture();
    QCOMPARE(use.title, QStringLiteral("shop"));
    QCOMPARE(use.shown->used, std::optional<std::int64_t>(20));
    QCOMPARE(use.shown->pending, std::optional<std::int64_t>(4));
    QVERIFY(use.most >= 24);
    QVERIFY(!use.events.empty());
    QVERIFY(use.events.front().words.contains(QStringLiteral("timed out")));
    QVERIFY(board.chart(PoolPlot::times).picture().most >= 4.2e6);
    // Hover is shared, with other pages' charts too.
    fixture_->context().setHover(PoolScene::begin() + 60s);
    QCOMPARE(use.hover, std::optional(PoolScene::begin() + 60s));
    QVERIFY(*use.shown->used < 20);
    QCOMPARE(board.chart(PoolPlot::times).picture().hover, use.hover);
    fixture_->context().setRange(PoolScene::begin() + 10s, PoolScene::begin() + 70s);
    QCOMPARE(use.from, PoolScene::begin() + 10s);
}

void PoolsPageTest::liveIsWhatTheSeriesSay()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    for (int i = 0; i < 20; ++i) {
        scene.advance();
        fixture_->apply(scene.take());
    }
    for (const PoolSeries& series : scene.series()) {
        if (series.pool == Text("shop"))
            QCOMPARE(fixture_->page().board().points().points(), series.points);
    }
}

void PoolsPageTest::namesAreLiteral()
{
    PoolScene scene;
    Update update = scene.take(true);
    Pool hostile = bare("<b>x</b>\n\x1b[31m\u202egnp");
    hostile.kind = Text("<img src=x>");
    hostile.used = 5;
    hostile.max = 5;
    hostile.circuit = Text("<i>open\n</i>");
    hostile.configuration = {{"<u>size</u>", std::string("a\nb\0c", 5)}};
    update.targets.front().pools = {hostile};
    update.targets.front().info.name = "<script>";
    fixture_->apply(update);
    QVERIFY(fixture_->sentence().startsWith(QStringLiteral("<b>x</b> ")));
    QVERIFY(!fixture_->sentence().contains(QChar(0x202e)));
    QVERIFY(!fixture_->sentence().contains(QChar(0x1b)));
    QVERIFY(!fixture_->sentence().contains(QLatin1Char('\n')));
    // Two lines, and both are the page's.
    QCOMPARE(cell(0, PoolTableColumn::pool).count(QLatin1Char('\n')), 1);
    QVERIFY(!cell(0, PoolTableColumn::circuit).contains(QLatin1Char('\n')));
    const auto labels = fixture_->page().findChildren<QLabel*>();
    QVERIFY(!labels.isEmpty());
    bool found = false;
    for (const QLabel* label : labels) {
        QCOMPARE(label->textFormat(), Qt::PlainText);
        found = found || label->text() == QStringLiteral("<u>size</u>");
    }
    QVERIFY(found);
}

/// And still no row moves for a connection more or less.
void PoolsPageTest::theFullestFirst()
{
    PoolScene scene;
    Update update = scene.take(true);
    pool(update, "shop").used = 10;
    pool(update, "shop").pending = 0;
    pool(update, "reports").used = 1;
    fixture_->apply(update);
    QCOMPARE(rowOf(QStringLiteral("shop")), 0); // 10 of 20 against 1 of 5
    update.reset = false;
    pool(update, "reports").used = 3;
    fixture_->apply(update);
    QCOMPARE(rowOf(QStringLiteral("shop")), 0); // 0.6 against 0.5: not yet
    pool(update, "reports").used = 4;
    fixture_->apply(update);
    QCOMPARE(rowOf(QStringLiteral("reports")), 0);
    pool(update, "shop").used = 17;
    fixture_->apply(update);
    QCOMPARE(rowOf(QStringLiteral("reports")), 0);
    // What is worse passes at once.
    pool(update, "shop").used = 20;
    fixture_->apply(update);
    QCOMPARE(rowOf(QStringLiteral("shop")), 0);
    // None of them is the fullest where all are idle.
    pool(update, "shop").used = 0;
    pool(update, "reports").used = 0;
    fixture_->apply(update);
    QVERIFY(fixture_->answer().contains(QStringLiteral("no connection is in use")));
}

void PoolsPageTest::filters()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    fixture_->page().setFilter(QStringLiteral("REP"));
    QAbstractItemModel* const model = fixture_->page().table().model();
    QCOMPARE(model->rowCount(), 1);
    QVERIFY(cell(0, PoolTableColumn::pool).startsWith(QStringLiteral("reports")));
    fixture_->page().setFilter(QStringLiteral("shop-api"));
    QCOMPARE(model->rowCount(), 2);
    fixture_->page().setFilter(QStringLiteral("nowhere"));
    QCOMPARE(model->rowCount(), 0);
    QVERIFY(fixture_->page().clearOne());
    QCOMPARE(model->rowCount(), 2);
}

void PoolsPageTest::configurationIsThePools()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    QStringList texts;
    for (const QLabel* label : fixture_->page().findChildren<QLabel*>())
        texts << label->text();
    for (const char* wanted : {"max_connections", "acquire_timeout", "5 s", "closed", "healthy",
                               "postgresql://shop-db:5432/shop"})
        QVERIFY2(texts.contains(QLatin1String(wanted)), wanted);
    choose(QStringLiteral("reports"));
    texts.clear();
    for (const QLabel* label : fixture_->page().findChildren<QLabel*>())
        texts << label->text();
    QVERIFY(!texts.contains(QStringLiteral("leak_threshold")));
    QVERIFY(texts.contains(QStringLiteral("30 s")));
}

void PoolsPageTest::aFleetsPoolLeadsToItsPage()
{
    PoolScene scene;
    Update update = scene.take(true);
    auto* const button = fixture_->page().findChild<QPushButton*>(QStringLiteral("attachDirectly"));
    QVERIFY(button);
    QSignalSpy wanted(&fixture_->context(), &ViewContext::attachToRequested);
    const std::string page = "prometheus+http://10.0.0.1:8080/metrics?<b>x";
    pool(update, "shop").configuration.emplace_back("attach", page);
    fixture_->apply(update);
    choose(QStringLiteral("shop"));
    QVERIFY(!button->isVisible()); // only of a fleet: any other's setting is its own
    update.targets.front().agent.reset();
    update.targets.front().info.kind = "metrics";
    fixture_->apply(update);
    QVERIFY(button->isVisible());
    QVERIFY(!button->toolTip().contains(QStringLiteral("<b>")));
    QTest::mouseClick(button, Qt::LeftButton);
    QCOMPARE(wanted.size(), 1);
    QCOMPARE(wanted.front().front().toString(), QString::fromStdString(page));
    choose(QStringLiteral("reports"));
    QVERIFY(!button->isVisible());
}

void PoolsPageTest::replayHasACursor()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    Transport replay;
    replay.mode = Mode::replay;
    replay.start = PoolScene::begin();
    replay.end = PoolScene::end();
    replay.cursor = PoolScene::begin() + 120s;
    fixture_->page().setTransport(replay);
    const PoolPicture& use = fixture_->page().board().chart(PoolPlot::use).picture();
    QTRY_VERIFY(use.past);
    QCOMPARE(use.cursor, std::optional(replay.cursor));
    QVERIFY(*use.shown->used < 20);
}

void PoolsPageTest::pictures()
{
    PoolScene scene;
    fixture_->apply(scene.take(true));
    fixture_->shoot(QStringLiteral("pools-busy"));
    Update quiet = scene.take(true);
    pool(quiet, "shop").used = 6;
    pool(quiet, "shop").pending = 0;
    for (int i = 0; i < 9; ++i) {
        Pool more = pool(quiet, "reports");
        more.name = Text("pool-" + std::to_string(i));
        more.max = i % 2 == 0 ? std::optional<std::int64_t>(10) : std::nullopt;
        quiet.targets.front().pools.push_back(more);
    }
    fixture_->apply(quiet);
    fixture_->shoot(QStringLiteral("pools-many"));
    PoolScene again;
    fixture_->apply(again.take(true));
    Transport replay;
    replay.mode = Mode::replay;
    replay.start = PoolScene::begin();
    replay.end = PoolScene::end();
    replay.cursor = PoolScene::begin() + 200s;
    fixture_->page().setTransport(replay);
    fixture_->shoot(QStringLiteral("pools-replay"));
    Update none = scene.take(true);
    none.targets.front().pools.clear();
    fixture_->apply(none);
    fixture_->shoot(QStringLiteral("pools-none"));
}

QTEST_MAIN(PoolsPageTest)
#include "tst_poolspage.moc"
