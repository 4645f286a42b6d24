// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of who holds connections: what they say, in which order, and that a model which took
// thousands of random updates one by one shows what one made now would show. The seed of a failure
// is its data tag.
#include "tests/support/poolscene.h"
#include "tests/support/updates.h"
#include "ui/models/findings.h"
#include "ui/models/placewords.h"

#include <QAbstractItemModelTester>
#include <QElapsedTimer>
#include <QItemSelectionModel>
#include <QTest>

#include <random>

using namespace poolscope;
using poolscope::support::PoolScene;
using poolscope::support::SyntheticUpdates;
using Mode = QAbstractItemModelTester::FailureReportingMode;

namespace {

StackLine frame(const char* function, const char* file, int line)
{
    return {Text(function), Text(file), line, true};
}

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

QStringList picture(const TreeModel& model, const QModelIndex& parent = {})
{
    QStringList lines;
    for (int row = 0; row < model.rowCount(parent); ++row) {
        const QModelIndex first = model.index(row, 0, parent);
        QString line = model.node(first)->id;
        if (const auto& checkout = model.node(first)->checkout)
            line += u'=' + QString::fromStdString(checkout->id.str());
        for (int column = 0; column < leakColumnCount; ++column) {
            for (const int role :
                 {int(Qt::DisplayRole), int(CopyRole), int(EmphasisRole), int(SeverityRole),
                  int(StateRole), int(StaleRole), int(LeadRole), int(FoldedRole), int(MonoRole)})
                line += u'|' + first.siblingAtColumn(column).data(role).toString();
        }
        lines += line;
        for (const QString& below : picture(model, first))
            lines += QStringLiteral("  ") + below;
    }
    return lines;
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
    void itsCheckouts();
    void longRunningIsSaid();
    void notReported();
    void orderRests();
    void groupings();
    void filters_data();
    void filters();
    void bothKinds();
    void sentences();
    void names_data();
    void names();
    void stacksAsText();
    void poolsOnTheOverview();
    void random_data();
    void random();
    void manyHolders();
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
}

/// Every one of them, oldest first.
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
    QVERIFY(answer.explanation.endsWith(
        QStringLiteral("; 2 sessions held open, 1 of them by billing")));
}

void LeakRowsTest::sentences()
{
    PoolScene scene;
    SessionStore store;
    Update update = scene.take(true);
    store.apply(update);
    const Answer answer = leaksAnswer(store);
    QCOMPARE(answer.sentence, QStringLiteral("14 connections of shop are held by checkout.cpp:88, "
                                             "20 of 20 in use, 4 wait"));
    QCOMPARE(answer.explanation, QStringLiteral("the oldest for 5 min 19 s, 2.7 more a minute"));
    QCOMPARE(answer.severity, 2);
    QCOMPARE(overviewAnswer(store).sentence, answer.sentence);
    QVERIFY(!overviewAnswer(store).session);
    // What the process did not report is not said.
    for (Pool& pool : update.targets.front().pools) {
        pool.max.reset();
        pool.pending.reset();
    }
    store.apply(update);
    QCOMPARE(leaksAnswer(store).sentence,
             QStringLiteral("14 connections of shop are held by checkout.cpp:88, 20 in use"));
    // Without suspects: long-running ones are no leak.
    std::erase_if(update.targets.front().places, [](const Place& p) { return p.suspected > 0; });
    store.apply(update);
    QCOMPARE(leaksAnswer(store).kind, Answer::Kind::healthy);
    QCOMPARE(leaksAnswer(store).sentence,
             QStringLiteral("No connection is held past the threshold. 1 is long-running, as its "
                            "holder said."));
    QCOMPARE(overviewAnswer(store).sentence, QStringLiteral("No pool is near its limit"));
    // An exhausted pool is no good news, even where nobody is suspected.
    update.targets.front().pools.at(1).max = 20;
    store.apply(update);
    QCOMPARE(overviewAnswer(store).sentence, QStringLiteral("shop of shop-api: 20 of 20 in use"));
}

void LeakRowsTest::names_data()
{
    QTest::addColumn<QString>("function");
    QTest::addColumn<QString>("file");
    QTest::addColumn<int>("line");
    QTest::addColumn<QString>("lead");
    QTest::addColumn<QString>("rest");
    const auto s = [](const char* text) {
        return QString::fromUtf8(text);
    };
    QTest::newRow("C++") << s("shop::Cart::place_order") << s("/a/b/checkout.cpp") << 88
                         << s("checkout.cpp:88") << s("place_order()");
    QTest::newRow("template") << s("shop::run<std::vector<int>>") << s("x.h") << 1 << s("x.h:1")
                              << s("run<std::vector<int>>");
    QTest::newRow("lambda") << s("main::{lambda(int)#1}") << s("m.cpp") << 2 << s("m.cpp:2")
                            << s("{lambda(int)#1}");
    QTest::newRow("Java") << s("com.shop.OrderRepository.lockForUpdate")
                          << s("OrderRepository.java") << 88 << s("OrderRepository.java:88")
                          << s("lockForUpdate()");
    QTest::newRow("Go") << s("github.com/shop/ledger.(*Store).Post") << s("/go/transfer.go") << 140
                        << s("transfer.go:140") << s("Post()");
    QTest::newRow("Windows") << s("f") << s("C:\\src\\a.cpp") << 7 << s("a.cpp:7") << s("f()");
    QTest::newRow("no line") << s("f") << s("a.cpp") << 0 << s("a.cpp") << s("f()");
    QTest::newRow("no file") << s("shop::f") << QString() << 3 << s("f()") << QString();
    QTest::newRow("no function") << QString() << s("a.cpp") << 3 << s("a.cpp:3") << QString();
    QTest::newRow("nothing") << QString() << QString() << 0 << s("no stack") << QString();
    QTest::newRow("a folder's name") << s("f") << s("src/") << 1 << s("src/:1") << s("f()");
    QTest::newRow("brackets that do not match")
        << s("a::>>)))b(((<<") << s("a.c") << 1 << s("a.c:1") << s("a::>>)))b(((<<");
    QTest::newRow("rich") << s("<b>f") << s("<i>.cpp") << 1 << s("<i>.cpp:1") << s("<b>f()");
}

void LeakRowsTest::names()
{
    QFETCH(QString, function);
    QFETCH(QString, file);
    QFETCH(int, line);
    QFETCH(QString, lead);
    QFETCH(QString, rest);
    const StackRef stack =
        make_stack({{Text(function.toStdString()), Text(file.toStdString()), line, true}});
    const PlaceName name = placeName(stack.get());
    QCOMPARE(name.lead, lead);
    QCOMPARE(name.rest, rest);
}

void LeakRowsTest::stacksAsText()
{
    const StackRef stack =
        make_stack({frame("a\x1b[31m\nb", "x\ny.cpp", 3), {}, frame("", "q", 0)});
    const QStringList lines = stackText(stack.get()).split(u'\n');
    QCOMPARE(lines.size(), 3);
    QVERIFY(!lines.first().contains(QChar(0x1b)));
    QVERIFY(lines.first().endsWith(QStringLiteral("(x y.cpp:3)")));
    QCOMPARE(lines.at(1), QStringLiteral("?"));
    QCOMPARE(lines.at(2), QStringLiteral("? (q)"));
    QCOMPARE(stackText(nullptr), QString());
    // A name of no compiler's is bounded, and its line still stands at its end.
    const StackRef absurd = make_stack({frame("f", std::string(5000, 'x').c_str(), 12)});
    QVERIFY(placeName(absurd.get()).lead.size() < 100);
    QVERIFY(placeName(absurd.get()).lead.endsWith(QStringLiteral(":12")));
}

void LeakRowsTest::poolsOnTheOverview()
{
    PoolScene scene;
    SessionStore store;
    Update update = scene.take(true);
    store.apply(update);
    const auto servers = makeServerModel(nullptr);
    servers->replace(serverRows(store));
    QCOMPARE(servers->index(0, int(ServerColumn::used)).data().toString(), QStringLiteral("20/20"));
    QCOMPARE(servers->index(0, int(ServerColumn::suspects)).data().toString(),
             QStringLiteral("14"));
    QCOMPARE(servers->index(0, int(ServerColumn::waiting)).data().toString(), QString());
    update.targets.front().pools.clear();
    store.apply(update);
    servers->replace(serverRows(store));
    QCOMPARE(servers->index(0, int(ServerColumn::used)).data().toString(),
             Formatter::notReported());
}

void LeakRowsTest::random_data()
{
    QTest::addColumn<unsigned>("seed");
    const unsigned only = qEnvironmentVariableIntValue("POOLSCOPE_SEED");
    const unsigned count = std::max(6, qEnvironmentVariableIntValue("POOLSCOPE_SEEDS"));
    for (unsigned seed = only ? only : 1; seed <= (only ? only : count); ++seed)
        QTest::addRow("%u", seed) << seed;
}

/// Live and by a seek: the same rows. A row that stays keeps its index, and with it its selection.
void LeakRowsTest::random()
{
    QFETCH(unsigned, seed);
    std::mt19937 chance(seed);
    const auto pick = [&](int least, int most) {
        return std::uniform_int_distribution<int>(least, most)(chance);
    };
    PoolScene scene;
    SessionStore store;
    const auto model = makeLeakModel(nullptr);
    const QAbstractItemModelTester tester(model.get(), Mode::Fatal);
    QItemSelectionModel selection(model.get());
    store.apply(scene.take(true));
    LeakGrouping grouping = LeakGrouping::place;
    QPersistentModelIndex held;
    QString id;
    for (int delta = 0; delta < 120; ++delta) {
        for (int change = pick(0, 6); change > 0; --change) {
            const auto& open = scene.pools().checkouts;
            if (pick(0, 2) > 0 || open.empty()) {
                Checkout c;
                c.key.id = Text("r" + std::to_string(pick(0, 30)));
                c.pool = Text(pick(0, 1) ? "shop" : "other");
                c.acquired = scene.now() - std::chrono::seconds{pick(0, 600)};
                c.server_pid = pick(0, 1) ? std::optional<std::int64_t>(pick(1, 9)) : std::nullopt;
                if (pick(0, 4) > 0)
                    c.stack = make_stack({frame("f", "f.cpp", pick(1, 4))});
                if (pick(0, 1))
                    c.busy = pick(0, 1) == 1;
                if (pick(0, 5) == 0)
                    c.expected = std::chrono::minutes{pick(1, 20)};
                scene.put(std::move(c));
            } else {
                auto it = open.begin();
                std::advance(it, pick(0, int(open.size()) - 1));
                scene.end(std::string(it->first.str()));
            }
        }
        if (pick(0, 3) == 0)
            scene.advance();
        store.apply(pick(0, 15) == 0 ? scene.take(true) : scene.take());
        if (pick(0, 15) == 0)
            grouping = static_cast<LeakGrouping>(pick(0, 2));
        if (pick(0, 15) == 0)
            model->sort(pick(-1, leakColumnCount - 1), Qt::DescendingOrder);
        else if (pick(0, 10) == 0)
            model->sort(-1, Qt::AscendingOrder);
        model->replace(leakRows(store, {}, grouping));
        if (delta % 3 != 2)
            continue; // rows that nobody looked at must not say later what was then
        SessionStore seeked;
        seeked.apply(scene.whole());
        TreeNodes fresh = leakRows(seeked, {}, grouping);
        const auto now = makeLeakModel(nullptr);
        now->replace(std::move(fresh));
        // In whatever order a column sorted them.
        QStringList has = picture(*model), expects = picture(*now);
        std::sort(has.begin(), has.end());
        std::sort(expects.begin(), expects.end());
        QCOMPARE(has, expects);
        if (held.isValid()) {
            QCOMPARE(model->node(held)->id, id);
            QVERIFY(selection.isSelected(held));
        }
        if (!held.isValid() && model->rowCount() > 0) {
            const QModelIndex row = model->index(pick(0, model->rowCount() - 1), 0);
            held = model->hasChildren(row) && pick(0, 1) ? model->index(0, 0, row) : row;
            id = model->node(held)->id;
            selection.select(held, QItemSelectionModel::ClearAndSelect);
        }
    }
}

/// Ten thousand holders of one place, and what a second of them costs.
void LeakRowsTest::manyHolders()
{
    PoolScene scene;
    PoolSample sample;
    sample.clock_offset = PoolScene::offset;
    for (int i = 0; i < 10000; ++i) {
        Checkout c;
        c.key = {scene.id(), Text("m-" + std::to_string(100000 + i))};
        c.pool = Text("shop");
        c.acquired_by = Text("POST /orders");
        c.tags = {{Text("order"), Text(std::to_string(i))}};
        c.server_pid = 60000 + i;
        c.acquired = scene.now() - std::chrono::seconds{i % 900};
        c.stack = scene.stack(PoolScene::leak);
        sample.changed.push_back(std::move(c));
    }
    scene.observe(std::move(sample));
    SessionStore store;
    store.apply(scene.take(true));
    const auto model = makeLeakModel(nullptr);
    model->replace(leakRows(store, {}, LeakGrouping::place));
    QCOMPARE(model->rowCount(model->index(0, 0)), 10014);
    scene.advance();
    const Update next = scene.take();
    QElapsedTimer clock;
    clock.start();
    store.apply(next);
    const qint64 applied = clock.nsecsElapsed();
    model->replace(leakRows(store, {}, LeakGrouping::place));
    const qint64 all = clock.nsecsElapsed();
    qInfo("10,000 holders: store %.1f ms, rows %.1f ms", double(applied) / 1e6,
          double(all - applied) / 1e6);
    // Rows that nobody looks at have no cells.
    int made = 0;
    const QModelIndex place = model->index(0, 0);
    for (int row = 0; row < model->rowCount(place); ++row)
        made += model->node(model->index(row, 0, place))->late ? 0 : 1;
    QCOMPARE(made, 0);
    QCOMPARE(model->index(5000, 0, place).data().toString().left(2), QStringLiteral("m-"));
    // Half of them come back at once.
    PoolSample back;
    back.clock_offset = PoolScene::offset;
    for (int i = 0; i < 10000; i += 2)
        back.ended.push_back({Text("m-" + std::to_string(100000 + i)), scene.now()});
    scene.observe(std::move(back));
    clock.start();
    store.apply(scene.take());
    model->replace(leakRows(store, {}, LeakGrouping::place));
    qInfo("half of them gone: %.1f ms", double(clock.nsecsElapsed()) / 1e6);
    QCOMPARE(model->rowCount(model->index(0, 0)), 5014);
}

QTEST_GUILESS_MAIN(LeakRowsTest)
#include "tst_leakrows.moc"
