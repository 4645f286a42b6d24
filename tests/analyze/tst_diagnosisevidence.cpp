// SPDX-License-Identifier: GPL-3.0-or-later
// What a diagnosis shows first, and the figures of its advice: somebody acts on them.
#include "tests/analyze/incidentscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

void everyday(Scene& scene)
{
    std::vector<std::string> open;
    scene.run(120, [&](int) {
        for (const std::string& id : open)
            scene.give_back(id);
        open = {scene.lend(52, Does::working)};
        scene.brief(52, 60, 20ms);
    });
    scene.give_back(open.front());
}

} // namespace

class TestDiagnosisEvidence : public QObject
{
    Q_OBJECT
private slots:
    void whoBlocksComesFirst();
    void whoFillsTheServer();
    void whatHasChangedComesFirst();
    void aCeilingIsNoDemand();
    void bypass_data();
    void bypass();
};

void TestDiagnosisEvidence::whoBlocksComesFirst()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    scene.session(77, SessionState::idle_in_transaction, "billing", "10.0.0.9:33333");
    scene.others()[77].statement = Text{"UPDATE stock\n   SET n = 0\n WHERE id = 7"};
    scene.run(12, [&](int) {
        while (scene.lent() < 10)
            scene.block(scene.lend(52, Does::blocked, "UPDATE stock SET n = n - 1"), 77);
        scene.pending = 6;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::lock_pile_up);
    QVERIFY(d->evidence.size() >= 3);
    QCOMPARE(d->evidence[0].sentence,
             std::string("Session 77 ran last: UPDATE stock SET n = 0 WHERE id = 7"));
    QCOMPARE(d->evidence[0].page, std::string("sessions"));
    QVERIFY(d->evidence[0].session && d->evidence[0].session->pid.value == 77);
    QCOMPARE(d->evidence[1].sentence, std::string("10 sessions wait behind it."));
    QCOMPARE(d->evidence[1].page, std::string("blocking"));
    QVERIFY(d->evidence[2].sentence.starts_with("Checkout c-"));
}

void TestDiagnosisEvidence::whoFillsTheServer()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    for (int pid = 200; pid < 287; ++pid)
        scene.session(pid, pid < 202 ? SessionState::active : SessionState::idle, "reports",
                      "10.0.0.8:" + std::to_string(pid));
    scene.run(12, [](int) {});
    const Diagnosis* const d = scene.of_server();
    QVERIFY(d && d->cause == Cause::server_full);
    const std::string all = evidence(d);
    QVERIFY2(all.find("\n87 of reports (10.0.0.8), 85 of them idle; 10 of shop (10.0.0.5), 10 of "
                      "them idle.\n") != std::string::npos,
             all.c_str());
    QVERIFY(d->relief);
    QVERIFY2(d->relief->sentence.find(" too; what belongs to a pool will connect again.") !=
                 std::string::npos,
             d->relief->sentence.c_str());
    QVERIFY(d->prevention.find("connection limit") != std::string::npos);
}

/// The figures before and now, and then who is at it.
void TestDiagnosisEvidence::whatHasChangedComesFirst()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    scene.run(20, [&](int) {
        std::vector<std::string> done;
        for (const auto& held : scene.all_held()) {
            if (scene.now() - held.since >= 4s)
                done.push_back(held.id);
        }
        for (const std::string& id : done)
            scene.give_back(id);
        while (scene.lent() < 10)
            scene.lend(52, Does::working, "SELECT sum(total) FROM orders");
        scene.pending = 6;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(d->evidence.front().sentence.starts_with("In the last 10 s ") &&
                 d->evidence.front().sentence.ends_with("; before, it was 36.1 ms."),
             evidence(d).c_str());
    QVERIFY2(d->sentence.find(" so far, most of them SELECT sum(total)") != std::string::npos,
             d->sentence.c_str());
    QVERIFY(d->relief);
    QVERIFY2(d->relief->sentence.find("for a moment only") != std::string::npos ||
                 d->relief->sentence.ends_with(" What comes next runs the same."),
             d->relief->sentence.c_str());
}

/// While some wait, what is served is not what is asked for.
void TestDiagnosisEvidence::aCeilingIsNoDemand()
{
    Scene scene{{true, false, false, false}};
    everyday(scene);
    std::vector<std::string> open;
    scene.run(12, [&](int) {
        for (const std::string& id : open)
            scene.give_back(id);
        open.clear();
        while (scene.lent() < 10)
            open.push_back(scene.lend(52, Does::working));
        scene.brief(52, 440, 21ms);
        scene.pending = 30;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d);
    QCOMPARE(std::string(name_of(d->cause)), std::string("load_spike"));
    QVERIFY(d->relief && !d->relief->session && !d->relief->checkout);
    QVERIFY2(d->relief->sentence.starts_with("There is nothing to end: what is lent comes back"),
             d->relief->sentence.c_str());
    QVERIFY2(d->relief->sentence.find(" Or raise the pool's own max_connections from 10 to 40 (so "
                                      "many hold or want one now)") != std::string::npos,
             d->relief->sentence.c_str());
}

void TestDiagnosisEvidence::bypass_data()
{
    QTest::addColumn<bool>("agent");
    QTest::addColumn<bool>("server");
    QTest::addColumn<bool>("metrics");
    QTest::addColumn<QString>("expected");
    QTest::newRow("agent+server") << true << true << false << QStringLiteral("bypass");
    QTest::newRow("agent") << true << false << false << QStringLiteral("nothing");
    // Whose pools they pass is not known.
    QTest::newRow("server") << false << true << false << QStringLiteral("server_full");
    QTest::newRow("metrics") << false << false << true << QStringLiteral("nothing");
    QTest::newRow("metrics+server") << false << true << true << QStringLiteral("server_full");
}

/// The server is full of what its application opened past its pool, which itself lacks nothing.
void TestDiagnosisEvidence::bypass()
{
    QFETCH(bool, agent);
    QFETCH(bool, server);
    QFETCH(bool, metrics);
    QFETCH(QString, expected);
    Scene scene{{agent, false, server, metrics}};
    everyday(scene);
    scene.run(87, [&](int i) {
        scene.session(200 + i, SessionState::idle, "shop", "10.0.0.5:" + std::to_string(20000 + i),
                      0s);
    });
    everyday(scene);
    const Diagnosis* const d = scene.of_server();
    QCOMPARE(d ? QString::fromUtf8(name_of(d->cause)) : QStringLiteral("nothing"), expected);
    QVERIFY(!scene.of_pool());
    if (expected != QStringLiteral("bypass"))
        return;
    QCOMPARE(d->candidates, std::vector<Cause>{Cause::server_full});
    QVERIFY2(d->sentence.ends_with(" 87 of them belong to no pool."), d->sentence.c_str());
}

QTEST_APPLESS_MAIN(TestDiagnosisEvidence)
#include "tst_diagnosisevidence.moc"
