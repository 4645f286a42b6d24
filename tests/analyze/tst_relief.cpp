// SPDX-License-Identifier: GPL-3.0-or-later
// What helps now, and how little that is where it is little: never more ends than are safe.
#include "tests/analyze/incidentscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

std::string told(const Diagnosis* diagnosis)
{
    return diagnosis == nullptr ? "nothing"
           : diagnosis->relief  ? diagnosis->relief->sentence
                                : diagnosis->sentence;
}

/// Two of them out at a time, and sixty that come and go between two readings.
void everyday(Scene& scene, int seconds = 60)
{
    for (int i = 0; i < seconds; ++i) {
        std::vector<std::string> out;
        while (scene.lent() < 2)
            out.push_back(scene.lend(52, Does::working));
        scene.brief(52, 60, 20ms);
        scene.second();
        for (const std::string& id : out)
            scene.give_back(id);
    }
}

/// Ten that the same line holds, idle on the server, and others that wait for one.
std::vector<std::string> lose(Scene& scene, int seconds, Does does = Does::idle)
{
    std::vector<std::string> ids;
    for (int i = 0; i < 10; ++i) {
        ids.push_back(scene.lend(88, Does::working));
        scene.held(ids.back()).does = does;
    }
    scene.pending = 4;
    scene.run(seconds, [](int) {});
    return ids;
}

void mayReclaim(Scene& scene)
{
    AgentFacts facts;
    facts.process = "shop-api";
    facts.can = {"connections", "stacks", "stats", "use_time", "pending", "timeouts", "use"};
    facts.may_reclaim = true;
    scene.observe(AgentReported{facts}, Scene::process);
}

/// Whoever is first in the queue holds its lock for two seconds, gives back, and the next is first.
class Turns
{
public:
    explicit Turns(Scene& scene)
        : scene_(scene)
    {}
    void pass(int seconds)
    {
        for (int i = 0; i < seconds; ++i) {
            if (i % 2 == 0 && !queue_.empty()) {
                scene_.give_back(queue_.front());
                queue_.erase(queue_.begin());
            }
            while (scene_.lent() < 10)
                queue_.push_back(scene_.lend(54, Does::blocked, "UPDATE stock SET n = n - 1"));
            Scene::Held& head = scene_.held(queue_.front());
            if (head.does == Does::blocked) {
                head.does = Does::working;
                head.does_since = scene_.now();
            }
            for (std::size_t k = 1; k < queue_.size(); ++k) {
                const Timestamp since = scene_.held(queue_[k]).does_since;
                scene_.block(queue_[k], 5000 + head.connection);
                scene_.held(queue_[k]).does_since = since;
            }
            scene_.pending = 4;
            scene_.second();
        }
    }

private:
    Scene& scene_;
    std::vector<std::string> queue_;
};

} // namespace

class TestRelief : public QObject
{
    Q_OBJECT
private slots:
    void allOfALine();
    void workIsRolledBack();
    void noMoreThanIsSure();
    void notBeforeItIsSure();
    void takenBackByItsPool();
    void heldForAMoment();
    void busyOnes();
    void aQueueThatRenewsItself();
    void aQueueBehindOne_data();
    void aQueueBehindOne();
    void aQueueThatGoesOnInTurn();
    void aQueueOfAServer_data();
    void aQueueOfAServer();
};

void TestRelief::allOfALine()
{
    Scene scene{{true, true, true, false}};
    everyday(scene);
    lose(scene, 45);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief && d->relief->session);
    QCOMPARE(d->relief->sentence,
             std::string("End session 5001 of shop (10.0.0.5): that frees 1 of 10 connections that "
                         "the same line holds. To free all of them end sessions 5002, 5003, 5004, "
                         "5005, 5006, 5007, 5008, 5009, 5010 too: they are lost as surely, and "
                         "idle on shop-db."));
    QCOMPARE(d->relief->frees, 1);
}

void TestRelief::workIsRolledBack()
{
    Scene scene{{true, true, true, false}};
    everyday(scene);
    lose(scene, 45, Does::open);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief);
    QVERIFY2(told(d).ends_with("idle on shop-db; what their open transactions did is rolled back."),
             told(d).c_str());
}

/// One of them works, one was lent later: they are none of the lost ones.
void TestRelief::noMoreThanIsSure()
{
    Scene scene{{true, true, true, false}};
    everyday(scene);
    const std::vector<std::string> ids = lose(scene, 25);
    scene.held(ids[1]).does = Does::working;
    scene.held(ids[1]).does_since = scene.now();
    scene.give_back(ids[2]);
    scene.held(scene.lend(88, Does::working)).does = Does::idle; // by the same connection: 5003
    scene.run(20, [](int) {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief);
    QCOMPARE(d->cause, Cause::leak);
    QCOMPARE(d->relief->session->pid.value, std::int64_t{5001});
    QVERIFY2(told(d).ends_with(" To free more of them end sessions 5004, 5005, 5006, 5007, 5008, "
                               "5009, 5010 too: they are lost as surely, and idle on shop-db."),
             told(d).c_str());
}

/// Before its threshold it may still come back: the first is no such loss, ten would be.
void TestRelief::notBeforeItIsSure()
{
    Scene scene{{true, true, true, false}};
    everyday(scene);
    lose(scene, 20);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief);
    QCOMPARE(d->cause, Cause::leak);
    QCOMPARE(d->confidence, Confidence::medium);
    QVERIFY2(told(d).ends_with("frees 1 of 10 connections that the same line holds. A restart of "
                               "shop-api frees all of them."),
             told(d).c_str());
}

void TestRelief::takenBackByItsPool()
{
    Scene scene{{true, true, false, false}};
    mayReclaim(scene);
    everyday(scene);
    lose(scene, 45);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief && d->relief->checkout && !d->relief->session);
    QVERIFY2(told(d).starts_with("Reclaim checkout ") &&
                 told(d).ends_with(": that frees 1 of 10 connections that the same line holds."),
             told(d).c_str());
}

/// Each is held for two seconds, and all of them come back.
void TestRelief::heldForAMoment()
{
    Scene scene{{true, true, true, false}};
    everyday(scene, 120);
    int told_so = 0;
    for (int i = 0; i < 40; ++i) {
        std::vector<std::string> done;
        for (const auto& held : scene.all_held()) {
            if (scene.now() - held.since >= 3s)
                done.push_back(held.id);
        }
        for (const std::string& id : done)
            scene.give_back(id);
        for (int k = 0; k < 4 && scene.lent() < 10; ++k)
            scene.held(scene.lend(61, Does::working)).does = Does::idle;
        scene.pending = 5;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        if (d == nullptr || d->cause != Cause::held_while_idle)
            continue;
        QVERIFY(d->relief);
        QVERIFY2(told(d).find("That helps for a moment only: each comes back by itself (the "
                              "longest is out for ") != std::string::npos,
                 told(d).c_str());
        ++told_so;
    }
    QVERIFY(told_so > 10);
}

/// Statements that take long are ended one by one: what they do may be wanted.
void TestRelief::busyOnes()
{
    Scene scene{{true, true, true, false}};
    everyday(scene);
    lose(scene, 60, Does::working);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief);
    QCOMPARE(d->cause, Cause::slow_statements);
    QCOMPARE(
        d->relief->sentence,
        std::string("Cancel the statement of session 5001 of shop (10.0.0.5): that frees 1 of "
                    "10 connections that are busy like it. Cancel 5002, 5003, 5004 too, the next "
                    "oldest, and all of the 4 that wait go on. What comes next runs the "
                    "same."));
}

void TestRelief::aQueueThatRenewsItself()
{
    Scene scene{{true, true, true, false}};
    everyday(scene);
    Turns turns{scene};
    turns.pass(25);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr && d->relief && d->relief->session);
    QCOMPARE(d->cause, Cause::lock_pile_up);
    QVERIFY2(told(d).find(": that helps for a moment only. It has been at it for ") !=
                     std::string::npos &&
                 told(d).ends_with(": the next of the 9 sessions behind it takes its place."),
             told(d).c_str());
    QCOMPARE(d->relief->frees, 1);
    QVERIFY(scene.of_server() == nullptr); // it is said once
}

void TestRelief::aQueueBehindOne_data()
{
    QTest::addColumn<bool>("another");
    QTest::newRow("alone") << false;
    QTest::newRow("beside another") << true;
}

/// In its transaction for as long as there is a queue: its end ends that.
void TestRelief::aQueueBehindOne()
{
    QFETCH(const bool, another);
    Scene scene{{true, true, true, false}};
    if (another) { // of others, for another lock, and much older
        scene.session(900, SessionState::active, "reports");
        for (int pid = 901; pid < 921; ++pid) {
            scene.session(pid, SessionState::waiting, "reports");
            scene.others().at(pid).blocked_by = {Pid{900}};
        }
    }
    everyday(scene);
    scene.session(77, SessionState::idle_in_transaction, "billing");
    // At the beginning the queue is no older than it either.
    for (int i = 0; i < 25; ++i) {
        while (scene.lent() < 10)
            scene.block(scene.lend(54, Does::blocked, "SELECT n FROM stock"), 77);
        scene.pending = 4;
        scene.second();
        const Diagnosis* const d = scene.of_pool();
        if (d == nullptr || d->cause != Cause::lock_pile_up)
            continue;
        QVERIFY2(told(d).ends_with(": 10 sessions can go on."), told(d).c_str());
        QCOMPARE(d->relief->frees, 10);
    }
    QVERIFY(scene.of_pool() != nullptr && scene.of_pool()->cause == Cause::lock_pile_up);
}

/// The server names whoever stands ahead, too; and one waits for one that waits.
void TestRelief::aQueueThatGoesOnInTurn()
{
    Scene scene{{false, false, true, false}};
    scene.session(77, SessionState::idle_in_transaction);
    std::vector<Pid> ahead{Pid{77}};
    for (int pid = 300; pid < 304; ++pid) {
        scene.session(pid, SessionState::waiting);
        scene.others().at(pid).blocked_by = ahead;
        ahead.push_back(Pid{pid});
    }
    scene.session(310, SessionState::waiting);
    scene.others().at(310).blocked_by = {Pid{300}};
    scene.run(10, [](int) {});
    const Diagnosis* const d = scene.of_server();
    QVERIFY(d != nullptr && d->relief && d->relief->session);
    QCOMPARE(d->relief->frees, 5);
    QVERIFY2(told(d).ends_with(": 1 session can go on at once, and 4 more behind it."),
             told(d).c_str());
}

void TestRelief::aQueueOfAServer_data()
{
    QTest::addColumn<bool>("renews");
    QTest::newRow("one head") << false;
    QTest::newRow("others each second") << true;
}

/// Without a pool attached, too.
void TestRelief::aQueueOfAServer()
{
    QFETCH(const bool, renews);
    Scene scene{{false, false, true, false}};
    scene.session(77, SessionState::active);
    for (int pid = 300; pid < 306; ++pid) {
        scene.session(pid, SessionState::waiting);
        scene.others().at(pid).blocked_by = {Pid{77}};
    }
    int head = 77;
    for (int i = 0; i < 20; ++i) {
        if (renews && i % 2 == 0 && i > 0) {
            scene.others().erase(head++);
            scene.session(head, SessionState::active);
            for (int pid = 300; pid < 306; ++pid)
                scene.others().at(pid).blocked_by = {Pid{head}};
        }
        scene.second();
    }
    const Diagnosis* const d = scene.of_server();
    QVERIFY(d != nullptr && d->relief && d->relief->session);
    QCOMPARE(d->cause, Cause::lock_pile_up);
    QCOMPARE(d->relief->frees, renews ? 1 : 6);
    QVERIFY2(told(d).ends_with(renews ? ": the next of the 6 sessions behind it takes its place."
                                      : ": 6 sessions can go on."),
             told(d).c_str());
}

QTEST_APPLESS_MAIN(TestRelief)
#include "tst_relief.moc"
