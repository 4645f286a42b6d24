// SPDX-License-Identifier: GPL-3.0-or-later
// Where a cause would be a guess: it is undecided, and names the guess among its candidates.
#include "core/model/refusal.h"
#include "tests/analyze/incidentscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

bool among(const Diagnosis& diagnosis, Cause cause)
{
    return std::find(diagnosis.candidates.begin(), diagnosis.candidates.end(), cause) !=
           diagnosis.candidates.end();
}

/// Many that are given back a second later, and brief ones beside them.
struct Churn
{
    Scene& scene;
    std::vector<std::string> open{};
    void operator()(std::size_t upTo, std::uint64_t brief = 0, Duration each = 0ms)
    {
        for (const std::string& id : open)
            scene.give_back(id);
        open.clear();
        while (scene.lent() < upTo)
            open.push_back(scene.lend(52, Does::working));
        if (brief > 0)
            scene.brief(52, brief, each);
    }
};

void give_back_old(Scene& scene, Duration age)
{
    std::vector<std::string> done;
    for (const auto& held : scene.all_held()) {
        if (scene.now() - held.since >= age)
            done.push_back(held.id);
    }
    for (const std::string& id : done)
        scene.give_back(id);
}

} // namespace

class TestDiagnosisDoubts : public QObject
{
    Q_OBJECT
private slots:
    void aFewLostOnesAreNoSmallPool_data();
    void aFewLostOnesAreNoSmallPool();
    void enoughIsTooSmall();
    void justAttached();
    void holdersByName_data();
    void holdersByName();
    void othersOnTheServer();
    void aServerElsewhere_data();
    void aServerElsewhere();
    void refusedFromTheFirst();
    void fullForAWhile();
    void fullByAQueue_data();
    void fullByAQueue();
    void slotsThatAreLeft_data();
    void slotsThatAreLeft();
    void wordsOfASpike();
    void aHelperThatEverybodyCalls();
};

void TestDiagnosisDoubts::aFewLostOnesAreNoSmallPool_data()
{
    QTest::addColumn<bool>("agent");
    QTest::newRow("agent") << true;
    QTest::newRow("metrics") << false;
}

/// 76 of 100 are needed, and 24 do not come back: less than a quarter.
void TestDiagnosisDoubts::aFewLostOnesAreNoSmallPool()
{
    QFETCH(const bool, agent);
    Scene scene{{agent, agent, false, !agent}};
    scene.max = 100;
    for (int i = 0; i < 90; ++i)
        scene.connect();
    Churn churn{scene};
    scene.run(125, [&](int) { churn(76); });
    scene.run(30, [&](int i) {
        churn(0);
        if (i == 0) {
            for (int k = 0; k < 24; ++k)
                scene.held(scene.lend(88, Does::working)).does = Does::idle;
        }
        churn(100);
        scene.pending = 3;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == Cause::undecided, d->sentence.c_str());
    QVERIFY(among(*d, Cause::leak) && among(*d, Cause::held_while_idle));
    QVERIFY(among(*d, Cause::pool_too_small));
}

void TestDiagnosisDoubts::enoughIsTooSmall()
{
    // The same without a lost one: there are too few.
    Scene scene{{true, true, false, false}};
    Churn churn{scene};
    scene.run(125, [&](int) { churn(9, 40, 10ms); });
    scene.run(30, [&](int) {
        churn(10, 45, 10ms);
        scene.pending = 3;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == Cause::pool_too_small, d->sentence.c_str());
}

void TestDiagnosisDoubts::justAttached()
{
    Scene scene{{true, true, false, false}};
    for (int i = 0; i < 9; ++i) {
        Scene::Held& held = scene.held(scene.lend(88, Does::idle));
        held.since = held.does_since = scene.now() - 10min;
    }
    Churn churn{scene};
    scene.pending = 4;
    const auto go = [&](int seconds) {
        scene.run(seconds, [&](int) { churn(10, 20, 20ms); });
    };
    go(20);
    const Diagnosis* d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == Cause::undecided, d->sentence.c_str());
    QVERIFY(among(*d, Cause::leak) && among(*d, Cause::held_while_idle));
    go(270); // now it is known that none of them comes back
    d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == Cause::leak, d->sentence.c_str());
    QCOMPARE(d->confidence, Confidence::high);
}

void TestDiagnosisDoubts::holdersByName_data()
{
    QTest::addColumn<QByteArray>("by");
    QTest::addColumn<QByteArray>("thread");
    QTest::addColumn<bool>("tagged");
    QTest::addColumn<QByteArray>("name");
    QTest::newRow("request") << QByteArray("POST /orders") << QByteArray("worker-3") << true
                             << QByteArray("Lent to POST /orders, order=771201, tenant=eu-2,");
    QTest::newRow("thread") << QByteArray() << QByteArray("worker-3") << false
                            << QByteArray("Lent to thread worker-3,");
    QTest::newRow("tags") << QByteArray() << QByteArray() << true
                          << QByteArray("Lent to order=771201, tenant=eu-2,");
    QTest::newRow("nothing") << QByteArray() << QByteArray() << false
                             << QByteArray("Checkout c-10001, lent");
}

/// By what the application calls it, not by a number that it never heard of; and how many more
/// there are.
void TestDiagnosisDoubts::holdersByName()
{
    QFETCH(const QByteArray, by);
    QFETCH(const QByteArray, thread);
    QFETCH(const bool, tagged);
    QFETCH(const QByteArray, name);
    Scene scene{{true, true, true, false}};
    scene.acquired_by = by.toStdString();
    scene.thread = thread.toStdString();
    if (tagged)
        scene.tags = {{Text{"order"}, Text{"771201"}},
                      {Text{"tenant"}, Text{"eu-2"}},
                      {Text{"more"}, Text{"x"}}};
    for (int i = 0; i < 9; ++i)
        scene.lend(88, Does::idle);
    Churn churn{scene};
    scene.pending = 4;
    scene.run(60, [&](int) { churn(10, 20, 20ms); });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == Cause::leak, d->sentence.c_str());
    QVERIFY(!d->evidence.empty() && d->evidence.front().checkout);
    QVERIFY2(d->evidence.front().sentence.starts_with(name.toStdString() + " for "),
             d->evidence.front().sentence.c_str());
    QVERIFY(d->relief);
    QVERIFY2(d->relief->session ||
                 d->relief->sentence.starts_with("Reclaim the connection lent ") ||
                 d->relief->sentence.starts_with("Reclaim checkout "),
             d->relief->sentence.c_str());
    QVERIFY2(d->relief->sentence.find("frees 1 of 9 connections that the same line holds.") !=
                 std::string::npos,
             d->relief->sentence.c_str());
}

void TestDiagnosisDoubts::othersOnTheServer()
{
    // What the pool's own sessions do cannot be told from what twenty of somebody else do.
    for (const int others : {0, 20}) {
        Scene scene{{false, false, true, true}};
        for (int i = 0; i < others; ++i)
            scene.session(300 + i, SessionState::idle, "reports");
        Churn churn{scene};
        scene.run(125, [&](int) { churn(2, 60, 20ms); });
        churn(0);
        scene.run(20, [&](int) {
            give_back_old(scene, 4s);
            for (int i = 0; scene.lent() < 10 && i < 4; ++i)
                scene.held(scene.lend(61, Does::working)).does = Does::idle;
            scene.pending = scene.lent() == 10 ? 5 : 0;
        });
        const Diagnosis* const d = scene.of_pool();
        QVERIFY(d != nullptr);
        QVERIFY2(d->cause == (others > 0 ? Cause::undecided : Cause::held_while_idle),
                 d->sentence.c_str());
    }
}

void TestDiagnosisDoubts::aServerElsewhere_data()
{
    QTest::addColumn<QByteArray>("address");
    QTest::addColumn<QByteArray>("behindPooler"); // what one at db:6432 leads to; empty: none
    QTest::addColumn<bool>("own");
    const auto row = [](const char* name, const char* address, const char* behind, bool own) {
        QTest::newRow(name) << QByteArray(address) << QByteArray(behind) << own;
    };
    row("not told", "", "", true);
    row("its own", "postgresql://db:5432/shop", "", true);
    row("of another host", "postgresql://elsewhere:5432/shop", "", false);
    row("of another port", "postgresql://db:6432/shop", "", false);
    row("through a pooler", "postgresql://db:6432/shop", "db:5432/shop", true);
    row("through a pooler to another", "postgresql://db:6432/shop", "elsewhere:5432/shop", false);
    row("not through that pooler", "postgresql://elsewhere:5432/shop", "db:5432/shop", false);
}

/// What the sessions of the only server attached do says nothing of a pool of another server's.
void TestDiagnosisDoubts::aServerElsewhere()
{
    QFETCH(const QByteArray, address);
    QFETCH(const QByteArray, behindPooler);
    QFETCH(const bool, own);
    Scene scene{{false, false, true, true}};
    if (!address.isEmpty())
        scene.address = Text{address.toStdString()};
    if (!behindPooler.isEmpty()) {
        const TargetId pooler{3};
        scene.observe(TargetAttached{{pooler, "pgbouncer", "pooler", "pgbouncer://admin@db:6432"}},
                      pooler);
        scene.observe(StatusChanged{{Reach::up, {}, {}, {}}}, pooler);
        PoolSample sample;
        sample.full = true;
        Pool& pool = sample.pools.emplace_back();
        pool.name = Text{"shop/shop"};
        pool.kind = Text{"pgbouncer"};
        pool.database = Text{behindPooler.toStdString()};
        scene.observe(std::move(sample), pooler);
    }
    Churn churn{scene};
    scene.run(125, [&](int) { churn(2, 60, 20ms); });
    churn(0);
    scene.run(20, [&](int) {
        give_back_old(scene, 4s);
        for (int i = 0; scene.lent() < 10 && i < 4; ++i)
            scene.lend(61, Does::idle);
        scene.pending = scene.lent() == 10 ? 5 : 0;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == (own ? Cause::held_while_idle : Cause::undecided), d->sentence.c_str());
}

void TestDiagnosisDoubts::refusedFromTheFirst()
{
    Scene scene{{false, false, true, false}};
    TargetStatus refused;
    refused.reach = Reach::failing;
    refused.sentence = "db:5432 has no free slot for user \"shop\": sorry, too many clients.";
    refused.next_step = "Even the reserved slots are taken: attach as a superuser.";
    const auto diagnosis = [&] {
        scene.observe(StatusChanged{refused}, Scene::database);
        return scene.of_server();
    };
    const Diagnosis* d = diagnosis();
    QVERIFY(d != nullptr);
    QCOMPARE(d->sentence, std::string("shop-db has no free slot: it refuses Poolscope too."));
    QCOMPARE(d->cause, Cause::server_full);
    // Whom to attach as is what helps.
    QVERIFY(d->relief && !d->relief->session && !d->relief->checkout);
    QCOMPARE(d->relief->sentence, refused.next_step);
    QCOMPARE(d->relief->frees, 0);
    // The same after it was seen: what it said then is old.
    Scene seen{{false, false, true, false}};
    seen.session(300, SessionState::idle, "reports");
    seen.run(10, [](int) {});
    seen.observe(StatusChanged{refused}, Scene::database);
    d = seen.of_server();
    QVERIFY(d != nullptr);
    QCOMPARE(d->sentence, std::string("shop-db has no free slot: it refuses Poolscope too."));
    QVERIFY(d->relief && !d->relief->session);
    QCOMPARE(d->relief->sentence, refused.next_step);
    QCOMPARE(d->since, seen.now());
    // Whoever refuses is there, whatever for.
    Scene starting{{false, false, true, false}};
    starting.session(300, SessionState::idle, "reports");
    starting.run(10, [](int) {});
    TargetStatus early;
    early.reach = Reach::failing;
    early.sentence = "db:5432 does not take connections yet: it is starting up.";
    QVERIFY(refusal_of(early) == Refusal::not_ready);
    starting.answers(false);
    starting.observe(StatusChanged{early}, Scene::database);
    starting.run(8, [](int) {});
    d = starting.of_server();
    QVERIFY(d != nullptr);
    QVERIFY2(d->sentence.find("has refused connections for") != std::string::npos,
             d->sentence.c_str());
}

void TestDiagnosisDoubts::fullForAWhile()
{
    Scene scene{{false, false, true, false}};
    scene.run(20, [](int) {});
    for (int pid = 200; pid < 287; ++pid)
        scene.session(pid, SessionState::idle, "reports", "10.0.0.8:" + std::to_string(pid));
    const Timestamp onset = scene.now() + 1s;
    scene.run(40, [](int) {});
    const Diagnosis* const d = scene.of_server();
    QVERIFY(d != nullptr);
    QCOMPARE(d->cause, Cause::server_full);
    QVERIFY(d->relief);
    QVERIFY2(d->since >= onset - 5s && d->since <= onset + 5s, d->sentence.c_str());
}

void TestDiagnosisDoubts::fullByAQueue_data()
{
    QTest::addColumn<int>("waiters");
    QTest::addColumn<bool>("fills");
    QTest::newRow("a few of many") << 6 << false;
    QTest::newRow("a quarter") << 24 << true;
}

/// What waits behind one session stays known while the server fills up, and leads where that is
/// what fills it.
void TestDiagnosisDoubts::fullByAQueue()
{
    QFETCH(const int, waiters);
    QFETCH(const bool, fills);
    Scene scene{{false, false, true, false}};
    scene.session(77, SessionState::idle_in_transaction, "checkout-api");
    for (int pid = 300; pid < 300 + waiters; ++pid) {
        scene.session(pid, SessionState::waiting, "checkout-api");
        scene.others().at(pid).blocked_by = {Pid{77}};
    }
    scene.run(20, [](int) {});
    const auto told = [&] {
        std::vector<Cause> causes;
        for (const Diagnosis& d : scene.analysis.diagnoses())
            causes.push_back(d.cause);
        return causes;
    };
    QCOMPARE(told(), std::vector{Cause::lock_pile_up});
    QVERIFY(!scene.analysis.diagnoses()[0].exhausted);
    for (int i = 0; i < 97 - 10 - 1 - waiters; ++i)
        scene.session(500 + i, SessionState::idle, "reports");
    scene.run(20, [](int) {});
    QCOMPARE(told(), (std::vector{Cause::lock_pile_up, Cause::server_full}));
    const Diagnosis& queue = scene.analysis.diagnoses()[0];
    QVERIFY(queue.relief && queue.relief->session);
    QCOMPARE(queue.relief->session->pid.value, std::int64_t{77});
    QCOMPARE(queue.relief->frees, waiters);
    QCOMPARE(queue.exhausted, fills);
    QVERIFY2(queue.sentence.starts_with(
                 fills ? "shop-db is full, and 24 sessions wait behind session 77 of checkout-api"
                       : "On shop-db 6 sessions wait behind session 77 of checkout-api"),
             queue.sentence.c_str());
    const Diagnosis& whole = scene.analysis.diagnoses()[1];
    QCOMPARE(whole.confidence, fills ? Confidence::medium : Confidence::high);
    QCOMPARE(among(whole, Cause::lock_pile_up), fills);
    QVERIFY(whole.exhausted && whole.relief && whole.relief->session);
}

void TestDiagnosisDoubts::slotsThatAreLeft_data()
{
    QTest::addColumn<int>("taken");
    QTest::addColumn<QByteArray>("words");
    QTest::newRow("one of anybody's") << 96 << QByteArray("taken, 3 of the 4 left are reserved; ");
    QTest::newRow("the reserved ones") << 97 << QByteArray("taken, 3 reserved ones are left; ");
    QTest::newRow("one of them is ours") << 98 << QByteArray("taken, 2 reserved ones are left; ");
    QTest::newRow("the last") << 99 << QByteArray("taken, 1 reserved one is left; ");
    QTest::newRow("none") << 100 << QByteArray("taken; ");
}

/// Of 100, three of them reserved: taken and left add up.
void TestDiagnosisDoubts::slotsThatAreLeft()
{
    QFETCH(const int, taken);
    QFETCH(const QByteArray, words);
    Scene scene{{false, false, true, false}};
    for (int i = 10; i < taken; ++i)
        scene.session(500 + i, SessionState::idle, "reports");
    scene.run(20, [](int) {});
    const Diagnosis* const d = scene.of_server();
    QVERIFY(d != nullptr);
    QVERIFY2(d->sentence.find(std::to_string(taken) + " of 100 connections are " +
                              words.toStdString()) != std::string::npos,
             d->sentence.c_str());
}

void TestDiagnosisDoubts::wordsOfASpike()
{
    for (const bool longer : {false, true}) {
        Scene scene{{true, true, false, false}};
        Churn churn{scene};
        scene.run(125, [&](int) { churn(2, 60, 100ms); });
        scene.run(15, [&](int) {
            churn(10, 200, longer ? 170ms : 100ms);
            scene.pending = 8;
        });
        const Diagnosis* const d = scene.of_pool();
        QVERIFY(d != nullptr);
        QVERIFY2(d->cause == Cause::load_spike, d->sentence.c_str());
        const bool no_longer = d->sentence.find("no longer than usual") != std::string::npos;
        const bool says_longer = d->sentence.find(", and longer than usual") != std::string::npos;
        QVERIFY2(no_longer == !longer && says_longer == longer, d->sentence.c_str());
    }
}

/// Its line alone would send whoever reads it to code that is right.
void TestDiagnosisDoubts::aHelperThatEverybodyCalls()
{
    Scene scene{{true, false, true, false}};
    Churn churn{scene};
    std::size_t leaked = 0;
    scene.run(120, [&](int) { churn(2, 60, 20ms); });
    scene.run(45, [&](int i) {
        churn(0);
        if (i % 2 == 0 && leaked < 9) {
            ++leaked;
            Scene::Held& lost = scene.held(scene.lend(52, Does::working));
            lost.does = Does::idle;
            lost.caller = 7;
        }
        churn(leaked >= 9 ? 10 : leaked + 1, leaked >= 9 ? 20 : 60, 20ms);
        scene.pending = leaked >= 9 ? 4 : 0;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->cause == Cause::leak, d->sentence.c_str());
    QVERIFY2(d->sentence.find("at shop.cpp:52 by way of routes.cpp:7") != std::string::npos,
             d->sentence.c_str());
}

QTEST_APPLESS_MAIN(TestDiagnosisDoubts)
#include "tst_diagnosisdoubts.moc"
