// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of who holds connections: what they say, in which order, and what a filter leaves.
#include "tests/support/poolscene.h"
#include "tests/support/updates.h"
#include "ui/models/findings.h"
#include "ui/models/placewords.h"

#include <QItemSelectionModel>
#include <QTest>

using namespace poolscope;
using poolscope::support::PoolScene;
using poolscope::support::SyntheticUpdates;

namespace {

QString cell(const QModelIndex& row, LeakColumn column, int role = Qt::DisplayRole)
{
    return row.siblingAtColumn(static_cast<int>(column)).data(role).toString();
}

QModelIndex rowNamed(const TreeModel& model, const QString& start)
{
    for (int row = 0; row < model.rowCount(); ++row) {
        if (model.index(row, 0).data().toString().startsWith(start))
            return model.index(row, 0);
    }
    return {};
}

struct Shown
{
    explicit Shown(const Update& update, LeakGrouping grouping = LeakGrouping::place,
                   const QString& filter = {})
    {
        store.apply(update);
        model = makeLeakModel(nullptr);
        model->replace(leakRows(store, filter, grouping, &counts));
    }
    SessionStore store;
    std::unique_ptr<TreeModel> model;
    LeakCounts counts;
};

} // namespace

class LeakRowsTest : public QObject
{
    Q_OBJECT
private slots:
    void aPlace();
    void aPlaceByAnotherWay();
    void itsCheckouts();
    void thePoolersNumberIsNoPid();
    void longRunningIsSaid();
    void notReported();
    void orderRests();
    void groupings();
    void filters_data();
    void filters();
    void bothKinds();
};

void LeakRowsTest::aPlace()
{
    PoolScene scene;
    const Shown shown(scene.take(true));
    const QModelIndex row = shown.model->index(0, 0);
    QCOMPARE(cell(row, LeakColumn::origin), QStringLiteral("checkout.cpp:88  place_order()"));
    QCOMPARE(cell(row, LeakColumn::origin, CopyRole),
             QStringLiteral("shop::place_order at src/checkout.cpp:88"));
    QCOMPARE(cell(row, LeakColumn::pool), QStringLiteral("shop"));
    QCOMPARE(cell(row, LeakColumn::held), QStringLiteral("14/14"));
    QCOMPARE(cell(row, LeakColumn::oldest), QStringLiteral("5m 19s"));
    QCOMPARE(cell(row, LeakColumn::perMinute), QStringLiteral("+2.7"));
    QCOMPARE(cell(row, LeakColumn::fullIn), QStringLiteral("now"));
    QCOMPARE(cell(row, LeakColumn::severity), QStringLiteral("critical"));
    QCOMPARE(cell(row, LeakColumn::state), QStringLiteral("idle"));
    QCOMPARE(row.data(SeverityRole).toInt(), 2);
    QCOMPARE(row.data(LeadRole).toInt(), int(Lead::strong));
    QCOMPARE(row.data(FoldedRole).toBool(), false);
    QCOMPARE(shown.model->rowCount(row), 14);
    QCOMPARE(shown.counts.holders, 22);
    QCOMPARE(shown.counts.suspected, 14);
    QCOMPARE(shown.counts.shown, 22);
    QCOMPARE(suspectedCount(shown.store.targets()), 14);
    // While something is left: how long that lasts.
    Update before = scene.take(true);
    for (Place& place : before.targets.front().places)
        place.full_in = std::chrono::seconds{260};
    const Shown filling(before);
    QCOMPARE(cell(filling.model->index(0, 0), LeakColumn::fullIn), QStringLiteral("4m 20s"));
    for (Place& place : before.targets.front().places)
        place.full_in.reset();
    const Shown steady(before);
    QCOMPARE(cell(steady.model->index(0, 0), LeakColumn::fullIn), QString());
}

/// Every one of them, oldest first.
/// The function of a line that two places share tells neither from the other.
void LeakRowsTest::aPlaceByAnotherWay()
{
    PoolScene scene;
    scene.putByAnotherWay("other");
    const Shown shown(scene.take(true));
    QVERIFY(rowNamed(*shown.model, QStringLiteral("checkout.cpp:88  by way of routes.cpp:203"))
                .isValid());
    const QModelIndex row =
        rowNamed(*shown.model, QStringLiteral("checkout.cpp:88  by way of refund.cpp:12"));
    QVERIFY(row.isValid());
    QCOMPARE(cell(row, LeakColumn::origin, CopyRole),
             QStringLiteral("shop::place_order at src/checkout.cpp:88 by way of refund.cpp:12"));
    QCOMPARE(cell(row, LeakColumn::held), QStringLiteral("1/1"));
}

void LeakRowsTest::itsCheckouts()
{
    PoolScene scene;
    const Shown shown(scene.take(true));
    const QModelIndex place = shown.model->index(0, 0);
    const std::vector<CheckoutKey> keys = scene.leaked();
    for (int i = 0; i < 14; ++i)
        QCOMPARE(shown.model->node(shown.model->index(i, 0, place))->checkout,
                 std::optional(keys.at(std::size_t(i))));
    const QModelIndex first = shown.model->index(0, 0, place);
    const Checkout& checkout = scene.checkout(keys.front().id.str());
    const QString id = QString::fromStdString(keys.front().id.str());
    QCOMPARE(cell(first, LeakColumn::origin),
             QStringLiteral("%1  POST /orders  %2").arg(id, tagWords(checkout)));
    QVERIFY(tagWords(checkout).startsWith(QStringLiteral("order=77")));
    QCOMPARE(cell(first, LeakColumn::pool), QStringLiteral("pid %1").arg(*checkout.server_pid));
    QCOMPARE(cell(first, LeakColumn::pool, CopyRole), QString::number(*checkout.server_pid));
    QCOMPARE(cell(first, LeakColumn::oldest), QStringLiteral("5m 19s"));
    QCOMPARE(cell(first, LeakColumn::severity), QStringLiteral("critical"));
    QCOMPARE(cell(first, LeakColumn::state), QStringLiteral("idle"));
    QCOMPARE(shown.model->index(13, 0, place).data(SeverityRole).toInt(), 1);
    QCOMPARE(first.data(LeadRole).toInt(), int(Lead::mono));
    QCOMPARE(shown.model->indexOf(keys.at(3)), shown.model->index(3, 0, place));
}

/// Behind a pooler the process is told a number that no server has: the server's own is shown where
/// the pooler tells it, and is what a filter finds.
void LeakRowsTest::thePoolersNumberIsNoPid()
{
    constexpr std::int64_t made = 1'903'448'211;
    PoolScene scene;
    Update update = scene.take(true);
    const CheckoutKey key = scene.leaked().front();
    for (Checkout& each : update.checkouts) {
        if (each.key == key) {
            each.server_pid = made;
            each.local_port = 5000;
        }
    }
    for (Pool& pool : update.targets.front().pools)
        pool.database = Text("postgresql://pooler:6432/shop");
    const auto shown = [&](LeakGrouping grouping, const QString& filter) {
        const Shown rows(update, grouping, filter);
        const QModelIndex row = rows.model->indexOf(key);
        return row.isValid() ? cell(row, LeakColumn::pool) + QLatin1Char('|') +
                                   cell(row, LeakColumn::pool, CopyRole)
                             : QString();
    };
    const QString number = QStringLiteral("pooler's 1903448211");
    QCOMPARE(shown(LeakGrouping::place, {}), number + QLatin1Char('|') + number);
    QVERIFY(shown(LeakGrouping::none, {}).startsWith(QStringLiteral("shop, ") + number));
    const Shown bare(update);
    QVERIFY(cell(bare.model->indexOf(key), LeakColumn::pool, Qt::ToolTipRole)
                .contains(QStringLiteral("no process of the server has it")));
    // With the pooler attached.
    TargetSummary& pooler = update.targets.emplace_back();
    pooler.info = {TargetId{77}, "pgbouncer", "pooler", "pgbouncer://pooler:6432"};
    Checkout& pooled = update.checkouts.emplace_back();
    pooled.key = {TargetId{77}, Text("h")};
    pooled.pool = Text("shop/shop");
    pooled.server_pid = 4711;
    pooled.acquired = update.now - std::chrono::minutes{1};
    pooled.tags.emplace_back(Text("client"), Text("10.0.0.1:5000"));
    QCOMPARE(shown(LeakGrouping::place, {}), QStringLiteral("pid 4711|4711"));
    QCOMPARE(shown(LeakGrouping::place, QStringLiteral("4711")), QStringLiteral("pid 4711|4711"));
    QVERIFY(shown(LeakGrouping::none, {}).startsWith(QStringLiteral("shop, pid 4711")));
    // Between two transactions it has none.
    pooled.server_pid.reset();
    QCOMPARE(shown(LeakGrouping::place, {}), number + QLatin1Char('|') + number);
    // And a small number of the pooler's is none either.
    for (Checkout& each : update.checkouts) {
        if (each.key == key)
            each.server_pid = 4000;
    }
    QCOMPARE(shown(LeakGrouping::place, {}), QStringLiteral("pooler's 4000|pooler's 4000"));
}

void LeakRowsTest::longRunningIsSaid()
{
    PoolScene scene;
    const Shown shown(scene.take(true));
    const QModelIndex row = shown.model->index(1, 0);
    QCOMPARE(cell(row, LeakColumn::origin),
             QStringLiteral("reindex.cpp:41  rebuild_search_index()"));
    QCOMPARE(cell(row, LeakColumn::held), QStringLiteral("0/1"));
    QCOMPARE(cell(row, LeakColumn::severity), QStringLiteral("long-running"));
    QCOMPARE(cell(row, LeakColumn::perMinute), QString()); // the question makes no sense
    QCOMPARE(cell(row, LeakColumn::fullIn), QString());
    QCOMPARE(cell(shown.model->index(0, 0, row), LeakColumn::severity),
             QStringLiteral("long-running"));
    QCOMPARE(cell(shown.model->index(0, 0, row), LeakColumn::state), QStringLiteral("busy"));
    QCOMPARE(row.data(FoldedRole).toBool(), true);
}

void LeakRowsTest::notReported()
{
    PoolScene scene;
    for (const int age : {400, 390}) {
        Checkout bare;
        bare.key.id = Text("bare" + std::to_string(age));
        bare.acquired = scene.now() - std::chrono::seconds{age};
        scene.put(bare);
    }
    const Shown shown(scene.take(true));
    const QModelIndex row = rowNamed(*shown.model, QStringLiteral("no stack"));
    QVERIFY(row.isValid());
    QCOMPARE(shown.model->rowCount(row), 2);
    const QModelIndex one = shown.model->index(0, 0, row);
    QCOMPARE(cell(one, LeakColumn::origin), QStringLiteral("bare400"));
    for (const auto& [index, column] :
         {std::pair(row, LeakColumn::pool), std::pair(row, LeakColumn::fullIn),
          std::pair(row, LeakColumn::state), std::pair(one, LeakColumn::pool),
          std::pair(one, LeakColumn::state)}) {
        QCOMPARE(cell(index, column), Formatter::notReported());
        QCOMPARE(cell(index, column, CopyRole), QString());
        QCOMPARE(index.siblingAtColumn(int(column)).data(EmphasisRole).toInt(),
                 int(Emphasis::caption));
    }
    QVERIFY(!one.data(StateRole).isValid());
}

/// Brief holders come and go; their rows do not change places.
void LeakRowsTest::orderRests()
{
    PoolScene scene;
    const QStringList expected{QStringLiteral("checkout.cpp:88  place_order()"),
                               QStringLiteral("reindex.cpp:41  rebuild_search_index()"),
                               QStringLiteral("report.cpp:45  monthly_report()"),
                               QStringLiteral("catalog.cpp:52  search()")};
    for (int i = 0; i < 20; ++i) {
        scene.advance();
        if (i % 2 == 0) { // now the one has the oldest holder, now the other
            Checkout c;
            c.key.id = Text("older");
            c.pool = Text("shop");
            c.acquired = scene.now() - std::chrono::seconds{3};
            c.stack = scene.stack(PoolScene::catalog);
            scene.put(std::move(c));
        } else {
            scene.end("older");
        }
        const Shown shown(scene.take(true));
        QStringList names;
        for (int row = 0; row < shown.model->rowCount(); ++row)
            names += shown.model->index(row, 0).data().toString();
        QCOMPARE(names, expected);
    }
}

void LeakRowsTest::groupings()
{
    PoolScene scene;
    const Update update = scene.take(true);
    const Shown pools(update, LeakGrouping::pool);
    QCOMPARE(pools.model->rowCount(), 2);
    const QModelIndex shop = pools.model->index(0, 0);
    QCOMPARE(shop.data().toString(), QStringLiteral("shop"));
    QCOMPARE(cell(shop, LeakColumn::held), QStringLiteral("14/20"));
    QCOMPARE(cell(shop, LeakColumn::state), QStringLiteral("6 busy, 14 idle"));
    QCOMPARE(pools.model->rowCount(shop), 20);
    const Shown flat(update, LeakGrouping::none);
    QCOMPARE(flat.model->rowCount(), 22);
    QCOMPARE(cell(flat.model->index(0, 0), LeakColumn::pool),
             QStringLiteral("shop, pid %1")
                 .arg(*scene.checkout(scene.leaked().front().id.str()).server_pid));
    const Shown heads(update, LeakGrouping::heads);
    QCOMPARE(heads.model->rowCount(), 1);
    QCOMPARE(heads.model->rowCount(heads.model->index(0, 0)), 0);
    QCOMPARE(cell(heads.model->index(0, 0), LeakColumn::state), QStringLiteral("idle"));
}

void LeakRowsTest::filters_data()
{
    QTest::addColumn<QString>("filter");
    QTest::addColumn<int>("shown");
    QTest::newRow("line") << QStringLiteral("checkout.cpp:88") << 14;
    QTest::newRow("frame further out") << QStringLiteral("handle_CHECKOUT") << 14;
    QTest::newRow("pool") << QStringLiteral("reports") << 2;
    QTest::newRow("who") << QStringLiteral("get /search") << 5;
    QTest::newRow("tag") << QStringLiteral("tenant=eu-2") << 7;
    QTest::newRow("process") << QStringLiteral("shop-api") << 22;
    QTest::newRow("nothing") << QStringLiteral("no such thing") << 0;
}

void LeakRowsTest::filters()
{
    QFETCH(QString, filter);
    QFETCH(int, shown);
    PoolScene scene;
    const Update update = scene.take(true);
    for (const LeakGrouping grouping :
         {LeakGrouping::place, LeakGrouping::pool, LeakGrouping::none}) {
        const Shown rows(update, grouping, filter);
        QCOMPARE(rows.counts.shown, shown);
        QCOMPARE(rows.counts.holders, 22);
        int leaves = 0;
        for (int row = 0; row < rows.model->rowCount(); ++row)
            leaves += std::max(grouping == LeakGrouping::none ? 1 : 0,
                               rows.model->rowCount(rows.model->index(row, 0)));
        QCOMPARE(leaves, shown);
    }
}

void LeakRowsTest::bothKinds()
{
    PoolScene scene;
    SyntheticUpdates server;
    server.put(48213, SessionState::idle_in_transaction, "billing", std::chrono::seconds{400});
    server.put(48214, SessionState::idle_in_transaction, "mailer", std::chrono::seconds{40});
    Update update = server.take(true);
    scene.join(update);
    const Shown shown(update);
    QStringList names;
    for (int row = 0; row < shown.model->rowCount(); ++row)
        names += shown.model->index(row, 0).data().toString().section(u' ', 0, 0);
    QCOMPARE(names,
             QStringList({QStringLiteral("checkout.cpp:88"), QStringLiteral("billing"),
                          QStringLiteral("mailer"), QStringLiteral("reindex.cpp:41"),
                          QStringLiteral("report.cpp:45"), QStringLiteral("catalog.cpp:52")}));
    QCOMPARE(shown.counts.suspected, 16);
    QCOMPARE(suspectedCount(shown.store.targets()), 16);
    const Answer answer = leaksAnswer(shown.store);
    QVERIFY2(answer.explanation.endsWith(
                 QStringLiteral("; 2 sessions held open, of as many applications")),
             qPrintable(answer.explanation));
}

QTEST_GUILESS_MAIN(LeakRowsTest)
#include "tst_leakrows.moc"
