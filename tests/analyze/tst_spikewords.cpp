// SPDX-License-Identifier: GPL-3.0-or-later
// What to do about a load spike, where there is nothing to end: whose it is, and whether there is
// room for it.
#include "tests/analyze/incidentscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

/// Two out at each reading; at one line 60 a second come and go, at another 10.
void everyday(Scene& scene)
{
    std::vector<std::string> open;
    scene.run(120, [&](int) {
        for (const std::string& id : open)
            scene.give_back(id);
        open = {scene.lend(52, Does::working)};
        scene.brief(52, 60, 20ms);
        scene.brief(90, 10, 20ms);
    });
    for (const std::string& id : open)
        scene.give_back(id);
}

struct Spike
{
    int at52 = 440;
    int at90 = 10;
    int at33 = 0;
    std::chrono::milliseconds use = 21ms;
    int pending = 30;
    int seconds = 20;
    const char* event = "";
};

void spike(Scene& scene, const Spike& what)
{
    std::vector<std::string> open;
    for (const auto& held : scene.all_held())
        open.push_back(held.id);
    scene.run(what.seconds, [&](int) {
        for (const std::string& id : open)
            scene.give_back(id);
        open.clear();
        while (static_cast<std::int64_t>(scene.lent()) < scene.max) {
            open.push_back(scene.lend(52, Does::working));
            scene.held(open.back()).wait_event = what.event;
        }
        scene.brief(52, static_cast<std::uint64_t>(what.at52), what.use);
        scene.brief(90, static_cast<std::uint64_t>(what.at90), what.use);
        if (what.at33 > 0)
            scene.brief(33, static_cast<std::uint64_t>(what.at33), what.use);
        scene.pending = what.pending;
    });
}

} // namespace

class TestSpikeWords : public QObject
{
    Q_OBJECT
private slots:
    void theLineThatBringsIt();
    void twoLines();
    void whomItIsLentTo();
    void roomOnTheServer_data();
    void roomOnTheServer();
    void whatIsOnAProcessor_data();
    void whatIsOnAProcessor();
    void howManyRun_data();
    void howManyRun();
    void howManyRunOnTheAverage();
    void aServerThatIsSlowed();
    void noServer();
    void figuresAlone();
    void whatItsSizeIsCalled_data();
    void whatItsSizeIsCalled();
    void howLongAcquiresWait_data();
    void howLongAcquiresWait();
};

void TestSpikeWords::theLineThatBringsIt()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    spike(scene, {.at90 = 14}); // a little more there is no word worth
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d);
    QCOMPARE(std::string(name_of(d->cause)), std::string("load_spike"));
    QCOMPARE(d->evidence[0].sentence,
             std::string("More comes at shop.cpp:52 (450 a second, 61.0 before)."));
    QCOMPARE(d->evidence[0].page, std::string("pools"));
    QCOMPARE(d->relief->sentence,
             std::string("There is nothing to end: what is lent comes back as fast as ever. Let "
                         "less come in at shop.cpp:52. Or raise the pool's own max_connections "
                         "from 10 to 40 (so many hold or want one now): shop-db has 87 slots left "
                         "and is as quick as before."));
    QVERIFY(!d->relief->session && !d->relief->checkout && d->relief->frees == 0);
    QCOMPARE(d->prevention, std::string("Limit how many shop.cpp:52 may have at once, and let an "
                                        "acquire give up before its caller does "
                                        "(acquire_timeout)."));
}

/// The two that bring most, with what they brought before; a third that hardly counts is left out.
void TestSpikeWords::twoLines()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    Spike what;
    what.at52 = 240;
    what.at33 = 200;
    what.at90 = 20;
    spike(scene, what);
    const Diagnosis* d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QCOMPARE(d->evidence[0].sentence,
             std::string("More comes at shop.cpp:33 (200 a second, none before) and at shop.cpp:52 "
                         "(250 a second, 61.0 before)."));
    QVERIFY2(has(d->relief->sentence, "Let less come in at shop.cpp:33."),
             d->relief->sentence.c_str());
    QVERIFY(d->prevention.starts_with("Limit how many shop.cpp:33 may have"));
}

void TestSpikeWords::whomItIsLentTo()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    scene.acquired_by = "GET /search";
    spike(scene, {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(evidence(d), "61.0 before); 10 of the 10 lent now: GET /search.\n"),
             evidence(d).c_str());
    // Two of ten that are listed are not most of them.
    scene.unlisted = 8;
    spike(scene, {.seconds = 2});
    QVERIFY(scene.of_pool() && scene.of_pool()->cause == Cause::load_spike);
    QVERIFY2(!has(evidence(scene.of_pool()), "lent now"), evidence(scene.of_pool()).c_str());
}

void TestSpikeWords::roomOnTheServer_data()
{
    QTest::addColumn<int>("others"); ///< sessions of others, of 97 slots
    QTest::addColumn<QString>("room");
    QTest::addColumn<QString>("raise");
    QTest::newRow("enough") << 0
                            << "shop-db has 87 of 97 slots left; 10 statements run at a "
                               "time, 10 of them on a processor."
                            << " from 10 to 40 (so many hold or want one now): shop-db has 87";
    QTest::newRow("for some") << 80 << "shop-db has 7 of 97 slots left; "
                              << " from 10 to 17 at most: shop-db has 7 slots left";
    QTest::newRow("one") << 86 << "shop-db has 1 of 97 slots left; "
                         << " from 10 to 11 at most: shop-db has 1 slot left";
}

void TestSpikeWords::roomOnTheServer()
{
    QFETCH(const int, others);
    QFETCH(const QString, room);
    QFETCH(const QString, raise);
    Scene scene{{true, false, true, false}};
    for (int pid = 200; pid < 200 + others; ++pid)
        scene.session(pid, SessionState::idle, "reports", "10.0.0.8:" + std::to_string(pid));
    everyday(scene);
    spike(scene, {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(evidence(d), room.toStdString()), evidence(d).c_str());
    QVERIFY2(has(d->relief->sentence, raise.toStdString()), d->relief->sentence.c_str());
}

/// Told only by a server that names all that its sessions wait for.
void TestSpikeWords::whatIsOnAProcessor_data()
{
    QTest::addColumn<bool>("mysql");
    QTest::addColumn<int>("version");
    QTest::addColumn<bool>("told");
    QTest::newRow("PostgreSQL 9.6") << false << 90624 << false;
    QTest::newRow("PostgreSQL 10") << false << 100000 << true;
    QTest::newRow("PostgreSQL") << false << 0 << true;
    QTest::newRow("MySQL") << true << 80400 << false;
}

void TestSpikeWords::whatIsOnAProcessor()
{
    QFETCH(const bool, mysql);
    QFETCH(const int, version);
    QFETCH(const bool, told);
    Scene scene{{.agent = true, .server = true, .mysql = mysql, .version = version}};
    everyday(scene);
    spike(scene, {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(evidence(d), told ? "; 10 statements run at a time, 10 of them on a processor.\n"
                                   : "; 10 statements run at a time.\n"),
             evidence(d).c_str());
}

/// In numbers that a person reads, and no more than is remembered without a word.
void TestSpikeWords::howManyRun_data()
{
    QTest::addColumn<int>("others"); ///< that run a statement, besides the pool's ten
    QTest::addColumn<QString>("event");
    QTest::addColumn<QString>("said");
    const QString reads = QStringLiteral("IO/DataFileRead");
    QTest::newRow("ten") << 0 << reads
                         << "; 10 statements run at a time, 10 of them on a processor.";
    QTest::newRow("110") << 100 << reads
                         << "; 110 statements run at a time, 10 of them on a processor.";
    QTest::newRow("120") << 110 << reads
                         << "; 120 statements run at a time, 10 of them on a processor.";
    QTest::newRow("300") << 290 << reads << "; at least 256 statements run at a time.";
    QTest::newRow("300 that compute")
        << 290 << QString()
        << "; at least 256 statements run at a time, at least 256 of them on a processor.";
}

void TestSpikeWords::howManyRun()
{
    QFETCH(const int, others);
    QFETCH(const QString, event);
    QFETCH(const QString, said);
    Scene scene{{true, false, true, false}};
    ServerFacts facts;
    facts.max_connections = 1000;
    facts.reserved = 3;
    facts.sees_all = true;
    scene.observe(FactsReported{facts}, Scene::database);
    everyday(scene);
    for (int pid = 200; pid < 200 + others; ++pid) {
        scene.session(pid, SessionState::active, "reports", "10.0.0.8:" + std::to_string(pid));
        scene.others()[pid].statement = Text{"SELECT 2 + 2"};
        scene.others()[pid].wait_event = Text{event.toStdString()};
    }
    spike(scene, {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d);
    QCOMPARE(std::string(name_of(d->cause)), std::string("load_spike"));
    QVERIFY2(has(evidence(d), said.toStdString()), evidence(d).c_str());
}

void TestSpikeWords::howManyRunOnTheAverage()
{
    Scene scene{{true, false, true, false}};
    scene.max = 3;
    everyday(scene);
    spike(scene, {});
    // At the last three of ten looks five more.
    for (int pid = 200; pid < 205; ++pid) {
        scene.session(pid, SessionState::active, "reports", "10.0.0.8:" + std::to_string(pid));
        scene.others()[pid].statement = Text{"SELECT 2 + 2"};
    }
    spike(scene, {.seconds = 3});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(evidence(d), "; 4.5 statements run at a time, 4.5 of them on a processor.\n"),
             evidence(d).c_str());
}

/// Each is held longer than before: more at once would take longer still.
void TestSpikeWords::aServerThatIsSlowed()
{
    Scene scene{{true, false, true, false}};
    everyday(scene);
    Spike what;
    what.use = 30ms;
    what.at52 = 300;
    what.event = "LWLock/BufferMapping";
    spike(scene, what);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d);
    QCOMPARE(std::string(name_of(d->cause)), std::string("load_spike"));
    QVERIFY2(has(d->relief->sentence,
                 " A larger pool would only move the queue to shop-db: each is held "),
             d->relief->sentence.c_str());
    QVERIFY2(!has(d->relief->sentence, "raise"), d->relief->sentence.c_str());
    QVERIFY2(has(evidence(d), "; 10 statements run at a time, 0 of them on a processor."),
             evidence(d).c_str());
}

void TestSpikeWords::noServer()
{
    Scene scene{{true, false, false, false}};
    everyday(scene);
    spike(scene, {});
    const Diagnosis* d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(evidence(d), "Whether its server has room for more is not known: attach to that "
                              "too."),
             evidence(d).c_str());
    QVERIFY2(d->relief->sentence.ends_with("from 10 to 40 (so many hold or want one now), if its "
                                           "server has slots for that."),
             d->relief->sentence.c_str());
    for (const DiagnosisEvidence& each : d->evidence)
        QVERIFY2(each.page != "sessions", each.sentence.c_str()); // there is none to be seen
    // A queue that grew in time needs no connection for each of it.
    spike(scene, {.pending = 4000, .seconds = 3});
    d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(!has(d->relief->sentence, "4010") && has(d->relief->sentence, " at least, if its"),
             d->relief->sentence.c_str());
}

void TestSpikeWords::figuresAlone()
{
    Scene scene{{false, false, false, true}};
    everyday(scene);
    spike(scene, {.seconds = 30});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(d->relief->sentence,
                 "Let less come in; an agent in the application would name the lines that ask for "
                 "more."),
             d->relief->sentence.c_str());
    QVERIFY2(has(d->relief->sentence, "Or raise the pool's own maximumPoolSize from 10 to "),
             d->relief->sentence.c_str());
    QVERIFY(d->prevention.starts_with("Limit how many each caller may have at once"));
}

/// The figures say how many it may open in all: one part of that is not raised to the whole.
void TestSpikeWords::whatItsSizeIsCalled_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("raise");
    const auto row = [](const char* kind, const char* raise) {
        QTest::newRow(kind) << QString::fromUtf8(kind) << QString::fromUtf8(raise);
    };
    row("sqlalchemy", " raise the pool's own pool_size + max_overflow from 10 to 40 (so many ");
    row("hikaricp", " raise the pool's own maximumPoolSize from 10 to 40 (so many ");
    row("pgbouncer", " raise the pool's own pool_size from 10 to 40 (so many ");
    row("of some sort", " raise the pool from 10 to 40 (so many ");
}

void TestSpikeWords::whatItsSizeIsCalled()
{
    QFETCH(const QString, kind);
    QFETCH(const QString, raise);
    Scene scene{{true, false, true, false}};
    scene.kind = kind.toStdString();
    everyday(scene);
    spike(scene, {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(has(d->relief->sentence, raise.toStdString()), d->relief->sentence.c_str());
}

void TestSpikeWords::howLongAcquiresWait_data()
{
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("said");
    QTest::newRow("told") << "30s"
                          << " before its caller does: acquire_timeout is 30 s.";
    QTest::newRow("not told") << ""
                              << " before its caller does (acquire_timeout).";
}

void TestSpikeWords::howLongAcquiresWait()
{
    QFETCH(const QString, value);
    QFETCH(const QString, said);
    Scene scene{{true, false, false, false}};
    if (!value.isEmpty())
        scene.configuration = {{"acquire_timeout", value.toStdString()}};
    everyday(scene);
    spike(scene, {});
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::load_spike);
    QVERIFY2(d->prevention.ends_with(said.toStdString()), d->prevention.c_str());
}

QTEST_APPLESS_MAIN(TestSpikeWords)
#include "tst_spikewords.moc"
