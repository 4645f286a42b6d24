// SPDX-License-Identifier: GPL-3.0-or-later
// The leaks page with an instrumented process: rows, what is chosen, what comes and goes.
// POOLSCOPE_PICTURES=FOLDER draws it there in its states.
#include "tests/views/leakspages.h"
#include "ui/models/placewords.h"
#include "ui/views/framelist.h"
#include "ui/views/pagetitle.h"

#include <QComboBox>
#include <QDir>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;

namespace {

void shoot(const PageFixture& fixture, const QString& name)
{
    const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
    if (out.isEmpty())
        return;
    QCoreApplication::processEvents();
    fixture.window->grab().save(QStringLiteral("%1/leaks-%2.png").arg(out, name));
}

} // namespace

class LeaksPageTest : public QObject
{
    Q_OBJECT
private slots:
    void namesTheLine();
    void brief();
    void theWorstIsShownFirst();
    void placesComeOpenOnlyWhereSuspected();
    void choiceStays();
    void returned();
    void bothKinds();
    void thresholdsAreOfTheTargetThatIsShown();
    void hostile();
    void pictures();
};

void LeaksPageTest::namesTheLine()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QCOMPARE(page.findChild<PageTitle*>()->sentence(),
             QStringLiteral("14 connections of shop are held by checkout.cpp:88, 20 of 20 in use, "
                            "4 wait"));
    QCOMPARE(page.count(), 14);
    QCOMPARE(label(page, "holderWords"), QStringLiteral("22 held, 14 suspected"));
    QCOMPARE(top(page, 0).data().toString(), QStringLiteral("checkout.cpp:88  place_order()"));
    // A page that nobody looks at counts all the same.
    fixture.show("overview");
    scene.end(scene.leaked().front().id.str());
    fixture.apply(scene.take());
    QCOMPARE(page.count(), 13);
}

/// All current holders are listed, whatever their age.
void LeaksPageTest::brief()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QCOMPARE(page.table().model()->rowCount(), 4);
    int holders = 0;
    for (int row = 0; row < 4; ++row)
        holders += page.table().model()->rowCount(top(page, row));
    QCOMPARE(holders, int(scene.pools().checkouts.size()));
}

void LeaksPageTest::theWorstIsShownFirst()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QVERIFY(detail(page).isVisible());
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 0)));
    QVERIFY(label(page, "holderEvidence").startsWith(QStringLiteral("14 of 14 held from here")));
    QCOMPARE(page.findChild<FrameList*>()->stack(), scene.stack(PoolScene::leak));
}

void LeaksPageTest::placesComeOpenOnlyWhereSuspected()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QVERIFY(page.table().isExpanded(top(page, 0)));
    for (int row = 1; row < 4; ++row)
        QVERIFY(!page.table().isExpanded(top(page, row)));
    page.table().setExpanded(top(page, 3), true);
    page.table().setExpanded(top(page, 0), false);
    for (int i = 0; i < 3; ++i) {
        scene.advance();
        fixture.apply(scene.take());
    }
    fixture.apply(scene.take(true));
    QVERIFY(page.table().isExpanded(top(page, 3)));
    QVERIFY(!page.table().isExpanded(top(page, 0)));
}

void LeaksPageTest::choiceStays()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    const QModelIndex third = page.table().model()->index(2, 0, top(page, 0));
    const QString name = third.data().toString();
    choose(page, third);
    QVERIFY(label(page, "holderEvidence").contains(QStringLiteral("The critical threshold is")) ||
            label(page, "holderEvidence").contains(QStringLiteral("The alert threshold is")));
    for (int i = 0; i < 30; ++i) {
        scene.advance();
        fixture.apply(i % 10 == 9 ? scene.take(true) : scene.take());
        QCOMPARE(page.table().currentIndex().siblingAtColumn(0).data().toString(), name);
        QVERIFY(page.table().selectionModel()->isSelected(page.table().currentIndex()));
    }
    // Another page and back.
    fixture.show("sessions");
    fixture.show("leaks");
    QCOMPARE(page.table().currentIndex().siblingAtColumn(0).data().toString(), name);
}

void LeaksPageTest::returned()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    const CheckoutKey key = scene.leaked().front();
    choose(page, page.table().model()->index(0, 0, top(page, 0)));
    QVERIFY(!button(page, "reclaimConnection")->isHidden());
    const Update before = scene.whole();
    scene.end(key.id.str());
    fixture.apply(scene.take());
    QCOMPARE(label(page, "holderEmpty"), QStringLiteral("This checkout has come back."));
    // At an earlier instant it is held, and still chosen.
    fixture.apply(before);
    QVERIFY(page.table().selectionModel()->hasSelection());
    QVERIFY(page.table().currentIndex().siblingAtColumn(0).data().toString().startsWith(
        QString::fromStdString(key.id.str())));
    QVERIFY(page.findChild<QLabel*>(QStringLiteral("holderEmpty"))->isHidden());
}

/// A server's sessions and a process's checkouts in one tree; each with its own detail.
void LeaksPageTest::bothKinds()
{
    PageFixture fixture;
    PoolScene scene;
    SyntheticUpdates server;
    const SessionKey session =
        server.put(48213, SessionState::idle_in_transaction, "billing", std::chrono::seconds{90})
            .session.key;
    LeaksPage& page = leaks(fixture);
    Update update = server.take(true);
    scene.join(update);
    fixture.apply(update);
    QCOMPARE(page.count(), 15);
    // The window offers the session, but the line is as bad and holds more.
    QCOMPARE(fixture.context->selection(), std::optional(session));
    QVERIFY(fixture.context->offered());
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 0)));
    QVERIFY(detail(page).isVisible());
    fixture.context->select(std::nullopt);
    fixture.context->select(session);
    QVERIFY(!detail(page).isVisible());
    choose(page, top(page, 0));
    QVERIFY(detail(page).isVisible());
    update = server.take();
    scene.join(update);
    fixture.apply(update);
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 0))); // not taken back
    fixture.context->select(std::nullopt);
    fixture.context->select(session);
    QVERIFY(!detail(page).isVisible());
    QVERIFY(page.findChild<PageTitle*>()->sentence().startsWith(
        QStringLiteral("14 connections of shop")));
}

/// Names, tags and frames are what they are: characters.
/// Nothing is chosen: they are of the leak that stands first, not of what was attached first.
void LeaksPageTest::thresholdsAreOfTheTargetThatIsShown()
{
    PageFixture fixture;
    SyntheticUpdates updates;
    updates.put(7, SessionState::idle_in_transaction, "shop-api", std::chrono::seconds{400});
    Update update = updates.take(true);
    update.targets.front().info.id = TargetId{2};
    update.targets.front().info.name = "ledger-db";
    for (SessionRow& row : update.changed)
        row.session.key.target = TargetId{2};
    for (SuspectedLeak& leak : update.targets.front().suspects)
        leak.session.target = TargetId{2};
    TargetSummary quiet = update.targets.front();
    quiet.info.id = TargetId{1};
    quiet.info.name = "shop-db";
    quiet.suspects.clear();
    quiet.evidence.clear();
    quiet.blocking = {};
    update.targets.insert(update.targets.begin(), quiet);
    LeaksPage& page = leaks(fixture);
    fixture.apply(update);
    while (page.clearOne())
        ;
    QVERIFY(page.table().selectedKeys().empty());
    fixture.context->select(std::nullopt);
    QVERIFY2(label(page, "thresholdWords").contains(QStringLiteral("ledger-db")),
             qPrintable(label(page, "thresholdWords")));
    // The other one is there to be chosen.
    auto* const scope = page.findChild<QComboBox*>(QStringLiteral("thresholdScope"));
    QCOMPARE(scope->count(), 2);
    scope->setFocus();
    QTest::keyClick(scope, Qt::Key_Down);
    QVERIFY(label(page, "thresholdWords").contains(QStringLiteral("shop-db")));
    fixture.apply(update);
    QVERIFY(label(page, "thresholdWords").contains(QStringLiteral("shop-db")));
    // Whoever chooses a row wants its target's.
    const QModelIndex first = top(page, 0), within = first.model()->index(0, 0, first);
    choose(page, within.isValid() ? within : first);
    QVERIFY(label(page, "thresholdWords").contains(QStringLiteral("ledger-db")));
}

void LeaksPageTest::hostile()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    const std::string bad = "<img src='file:///etc/passwd'><b>\x1b[31mx\xff\n\u202e</b>";
    Checkout c;
    c.key.id = Text(bad + std::string(5000, 'x'));
    c.pool = Text(bad);
    c.acquired_by = Text(bad);
    c.thread = Text(bad);
    c.tags = {{Text(bad), Text(bad)}};
    for (int i = 0; i < 100; ++i)
        c.tags.emplace_back(Text("t" + std::to_string(i)), Text(std::string(3000, 'y')));
    c.statement = Text(bad);
    c.acquired = scene.now() - std::chrono::hours{2};
    c.stack = make_stack({{Text(bad), Text("/x/" + bad + std::string(300, 'f')), 2147483647, true},
                          {Text(), Text(), 0, false},
                          {Text(std::string(9000, '<')), Text(), -5, false}});
    scene.put(c);
    Checkout bare; // nothing is known of it
    bare.key.id = Text("");
    bare.acquired = scene.now() - std::chrono::hours{3};
    scene.put(bare);
    fixture.apply(scene.take(true));
    QStringList texts{page.findChild<PageTitle*>()->sentence()};
    for (int row = 0; row < page.table().model()->rowCount(); ++row) {
        choose(page, top(page, row));
        fixture.apply(scene.take());
        for (const QLabel* each : page.findChildren<QLabel*>()) {
            QCOMPARE(each->textFormat() == Qt::RichText, false);
            texts += each->text();
        }
        choose(page, page.table().model()->index(0, 0, top(page, row)));
        for (int column = 0; column < leakColumnCount; ++column) {
            texts += top(page, row).siblingAtColumn(column).data().toString();
            texts += page.table().currentIndex().siblingAtColumn(column).data().toString();
        }
        for (const QLabel* each : page.findChildren<QLabel*>())
            texts += each->text();
        texts += stackText(page.findChild<FrameList*>()->stack().get());
        page.grab();
    }
    for (const QString& text : texts) {
        QVERIFY(!text.contains(QChar(0x1b)));
        QVERIFY(!text.contains(QChar(0x202e)));
        QVERIFY2(text.size() < 40000, qPrintable(text.left(100)));
    }
    QVERIFY(texts.join(u' ').contains(QStringLiteral("<img src='file:///etc/passwd'>")));
    QVERIFY(texts.join(u' ').contains(Formatter::notReported()));
}

void LeaksPageTest::pictures()
{
    PoolScene scene;
    for (const auto mode : {Theme::Mode::light, Theme::Mode::dark}) {
        const QString theme = Theme::nameOf(mode);
        for (const QSize size : {QSize(1224, 650), QSize(1240, 750), QSize(2320, 1290)}) {
            PageFixture fixture(size);
            Theme::current().setMode(mode);
            LeaksPage& page = leaks(fixture);
            fixture.apply(scene.take(true));
            const QString name = QStringLiteral("%1-%2").arg(theme).arg(size.width());
            shoot(fixture, name + QStringLiteral("-place"));
            choose(page, page.table().model()->index(2, 0, top(page, 0)));
            shoot(fixture, name + QStringLiteral("-checkout"));
            choose(page, page.table().model()->index(0, 0, top(page, 1)));
            shoot(fixture, name + QStringLiteral("-longrunning"));
        }
        PageFixture fixture;
        leaks(fixture);
        shoot(fixture, theme + QStringLiteral("-nothing"));
        Update quiet = scene.whole();
        quiet.checkouts.clear();
        quiet.targets.front().places.clear();
        fixture.apply(quiet);
        shoot(fixture, theme + QStringLiteral("-empty"));
        SyntheticUpdates server;
        server.put(48213, SessionState::idle_in_transaction, "billing", std::chrono::seconds{400});
        server.put(48214, SessionState::idle_in_transaction, "billing", std::chrono::seconds{90});
        Update both = server.take(true);
        scene.join(both);
        fixture.apply(both);
        shoot(fixture, theme + QStringLiteral("-both"));
        fixture.show("overview");
        shoot(fixture, theme + QStringLiteral("-overview-both"));
        Update old = scene.whole();
        old.targets.front().status = {Reach::failing, "The socket was closed.", {}, {}};
        old.now += std::chrono::seconds{40};
        fixture.apply(old);
        shoot(fixture, theme + QStringLiteral("-overview"));
        leaks(fixture);
        shoot(fixture, theme + QStringLiteral("-stale"));
    }
    Theme::current().setMode(Theme::Mode::light);
}

QTEST_MAIN(LeaksPageTest)
#include "tst_leakspage.moc"
