// SPDX-License-Identifier: GPL-3.0-or-later
// Statements that are never closed: their rows, what is counted, and the sentences.
#include "tests/support/poolscene.h"
#include "ui/models/findings.h"
#include "ui/models/formatter.h"
#include "ui/models/placewords.h"

#include <QTest>

using namespace poolscope;
using poolscope::support::PoolScene;

namespace {

QString cell(const QModelIndex& row, LeakColumn column, int role = Qt::DisplayRole)
{
    return row.siblingAtColumn(static_cast<int>(column)).data(role).toString();
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
    QModelIndex statements() const
    {
        for (int row = 0; row < model->rowCount(); ++row) {
            if (model->node(model->index(row, 0))->id.startsWith(u't'))
                return model->index(row, 0);
        }
        return {};
    }
    SessionStore store;
    std::unique_ptr<TreeModel> model;
    LeakCounts counts;
};

Update only(std::vector<StatementLeak> statements)
{
    PoolScene scene;
    scene.statements = std::move(statements);
    Update update = scene.take(true);
    update.targets.front().places.clear();
    update.checkouts.clear();
    return update;
}

} // namespace

class StatementRowsTest : public QObject
{
    Q_OBJECT
private slots:
    void aRow();
    void order();
    void filtered_data();
    void filtered();
    void hostile();
    void sentences();
    void found();
};

void StatementRowsTest::aRow()
{
    PoolScene scene;
    scene.statements = {PoolScene::neverClosed()};
    for (const LeakGrouping grouping :
         {LeakGrouping::place, LeakGrouping::pool, LeakGrouping::none, LeakGrouping::heads}) {
        const Shown shown(scene.take(true), grouping);
        const QModelIndex row = shown.statements();
        QVERIFY(row.isValid());
        QCOMPARE(cell(row, LeakColumn::origin),
                 QStringLiteral("price.go:31  statements of price()"));
        QCOMPARE(cell(row, LeakColumn::origin, CopyRole),
                 QStringLiteral("statements of main.price at /srv/shop/price.go:31"));
        QCOMPARE(cell(row, LeakColumn::pool), QStringLiteral("shop"));
        QCOMPARE(cell(row, LeakColumn::held), QStringLiteral("412"));
        QCOMPARE(cell(row, LeakColumn::oldest), QStringLiteral("1m 35s"));
        QCOMPARE(cell(row, LeakColumn::perMinute), QStringLiteral("+400.0"));
        QCOMPARE(cell(row, LeakColumn::fullIn), QString()); // the question makes no sense
        QCOMPARE(cell(row, LeakColumn::severity), Formatter::severity(LeakSeverity::alert));
        QCOMPARE(cell(row, LeakColumn::state), QStringLiteral("never closed"));
        QCOMPARE(cell(row, LeakColumn::state, CopyRole), QStringLiteral("statement"));
        QCOMPARE(row.data(SeverityRole).toInt(), 1);
        QCOMPARE(shown.model->rowCount(row), 0);
        QCOMPARE(shown.counts.suspected, 15);
        QCOMPARE(shown.counts.holders, 22);
        QCOMPARE(suspectedCount(shown.store.targets()), 15);
    }
}

/// Connections that are held come before them where they are as bad.
void StatementRowsTest::order()
{
    PoolScene scene;
    scene.statements = {PoolScene::neverClosed(40, 31, LeakSeverity::critical),
                        PoolScene::neverClosed(900, 57)};
    const Shown shown(scene.take(true));
    const auto id = [&](int row) {
        return shown.model->node(shown.model->index(row, 0))->id;
    };
    QVERIFY(id(0).startsWith(u'p'));
    QCOMPARE(id(1), statementsId(scene.id(), scene.statements.at(0)));
    QCOMPARE(id(2), statementsId(scene.id(), scene.statements.at(1)));
    QVERIFY(id(3).startsWith(u'p')); // nobody suspects these
}

void StatementRowsTest::filtered_data()
{
    QTest::addColumn<QString>("filter");
    QTest::addColumn<bool>("there");
    QTest::newRow("line") << QStringLiteral("price.go:31") << true;
    QTest::newRow("text") << QStringLiteral("FROM items") << true;
    QTest::newRow("pool") << QStringLiteral("SHOP") << true;
    QTest::newRow("process") << QStringLiteral("shop-api") << true;
    QTest::newRow("other") << QStringLiteral("reindex") << false;
}

void StatementRowsTest::filtered()
{
    QFETCH(QString, filter);
    QFETCH(bool, there);
    PoolScene scene;
    scene.statements = {PoolScene::neverClosed()};
    const Shown shown(scene.take(true), LeakGrouping::place, filter);
    QCOMPARE(shown.statements().isValid(), there);
    QCOMPARE(shown.counts.suspected, 15); // whatever is shown of them
}

void StatementRowsTest::hostile()
{
    StatementLeak bare;
    bare.severity = LeakSeverity::alert;
    bare.open = 9;
    StatementLeak rude = PoolScene::neverClosed();
    rude.pool = Text("\xff\x1b[2J<b>x</b>");
    rude.stack =
        make_stack({{Text(std::string(20000, 'f')), Text("a\nb\xe2\x80\xae.go"), -3, true}});
    rude.window = {};
    const Shown shown(only({bare, rude}));
    QCOMPARE(shown.model->rowCount(), 2);
    for (int row = 0; row < 2; ++row) {
        for (int column = 0; column < leakColumnCount; ++column) {
            const QString text = shown.model->index(row, column).data().toString();
            QVERIFY2(text.size() < 1000, qPrintable(QString::number(text.size())));
            for (const QChar c : text)
                QVERIFY(c.unicode() >= 32 && c.unicode() != 0x202e);
        }
    }
    QVERIFY(!leaksAnswer(shown.store).sentence.isEmpty());
}

void StatementRowsTest::sentences()
{
    const Shown shown(only({PoolScene::neverClosed()}));
    const Answer answer = leaksAnswer(shown.store);
    QCOMPARE(answer.kind, Answer::Kind::leak);
    QCOMPARE(answer.severity, 1);
    QCOMPARE(answer.sentence,
             QStringLiteral("412 prepared statements of shop are open, prepared at "
                            "price.go:31, and they only grow"));
    QCOMPARE(answer.explanation,
             QStringLiteral("1 min ago there were 12, the oldest for 1 min 35 s"));
    // Beside connections that are held, and worse than these: said all the same.
    PoolScene scene;
    scene.statements = {PoolScene::neverClosed(), PoolScene::neverClosed(80, 57)};
    const Shown both(scene.take(true));
    QVERIFY(leaksAnswer(both.store).sentence.startsWith(QStringLiteral("14 connections")));
    QVERIFY(leaksAnswer(both.store)
                .explanation.contains(QStringLiteral("; 412 prepared statements of shop")));
    // A pool that has room: the statements are what is wrong.
    Update roomy = only({PoolScene::neverClosed()});
    for (Pool& pool : roomy.targets.front().pools)
        pool.max = 1000;
    const Shown alone(roomy);
    QCOMPARE(overviewAnswer(alone.store).sentence, answer.sentence);
    QCOMPARE(overviewAnswer(alone.store).kind, Answer::Kind::leak);
}

void StatementRowsTest::found()
{
    const Shown shown(only({PoolScene::neverClosed(), PoolScene::neverClosed(80, 57)}));
    const auto& leaks = shown.store.targets().front().statements;
    const TargetId target = shown.store.targets().front().info.id;
    const StatementsAt at = statementsAt(shown.store, statementsId(target, leaks.at(1)));
    QVERIFY(at);
    QCOMPARE(at.leak->open, std::uint64_t{80});
    QVERIFY(at.evidence().front().starts_with("80 statements prepared here are open"));
    QVERIFY(!statementsAt(shown.store, QStringLiteral("t9/0/")));
    QVERIFY(StatementsAt{}.evidence().empty());
}

QTEST_GUILESS_MAIN(StatementRowsTest)
#include "tst_statementrows.moc"
