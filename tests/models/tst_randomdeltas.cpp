// SPDX-License-Identifier: GPL-3.0-or-later
// Thousands of random updates: a model that took them one by one must show what one made now would
// show, and selections must stay with their sessions. The seed of a failure is its data tag;
// POOLSCOPE_SEED=17 runs that one alone, POOLSCOPE_SEEDS=200 more of them.
#include "tests/models/randomworld.h"
#include "ui/models/findings.h"
#include "ui/models/sessionmodel.h"

#include <QAbstractItemModelTester>
#include <QItemSelectionModel>
#include <QTest>

using namespace poolscope;
using poolscope::testdata::RandomWorld;
using Mode = QAbstractItemModelTester::FailureReportingMode;

namespace {

constexpr int allRoles[] = {Qt::DisplayRole,
                            Qt::ToolTipRole,
                            Qt::TextAlignmentRole,
                            Qt::AccessibleTextRole,
                            Qt::AccessibleDescriptionRole,
                            SortRole,
                            KeyRole,
                            StateRole,
                            SeverityRole,
                            GroupRole,
                            GroupCountRole,
                            GroupSummaryRole,
                            CopyRole,
                            EmphasisRole,
                            MonoRole,
                            StaleRole,
                            StaleAgeRole};

QString nameOf(const SessionKey& key)
{
    return QStringLiteral("%1/%2/%3")
        .arg(key.target.value)
        .arg(key.pid.value)
        .arg(to_us(key.started));
}

QString textOf(const QVariant& value)
{
    if (!value.isValid())
        return QStringLiteral("-");
    if (value.metaType() == QMetaType::fromType<SessionKey>())
        return nameOf(value.value<SessionKey>());
    return value.toString();
}

/// Every row in order, heads before theirs, as lines; each role of each cell, or only the texts.
QStringList picture(const QAbstractItemModel& model, bool everyRole, const QModelIndex& parent = {})
{
    QStringList lines;
    for (int row = 0; row < model.rowCount(parent); ++row) {
        QString line = textOf(model.index(row, 0, parent).data(KeyRole));
        for (int column = 0; column < model.columnCount(parent); ++column) {
            const QModelIndex cell = model.index(row, column, parent);
            for (const int role : allRoles) {
                if (everyRole || role == Qt::DisplayRole)
                    line += u'|' + textOf(cell.data(role));
            }
        }
        lines += line;
        for (const QString& below : picture(model, everyRole, model.index(row, 0, parent)))
            lines += QStringLiteral("  ") + below;
    }
    return lines;
}

/// Empty where both are alike.
QByteArray difference(const QStringList& a, const QStringList& b, int delta)
{
    for (qsizetype i = 0; i < std::max(a.size(), b.size()); ++i) {
        if (a.value(i) != b.value(i))
            return QStringLiteral("delta %1, row %2 of %3 and %4:\n  has     %5\n  expects %6")
                .arg(delta)
                .arg(i)
                .arg(a.size())
                .arg(b.size())
                .arg(a.value(i), b.value(i))
                .toUtf8();
    }
    return {};
}

/// The ids from the top down to that row.
QString pathOf(const TreeModel& model, const QModelIndex& index)
{
    return index.isValid() ? pathOf(model, index.parent()) + u'/' + model.node(index)->id
                           : QString();
}

QSet<QString> pathsOf(const TreeModel& model, const QModelIndex& parent = {})
{
    QSet<QString> paths;
    for (int row = 0; row < model.rowCount(parent); ++row) {
        const QModelIndex index = model.index(row, 0, parent);
        paths.insert(pathOf(model, index));
        paths.unite(pathsOf(model, index));
    }
    return paths;
}

QSet<QString> namesOf(const QModelIndexList& rows)
{
    QSet<QString> names;
    for (const QModelIndex& row : rows) {
        if (row.data(KeyRole).isValid())
            names.insert(textOf(row.data(KeyRole)));
    }
    return names;
}

} // namespace

class RandomDeltas : public QObject
{
    Q_OBJECT
private slots:
    void sessions_data() { seeds(12); }
    void sessions();
    void selectionOfSessions_data() { seeds(12); }
    void selectionOfSessions();
    void wholeGroupSelected();
    void underTheMouse_data() { seeds(6); }
    void underTheMouse();
    void trees_data() { seeds(8); }
    void trees();

private:
    static void seeds(unsigned count);
    static const QStringList filters;
};

const QStringList RandomDeltas::filters{
    QString(), QStringLiteral("state:waiting,idle_in_transaction*"), QStringLiteral("age>5m"),
    QStringLiteral("-app:shop"), QStringLiteral("blocked")};

void RandomDeltas::seeds(unsigned count)
{
    QTest::addColumn<unsigned>("seed");
    unsigned first = 1;
    if (const int one = qEnvironmentVariableIntValue("POOLSCOPE_SEED"); one > 0) {
        first = unsigned(one);
        count = 1;
    } else if (const int more = qEnvironmentVariableIntValue("POOLSCOPE_SEEDS"); more > 0) {
        count = unsigned(more);
    }
    for (unsigned seed = first; seed < first + count; ++seed)
        QTest::addRow("seed %u", seed) << seed;
}

/// Any grouping, sorting and filter, changed on the way.
void RandomDeltas::sessions()
{
    QFETCH(unsigned, seed);
    RandomWorld world(seed);
    SessionModel model;
    const QAbstractItemModelTester tester(&model, Mode::Fatal);
    auto grouping = static_cast<SessionGrouping>(seed % 6);
    int column = world.pick(0, sessionColumnCount - 1);
    auto order = Qt::AscendingOrder;
    QString filter;
    model.setGrouping(grouping);
    model.sort(column, order);
    world.shake(60);
    for (int delta = 0; delta < 100; ++delta) {
        if (world.chance(5))
            model.setGrouping(grouping = static_cast<SessionGrouping>(world.pick(0, 5)));
        if (world.chance(10)) {
            column = world.pick(0, sessionColumnCount - 1);
            order = world.chance(50) ? Qt::AscendingOrder : Qt::DescendingOrder;
            model.sort(column, order);
        }
        if (world.chance(10)) {
            filter = filters[world.pick(0, int(filters.size()) - 1)];
            model.setFilter(SessionFilter::parse(filter).filter);
        }
        world.shake(world.pick(0, 25));
        model.apply(world.take());
        SessionModel fresh;
        fresh.setGrouping(grouping);
        fresh.sort(column, order);
        fresh.setFilter(SessionFilter::parse(filter).filter);
        fresh.apply(world.whole());
        const bool every = delta % 10 == 9;
        const QByteArray unlike = difference(picture(model, every), picture(fresh, every), delta);
        QVERIFY2(unlike.isEmpty(), unlike.constData());
        QCOMPARE(model.shown(), fresh.shown());
        QCOMPARE(model.total(), fresh.total());
        QCOMPARE(model.targetCount(), fresh.targetCount());
    }
}

/// Whoever was selected and is still there is selected, and nobody else is: a command must never
/// hit one who slipped in.
void RandomDeltas::selectionOfSessions()
{
    QFETCH(unsigned, seed);
    RandomWorld world(seed + 1000);
    SessionModel model;
    QItemSelectionModel selection(&model);
    model.setGrouping(static_cast<SessionGrouping>(seed % 6));
    model.sort(world.pick(0, sessionColumnCount - 1), Qt::DescendingOrder);
    world.shake(150);
    model.apply(world.whole());
    world.take();
    std::map<QString, QPersistentModelIndex> held;
    for (const auto& [key, row] : world.rows()) {
        held.emplace(nameOf(key), model.indexOf(key, 3));
        if (world.chance(30))
            selection.select(model.indexOf(key),
                             QItemSelectionModel::Select | QItemSelectionModel::Rows);
    }
    const SessionKey current = world.rows().begin()->first;
    selection.setCurrentIndex(model.indexOf(current), QItemSelectionModel::NoUpdate);
    for (int delta = 0; delta < 100; ++delta) {
        const QSet<QString> before = namesOf(selection.selectedRows());
        world.shake(world.pick(0, 15));
        model.apply(world.take());
        if (world.chance(10))
            model.sort(world.pick(0, sessionColumnCount - 1), Qt::AscendingOrder);
        QSet<QString> expected, there;
        for (const auto& [key, row] : world.rows())
            there.insert(nameOf(key));
        for (const QString& name : before) {
            if (there.contains(name))
                expected.insert(name);
        }
        QCOMPARE(namesOf(selection.selectedRows()), expected);
        for (const auto& [name, index] : held) {
            QCOMPARE(index.isValid(), there.contains(name));
            if (index.isValid()) {
                QCOMPARE(textOf(index.data(KeyRole)), name);
                QCOMPARE(index.column(), 3);
            }
        }
        if (world.rows().contains(current))
            QCOMPARE(textOf(selection.currentIndex().data(KeyRole)), nameOf(current));
        std::erase_if(held, [](const auto& entry) { return !entry.second.isValid(); });
    }
}

/// A selection of all of a large group takes a layout change for a permutation: one who comes from
/// another group would be selected, one who leaves no longer.
void RandomDeltas::wholeGroupSelected()
{
    Update update;
    update.reset = true;
    update.now = timestamp_from_us(1'795'271'527'000'000);
    for (int i = 0; i < 200; ++i) {
        SessionRow row;
        row.session.key = {TargetId{1}, Pid{1 + i}, update.now - Duration{i}};
        row.session.state = i < 100 ? SessionState::idle_in_transaction : SessionState::active;
        row.session.state_since = update.now - std::chrono::seconds{i};
        update.changed.push_back(row);
    }
    SessionModel model;
    const QAbstractItemModelTester tester(&model, Mode::Fatal);
    QItemSelectionModel selection(&model);
    model.setGrouping(SessionGrouping::state);
    model.apply(update);
    const QModelIndex head = model.indexOf(update.changed[0].session.key).parent();
    selection.select(
        QItemSelection(model.index(0, 0, head), model.index(99, sessionColumnCount - 1, head)),
        QItemSelectionModel::ClearAndSelect);
    const QSet<QString> chosen = namesOf(selection.selectedRows());
    QCOMPARE(chosen.size(), 100);
    update.reset = false;
    SessionRow comes = update.changed[150], goes = update.changed[50];
    comes.session.state = SessionState::idle_in_transaction;
    goes.session.state = SessionState::active;
    update.changed = {goes, comes};
    model.apply(update);
    QCOMPARE(model.indexOf(comes.session.key).parent().row(),
             model.indexOf(SessionKey{TargetId{1}, Pid{1}, update.now}).parent().row());
    QCOMPARE(namesOf(selection.selectedRows()), chosen);
}

/// The pinned row keeps its number while it is in its group; others may pass it. When ages alone
/// change, no row moves at all.
void RandomDeltas::underTheMouse()
{
    QFETCH(unsigned, seed);
    RandomWorld world(seed + 2000);
    SessionModel model;
    const QAbstractItemModelTester tester(&model, Mode::Fatal);
    model.sort(int(seed % 2 ? SessionColumn::age : SessionColumn::transaction),
               Qt::DescendingOrder);
    world.shake(120);
    model.apply(world.whole());
    world.take();
    for (int delta = 0; delta < 60; ++delta) {
        const int row = world.pick(0, model.rowCount() / 2);
        const auto key = model.index(row, 0).data(KeyRole).value<SessionKey>();
        model.setPinned(key);
        world.shake(8);
        model.apply(world.take());
        if (world.rows().contains(key))
            QCOMPARE(model.indexOf(key).row(), std::min(row, model.rowCount() - 1));
        QStringList before, after;
        for (int i = 0; i < model.rowCount(); ++i)
            before += textOf(model.index(i, 0).data(KeyRole));
        model.apply(world.take()); // a second, and nothing else
        for (int i = 0; i < model.rowCount(); ++i)
            after += textOf(model.index(i, 0).data(KeyRole));
        QCOMPARE(after, before);
        model.setPinned(std::nullopt);
        model.apply(world.take());
    }
}

/// Leaks, blocking, actions and servers: computed whole, shown by their differences. A row that is
/// still under the same parents keeps its index, and with it its selection.
void RandomDeltas::trees()
{
    QFETCH(unsigned, seed);
    using Make = std::unique_ptr<TreeModel> (*)(QObject*);
    constexpr Make makers[] = {makeLeakModel, makeBlockingModel, makeActionModel, makeServerModel};
    struct Tree
    {
        std::unique_ptr<TreeModel> model;
        std::unique_ptr<QAbstractItemModelTester> tester;
        std::unique_ptr<QItemSelectionModel> selection;
        int column = -1;
        Qt::SortOrder order = Qt::AscendingOrder;
        QPersistentModelIndex held;
        QString path;
    };
    RandomWorld world(seed + 3000);
    SessionStore store;
    std::vector<Tree> trees;
    for (const Make make : makers) {
        Tree& tree = trees.emplace_back();
        tree.model = make(nullptr);
        tree.tester = std::make_unique<QAbstractItemModelTester>(tree.model.get(), Mode::Fatal);
        tree.selection = std::make_unique<QItemSelectionModel>(tree.model.get());
    }
    world.shake(80);
    for (int delta = 0; delta < 100; ++delta) {
        world.shake(world.pick(0, 20));
        const Update update = world.take();
        store.apply(update);
        const auto rows = [&](std::size_t which) {
            return which == 0   ? leakRows(store, {},
                                         delta % 20 < 15 ? LeakGrouping::place : LeakGrouping::none)
                   : which == 1 ? blockingRows(store)
                   : which == 2 ? actionRows(update, store, Formatter(true))
                                : serverRows(store);
        };
        for (std::size_t which = 0; which < trees.size(); ++which) {
            Tree& tree = trees[which];
            if (world.chance(10)) {
                tree.column = world.pick(-1, tree.model->columnCount() - 1);
                tree.order = world.chance(50) ? Qt::AscendingOrder : Qt::DescendingOrder;
                tree.model->sort(tree.column, tree.order);
            }
            tree.model->replace(rows(which));
            const auto fresh = makers[which](nullptr);
            fresh->sort(tree.column, tree.order);
            fresh->replace(rows(which));
            const bool every = delta % 10 == 9;
            const QByteArray unlike =
                difference(picture(*tree.model, every), picture(*fresh, every), delta);
            QVERIFY2(unlike.isEmpty(), unlike.constData());
            if (!tree.path.isEmpty()) {
                QCOMPARE(tree.held.isValid(), pathsOf(*fresh).contains(tree.path));
                QCOMPARE(tree.selection->isSelected(tree.held), tree.held.isValid());
            }
            tree.path = tree.held.isValid() ? tree.path : QString();
            if (tree.held.isValid())
                QCOMPARE(pathOf(*tree.model, tree.held), tree.path);
            else if (const int count = tree.model->rowCount(); count > 0) {
                const QModelIndex top = tree.model->index(world.pick(0, count - 1), 0);
                tree.held =
                    tree.model->hasChildren(top) ? tree.model->index(0, 0, top) : QModelIndex(top);
                tree.path = pathOf(*tree.model, tree.held);
                tree.selection->select(tree.held, QItemSelectionModel::ClearAndSelect);
            }
        }
    }
}

QTEST_GUILESS_MAIN(RandomDeltas)
#include "tst_randomdeltas.moc"
