// SPDX-License-Identifier: GPL-3.0-or-later
// Charts on pages, lists that are cut, what is preselected, and the lock queue.
#include "tests/support/places.h"
#include "tests/support/poolscene.h"
#include "tests/views/pagefixture.h"
#include "ui/charts/statechart.h"
#include "ui/models/roles.h"
#include "ui/views/chartboard.h"
#include "ui/views/datatable.h"
#include "ui/views/linkbutton.h"
#include "ui/views/poolspageboard.h"

#include <QLabel>
#include <QSignalSpy>
#include <QTest>

#include <algorithm>

using namespace poolscope;
using poolscope::test::inTree;
using namespace poolscope::support;
using namespace std::chrono_literals;

class PageChartsTest : public QObject
{
    Q_OBJECT
private slots:
    void chartAboveTheTableWhenWide();
    void chartsSideBySideWhenWide();
    void serversAndPoolsHaveCharts();
    void onlyWhatHasRoom();
    void noChartOfWhatNeverAnswered();
    void hoverIsSharedByCharts();
    void marksReachTheCharts();
    void cutListsSayHowManyMore();
    void worstAtTheCursorIsOffered();
    void aChoiceIsKept();
    void queuesAreFlat();
    void serversCountTheirSuspects();

private:
    static QList<StateChart*> charts(const Page& page)
    {
        QList<StateChart*> shown;
        for (StateChart* chart : page.findChildren<StateChart*>()) {
            if (chart->isVisible())
                shown += chart;
        }
        std::sort(shown.begin(), shown.end(), [](const auto* a, const auto* b) {
            return a->mapToGlobal(QPoint()).x() < b->mapToGlobal(QPoint()).x();
        });
        return shown;
    }
    static QRect placeOf(const QWidget* widget)
    {
        return {widget->mapToGlobal(QPoint()), widget->size()};
    }
};

void PageChartsTest::chartAboveTheTableWhenWide()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(8, SessionState::active, "shop-api");
    f.apply(updates.take(true));
    Page& sessions = f.show("sessions");
    QVERIFY(charts(sessions).isEmpty());
    f.resize({1700, 900}); // of a window of 1920
    QCoreApplication::processEvents();
    QCOMPARE(charts(sessions).size(), 1);
    const auto* table = sessions.findChild<DataTable*>();
    QVERIFY(placeOf(charts(sessions).front()).bottom() < placeOf(table).top());
    f.resize({2320, 1270});
    QCoreApplication::processEvents();
    QCOMPARE(charts(sessions).size(), 1);
    for (int column = 1; column < table->model()->columnCount(); ++column)
        QVERIFY2(!table->isColumnHidden(column), qPrintable(QString::number(column)));
    QCOMPARE(sessions.width() - Theme::current().scaled(32 + 16 + 560), table->width());
    f.resize({1240, 720});
    QCoreApplication::processEvents();
    QVERIFY(charts(sessions).isEmpty());
}

void PageChartsTest::chartsSideBySideWhenWide()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(8, SessionState::active, "shop-api");
    Update update = updates.take(true);
    addServer(update, 2, "ledger-db", 3);
    f.apply(update);
    Page& overview = f.page("overview");
    QList<StateChart*> shown = charts(overview);
    QCOMPARE(shown.size(), 2);
    QCOMPARE(placeOf(shown[0]).left(), placeOf(shown[1]).left());
    f.resize({2320, 1270});
    QCoreApplication::processEvents();
    shown = charts(overview);
    QCOMPARE(placeOf(shown[0]).top(), placeOf(shown[1]).top());
    QVERIFY(placeOf(shown[0]).right() < placeOf(shown[1]).left());
    f.resize({1100, 640});
    QCoreApplication::processEvents();
    QCOMPARE(charts(overview).size(), 1);
    QVERIFY(overview.findChild<LinkButton*>(QStringLiteral("moreCharts"))
                ->text()
                .startsWith(QStringLiteral("1 more server")));
    QSignalSpy asked(f.context.get(), &ViewContext::navigationRequested);
    auto* const more = f.show("blocking").findChild<LinkButton*>(QStringLiteral("moreCharts"));
    QVERIFY(more->isVisible());
    QTest::keyClick(more, Qt::Key_Return);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked.front().front().toString(), QStringLiteral("overview"));
}

/// Beside servers the worst pool has a small chart; the list of servers holds servers alone.
void PageChartsTest::serversAndPoolsHaveCharts()
{
    PageFixture f({1240, 1400}); // there would be room for all of a pool's charts
    SyntheticUpdates updates;
    PoolScene scene;
    updates.put(8, SessionState::active, "shop-api");
    Update update = updates.take(true);
    scene.join(update);
    f.apply(update);
    Page& overview = f.page("overview");
    QCOMPARE(charts(overview).size(), 1);
    const auto* const pools = overview.findChild<PoolBoard*>();
    QVERIFY(pools->isVisible());
    QVERIFY(pools->chart(PoolPlot::use).isVisible());
    QVERIFY(!pools->chart(PoolPlot::times).isVisible());
    QVERIFY(placeOf(pools).top() > placeOf(charts(overview).front()).bottom());
    for (const DataTable* const table : overview.findChildren<DataTable*>())
        QVERIFY(!table->accessibleName().startsWith(QStringLiteral("Servers")) ||
                !table->isVisible()); // there is one, and its chart tells all of it
}

/// Nothing is squeezed below what a chart needs, and nothing ends below the page.
void PageChartsTest::onlyWhatHasRoom()
{
    PageFixture f({1224, 620}); // of a window of 1280x800
    SyntheticUpdates updates;
    PoolScene scene;
    updates.put(8, SessionState::active, "shop-api");
    Update update = updates.take(true);
    scene.join(update);
    f.apply(update);
    Page& overview = f.page("overview");
    const auto* const pools = overview.findChild<PoolBoard*>();
    const auto within = [&] {
        QCoreApplication::processEvents();
        QCoreApplication::processEvents();
        for (const TimeChart* chart : overview.findChildren<TimeChart*>()) {
            if (!chart->isVisible())
                continue;
            if (chart->height() < metrics::chartMinimum ||
                placeOf(chart).bottom() > placeOf(&overview).bottom())
                return false;
        }
        return true;
    };
    QVERIFY(within());
    for (const int height : {760, 560, 480, 420}) {
        f.resize({1224, height});
        QVERIFY2(within(), qPrintable(QString::number(height)));
    }
    // One is left: that of which the sentence speaks, here the pool's.
    QVERIFY(pools->isVisible());
    QVERIFY(charts(overview).isEmpty());
    f.resize({1224, 1200});
    QVERIFY(within());
    QVERIFY(pools->isVisible());
    QCOMPARE(charts(overview).size(), 1);
    // Below each other, their instants are too.
    const StateChart* const servers = charts(overview).front();
    const PoolChart& use = pools->chart(PoolPlot::use);
    QCOMPARE(servers->picture().plot.left(), use.picture().plot.left());
    QCOMPARE(servers->picture().plot.right(), use.picture().plot.right());
}

/// One that nobody could attach to takes no room from those that answer.
void PageChartsTest::noChartOfWhatNeverAnswered()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(8, SessionState::active, "shop-api");
    Update update = updates.take(true);
    addServer(update, 2, "full-db", 0);
    update.targets[1].last_sample.reset();
    update.targets[1].facts.reset();
    update.targets[1].status.reach = Reach::failing;
    const auto titles = [&] {
        QStringList names;
        for (const StateChart* chart : charts(f.page("overview")))
            names += chart->picture().title;
        return names;
    };
    Update alone = update;
    alone.targets.erase(alone.targets.begin());
    alone.changed.clear();
    f.apply(alone);
    QCOMPARE(titles(), QStringList{QStringLiteral("full-db")}); // its frame says what is awaited
    f.apply(update);
    QCOMPARE(titles(), QStringList{QStringLiteral("shop-db")});
    QVERIFY(!f.page("overview").findChild<LinkButton*>(QStringLiteral("moreCharts"))->isVisible());
}

void PageChartsTest::hoverIsSharedByCharts()
{
    PageFixture f({2320, 1270});
    SyntheticUpdates updates;
    updates.put(8, SessionState::active, "shop-api");
    Update update = updates.take(true);
    addServer(update, 2, "ledger-db", 3);
    f.apply(update);
    const QList<StateChart*> shown = charts(f.page("overview"));
    QCOMPARE(shown.size(), 2);
    emit shown[0]->hoverChanged(update.now - 5s);
    QVERIFY(shown[1]->picture().hover == update.now - 5s);
    QVERIFY(f.context->hover() == update.now - 5s); // and by the strip
    emit shown[1]->hoverChanged(std::nullopt);
    QVERIFY(!shown[0]->picture().hover);
}

void PageChartsTest::marksReachTheCharts()
{
    PageFixture f;
    f.follow();
    f.workspace->open(inTree("resources/samples/incident.poolrec"));
    QTRY_VERIFY(!charts(f.page("overview")).isEmpty());
    const auto has = [&](MarkKind kind) {
        const auto& events = charts(f.page("overview")).front()->picture().events;
        return std::any_of(events.begin(), events.end(),
                           [&](const ChartEvent& e) { return e.kind == kind; });
    };
    QTRY_VERIFY(has(MarkKind::warning));
    QTRY_VERIFY(has(MarkKind::critical));
    QTRY_VERIFY(!charts(f.page("overview")).front()->picture().series.points.empty());
}

void PageChartsTest::cutListsSayHowManyMore()
{
    PageFixture f;
    SyntheticUpdates updates;
    for (int i = 0; i < 60; ++i)
        updates.put(100 + i, SessionState::idle_in_transaction, "shop-api", 400s);
    f.apply(updates.take(true));
    const Page& overview = f.page("overview");
    const DataTable* table = nullptr;
    for (const DataTable* one : overview.findChildren<DataTable*>())
        table = one->accessibleName().startsWith(QStringLiteral("Suspected")) ? one : table;
    QVERIFY(table);
    auto* const more = overview.findChild<LinkButton*>(QStringLiteral("moreLeaks"));
    const int rows = table->model()->rowCount();
    QVERIFY(rows > 5 && rows < 60);
    QVERIFY(more->isVisible());
    QCOMPARE(more->text(), QStringLiteral("%1 more in Leaks").arg(60 - rows));
    // Nothing is cut in half.
    const QRect last = table->visualRect(table->model()->index(rows - 1, 0));
    QVERIFY(last.bottom() <= table->viewport()->height());
    QSignalSpy asked(f.context.get(), &ViewContext::navigationRequested);
    QTest::mouseClick(more, Qt::LeftButton);
    QTest::keyClick(more, Qt::Key_Return);
    QCOMPARE(asked.size(), 2);
    QCOMPARE(asked.front().front().toString(), QStringLiteral("leaks"));
    f.resize({1240, 2200});
    QCoreApplication::processEvents();
    QCOMPARE(table->model()->rowCount(), 60);
    QVERIFY(!more->isVisible());
}

void PageChartsTest::worstAtTheCursorIsOffered()
{
    PageFixture f;
    f.follow();
    f.show("sessions");
    f.workspace->open(inTree("resources/samples/incident.poolrec"));
    QTRY_VERIFY(f.context->selection().has_value());
    const std::int64_t atEnd = f.context->selection()->pid.value;
    // The root was still there then, and 13 waited behind it.
    f.workspace->seek(f.workspace->transport().end - 105s);
    QTRY_VERIFY(f.context->selection() && f.context->selection()->pid.value != atEnd);
    const SessionKey root = *f.context->selection();
    const auto& trees = f.workspace->latest()->targets.front().blocking.trees;
    QVERIFY(!trees.empty() && trees.front().root.key == root);
    QTRY_VERIFY(f.page("sessions").findChild<DataTable*>()->currentKey() == root);
}

void PageChartsTest::aChoiceIsKept()
{
    PageFixture f;
    f.show("sessions");
    SyntheticUpdates updates;
    const SessionKey chosen = updates.put(8, SessionState::active, "shop-api").session.key;
    const SessionKey worst =
        updates.put(9, SessionState::idle_in_transaction, "shop-api", 400s).session.key;
    f.apply(updates.take(true));
    QVERIFY(f.context->selection() == worst);
    f.context->select(chosen);
    f.apply(updates.take(true)); // a seek
    QVERIFY(f.context->selection() == chosen);
    // It is not there at another instant; back at the first it is selected again.
    SyntheticUpdates elsewhere;
    elsewhere.put(9, SessionState::idle_in_transaction, "shop-api", 400s);
    f.apply(elsewhere.take(true));
    QVERIFY(f.context->selection() == chosen);
    f.apply(updates.take(true));
    QVERIFY(f.page("sessions").findChild<DataTable*>()->currentKey() == chosen);
    // Nor is a choice of nothing undone.
    for (const char* name : {"leaks", "sessions"}) {
        f.context->select(worst);
        QVERIFY(f.show(name).clearOne());
        f.apply(updates.take());
        QVERIFY2(!f.context->selection(), name);
        QVERIFY(f.page(name).selectedSessions().empty());
    }
}

/// As PostgreSQL reports a queue for one row: the first waits for the holder's transaction, each of
/// the others for all ahead of it.
void PageChartsTest::queuesAreFlat()
{
    SyntheticUpdates updates;
    updates.put(500, SessionState::idle_in_transaction, "shop-api", 400s).blocks = 6;
    std::vector<Pid> ahead;
    for (const int pid : {440, 470, 430, 460, 420}) { // in no order of their pids
        SessionRow& waiter = updates.put(pid, SessionState::waiting, "billing",
                                         300s - std::chrono::seconds{10} * ahead.size());
        waiter.session.wait_event = Text(ahead.empty() ? "Lock/transactionid" : "Lock/tuple");
        waiter.session.blocked_by = ahead.empty() ? std::vector<Pid>{Pid{500}} : ahead;
        std::sort(waiter.session.blocked_by.begin(), waiter.session.blocked_by.end());
        ahead.push_back(Pid{pid});
    }
    // One of the queue holds a row of its own, for which another waits: that is no queue.
    SessionRow& behind = updates.put(700, SessionState::waiting, "reports", 20s);
    behind.session.wait_event = Text("Lock/transactionid");
    behind.session.blocked_by = {Pid{460}};
    PageFixture f;
    f.show("blocking");
    f.apply(updates.take(true));
    const auto* table = f.page("blocking").findChild<DataTable*>();
    const QAbstractItemModel& model = *table->model();
    const QModelIndex root = model.index(0, 0);
    std::vector<int> pids;
    for (int row = 0; row < model.rowCount(root); ++row)
        pids.push_back(int(model.index(row, 0, root).data(KeyRole).value<SessionKey>().pid.value));
    QCOMPARE(pids, (std::vector<int>{440, 470, 430, 460, 420})); // longest first
    QCOMPARE(model.rowCount(model.index(3, 0, root)), 1);        // the one who waits for 460
    const auto said = [&] {
        for (const QLabel* label : f.page("blocking").findChildren<QLabel*>()) {
            if (label->isVisible() && label->text().startsWith(QStringLiteral("From pg_")))
                return label->text();
        }
        return QString();
    };
    QVERIFY2(said().contains(QStringLiteral("only lets the next one up")), qPrintable(said()));
    // The detail and the key B speak of the holder too, not of who is ahead in the queue.
    const SessionKey last = model.index(4, 0, root).data(KeyRole).value<SessionKey>();
    f.context->select(last);
    QString detail;
    for (const QLabel* label : f.page("blocking").findChildren<QLabel*>()) {
        if (label->isVisible() && label->text().startsWith(QStringLiteral("It waits for")))
            detail = label->text();
    }
    QVERIFY2(detail.startsWith(QStringLiteral("It waits for 500.\n4 stand before it in the queue "
                                              "for the same lock.\n500 is idle in transaction")),
             qPrintable(detail));
    QTest::keyClick(f.page("blocking").findChild<DataTable*>(), Qt::Key_B);
    QVERIFY(f.context->selection()->pid == Pid{500});
    updates = SyntheticUpdates();
    updates.put(500, SessionState::idle_in_transaction, "shop-api", 400s);
    updates.put(440, SessionState::waiting, "billing").session.blocked_by = {Pid{500}};
    f.apply(updates.take(true));
    QVERIFY(!said().contains(QStringLiteral("next one up")));
}

void PageChartsTest::serversCountTheirSuspects()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(9, SessionState::idle_in_transaction, "shop-api", 400s);
    Update update = updates.take(true);
    addServer(update, 2, "ledger-db", 90); // fuller, and fine
    f.apply(update);
    for (const DataTable* table : f.page("overview").findChildren<DataTable*>()) {
        if (!table->accessibleName().startsWith(QStringLiteral("Servers")))
            continue;
        QVERIFY(table->isVisible());
        const QModelIndex first = table->model()->index(0, 0);
        QCOMPARE(first.data().toString(), QStringLiteral("shop-db"));
        QCOMPARE(first.data(SeverityRole).toInt(), 2);
        QCOMPARE(first.siblingAtRow(1).data(SeverityRole).toInt(), 0);
    }
}

QTEST_MAIN(PageChartsTest)
#include "tst_pagecharts.moc"
