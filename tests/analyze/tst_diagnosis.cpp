// SPDX-License-Identifier: GPL-3.0-or-later
// Each cause through each combination of sources, by hand-made observations; what cannot be told
// there is undecided, with the cause among the candidates. DIAGNOSIS.md is the same as a table.
#include "tests/analyze/incidentscene.h"

#include <QTest>

#include <random>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

/// Two minutes of a pool that has enough: sixty short ones a second.
void healthy(Scene& scene, int seconds = 120)
{
    std::vector<std::string> open;
    scene.run(seconds, [&](int) {
        for (const std::string& id : open)
            scene.give_back(id);
        open = {scene.lend(52, Does::working), scene.lend(53, Does::working)};
        scene.brief(52, 60, 20ms);
    });
    for (const std::string& id : open)
        scene.give_back(id);
}

/// Short ones on what is left, whatever else is wrong.
struct Passing
{
    Scene& scene;
    std::vector<std::string> open{};
    void operator()(std::size_t upTo, std::uint64_t count, Duration each)
    {
        for (const std::string& id : open)
            scene.give_back(id);
        open.clear();
        while (scene.lent() < upTo)
            open.push_back(scene.lend(52, Does::working));
        if (count > 0)
            scene.brief(52, count, each);
    }
};

void leak(Scene& scene)
{
    Passing passing{scene};
    std::size_t leaked = 0;
    scene.run(45, [&](int i) {
        passing(0, 0, 0ms);
        if (i % 2 == 0 && leaked < 9) {
            ++leaked;
            const std::string id = scene.lend(88, Does::working);
            scene.held(id).does = Does::idle;
        }
        const bool full = leaked >= 9;
        passing(full ? 10 : leaked + 1, full ? 20 : 60, 20ms);
        scene.pending = full ? 4 : 0;
    });
}

void slowStatements(Scene& scene)
{
    scene.run(12, [&](int i) {
        while (scene.lent() < 10)
            scene.lend(52, Does::working, "SELECT sum(total) FROM orders");
        scene.pending = i > 0 ? 6 : 0;
    });
}

void heldWhileIdle(Scene& scene)
{
    scene.run(20, [&](int) {
        std::vector<std::string> done;
        for (const auto& h : scene.all_held()) {
            if (scene.now() - h.since >= 4s)
                done.push_back(h.id);
        }
        for (const std::string& id : done)
            scene.give_back(id);
        for (int i = 0; scene.lent() < 10 && i < 4; ++i)
            scene.held(scene.lend(61, Does::working)).does = Does::idle;
        scene.pending = scene.lent() == 10 ? 5 : 0;
    });
}

void lockPileUp(Scene& scene)
{
    scene.session(77, SessionState::idle_in_transaction, "billing", "10.0.0.9:33333");
    scene.run(12, [&](int) {
        while (scene.lent() < 10)
            scene.block(scene.lend(52, Does::blocked, "UPDATE stock SET n = n - 1"), 77);
        scene.pending = 6;
    });
}

void loadSpike(Scene& scene)
{
    Passing passing{scene};
    scene.run(12, [&](int) {
        passing(10, 440, 21ms);
        scene.pending = 8;
    });
    passing(0, 0, 0ms);
}

void tooSmall(Scene& scene)
{
    Passing passing{scene};
    scene.run(80, [&](int) {
        passing(10, 400, 24ms);
        scene.pending = 5;
    });
}

void serverFull(Scene& scene)
{
    for (int pid = 200; pid < 287; ++pid)
        scene.session(pid, SessionState::idle, "reports", "10.0.0.8:" + std::to_string(pid));
    scene.max = 20;
    scene.run(12, [&](int) {
        while (scene.lent() < 10)
            scene.lend(52, Does::working);
        scene.pending = 5;
    });
}

void serverGone(Scene& scene)
{
    scene.answers(false);
    scene.run(14, [&](int i) {
        while (scene.lent() < 10)
            scene.lend(52, Does::working);
        scene.pending = 5;
        scene.timeouts += i > 5 ? 2 : 0;
    });
}

const std::map<std::string, SceneSources> combinations{
    {"agent+server", {true, false, true, false}}, {"agent with use", {true, true, false, false}},
    {"agent", {true, false, false, false}},       {"server", {false, false, true, false}},
    {"metrics", {false, false, false, true}},     {"metrics+server", {false, false, true, true}},
};

std::string told(const Diagnosis* d)
{
    return d == nullptr ? "nothing" : std::string{name_of(d->cause)};
}

bool has(const std::vector<Cause>& causes, Cause cause)
{
    return std::find(causes.begin(), causes.end(), cause) != causes.end();
}

} // namespace

class TestDiagnosis : public QObject
{
    Q_OBJECT
private slots:
    void causes_data();
    void causes();
    void healthyIsSilent();
    void busyIsSilent();
    void aBlinkIsNothing();
    void recoveryEndsIt();
    void namesTheLineAndWhatHelps();
    void namesTheRoot();
    void sizesByLittlesLaw();
    void leakAmongSlowStatements();
    void noLeakWhereAllStandsStill();
    void readsThatDoNotComeBack();
    void inTimeAndWithoutFlicker();
    void markedOnce();
    void seekEqualsPlay();
};

using Fault = void (*)(Scene&);

void TestDiagnosis::causes_data()
{
    QTest::addColumn<int>("fault");
    QTest::addColumn<QString>("sources");
    QTest::addColumn<QString>("expected");
    const auto row = [](int fault, const char* name, const char* of, const char* expected) {
        QTest::addRow("%s by %s", name, of)
            << fault << QString::fromLatin1(of) << QString::fromLatin1(expected);
    };
    const auto rows = [&](int fault, const char* name,
                          std::initializer_list<const char*> expected) {
        constexpr std::array of{"agent+server", "agent with use", "agent",
                                "server",       "metrics",        "metrics+server"};
        std::size_t i = 0;
        for (const char* const each : expected)
            row(fault, name, of.at(i++), each);
    };
    rows(0, "leak", {"leak", "leak", "leak", "nothing", "undecided", "leak"});
    rows(1, "slow_statements",
         {"slow_statements", "undecided", "undecided", "nothing", "undecided", "slow_statements"});
    rows(2, "held_while_idle",
         {"held_while_idle", "held_while_idle", "undecided", "nothing", "undecided",
          "held_while_idle"});
    rows(3, "lock_pile_up",
         {"lock_pile_up", "undecided", "undecided", "lock_pile_up", "undecided", "lock_pile_up"});
    rows(4, "load_spike",
         {"load_spike", "load_spike", "load_spike", "nothing", "load_spike", "load_spike"});
    rows(5, "pool_too_small",
         {"pool_too_small", "pool_too_small", "pool_too_small", "nothing", "pool_too_small",
          "pool_too_small"});
    rows(6, "server_full",
         {"server_full", "undecided", "undecided", "server_full", "undecided", "server_full"});
    rows(7, "server_gone",
         {"server_gone", "undecided", "undecided", "server_gone", "undecided", "server_gone"});
}

void TestDiagnosis::causes()
{
    constexpr std::array<Fault, 8> faults{leak,      slowStatements, heldWhileIdle, lockPileUp,
                                          loadSpike, tooSmall,       serverFull,    serverGone};
    constexpr std::array truth{Cause::leak,         Cause::slow_statements, Cause::held_while_idle,
                               Cause::lock_pile_up, Cause::load_spike,      Cause::pool_too_small,
                               Cause::server_full,  Cause::server_gone};
    QFETCH(int, fault);
    QFETCH(QString, sources);
    QFETCH(QString, expected);
    // What is too small from the beginning was made not long ago.
    Scene scene{combinations.at(sources.toStdString()),
                fault == 5 ? Duration{5s} : Duration{30min}};
    if (fault != 5)
        healthy(scene);
    faults.at(static_cast<std::size_t>(fault))(scene);
    const SceneSources of = combinations.at(sources.toStdString());
    const Diagnosis* const d = of.agent || of.metrics ? scene.of_pool() : scene.of_server();
    if (d != nullptr)
        qInfo("%s", d->sentence.c_str());
    QCOMPARE(QString::fromStdString(told(d)), expected);
    if (d != nullptr && d->cause == Cause::undecided) {
        QVERIFY(has(d->candidates, truth.at(static_cast<std::size_t>(fault))));
        QVERIFY(!has(d->candidates, Cause::undecided));
    }
}

void TestDiagnosis::healthyIsSilent()
{
    for (const auto& [name, of] : combinations) {
        Scene scene{of};
        std::vector<std::string> open;
        scene.run(400, [&](int) {
            for (const std::string& id : open)
                scene.give_back(id);
            open = {scene.lend(52, Does::working)};
            scene.brief(52, 60, 20ms);
            scene.brief(53, 1, 3s); // now and then one that takes its time
        });
        QVERIFY2(scene.analysis.diagnoses().empty(), name.c_str());
        QVERIFY(scene.marks.empty() || scene.marks.back().kind != MarkKind::critical);
    }
}

/// All of it lent all the time, and nobody waits.
void TestDiagnosis::busyIsSilent()
{
    for (const auto& [name, of] : combinations) {
        Scene scene{of};
        Passing passing{scene};
        scene.run(200, [&](int i) {
            passing(10, 300, 30ms);
            scene.pending = i % 20 == 7 ? 1 : 0; // one waits for a moment
            QVERIFY2(scene.analysis.diagnoses().empty(), name.c_str());
        });
    }
}

void TestDiagnosis::aBlinkIsNothing()
{
    Scene scene{combinations.at("agent+server")};
    healthy(scene, 60);
    Passing passing{scene};
    scene.run(2, [&](int) {
        passing(10, 400, 20ms);
        scene.pending = 3;
    });
    QVERIFY(scene.analysis.diagnoses().empty());
}

void TestDiagnosis::recoveryEndsIt()
{
    Scene scene{combinations.at("agent+server")};
    healthy(scene);
    slowStatements(scene);
    QCOMPARE(told(scene.of_pool()), std::string("slow_statements"));
    std::vector<std::string> all;
    for (const auto& h : scene.all_held())
        all.push_back(h.id);
    for (const std::string& id : all)
        scene.give_back(id);
    scene.pending = 0;
    healthy(scene, 10);
    QCOMPARE(told(scene.of_pool()), std::string("nothing"));
}

void TestDiagnosis::namesTheLineAndWhatHelps()
{
    Scene scene{combinations.at("agent+server")};
    healthy(scene);
    leak(scene);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QCOMPARE(
        d->sentence,
        std::string("Pool shop is exhausted (10 of 10 are lent, 4 wait): 9 connections lent at "
                    "shop.cpp:88 have not come back, the oldest for 45 s."));
    QVERIFY(d->confidence == Confidence::high);
    QVERIFY(d->relief && d->relief->session);
    QCOMPARE(d->relief->session->target, Scene::database);
    QCOMPARE(d->relief->frees, 1);
    QVERIFY(!d->evidence.empty());
    QCOMPARE(d->evidence.front().page, std::string("leaks"));
    QVERIFY(d->evidence.front().checkout);
    QVERIFY(d->prevention.find("shop.cpp:88") != std::string::npos);
}

void TestDiagnosis::namesTheRoot()
{
    Scene scene{combinations.at("agent+server")};
    healthy(scene);
    lockPileUp(scene);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QVERIFY2(d->sentence.find("10 sessions wait behind session 77 of billing (10.0.0.9), idle in "
                              "its transaction") != std::string::npos,
             d->sentence.c_str());
    QVERIFY(d->relief && d->relief->session);
    QCOMPARE(d->relief->session->pid.value, std::int64_t{77});
    QCOMPARE(d->relief->frees, 10);
    // It is said once: not of the server as well.
    QVERIFY(scene.of_server() == nullptr);
}

void TestDiagnosis::sizesByLittlesLaw()
{
    for (const auto& [kind, raise] :
         {std::pair{"poolscope", "Raise the pool's own max_connections from 10 to 25"},
          std::pair{"sqlalchemy", "Raise the pool's own pool_size + max_overflow from 10 to 25"}}) {
        Scene scene{combinations.at("agent"), 5s};
        scene.kind = kind;
        tooSmall(scene);
        const Diagnosis* const d = scene.of_pool();
        QVERIFY(d != nullptr && d->cause == Cause::pool_too_small);
        // 410 a second for 48 ms each are 20 at once, and a quarter more for bursts.
        QVERIFY2(d->prevention.starts_with(raise), d->prevention.c_str());
    }
}

void TestDiagnosis::leakAmongSlowStatements()
{
    Scene scene{combinations.at("agent+server")};
    healthy(scene);
    for (int i = 0; i < 5; ++i)
        scene.held(scene.lend(88, Does::working)).does = Does::idle;
    scene.run(40, [&](int) {
        while (scene.lent() < 10)
            scene.lend(52, Does::working, "SELECT sum(total) FROM orders");
        scene.pending = 3;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d != nullptr);
    QCOMPARE(told(d), std::string("undecided"));
    QVERIFY(has(d->candidates, Cause::leak) && has(d->candidates, Cause::slow_statements));
}

/// What gave back until a moment ago hangs, for longer than the leak threshold: in a lock, as it
/// is, or anywhere else.
void TestDiagnosis::noLeakWhereAllStandsStill()
{
    Scene scene{combinations.at("agent")};
    healthy(scene);
    scene.run(45, [&](int) {
        while (scene.lent() < 10)
            scene.lend(52, Does::blocked, "UPDATE stock SET n = n - 1");
        scene.pending = 6;
    });
    const Diagnosis* const d = scene.of_pool();
    QCOMPARE(told(d), std::string("undecided"));
    QVERIFY(has(d->candidates, Cause::leak) && has(d->candidates, Cause::lock_pile_up));
}

/// Reads wait where their table is locked, while others pass; where they come back they are slow.
void TestDiagnosis::readsThatDoNotComeBack()
{
    for (const bool comeBack : {false, true}) {
        Scene scene{combinations.at("agent with use")};
        healthy(scene);
        scene.run(14, [&](int) {
            std::vector<std::string> done;
            for (const auto& h : scene.all_held()) {
                if (comeBack && scene.now() - h.since >= 4s)
                    done.push_back(h.id);
            }
            for (const std::string& id : done)
                scene.give_back(id);
            while (scene.lent() < 9)
                scene.lend(54, Does::working, "SELECT n FROM stock");
            scene.brief(53, 20, 20ms);
            scene.pending = 4;
        });
        const Diagnosis* const d = scene.of_pool();
        QCOMPARE(told(d), std::string(comeBack ? "slow_statements" : "undecided"));
        QVERIFY(has(d->candidates, Cause::lock_pile_up));
    }
}

/// From the onset on: nothing, then at most undecided, then the one cause to the end.
void TestDiagnosis::inTimeAndWithoutFlicker()
{
    struct Onset
    {
        Fault fault;
        Cause cause;
    };
    for (const Onset& each :
         {Onset{slowStatements, Cause::slow_statements}, Onset{lockPileUp, Cause::lock_pile_up},
          Onset{loadSpike, Cause::load_spike}, Onset{heldWhileIdle, Cause::held_while_idle}}) {
        Scene scene{combinations.at("agent+server")};
        healthy(scene);
        const Timestamp onset = scene.now();
        each.fault(scene);
        // Over again, looked at each second.
        Analysis analysis;
        std::optional<Timestamp> first;
        for (const Observation& o : scene.observations) {
            WorldDelta ignored;
            analysis.apply(o, ignored);
            if (!std::holds_alternative<Tick>(o.what) || o.time <= onset)
                continue;
            for (const Diagnosis& d : analysis.diagnoses()) {
                if (d.cause != Cause::undecided) {
                    QCOMPARE(told(&d), std::string(name_of(each.cause)));
                    first = first.value_or(o.time);
                }
            }
            if (first) {
                const bool still = !analysis.diagnoses().empty() &&
                                   analysis.diagnoses().front().cause == each.cause;
                QVERIFY(still);
            }
        }
        QVERIFY(first);
        QVERIFY2(*first - onset <= 10s, name_of(each.cause).data());
    }
}

void TestDiagnosis::markedOnce()
{
    Scene scene{combinations.at("agent+server")};
    healthy(scene);
    lockPileUp(scene);
    const auto marked = std::count_if(scene.marks.begin(), scene.marks.end(), [](const Mark& m) {
        return m.sentence.starts_with("Pool shop is exhausted");
    });
    QCOMPARE(marked, 1);
}

void TestDiagnosis::seekEqualsPlay()
{
    std::mt19937 random{7};
    for (const auto& [name, of] : combinations) {
        Scene scene{of};
        healthy(scene, 340);
        leak(scene);
        std::vector<std::vector<Diagnosis>> played;
        std::vector<World> worlds;
        Analysis analysis;
        for (const Observation& o : scene.observations) {
            WorldDelta ignored;
            analysis.apply(o, ignored);
            played.push_back(analysis.diagnoses());
            worlds.push_back(analysis.world());
        }
        for (int i = 0; i < 12; ++i) {
            const std::size_t to = played.size() - 1 - random() % 200;
            const Timestamp cursor = scene.observations[to].time;
            std::size_t from = 0;
            while (from + 1 < to &&
                   scene.observations[from + 1].time <= cursor - Analysis::longest_window)
                ++from;
            Analysis sought;
            sought.restore(worlds[from]);
            for (std::size_t at = from + 1; at <= to; ++at) {
                WorldDelta ignored;
                sought.fold(scene.observations[at], ignored);
            }
            sought.look();
            QVERIFY2(sought.diagnoses() == played[to], name.c_str());
        }
    }
}

QTEST_APPLESS_MAIN(TestDiagnosis)
#include "tst_diagnosis.moc"
