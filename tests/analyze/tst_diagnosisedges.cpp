// SPDX-License-Identifier: GPL-3.0-or-later
// How an incident begins and ends: what was before it, what was read a moment too early or too
// late, and what its end leaves behind must not be taken for a cause.
#include "tests/analyze/incidentscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

bool names(const Diagnosis& diagnosis, Cause cause)
{
    return std::find(diagnosis.candidates.begin(), diagnosis.candidates.end(), cause) !=
           diagnosis.candidates.end();
}

std::string told_of(const Diagnosis* diagnosis)
{
    return diagnosis == nullptr ? "nothing" : std::string{name_of(diagnosis->cause)};
}

void give_back_all(Scene& scene, const std::function<bool(const Scene::Held&)>& which)
{
    std::vector<std::string> ids;
    for (const Scene::Held& held : scene.all_held()) {
        if (which(held))
            ids.push_back(held.id);
    }
    for (const std::string& id : ids)
        scene.give_back(id);
}

/// Two of them out at a time, and sixty that come and go between two readings.
void everyday(Scene& scene, int seconds, std::size_t most = 2)
{
    for (int i = 0; i < seconds; ++i) {
        while (scene.lent() < most)
            scene.lend(52, Does::working);
        scene.brief(52, 60, 20ms);
        scene.second();
        give_back_all(scene, [](const auto& held) { return held.line == 52; });
    }
}

} // namespace

class TestDiagnosisEdges : public QObject
{
    Q_OBJECT
private slots:
    void aLoneReadingBeginsNothing_data();
    void aLoneReadingBeginsNothing();
    void longUseHasNoUsual();
    void leaksTakenBack();
    void aLockLetGo();
    void aServerThatIsBack_data();
    void aServerThatIsBack();
    void aLeakOnTheWayOfAnError();
    void aSpikeThatEnds();
    void someAreHeldForLong_data();
    void someAreHeldForLong();
    void aLoadThatLeavesRoom_data();
    void aLoadThatLeavesRoom();
    void whatComesBackLate_data();
    void whatComesBackLate();
    void waitsBetweenReadings_data();
    void waitsBetweenReadings();
};

void TestDiagnosisEdges::aLoneReadingBeginsNothing_data()
{
    QTest::addColumn<bool>("agent");
    QTest::addColumn<bool>("server");
    QTest::addColumn<bool>("idle");
    QTest::addColumn<QByteArray>("cause");
    QTest::newRow("agent") << true << false << false << QByteArray("undecided");
    QTest::newRow("agent and server") << true << true << false << QByteArray("slow_statements");
    QTest::newRow("metrics") << false << false << false << QByteArray("undecided");
    QTest::newRow("metrics and server") << false << true << false << QByteArray("slow_statements");
    QTest::newRow("idle by metrics") << false << true << true << QByteArray("held_while_idle");
}

/// A small pool is all lent now and then, with nobody waiting: what was before that is its past,
/// and that is needed to see that its statements take thirty times as long.
void TestDiagnosisEdges::aLoneReadingBeginsNothing()
{
    QFETCH(const bool, agent);
    QFETCH(const bool, server);
    QFETCH(const bool, idle);
    Scene scene{{agent, false, server, !agent}, 5s};
    for (int i = 10; i > 4; --i)
        scene.disconnect(i);
    scene.max = 4;
    scene.just_made();
    scene.second();
    everyday(scene, 12);
    everyday(scene, 5, 4); // all of them, as it is read
    everyday(scene, 7);
    int serial = 0;
    std::map<std::string, int> ends;
    for (int i = 0; i < 30; ++i) {
        // Each takes 0.7 s: of five or six in a second the last four are out as it is read.
        give_back_all(scene, [](const auto&) { return true; });
        scene.brief(52, 2, 700ms);
        while (scene.lent() < 4) {
            Scene::Held& held = scene.held(scene.lend(52, Does::working, "SELECT lookup()"));
            held.since = scene.now() + 300ms + 50ms * (serial++ % 4);
            held.does_since = held.since;
            if (idle)
                held.does = Does::idle;
        }
        scene.pending = 3;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY2(d == nullptr ||
                     (d->cause != Cause::pool_too_small && d->cause != Cause::load_spike),
                 d == nullptr ? "" : d->sentence.c_str());
        if (d != nullptr && d->cause == Cause::undecided)
            QVERIFY2(names(*d, idle ? Cause::held_while_idle : Cause::slow_statements),
                     d->sentence.c_str());
    }
    QFETCH(const QByteArray, cause);
    QCOMPARE(told_of(scene.of_pool()), cause.toStdString());
}

/// Nothing was seen before it: calls of 7 s are no usual load of a pool that is too small.
void TestDiagnosisEdges::longUseHasNoUsual()
{
    Scene scene{{true, false, false, false}, 5s};
    for (int i = 10; i > 6; --i)
        scene.disconnect(i);
    scene.max = 6;
    scene.just_made();
    for (int i = 0; i < 40; ++i) {
        give_back_all(scene, [&](const auto& held) { return scene.now() - held.since >= 7s; });
        while (scene.lent() < 6)
            scene.lend(61, Does::idle);
        scene.pending = 4;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY2(d == nullptr || d->cause == Cause::undecided,
                 d == nullptr ? "" : d->sentence.c_str());
    }
    QVERIFY(scene.of_pool() != nullptr && names(*scene.of_pool(), Cause::held_while_idle));
}

/// Somebody ends the leak at once, as a restart of what leaks does: what comes back then was not
/// held while idle.
void TestDiagnosisEdges::leaksTakenBack()
{
    Scene scene{{true, true, true, false}};
    everyday(scene, 60);
    for (int i = 0; i < 32; ++i) {
        if (i % 2 == 0 && i < 20)
            scene.held(scene.lend(88, Does::working)).does = Does::idle;
        scene.pending = i >= 18 ? 4 : 0;
        scene.second();
    }
    QCOMPARE(told_of(scene.of_pool()), std::string("leak"));
    scene.pending = 0;
    for (const std::size_t left : {6U, 5U, 5U, 0U, 0U, 0U, 0U, 0U, 0U, 0U}) {
        std::size_t out = scene.lent();
        give_back_all(scene, [&](const auto&) { return out > left && out-- > 0; });
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY2(d == nullptr || d->cause == Cause::leak || d->cause == Cause::undecided,
                 d == nullptr ? "" : d->sentence.c_str());
    }
    QCOMPARE(told_of(scene.of_pool()), std::string("nothing"));
}

/// The server tells that it is over before the process does: what waited did not run for 20 s.
void TestDiagnosisEdges::aLockLetGo()
{
    for (const bool all_moved : {true, false}) {
        Scene scene{{true, true, true, false}};
        everyday(scene, 60);
        scene.session(77, SessionState::idle_in_transaction, "billing");
        for (int i = 0; i < 34; ++i) {
            while (scene.lent() < 10)
                scene.block(scene.lend(54, Does::blocked, "SELECT n FROM stock"), 77);
            scene.pending = 4;
            scene.second();
        }
        QCOMPARE(told_of(scene.of_pool()), std::string("lock_pile_up"));
        scene.others().clear();
        std::vector<std::string> ids;
        for (const Scene::Held& held : scene.all_held())
            ids.push_back(held.id);
        for (const std::string& id : ids) {
            scene.held(id).does = Does::working;
            if (all_moved)
                scene.held(id).does_since = scene.now() + 400ms;
        }
        scene.server_alone();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY(d != nullptr);
        QVERIFY2(d->cause == Cause::undecided, d->sentence.c_str());
        QVERIFY(names(*d, Cause::lock_pile_up));
    }
}

void TestDiagnosisEdges::aServerThatIsBack_data()
{
    QTest::addColumn<bool>("agent");
    QTest::newRow("agent") << true;
    QTest::newRow("metrics") << false;
}

/// What its connections ran while it gave no answer is not slow.
void TestDiagnosisEdges::aServerThatIsBack()
{
    QFETCH(const bool, agent);
    Scene scene{{agent, false, true, !agent}};
    everyday(scene, 61);
    while (scene.lent() < 10)
        scene.lend(52, Does::working);
    scene.pending = 4;
    scene.answers(false);
    scene.run(24, [](int) {});
    QCOMPARE(told_of(scene.of_pool()), std::string("server_gone"));
    scene.answers(true);
    for (int i = 0; i < 12; ++i) {
        if (agent || i < 2)
            scene.server_alone(); // they still seem to run: the pool was not read since
        const Diagnosis* d = scene.of_pool();
        QVERIFY2(d == nullptr || d->cause == Cause::undecided,
                 d == nullptr ? "" : d->sentence.c_str());
        QVERIFY(d == nullptr || names(*d, Cause::server_gone));
        if (i == 1) {
            give_back_all(scene, [](const auto&) { return true; });
            scene.pending = 0;
        }
        if (i >= 1)
            everyday(scene, 1);
        d = scene.of_pool();
        QVERIFY2(d == nullptr || d->cause == Cause::undecided,
                 d == nullptr ? "" : d->sentence.c_str());
    }
}

/// One of ten is lost, until all are within two seconds: others of that line passed between the
/// first and the last of them.
void TestDiagnosisEdges::aLeakOnTheWayOfAnError()
{
    Scene scene{{true, false, true, false}};
    everyday(scene, 60);
    int told_at = -1;
    for (int i = 0; i < 25; ++i) {
        for (int k = 0; i < 3 && k < (i == 2 ? 2 : 4); ++k)
            scene.held(scene.lend(52, Does::working)).does = Does::idle;
        if (i < 2)
            scene.brief(52, 36, 12ms);
        scene.pending = i >= 2 ? 5 : 0;
        scene.second();
        if (told_at < 0 && told_of(scene.of_pool()) == "leak")
            told_at = i + 1;
    }
    QVERIFY2(told_at > 0 && told_at <= 17, qPrintable(QString::number(told_at)));
}

/// As a spike of 1.6 times ends, the calm behind it makes no small pool of it.
void TestDiagnosisEdges::aSpikeThatEnds()
{
    Scene scene{{true, true, false, false}};
    const auto go = [&](int seconds, std::size_t out, std::uint64_t count, std::int64_t wait) {
        for (int i = 0; i < seconds; ++i) {
            while (scene.lent() < out)
                scene.lend(52, Does::working);
            scene.brief(52, count, 20ms);
            scene.pending = wait;
            scene.second();
            const Diagnosis* const d = scene.of_pool();
            QVERIFY2(d == nullptr || d->cause == Cause::load_spike, d ? d->sentence.c_str() : "");
            give_back_all(scene, [](const auto&) { return true; });
        }
    };
    go(125, 6, 294, 0);
    go(14, 10, 470, 5);
    QCOMPARE(told_of(scene.of_pool()), std::string("load_spike"));
    go(12, 6, 294, 0);
    QCOMPARE(told_of(scene.of_pool()), std::string("nothing"));
}

void TestDiagnosisEdges::someAreHeldForLong_data()
{
    QTest::addColumn<int>("brief");
    QTest::newRow("what passes takes the rest") << 94;
    QTest::newRow("what passes takes a part of the rest") << 55;
}

/// Four of ten are held for five seconds each, all at the same time: in the moment when all of them
/// were lent anew they are still what the others wait for.
void TestDiagnosisEdges::someAreHeldForLong()
{
    QFETCH(const int, brief);
    Scene scene{{true, false, true, false}};
    bool held = false;
    for (int i = 0; i < 150; ++i) {
        const bool trouble = i >= 125;
        give_back_all(scene, [&](const auto& h) { return h.line != 61 || i % 5 == 0; });
        while (trouble && i % 5 == 0 && scene.lent() < 4)
            scene.held(scene.lend(61, Does::working)).does = Does::idle;
        while (scene.lent() < (trouble ? 10U : 6U)) {
            Scene::Held& passing = scene.held(scene.lend(52, Does::working));
            passing.since = passing.does_since = scene.now() + 950ms;
        }
        scene.brief(52, static_cast<std::uint64_t>(brief), 60ms);
        scene.pending = trouble ? 3 : 0;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY2(d == nullptr || d->cause == Cause::held_while_idle ||
                     (d->cause == Cause::undecided && names(*d, Cause::held_while_idle)),
                 d == nullptr ? "" : d->sentence.c_str());
        held = held || (d != nullptr && d->cause == Cause::held_while_idle);
    }
    QVERIFY(held);
}

void TestDiagnosisEdges::aLoadThatLeavesRoom_data()
{
    QTest::addColumn<bool>("server");
    QTest::newRow("agent") << false;
    QTest::newRow("agent and server") << true;
}

/// Eight, and a load that takes five of them at once, as ever. Three others are out, for what the
/// usual ones take at times: for a few seconds nothing but what they leave unexplained tells of
/// them.
void TestDiagnosisEdges::aLoadThatLeavesRoom()
{
    QFETCH(const bool, server);
    Scene scene{{true, false, server, false}};
    scene.max = 8;
    scene.disconnect(10);
    scene.disconnect(9);
    bool doubted = false;
    for (int i = 0; i < 134; ++i) {
        const bool trouble = i >= 125;
        give_back_all(scene, [](const auto& h) { return h.line == 52; });
        if (i == 125) {
            for (int k = 0; k < 3; ++k)
                scene.held(scene.lend(61, Does::working)).does = Does::idle;
        }
        while (scene.lent() < (trouble ? 8U : 5U)) {
            Scene::Held& passing = scene.held(scene.lend(52, Does::working));
            passing.since = passing.does_since = scene.now() + 400ms;
        }
        scene.brief(52, 4, 500ms);
        scene.pending = trouble ? 3 : 0;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY2(d == nullptr || d->cause != Cause::pool_too_small, d ? d->sentence.c_str() : "");
        doubted = doubted || (d != nullptr && d->cause == Cause::undecided &&
                              names(*d, Cause::pool_too_small) && names(*d, Cause::leak));
    }
    QVERIFY(doubted);
}

void TestDiagnosisEdges::whatComesBackLate_data()
{
    aLoadThatLeavesRoom_data();
}

/// Three of ten are held for three seconds each, one after the other: too short to be stuck, and
/// too few to make the mean use time much longer. Seven at once were enough for the usual load.
void TestDiagnosisEdges::whatComesBackLate()
{
    QFETCH(const bool, server);
    Scene scene{{true, false, server, false}};
    for (int i = 0; i < 150; ++i) {
        give_back_all(scene,
                      [&](const auto& h) { return h.line == 52 || scene.now() - h.since >= 3s; });
        if (i >= 125)
            scene.held(scene.lend(61, Does::working)).does = Does::idle;
        for (int k = 0; k < 7; ++k) {
            Scene::Held& passing = scene.held(scene.lend(52, Does::working));
            passing.since = passing.does_since = scene.now() + 650ms;
        }
        scene.brief(52, 13, 350ms);
        scene.pending = scene.lent() == 10 ? 3 : 0;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        QVERIFY2(d == nullptr || (d->cause == Cause::undecided && names(*d, Cause::pool_too_small)),
                 d == nullptr ? "" : d->sentence.c_str());
    }
    QCOMPARE(told_of(scene.of_pool()), std::string("undecided"));
    QCOMPARE(scene.of_pool()->candidates.front(), Cause::held_while_idle);
}

void TestDiagnosisEdges::waitsBetweenReadings_data()
{
    QTest::addColumn<std::size_t>("lent");
    QTest::addColumn<bool>("exhausted");
    QTest::newRow("all are lent") << std::size_t{10} << true;
    QTest::newRow("some are free") << std::size_t{8} << false;
}

/// Metrics are read each five seconds: somebody waits at one reading of three. That counts where
/// all are lent at the others as well.
void TestDiagnosisEdges::waitsBetweenReadings()
{
    QFETCH(const std::size_t, lent);
    QFETCH(const bool, exhausted);
    Scene scene{{false, false, false, true}};
    everyday(scene, 60);
    bool told = false;
    for (int i = 0; i < 45; ++i) {
        const bool waits = i % 15 < 5;
        while (scene.lent() < (waits ? std::size_t{10} : lent))
            scene.lend(61, Does::working);
        scene.brief(61, 20, 500ms);
        scene.pending = waits ? 3 : 0;
        scene.second();
        give_back_all(scene, [](const auto&) { return true; });
        told = told || scene.of_pool() != nullptr;
    }
    QCOMPARE(told, exhausted);
}

QTEST_APPLESS_MAIN(TestDiagnosisEdges)
#include "tst_diagnosisedges.moc"
