// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of who holds connections, over time: a model that took thousands of random updates one by
// one shows what one made now would show, and ten thousand holders cost little. The seed of a
// failure is its data tag.
#include "tests/support/poolscene.h"
#include "tests/support/updates.h"
#include "ui/models/findings.h"

#include <QAbstractItemModelTester>
#include <QElapsedTimer>
#include <QItemSelectionModel>
#include <QTest>

#include <random>

using namespace poolscope;
using poolscope::support::PoolScene;
using Mode = QAbstractItemModelTester::FailureReportingMode;

namespace {

StackLine frame(const char* function, const char* file, int line)
{
    return {Text(function), Text(file), line, true};
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

} // namespace

class LeakDeltasTest : public QObject
{
    Q_OBJECT
private slots:
    void random_data();
    void random();
    void manyHolders();
};

void LeakDeltasTest::random_data()
{
    QTest::addColumn<unsigned>("seed");
    const unsigned only = qEnvironmentVariableIntValue("POOLSCOPE_SEED");
    const unsigned count = std::max(6, qEnvironmentVariableIntValue("POOLSCOPE_SEEDS"));
    for (unsigned seed = only ? only : 1; seed <= (only ? only : count); ++seed)
        QTest::addRow("%u", seed) << seed;
}

/// Live and by a seek: the same rows. A row that stays keeps its index, and with it its selection.
void LeakDeltasTest::random()
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
        if (pick(0, 3) == 0) {
            scene.statements.clear();
            for (int line = 1; line <= 4; ++line) {
                if (pick(0, 1))
                    scene.statements.push_back(PoolScene::neverClosed(
                        std::uint64_t(pick(20, 900)), line,
                        pick(0, 1) ? LeakSeverity::alert : LeakSeverity::critical));
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
void LeakDeltasTest::manyHolders()
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

QTEST_GUILESS_MAIN(LeakDeltasTest)
#include "tst_leakdeltas.moc"
