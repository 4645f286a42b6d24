// SPDX-License-Identifier: GPL-3.0-or-later
// What `poolscope diagnose` prints of a diagnosis: an interface.
#include "app/cli/objects.h"
#include "app/cli/prose.h"

#include <QTest>

using namespace poolscope;

namespace {

Picture pictureWith(const Diagnosis& diagnosis)
{
    Picture picture;
    TargetSummary target;
    target.info = {TargetId{1}, "pool", "shop-api", "pool+unix:///run/shop.sock"};
    target.diagnoses = {diagnosis};
    TargetSummary server;
    server.info = {TargetId{2}, "postgresql", "shop-db", "postgresql://db/shop"};
    picture.targets = {target, server};
    return picture;
}

Diagnosis leak()
{
    Diagnosis d;
    d.target = TargetId{1};
    d.pool = Text{"shop"};
    d.cause = Cause::leak;
    d.confidence = Confidence::high;
    d.since = timestamp_from_us(1'795'270'000'000'000);
    d.sentence = "Pool shop is exhausted.";
    DiagnosisEvidence evidence;
    evidence.sentence = "c-1 has been out for 45 s.";
    evidence.page = "leaks";
    evidence.at = d.since;
    evidence.checkout = CheckoutKey{TargetId{1}, Text{"c-1"}};
    d.evidence = {evidence};
    Relief relief;
    relief.sentence = "End session 42 of shop.";
    relief.session = SessionKey{TargetId{2}, Pid{42}, d.since};
    relief.frees = 1;
    d.relief = relief;
    d.candidates = {Cause::held_while_idle};
    return d;
}

std::string jsonOf(const Diagnosis& diagnosis)
{
    JsonWriter json;
    json.begin_array();
    writeDiagnoses(json, pictureWith(diagnosis));
    json.end_array();
    return json.text();
}

} // namespace

class TestDiagnosisObjects : public QObject
{
    Q_OBJECT
private slots:
    void keysInTheirOrder();
    void whatIsNotKnownIsNull();
    void whatItWasSeenAt();
    void prose();
    void aPoolWithoutADiagnosis();
};

void TestDiagnosisObjects::keysInTheirOrder()
{
    QCOMPARE(
        jsonOf(leak()),
        std::string(R"([{"target":"pool+unix:///run/shop.sock","pool":"shop","cause":"leak",)"
                    R"("confidence":"high","sentence":"Pool shop is exhausted.","evidence":[)"
                    R"({"sentence":"c-1 has been out for 45 s.","page":"leaks",)"
                    R"("time":"2026-11-21T14:06:40.000000Z","session":null,"session_target":null,)"
                    R"("checkout":"c-1","checkout_target":"pool+unix:///run/shop.sock"}],)"
                    R"("relief":{"sentence":"End session 42 of shop.",)"
                    R"("session":"pg-42-1795270000000000","session_target":"postgresql://db/shop",)"
                    R"("checkout":null,"checkout_target":null,"frees":1},)"
                    R"("prevention":null,"candidates":["held_while_idle"],)"
                    R"("since":"2026-11-21T14:06:40.000000Z","exhausted":true,"waits":null}])"));
}

void TestDiagnosisObjects::whatIsNotKnownIsNull()
{
    Diagnosis d = leak();
    d.pool = {};
    d.cause = Cause::undecided;
    d.relief.reset();
    d.evidence.clear();
    d.prevention = "Attach more.";
    const std::string json = jsonOf(d);
    for (const char* const part : {R"("pool":null)", R"("cause":"undecided")", R"("evidence":[])",
                                   R"("relief":null)", R"("prevention":"Attach more.")"})
        QVERIFY2(json.find(part) != std::string::npos, part);
}

void TestDiagnosisObjects::whatItWasSeenAt()
{
    Diagnosis d = leak();
    d.cause = Cause::slow_statements;
    WaitProfile waits;
    waits.statement = Text{"SELECT 1"};
    waits.from = d.since;
    waits.to = d.since + std::chrono::seconds{4};
    waits.polls = 5;
    waits.looks = 40;
    waits.counts = {{WaitKind::io, Text{"IO/DataFileRead"}, 31}, {WaitKind::running, Text{}, 9}};
    d.waits = waits;
    const std::string json = jsonOf(d);
    QVERIFY2(json.find(R"("waits":{"statement":"SELECT 1","from":"2026-11-21T14:06:40.000000Z",)"
                       R"("to":"2026-11-21T14:06:44.000000Z","polls":5,"looks":40,"counts":[)"
                       R"({"kind":"io","event":"IO/DataFileRead","looks":31},)"
                       R"({"kind":"running","event":null,"looks":9}]}}])") != std::string::npos,
             json.c_str());
}

void TestDiagnosisObjects::prose()
{
    QCOMPARE(diagnosesText(Picture{}), std::string("Nothing is exhausted, or nearly so.\n"));
    const std::string text = diagnosesText(pictureWith(leak()));
    for (const char* const part :
         {"leak (high confidence)  shop-api", "Now: End session 42 of shop.",
          "It may also be, or besides: held while idle."})
        QVERIFY2(text.find(part) != std::string::npos, text.c_str());
    // A name from outside cannot move the cursor.
    Diagnosis hostile = leak();
    hostile.sentence = "Pool \x1b[2J is exhausted.";
    QVERIFY(diagnosesText(pictureWith(hostile)).find('\x1b') == std::string::npos);
}

/// All lent, and what is attached tells no cause: that is not "nothing".
void TestDiagnosisObjects::aPoolWithoutADiagnosis()
{
    Picture picture;
    TargetSummary pooler;
    pooler.info = {TargetId{1}, "pgbouncer", "edge", "pgbouncer://adm@edge"};
    pooler.status.reach = Reach::up;
    Pool pool;
    pool.name = Text{"app/app"};
    pool.used = 4;
    pool.max = 4;
    Pool calm = pool;
    calm.name = Text{"calm"};
    calm.used = 3;
    pooler.pools = {pool, calm};
    picture.targets = {pooler};
    QCOMPARE(
        diagnosesText(picture),
        std::string("app/app of edge is nearly exhausted (4 of 4 are lent); why cannot be told "
                    "yet. Give the pool inside its application and the database's server as "
                    "well.\n"));
    TargetSummary server;
    server.info = {TargetId{2}, "postgresql", "shop-db", "postgresql://db/shop"};
    picture.targets.push_back(server);
    QVERIFY(
        undiagnosed(picture).front().ends_with("Give the pool inside its application as well."));
    picture.targets[1].agent = AgentFacts{};
    QVERIFY(undiagnosed(picture).front().ends_with("why cannot be told yet."));
    // Where the cause is told, that is enough; and of one that does not answer nothing is known.
    Diagnosis told = leak();
    told.pool = pool.name;
    picture.targets[0].diagnoses = {told};
    QVERIFY(undiagnosed(picture).empty());
    picture.targets[0].diagnoses.clear();
    picture.targets[0].status.reach = Reach::failing;
    QVERIFY(undiagnosed(picture).empty());
}

QTEST_APPLESS_MAIN(TestDiagnosisObjects)
#include "tst_diagnosisobjects.moc"
