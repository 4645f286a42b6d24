// SPDX-License-Identifier: GPL-3.0-or-later
// From a session that waits to the line of code at the root, what several candidates look like, and
// what a page of leaks shows of metrics alone.
#include "tests/views/leakspages.h"
#include "ui/models/findings.h"
#include "ui/views/blockingpage.h"
#include "ui/views/joinmark.h"
#include "ui/views/metricsboard.h"
#include "ui/views/pagetitle.h"
#include "ui/views/sessiondetail.h"

#include <QLineEdit>
#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;

namespace {

/// A server on which one of the process's leaked checkouts holds a lock that two wait for.
class Queue
{
public:
    Queue()
        : held(scene.checkout(scene.leaked().front().id.str()))
    {
        SessionRow& root = server.put(*held.server_pid, SessionState::idle_in_transaction,
                                      "shop-api", std::chrono::seconds{90});
        root.session.client = Text("10.20.4.17:" + std::to_string(*held.local_port));
        root.blocks = 2;
        holder = root.session.key;
        for (const std::int64_t pid : {59001, 59002}) {
            SessionRow& row =
                server.put(pid, SessionState::waiting, "billing", std::chrono::seconds{20});
            row.session.blocked_by = {holder.pid};
            waiters.push_back(row.session.key);
        }
    }
    Update take()
    {
        Update update = server.take(true);
        scene.join(update);
        return update;
    }

    PoolScene scene;
    SyntheticUpdates server;
    Checkout held;
    SessionKey holder;
    std::vector<SessionKey> waiters;
};

template <class Child>
Child* find(QWidget& in, const char* name)
{
    return in.findChild<Child*>(QLatin1String(name));
}

/// A page of metrics with two pools.
Update figures(std::int64_t used, std::int64_t pending)
{
    Update update;
    update.reset = true;
    update.now = SyntheticUpdates::start();
    TargetSummary target;
    target.info = {TargetId{1}, "prometheus", "shop-metrics", "prometheus+http://shop/metrics"};
    target.status.reach = Reach::up;
    target.last_sample = update.now;
    for (const char* const name : {"orders", "reports"}) {
        Pool pool;
        pool.name = Text(name);
        pool.used = target.pools.empty() ? used : 1;
        pool.max = 20;
        pool.pending = target.pools.empty() ? pending : 0;
        target.pools.push_back(pool);
    }
    update.targets = {target};
    update.actions = std::make_shared<const std::vector<ActionRecord>>();
    update.notes = std::make_shared<const std::vector<NoteRecord>>();
    return update;
}

} // namespace

class JoinsTest : public QObject
{
    Q_OBJECT
private slots:
    void fromAWaiterToTheRootsLine();
    void aSessionWithoutACheckout();
    void whoWaitsBehindALeak();
    void severalCandidates();
    void metricsAloneHaveABoard();
    void aProcessBesideThemHasNone();
};

void JoinsTest::fromAWaiterToTheRootsLine()
{
    PageFixture fixture({1400, 820});
    Queue queue;
    auto& page = static_cast<BlockingPage&>(fixture.show("blocking"));
    fixture.apply(queue.take());
    const QModelIndex root = page.table().model()->index(0, 0);
    const auto line = static_cast<int>(BlockingColumn::line);
    QCOMPARE(root.siblingAtColumn(line).data().toString(), QStringLiteral("checkout.cpp:88"));
    QVERIFY(!page.table().isColumnHidden(line));
    const QModelIndex waiter = page.table().model()->index(0, 0, root);
    QCOMPARE(waiter.siblingAtColumn(line).data().toString(), QStringLiteral("no checkout known"));
    auto* const title = page.findChild<PageTitle*>();
    QCOMPARE(title->sentence(),
             QStringLiteral("Session %1 blocks 2 sessions").arg(queue.holder.pid.value));
    fixture.shoot(QStringLiteral("root"));
    fixture.show("blocking");

    fixture.context->select(queue.waiters.front());
    const QString words = find<QLabel>(page, "sessionBlocking")->text();
    QVERIFY2(words.contains(QStringLiteral("joined by server pid, was acquired at "
                                           "checkout.cpp:88")),
             qPrintable(words));
    auto* const go = find<QPushButton>(page, "toRootLine");
    QVERIFY(go->isVisible());
    QSignalSpy shown(fixture.context.get(), &ViewContext::checkoutRequested);
    QTest::mouseClick(go, Qt::LeftButton);
    QCOMPARE(shown.size(), 1);
    QCOMPARE(shown.back().front().value<CheckoutKey>(), queue.held.key);
    page.table().setFocus();
    fixture.context->select(queue.waiters.back());
    QTest::keyClick(&page.table(), Qt::Key_J);
    QCOMPARE(shown.size(), 2);
    QCOMPARE(shown.back().front().value<CheckoutKey>(), queue.held.key);

    // The root's own: its checkout, by its line.
    fixture.context->select(queue.holder);
    QVERIFY(!go->isVisible());
    QCOMPARE(find<JoinMark>(page, "sessionJoin")->words(), QStringLiteral("joined by server pid"));
    QCOMPARE(find<QPushButton>(page, "sessionLine")->text(), QStringLiteral("checkout.cpp:88"));
    QTest::mouseClick(find<QPushButton>(page, "sessionLine"), Qt::LeftButton);
    QCOMPARE(shown.size(), 3);
}

void JoinsTest::aSessionWithoutACheckout()
{
    PageFixture fixture({1400, 820});
    Queue queue;
    auto& page = static_cast<BlockingPage&>(fixture.show("blocking"));
    Update update = queue.server.take(true); // no process is attached
    fixture.apply(update);
    QVERIFY(page.table().isColumnHidden(static_cast<int>(BlockingColumn::line)));
    fixture.context->select(queue.waiters.front());
    QVERIFY(!find<JoinMark>(page, "sessionJoin")->isVisible());
    QVERIFY(!find<QPushButton>(page, "toRootLine")->isVisible());
    QSignalSpy shown(fixture.context.get(), &ViewContext::checkoutRequested);
    QTest::keyClick(&page.table(), Qt::Key_J);
    QCOMPARE(shown.size(), 0);

    // One is, and it has another's connections.
    queue.server.row(queue.holder).session.client = Text("10.20.4.17:1");
    fixture.apply(queue.take());
    QCOMPARE(find<JoinMark>(page, "sessionJoin")->words(), QStringLiteral("no checkout known"));
    QVERIFY(
        find<QLabel>(page, "sessionBlocking")
            ->text()
            .contains(QStringLiteral("No checkout of %1 is known.").arg(queue.holder.pid.value)));
}

void JoinsTest::whoWaitsBehindALeak()
{
    PageFixture fixture({1400, 820});
    Queue queue;
    LeaksPage& page = leaks(fixture);
    fixture.apply(queue.take());
    emit fixture.context->checkoutRequested(queue.held.key);
    QString evidence = label(page, "holderEvidence");
    evidence.replace(QChar(0xa0), QLatin1Char(' '));
    QVERIFY2(evidence.contains(QStringLiteral("On the server it is session %1, idle in its "
                                              "transaction for 1 min 31 s.")
                                   .arg(queue.holder.pid.value)),
             qPrintable(evidence));
    QVERIFY(evidence.contains(QStringLiteral("2 sessions wait for it.")));
    QCOMPARE(label(page, "holderBehind"), QStringLiteral("Waiting for it: 2 of billing."));
    QVERIFY(label(page, "holderState").startsWith(QStringLiteral("idle in transaction, ")));
    QCOMPARE(find<JoinMark>(page, "holderJoin")->words(), QStringLiteral("joined by server pid"));
    const auto blocks = static_cast<int>(LeakColumn::blocks);
    QCOMPARE(page.table().currentIndex().siblingAtColumn(blocks).data().toString(),
             QStringLiteral("2"));
    QCOMPARE(page.table().currentIndex().parent().siblingAtColumn(blocks).data().toString(),
             QStringLiteral("2"));
    QSignalSpy navigated(fixture.context.get(), &ViewContext::navigationRequested);
    fixture.shoot(QStringLiteral("leak"));
    fixture.show("leaks");
    QTest::mouseClick(button(page, "toBlocking"), Qt::LeftButton);
    QCOMPARE(navigated.back().front().toString(), QStringLiteral("blocking"));
    QCOMPARE(fixture.context->selection(), std::optional(queue.holder));
}

void JoinsTest::severalCandidates()
{
    PageFixture fixture({1400, 820});
    Queue queue;
    LeaksPage& page = leaks(fixture);
    queue.server.row(queue.holder).session.client = {}; // neither tells where it comes from
    Update update = queue.take();
    addServer(update, 7, "other-db", 1);
    SessionRow twin = queue.server.row(queue.holder);
    twin.session.key.target = TargetId{7};
    update.changed.push_back(twin);
    fixture.apply(update);
    emit fixture.context->checkoutRequested(queue.held.key);
    QCOMPARE(find<JoinMark>(page, "holderJoin")->words(),
             QStringLiteral("2 candidates by server pid?"));
    QString candidates = label(page, "holderCandidates");
    candidates.replace(QChar(0xa0), QLatin1Char(' '));
    QCOMPARE(candidates,
             QStringLiteral("%1 on shop-db, %1 on other-db").arg(queue.holder.pid.value));
    QVERIFY(!button(page, "toSession")->isVisible());
    QVERIFY(!detail(page).session());
    fixture.shoot(QStringLiteral("ambiguous"));
    // From the session's side it is the same.
    fixture.show("sessions");
    fixture.context->select(queue.holder);
    QCOMPARE(find<JoinMark>(fixture.page("sessions"), "sessionJoin")->words(),
             QStringLiteral("2 candidates by server pid?"));
}

void JoinsTest::metricsAloneHaveABoard()
{
    PageFixture fixture({1400, 820});
    LeaksPage& page = leaks(fixture);
    fixture.apply(figures(20, 3));
    auto* const board = page.findChild<MetricsBoard*>();
    QVERIFY(board->isVisible());
    QVERIFY(!page.table().isVisible());
    QCOMPARE(page.findChild<PageTitle*>()->sentence(),
             QStringLiteral("orders: 20 of 20 in use, 3 wait"));
    const QAbstractItemModel& rows = *board->table().model();
    QCOMPARE(rows.rowCount(), 2);
    QVERIFY(rows.index(0, 0).data().toString().startsWith(QStringLiteral("orders")));
    QVERIFY(!page.findChild<QLineEdit*>()->isVisible()); // nothing to filter
    QSignalSpy instrument(fixture.context.get(), &ViewContext::instrumentRequested);
    QTest::mouseClick(find<QPushButton>(page, "metricsInstrument"), Qt::LeftButton);
    QCOMPARE(instrument.size(), 1);
    fixture.shoot(QStringLiteral("metrics"));
    fixture.show("leaks");
    fixture.apply(figures(2, 0));
    QCOMPARE(page.findChild<PageTitle*>()->sentence(),
             QStringLiteral("No pool is near its limit."));
    Transport replay;
    replay.mode = Mode::replay;
    fixture.setTransport(replay);
    fixture.apply(figures(2, 0));
    QVERIFY(!find<QPushButton>(page, "metricsInstrument")->isVisible());
}

void JoinsTest::aProcessBesideThemHasNone()
{
    PageFixture fixture({1400, 820});
    LeaksPage& page = leaks(fixture);
    Update update = figures(20, 3);
    const PoolScene scene;
    scene.join(update);
    fixture.apply(update);
    QVERIFY(!page.findChild<MetricsBoard*>()->isVisible());
    QVERIFY(page.table().isVisible());
    QVERIFY(page.findChild<QLineEdit*>()->isVisible());
}

QTEST_MAIN(JoinsTest)
#include "tst_joins.moc"
