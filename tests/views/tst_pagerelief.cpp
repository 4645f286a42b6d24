// SPDX-License-Identifier: GPL-3.0-or-later
// What the overview offers against each trouble at once.
#include "tests/views/pagefixture.h"

#include <QLabel>
#include <QPushButton>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

class PageReliefTest : public QObject
{
    Q_OBJECT
private slots:
    void othersHaveButtons();
};

void PageReliefTest::othersHaveButtons()
{
    PageFixture f;
    SyntheticUpdates updates;
    const SessionKey idle = updates.put(70, SessionState::idle, "web", 400s).session.key;
    const SessionKey root =
        updates.put(71, SessionState::idle_in_transaction, "checkout-api", 40s).session.key;
    Update update = updates.take(true);
    Diagnosis full;
    full.target = update.targets.front().info.id;
    full.cause = Cause::server_full;
    full.confidence = Confidence::high;
    full.sentence = "shop-db is full.";
    full.relief = Relief{"End session 70.", idle, {}, 1};
    Diagnosis queue = full;
    queue.cause = Cause::lock_pile_up;
    queue.exhausted = false;
    queue.sentence = "On shop-db 6 sessions wait behind 71.";
    queue.relief = Relief{"End session 71: 6 can go on.", root, {}, 6};
    update.targets.front().diagnoses = {queue, full};
    f.apply(update);
    const Page& overview = f.show("overview");
    QCOMPARE(overview.findChild<QPushButton*>(QStringLiteral("relieve"))->text(),
             QStringLiteral("Terminate 70…"));
    auto* const other = overview.findChild<QPushButton*>(QStringLiteral("otherRelief"));
    QVERIFY(other && other->isVisible() && other->isEnabled());
    QCOMPARE(other->text(), QStringLiteral("Terminate 71…"));
    QCOMPARE(overview.findChild<QLabel*>(QStringLiteral("otherDiagnosis"))->text(),
             QStringLiteral("On shop-db 6 sessions wait behind 71."));
    int asked = 0;
    SessionKey whom;
    connect(f.context.get(), &ViewContext::commandRequested, this,
            [&](ActionVerb verb, const std::vector<SessionRow>& sessions) {
                asked += verb == ActionVerb::terminate && sessions.size() == 1;
                whom = sessions.front().session.key;
            });
    QTest::mouseClick(other, Qt::LeftButton);
    QCOMPARE(asked, 1);
    QCOMPARE(whom, root);
    // In the past it is as dead as the other one.
    Transport replay;
    replay.mode = Mode::replay;
    replay.cursor = update.now;
    replay.end = update.now + 60s;
    f.setTransport(replay);
    QVERIFY(other->isVisible() && !other->isEnabled());
    QVERIFY(!other->toolTip().isEmpty());
}

QTEST_MAIN(PageReliefTest)
#include "tst_pagerelief.moc"
