// SPDX-License-Identifier: GPL-3.0-or-later
// Diagnoses on the first page, and the kinds of session that belong to no pool.
#include "ui/models/findings.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

SessionRow session(std::int64_t pid)
{
    SessionRow row;
    row.session.key = {TargetId{1}, Pid{pid}, start - 1h};
    row.session.state = SessionState::idle;
    row.session.application = Text{"shop"};
    return row;
}

Update server()
{
    Update update;
    update.reset = true;
    update.now = start;
    TargetSummary target;
    target.info = {TargetId{1}, "postgresql", "shop-db", "postgresql://db/shop"};
    target.status.reach = Reach::up;
    target.last_sample = start;
    update.targets = {target};
    update.changed = {session(70), session(71)};
    return update;
}

Diagnosis diagnosed(const std::string& sentence, bool exhausted, Confidence confidence)
{
    Diagnosis made;
    made.target = TargetId{1};
    made.cause = Cause::lock_pile_up;
    made.exhausted = exhausted;
    made.confidence = confidence;
    made.since = start;
    made.sentence = sentence;
    return made;
}

SuspectedLeak beside(LeakKind kind, std::int64_t pid)
{
    SuspectedLeak leak;
    leak.kind = kind;
    leak.session = session(pid).session.key;
    leak.since = start - 60s;
    leak.group = "shop";
    leak.pool = kind == LeakKind::orphan ? Text{"orders"} : Text{};
    leak.beside = 2;
    return leak;
}

SessionStore stored(const Update& update)
{
    SessionStore store;
    store.apply(update);
    return store;
}

} // namespace

class TestDiagnosisWords : public QObject
{
    Q_OBJECT
private slots:
    void theWorstInFull();
    void whatIsWorseThanIt();
    void candidatesHideNoLine();
    void aStatementIsCancelled();
    void reliefOfOneThatLeft();
    void hostileWords();
    void besideThePools();
};

void TestDiagnosisWords::theWorstInFull()
{
    Update update = server();
    Diagnosis nearly = diagnosed("reports is nearly exhausted.", false, Confidence::high);
    Diagnosis worst = diagnosed("orders is exhausted: 3 sessions wait.", true, Confidence::medium);
    worst.evidence = {
        {"3 sessions wait behind 70.", "blocking", start, session(70).session.key, {}}};
    worst.relief = Relief{"Ending 70 frees 3.", session(70).session.key, {}, 3};
    worst.prevention = "Keep transactions short.";
    Diagnosis unsure = diagnosed("ledger is exhausted. Why cannot be told.", true, Confidence::low);
    unsure.cause = Cause::undecided;
    update.targets[0].diagnoses = {nearly, unsure, worst};
    const Answer answer = overviewAnswer(stored(update));
    QCOMPARE(answer.kind, Answer::Kind::diagnosis);
    QCOMPARE(answer.severity, 2);
    QCOMPARE(answer.sentence, QStringLiteral("orders is exhausted: 3 sessions wait."));
    QCOMPARE(answer.confidence, QStringLiteral("medium"));
    QCOMPARE(answer.relief, QStringLiteral("Ending 70 frees 3."));
    QCOMPARE(answer.session, std::optional(session(70).session.key));
    QCOMPARE(answer.prevention, QStringLiteral("Keep transactions short."));
    QCOMPARE(answer.evidence.size(), 1U);
    QCOMPARE(answer.evidence[0].page, QStringLiteral("blocking"));
    QCOMPARE(answer.others, (QStringList{QStringLiteral("ledger is exhausted. Why cannot be told."),
                                         QStringLiteral("reports is nearly exhausted.")}));
}

/// Something that is nearly exhausted does not hide what is worse.
void TestDiagnosisWords::whatIsWorseThanIt()
{
    Update update = server();
    update.targets[0].diagnoses = {
        diagnosed("orders is nearly exhausted.", false, Confidence::high)};
    QCOMPARE(overviewAnswer(stored(update)).kind, Answer::Kind::diagnosis);
    SuspectedLeak leak = beside(LeakKind::session, 70);
    leak.severity = LeakSeverity::critical;
    leak.blocks = 9;
    update.targets[0].suspects = {leak};
    QCOMPARE(overviewAnswer(stored(update)).kind, Answer::Kind::leak);
}

/// Of two that are as bad, the one that is known.
void TestDiagnosisWords::candidatesHideNoLine()
{
    Update update = server();
    Diagnosis unsure = diagnosed("ledger is exhausted. Why cannot be told.", true, Confidence::low);
    unsure.cause = Cause::undecided;
    update.targets[0].diagnoses = {unsure};
    QCOMPARE(overviewAnswer(stored(update)).kind, Answer::Kind::diagnosis);
    SuspectedLeak leak = beside(LeakKind::session, 70);
    leak.severity = LeakSeverity::critical;
    leak.blocks = 9;
    update.targets[0].suspects = {leak};
    QCOMPARE(overviewAnswer(stored(update)).kind, Answer::Kind::leak);
    update.targets[0].diagnoses = {diagnosed("orders is exhausted.", true, Confidence::medium)};
    QCOMPARE(overviewAnswer(stored(update)).kind, Answer::Kind::diagnosis);
}

void TestDiagnosisWords::aStatementIsCancelled()
{
    Update update = server();
    Diagnosis slow = diagnosed("orders is exhausted by slow statements.", true, Confidence::high);
    slow.cause = Cause::slow_statements;
    slow.relief = Relief{"Cancel the statement of session 70.", session(70).session.key, {}, 1};
    update.targets[0].diagnoses = {slow};
    QCOMPARE(overviewAnswer(stored(update)).verb, ActionVerb::cancel);
    update.targets[0].diagnoses = {diagnosed("orders is exhausted.", true, Confidence::high)};
    QCOMPARE(overviewAnswer(stored(update)).verb, ActionVerb::terminate);
}

void TestDiagnosisWords::reliefOfOneThatLeft()
{
    Update update = server();
    Diagnosis worst = diagnosed("orders is exhausted.", true, Confidence::high);
    worst.relief = Relief{"Ending 99 frees 3.", session(99).session.key, {}, 3};
    update.targets[0].diagnoses = {worst};
    const Answer answer = overviewAnswer(stored(update));
    QVERIFY(!answer.session && answer.reclaim.empty());
    QCOMPARE(answer.relief, QStringLiteral("Ending 99 frees 3."));
}

void TestDiagnosisWords::hostileWords()
{
    Update update = server();
    update.targets[0].diagnoses = {
        diagnosed(std::string(5000, 'x') + "\n\x1b[31m", true, Confidence::high)};
    const Answer answer = overviewAnswer(stored(update));
    QVERIFY(answer.sentence.size() <= 510);
    QVERIFY(!answer.sentence.contains(QLatin1Char('\n')) && !answer.sentence.contains(QChar(0x1b)));
}

void TestDiagnosisWords::besideThePools()
{
    Update update = server();
    TargetSummary process;
    process.info = {TargetId{2}, "pool", "shop", "pool://shop"};
    process.agent.emplace();
    update.targets.push_back(process);
    update.targets[0].suspects = {beside(LeakKind::bypass, 70), beside(LeakKind::orphan, 71)};
    const SessionStore store = stored(update);
    const Answer answer = leaksAnswer(store);
    QCOMPARE(answer.sentence, QStringLiteral("1 session is past the pools of its client"));
    QCOMPARE(answer.explanation, QStringLiteral("1 session goes on that its pool has dropped"));
    const TreeNodes rows = leakRows(store, {}, LeakGrouping::none);
    QStringList kinds;
    for (const auto& row : rows)
        kinds += row->cells.at(static_cast<std::size_t>(LeakColumn::pool)).text;
    kinds.sort();
    QCOMPARE(kinds, (QStringList{QStringLiteral("bypass"), QStringLiteral("orders, orphan")}));
    QCOMPARE(overviewAnswer(store).sentence,
             QStringLiteral("shop has 2 sessions that no pool of it owns"));
}

QTEST_APPLESS_MAIN(TestDiagnosisWords)
#include "tst_diagnosiswords.moc"
