// SPDX-License-Identifier: GPL-3.0-or-later
// What rows say of themselves: that they are old, what a copy of them holds, what a tooltip shows.
#include "tests/support/updates.h"
#include "ui/models/findings.h"
#include "ui/models/sessionmodel.h"

#include <QHelpEvent>
#include <QImage>
#include <QLabel>
#include <QSignalSpy>
#include <QStyledItemDelegate>
#include <QTemporaryDir>
#include <QTest>
#include <QTextDocumentFragment>
#include <QToolTip>
#include <QTreeView>

using namespace poolscope;
using poolscope::support::SyntheticUpdates;

namespace {

QString copied(const SessionModel& model, const SessionKey& key, SessionColumn column)
{
    return model.indexOf(key, int(column)).data(CopyRole).toString();
}

QLabel* shownTip()
{
    for (QWidget* const widget : QApplication::topLevelWidgets()) {
        if (widget->inherits("QTipLabel") && widget->isVisible())
            return qobject_cast<QLabel*>(widget);
    }
    return nullptr;
}

} // namespace

class RowsTest : public QObject
{
    Q_OBJECT
private slots:
    void staleWhileTheSourceFails();
    void staleGroups();
    void staleElsewhere();
    void copiesAreRaw();
    void treeCopiesAreRaw();
    void suspectsSayWhatTheyRanLast();
    void countsHaveThinSpaces();
    void tooltipsShowWhatIsThere_data();
    void tooltipsShowWhatIsThere();
    void tooltipsLoadNothing();
    void listsAreCutWithANumber();
    void theLeaksSentenceTellsGrowthFromHolding();
};

void RowsTest::staleWhileTheSourceFails()
{
    SyntheticUpdates updates;
    SessionModel model;
    updates.put(1, SessionState::active, "shop-api");
    model.apply(updates.take(true));
    QCOMPARE(model.index(0, 0).data(StaleRole).toBool(), false);
    QVERIFY(!model.index(0, 0).data(StaleAgeRole).isValid());
    Update update = updates.take();
    QSignalSpy told(&model, &QAbstractItemModel::dataChanged);
    for (const Reach reach : {Reach::failing, Reach::connecting, Reach::stopped}) {
        update.targets[0].status.reach = reach;
        update.targets[0].last_sample = update.now - std::chrono::seconds{72};
        model.apply(update);
        for (int column = 0; column < sessionColumnCount; ++column)
            QCOMPARE(model.index(0, column).data(StaleRole).toBool(), true);
        QCOMPARE(model.index(0, 0).data(StaleAgeRole).toLongLong(), 72'000'000);
    }
    QVERIFY(told.size() >= 3);
    // It never answered: there is nothing that could be old.
    update.targets[0].last_sample.reset();
    model.apply(update);
    QCOMPARE(model.index(0, 0).data(StaleRole).toBool(), false);
    model.apply(updates.take());
    QCOMPARE(model.index(0, 0).data(StaleRole).toBool(), false);
}

/// Old only where all of it is, and as old as the freshest.
void RowsTest::staleGroups()
{
    SyntheticUpdates updates;
    updates.put(1, SessionState::active, "shop-api");
    Update update = updates.take(true);
    SessionRow other = update.changed[0];
    other.session.key.target = TargetId{2};
    update.changed.push_back(other);
    TargetSummary second = update.targets[0];
    second.info.id = TargetId{2};
    update.targets.push_back(second);
    update.targets[0].status.reach = Reach::failing;
    update.targets[0].last_sample = update.now - std::chrono::seconds{30};
    SessionModel model;
    model.setGrouping(SessionGrouping::application);
    model.apply(update);
    const QModelIndex head = model.index(0, 0);
    QCOMPARE(model.rowCount(head), 2);
    QCOMPARE(head.data(StaleRole).toBool(), false);
    QCOMPARE(model.indexOf(update.changed[0].session.key).data(StaleRole).toBool(), true);
    QCOMPARE(model.indexOf(other.session.key).data(StaleRole).toBool(), false);
    update.targets[1].status.reach = Reach::failing;
    update.targets[1].last_sample = update.now - std::chrono::seconds{10};
    model.apply(update);
    QCOMPARE(model.index(0, 0).data(StaleRole).toBool(), true);
    QCOMPARE(model.index(0, 0).data(StaleAgeRole).toLongLong(), 10'000'000);
}

void RowsTest::staleElsewhere()
{
    SyntheticUpdates updates;
    updates.put(1, SessionState::idle_in_transaction, "shop-api", std::chrono::seconds{400});
    updates.put(2, SessionState::waiting, "billing").session.blocked_by = {Pid{1}};
    Update update = updates.take(true);
    SessionStore store;
    const auto leaks = makeLeakModel(nullptr);
    const auto blocking = makeBlockingModel(nullptr);
    const auto servers = makeServerModel(nullptr);
    for (const bool old : {false, true, false}) {
        update.targets[0].status.reach = old ? Reach::failing : Reach::up;
        store.apply(update);
        leaks->replace(leakRows(store, {}, LeakGrouping::place));
        blocking->replace(blockingRows(store));
        servers->replace(serverRows(store));
        QModelIndexList rows{leaks->index(0, 0), leaks->index(0, 0, leaks->index(0, 0)),
                             blocking->index(0, 0), blocking->index(0, 0, blocking->index(0, 0)),
                             servers->index(0, 1)};
        for (const QModelIndex& row : rows) {
            QVERIFY(row.isValid());
            QCOMPARE(row.data(StaleRole).toBool(), old);
            QCOMPARE(row.data(StaleAgeRole).isValid(), old);
        }
    }
}

/// ISO and UTC for instants, seconds for durations, whole numbers without spaces, JSON names.
void RowsTest::copiesAreRaw()
{
    SyntheticUpdates updates;
    SessionRow& row = updates.put(48213, SessionState::idle_in_transaction, "shop-api",
                                  std::chrono::milliseconds{372'400});
    row.blocks = 2310;
    row.session.xmin = 90'412'771; // of 90,500,000
    row.session.blocked_by = {Pid{0}, Pid{7}, Pid{1234567}};
    row.session.statement = Text("SELECT 1,\n  2");
    SessionRow& bare = updates.put(2, SessionState::active, "x");
    bare.session.statement = Text();
    bare.session.state_since.reset();
    const SessionKey key = row.session.key, other = bare.session.key;
    SessionModel model; // local times, grouped or not: a copy is the same
    model.apply(updates.take(true));
    QCOMPARE(copied(model, key, SessionColumn::pid), QStringLiteral("48213"));
    QCOMPARE(copied(model, key, SessionColumn::state), QStringLiteral("idle_in_transaction"));
    QCOMPARE(copied(model, key, SessionColumn::age), QStringLiteral("373.400000"));
    QCOMPARE(copied(model, key, SessionColumn::blocks), QStringLiteral("2310"));
    QCOMPARE(copied(model, key, SessionColumn::xminAge), QStringLiteral("87229"));
    QCOMPARE(copied(model, key, SessionColumn::blockedBy), QStringLiteral("0, 7, 1234567"));
    QCOMPARE(copied(model, key, SessionColumn::started),
             QString::fromStdString(format_iso8601(key.started)));
    QVERIFY(copied(model, key, SessionColumn::started).endsWith(u'Z'));
    QCOMPARE(copied(model, key, SessionColumn::statement), QStringLiteral("SELECT 1,\n  2"));
    // What was not reported is no word among the values.
    QCOMPARE(copied(model, other, SessionColumn::statement), QString());
    QCOMPARE(copied(model, other, SessionColumn::age), QString());
    QCOMPARE(model.indexOf(other, int(SessionColumn::statement)).data().toString(),
             Formatter::notReported());
}

void RowsTest::treeCopiesAreRaw()
{
    SyntheticUpdates updates;
    SessionRow& row = updates.put(48213, SessionState::idle_in_transaction, "shop-api",
                                  std::chrono::seconds{4000});
    row.session.xmin = 90'412'771;
    ActionRecord action;
    action.id = ActionId{1};
    action.session = row.session.key;
    action.requested = updates.now();
    updates.actions.push_back(action);
    Update update = updates.take(true);
    update.targets[0].facts->max_connections = 5000;
    update.targets[0].counts[4] = 1999;
    SessionStore store;
    store.apply(update);
    const auto leaks = makeLeakModel(nullptr);
    leaks->replace(leakRows(store, {}, LeakGrouping::none));
    const auto leak = [&](LeakColumn column) {
        return leaks->index(0, int(column)).data(CopyRole).toString();
    };
    QCOMPARE(leak(LeakColumn::origin), QStringLiteral("48213 shop-api"));
    QCOMPARE(leak(LeakColumn::oldest), QStringLiteral("4001.000000"));
    QCOMPARE(leak(LeakColumn::xminAge), QStringLiteral("87229"));
    QCOMPARE(leak(LeakColumn::state), QStringLiteral("idle_in_transaction"));
    const auto actions = makeActionModel(nullptr);
    actions->replace(actionRows(update, store, Formatter(false)));
    QCOMPARE(actions->index(0, int(ActionColumn::time)).data(CopyRole).toString(),
             QString::fromStdString(format_iso8601(action.requested)));
    const auto servers = makeServerModel(nullptr);
    servers->replace(serverRows(store));
    const QModelIndex used = servers->index(0, int(ServerColumn::used));
    QCOMPARE(used.data(CopyRole).toString(), QStringLiteral("2000"));
    update.targets[0].last_sample.reset();
    store.apply(update);
    servers->replace(serverRows(store));
    QCOMPARE(used.data().toString(), Formatter::notReported());
    QCOMPARE(used.data(CopyRole).toString(), QString());
}

void RowsTest::suspectsSayWhatTheyRanLast()
{
    SyntheticUpdates updates;
    const std::chrono::seconds long_ago{400};
    updates.put(7, SessionState::idle_in_transaction, "shop-api", long_ago).session.statement =
        Text("SELECT id\n  FROM orders FOR UPDATE");
    updates.put(8, SessionState::idle_in_transaction, "mailer", long_ago / 2).session.statement =
        Text();
    SessionStore store;
    store.apply(updates.take(true));
    const auto leaks = makeLeakModel(nullptr);
    leaks->replace(leakRows(store, {}, LeakGrouping::none));
    const auto who = [&](int row) {
        return leaks->index(row, int(LeakColumn::origin)).data().toString().simplified();
    };
    QCOMPARE(who(0), QStringLiteral("7 shop-api SELECT id FROM orders FOR UPDATE"));
    QCOMPARE(who(1), QStringLiteral("8 mailer"));
    QCOMPARE(leaks->index(0, int(LeakColumn::origin)).data(CopyRole).toString(),
             QStringLiteral("7 shop-api"));
}

void RowsTest::countsHaveThinSpaces()
{
    const QChar thin(0x2009);
    const QString wide = u'2' + QString(thin) + QStringLiteral("310");
    SyntheticUpdates updates;
    SessionRow& row =
        updates.put(1, SessionState::idle_in_transaction, "shop-api", std::chrono::seconds{400});
    row.blocks = 2310;
    for (int pid = 1; pid <= 2311; ++pid)
        row.session.blocked_by.push_back(Pid{pid});
    const SessionKey key = row.session.key;
    Update update = updates.take(true);
    update.targets[0].suspects.at(0).blocks = 2310;
    SessionModel model;
    model.apply(update);
    QCOMPARE(model.indexOf(key, int(SessionColumn::blocks)).data().toString(), wide);
    QCOMPARE(model.indexOf(key, int(SessionColumn::blockedBy)).data().toString(),
             QStringLiteral("1 +") + wide);
    SessionStore store;
    store.apply(update);
    QVERIFY(overviewAnswer(store).sentence.contains(wide));
    QVERIFY(overviewAnswer(store).relief.contains(wide));
}

void RowsTest::tooltipsShowWhatIsThere_data()
{
    QTest::addColumn<QString>("name");
    QTest::newRow("plain") << QStringLiteral("shop-api");
    QTest::newRow("bold") << QStringLiteral("<b>x</b>");
    QTest::newRow("image") << QStringLiteral("<img src=\"file:///etc/passwd\">");
    QTest::newRow("document") << QStringLiteral("<html><body><h1>big</h1></body></html>");
    QTest::newRow("entities") << QStringLiteral("a &lt;b&gt; &amp; c");
    QTest::newRow("breaks out") << QStringLiteral("</span><h1>x</h1><!-- ");
    QTest::newRow("spaces") << QStringLiteral("two  spaces");
}

/// In a tooltip that the delegate really opened, the name stands letter by letter.
void RowsTest::tooltipsShowWhatIsThere()
{
    QFETCH(QString, name);
    SyntheticUpdates updates;
    updates.put(1, SessionState::idle_in_transaction, name.toStdString(),
                std::chrono::seconds{400});
    const Update update = updates.take(true);
    SessionModel sessions;
    sessions.apply(update);
    SessionStore store;
    store.apply(update);
    const auto leaks = makeLeakModel(nullptr);
    leaks->replace(leakRows(store, {}, LeakGrouping::place));
    const std::pair<QAbstractItemModel*, int> tables[] = {
        {&sessions, int(SessionColumn::application)}, {leaks.get(), int(LeakColumn::origin)}};
    for (const auto& [model, column] : tables) {
        QTreeView view;
        QStyledItemDelegate delegate;
        view.setItemDelegate(&delegate);
        view.setModel(model);
        view.resize(900, 200);
        view.show();
        const QModelIndex cell = model->index(0, column);
        QHelpEvent help(QEvent::ToolTip, QPoint(5, 5), view.mapToGlobal(QPoint(5, 5)));
        QStyleOptionViewItem option;
        option.rect = view.visualRect(cell);
        QVERIFY(delegate.helpEvent(&help, &view, option, cell));
        const QLabel* const tip = shownTip();
        QVERIFY(tip);
        QVERIFY(Qt::mightBeRichText(tip->text()));
        QCOMPARE(QTextDocumentFragment::fromHtml(tip->text()).toPlainText(), name);
        QToolTip::hideText();
        QTRY_VERIFY(!shownTip());
    }
}

/// A picture named by a session is not opened: the tip is one line of text, however large it is.
void RowsTest::tooltipsLoadNothing()
{
    QTemporaryDir folder;
    const QString file = folder.filePath(QStringLiteral("wide.png"));
    QVERIFY(QImage(1500, 700, QImage::Format_RGB32).save(file));
    const QString hostile = QStringLiteral("<img src='%1'>").arg(file);
    QToolTip::showText(QPoint(5, 5), hostile);
    QVERIFY(shownTip());
    QVERIFY(shownTip()->height() > 600); // unescaped it would be
    QToolTip::hideText();
    QTRY_VERIFY(!shownTip());
    SyntheticUpdates updates;
    updates.put(1, SessionState::active, hostile.toStdString());
    SessionModel model;
    model.apply(updates.take(true));
    QToolTip::showText(
        QPoint(5, 5),
        model.index(0, int(SessionColumn::application)).data(Qt::ToolTipRole).toString());
    QVERIFY(shownTip());
    QVERIFY(shownTip()->height() < 200);
    QToolTip::hideText();
}

void RowsTest::listsAreCutWithANumber()
{
    const auto list = [](int n) {
        TreeNodes rows;
        for (int i = 0; i < n; ++i) {
            rows.push_back(std::make_unique<TreeNode>());
            rows.back()->id = QString::number(i);
        }
        return rows;
    };
    TreeNodes rows = list(5);
    QCOMPARE(keepFirst(rows, 5), 0);
    QCOMPARE(rows.size(), std::size_t(5));
    rows = list(15);
    QCOMPARE(keepFirst(rows, 6), 10);
    QCOMPARE(rows.size(), std::size_t(5));
    QCOMPARE(rows.back()->id, QStringLiteral("4"));
    rows = list(6);
    QCOMPARE(keepFirst(rows, 5), 2); // never "1 more"
    rows = list(3);
    QCOMPARE(keepFirst(rows, 0), 3);
    QVERIFY(rows.empty());
}

/// Idle sessions that only grow hold no transaction open, and are not counted as if they did.
void RowsTest::theLeaksSentenceTellsGrowthFromHolding()
{
    SyntheticUpdates updates;
    updates.put(1, SessionState::idle, "mailer");
    auto update = std::make_shared<Update>(updates.take(true));
    SuspectedLeak growing;
    growing.group = "mailer at 10.0.0.7";
    growing.growth = IdleGrowth{12, 2310, 2400};
    update->targets.at(0).suspects = {growing};
    SessionStore store;
    store.apply(*update);
    const Answer grows = leaksAnswer(store);
    QCOMPARE(grows.kind, Answer::Kind::leak);
    QCOMPARE(grows.sentence,
             QStringLiteral("The idle sessions of mailer at 10.0.0.7 only grow: %1, 12 before")
                 .arg(Formatter::count(2310)));
    QCOMPARE(grows.explanation, QStringLiteral("over 5 min"));
    update->targets.at(0).suspects.at(0).session = update->changed.at(0).session.key;
    store.apply(*update);
    const Answer overview = overviewAnswer(store);
    QCOMPARE(overview.sentence, QStringLiteral("mailer at 10.0.0.7 holds %1 idle connections, and "
                                               "only opens more")
                                    .arg(Formatter::count(2310)));
    QVERIFY(overview.relief.contains(QStringLiteral("it runs nothing")));

    SuspectedLeak held;
    held.group = "shop-api";
    held.severity = LeakSeverity::critical;
    update = std::make_shared<Update>(*update);
    update->targets.at(0).suspects = {held, growing};
    store.apply(*update);
    const Answer both = leaksAnswer(store);
    QCOMPARE(both.sentence, QStringLiteral("1 session held open by shop-api"));
    QVERIFY(both.explanation.contains(QStringLiteral("mailer at 10.0.0.7 only grow")));
    QCOMPARE(both.severity, static_cast<int>(LeakSeverity::critical));
}

QTEST_MAIN(RowsTest)
#include "tst_rows.moc"
