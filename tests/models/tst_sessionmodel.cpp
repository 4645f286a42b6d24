// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/updates.h"
#include "ui/models/sessionmodel.h"

#include <QAbstractItemModelTester>
#include <QItemSelectionModel>
#include <QTest>

using namespace poolscope;
using poolscope::support::SyntheticUpdates;

namespace {

/// Every cell, heads and rows in order, as one text.
QString picture(const SessionModel& model, const QModelIndex& parent = {})
{
    QString text;
    for (int row = 0; row < model.rowCount(parent); ++row) {
        const QModelIndex index = model.index(row, 0, parent);
        for (int column = 0; column < model.columnCount(); ++column)
            text += index.siblingAtColumn(column).data(Qt::DisplayRole).toString() + u'|';
        text += index.data(GroupSummaryRole).toString() + u'\n' + picture(model, index);
    }
    return text;
}

} // namespace

class SessionModelTest : public QObject
{
    Q_OBJECT
private slots:
    void deltasEqualReset_data();
    void deltasEqualReset();
    void persistentIndexesFollow();
    void manyLeaveAtOnce();
    void pinnedRowStays();
    void timeMovesNoRow();
    void tooltipsAreEscaped();
};

void SessionModelTest::deltasEqualReset_data()
{
    QTest::addColumn<int>("grouping");
    QTest::addColumn<int>("column");
    QTest::addColumn<bool>("descending");
    QTest::addColumn<QString>("filter");
    const QStringList filters{QString(), QStringLiteral("state:waiting,idle_in_transaction*"),
                              QStringLiteral("age>5m"), QStringLiteral("-app:shop blocking")};
    for (int grouping = 0; grouping < 6; ++grouping) {
        for (int column : {1, 4, 6, 7, 11, 12, 13}) {
            for (const QString& filter : filters)
                QTest::addRow("group %d column %d %s", grouping, column, qPrintable(filter))
                    << grouping << column << (column % 2 == 0) << filter;
        }
    }
}

void SessionModelTest::deltasEqualReset()
{
    QFETCH(int, grouping);
    QFETCH(int, column);
    QFETCH(bool, descending);
    QFETCH(QString, filter);
    const auto configure = [&](SessionModel& model) {
        model.setGrouping(static_cast<SessionGrouping>(grouping));
        model.sort(column, descending ? Qt::DescendingOrder : Qt::AscendingOrder);
        const auto parsed = SessionFilter::parse(filter);
        QVERIFY(parsed.error.isEmpty());
        model.setFilter(parsed.filter);
    };
    SyntheticUpdates updates(static_cast<unsigned>(grouping * 100 + column));
    SessionModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    configure(model);
    updates.shake(60);
    model.apply(updates.take(true));
    for (int round = 0; round < 12; ++round) {
        updates.shake(updates.pick(0, 30));
        model.apply(updates.take());
        SessionModel fresh;
        configure(fresh);
        fresh.apply(updates.whole());
        QCOMPARE(picture(model), picture(fresh));
        QCOMPARE(model.shown(), fresh.shown());
    }
}

void SessionModelTest::persistentIndexesFollow()
{
    SyntheticUpdates updates(7);
    SessionModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setGrouping(SessionGrouping::state); // rows change their group all the time
    model.sort(7, Qt::DescendingOrder);
    updates.shake(120);
    model.apply(updates.take(true));
    std::map<SessionKey, QPersistentModelIndex> held;
    for (const auto& [key, row] : updates.rows())
        held.emplace(key, model.indexOf(key, 3));
    for (int round = 0; round < 100; ++round) {
        updates.shake(20);
        model.apply(updates.take());
        for (const auto& [key, index] : held) {
            if (!updates.rows().contains(key)) {
                QVERIFY(!index.isValid());
                continue;
            }
            QVERIFY(index.isValid());
            QCOMPARE(index.column(), 3);
            QVERIFY(index.data(KeyRole).value<SessionKey>() == key);
        }
    }
}

void SessionModelTest::manyLeaveAtOnce()
{
    SyntheticUpdates updates(3);
    SessionModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    for (int pid = 1; pid <= 200; ++pid)
        updates.put(pid, SessionState::idle, "shop-api", std::chrono::seconds{pid});
    model.apply(updates.take(true));
    const QPersistentModelIndex kept = model.indexOf(
        {TargetId{1}, Pid{100}, updates.rows().begin()->first.started + Duration{99}});
    QVERIFY(kept.isValid());
    std::vector<SessionKey> odd;
    for (const auto& [key, row] : updates.rows()) {
        if (key.pid.value % 2 == 1)
            odd.push_back(key);
    }
    for (const SessionKey& key : odd)
        updates.drop(key);
    model.apply(updates.take());
    QCOMPARE(model.rowCount(), 100);
    QVERIFY(kept.isValid());
    QCOMPARE(kept.data(KeyRole).value<SessionKey>().pid.value, 100);
}

void SessionModelTest::pinnedRowStays()
{
    SyntheticUpdates updates;
    SessionModel model;
    for (int pid = 1; pid <= 20; ++pid)
        updates.put(pid, SessionState::active, "shop-api", std::chrono::seconds{pid});
    model.sort(7, Qt::DescendingOrder);
    model.apply(updates.take(true));
    const QModelIndex index = model.index(5, 0);
    const SessionKey key = index.data(KeyRole).value<SessionKey>();
    model.setPinned(key);
    updates.row(key).session.state_since = updates.now(); // would fall to the end
    updates.touch(key);
    model.apply(updates.take());
    QCOMPARE(model.indexOf(key).row(), 5);
    model.setPinned(std::nullopt);
    model.apply(updates.take());
    QCOMPARE(model.indexOf(key).row(), 19);
}

void SessionModelTest::timeMovesNoRow()
{
    SyntheticUpdates updates(5);
    SessionModel model;
    model.sort(7, Qt::DescendingOrder);
    updates.shake(80);
    model.apply(updates.take(true));
    QVector<QPersistentModelIndex> rows;
    for (int row = 0; row < model.rowCount(); ++row)
        rows.push_back(model.index(row, 0));
    const QString before = model.index(0, 7).data().toString();
    for (int second = 0; second < 5; ++second)
        model.apply(updates.take());
    for (int row = 0; row < rows.size(); ++row)
        QCOMPARE(rows[row].row(), row);
    QVERIFY(model.index(0, 7).data().toString() != before);
}

void SessionModelTest::tooltipsAreEscaped()
{
    SyntheticUpdates updates;
    SessionModel model;
    updates.put(1, SessionState::active, "<b>bold</b>\x1b[31m");
    model.apply(updates.take(true));
    const QModelIndex cell = model.index(0, static_cast<int>(SessionColumn::application));
    QVERIFY(cell.data().toString().startsWith(QStringLiteral("<b>bold</b>")));
    QVERIFY(!cell.data().toString().contains(QChar(0x1b)));
    QVERIFY(!cell.data(Qt::ToolTipRole).toString().contains(QStringLiteral("<b>")));
}

QTEST_GUILESS_MAIN(SessionModelTest)
#include "tst_sessionmodel.moc"
