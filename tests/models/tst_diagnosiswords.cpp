// SPDX-License-Identifier: GPL-3.0-or-later
// Diagnoses on the first page, and the kinds of session that belong to no pool.
#include "tests/support/poolscene.h"
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
    void othersCanBeRelieved();
    void whatCanBeActedOnLeads();
    void administratorsAddress_data();
    void administratorsAddress();
    void aRoleWithoutRights();
    void allOfALine();
    void whatIsWorseThanIt();
    void aSecondQueue();
    void hiddenIsNotWell();
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
    QCOMPARE(answer.others,
             (std::vector<AnswerOther>{{QStringLiteral("ledger is exhausted. Why cannot be told.")},
                                       {QStringLiteral("reports is nearly exhausted.")}}));
}

/// Another one than the worst has a command of its own.
void TestDiagnosisWords::othersCanBeRelieved()
{
    Update update = server();
    Diagnosis full = diagnosed("shop-db is full.", true, Confidence::high);
    full.cause = Cause::server_full;
    full.relief = Relief{"End session 71.", session(71).session.key, {}, 1};
    Diagnosis queue = diagnosed("On shop-db 6 sessions wait behind 70.", false, Confidence::high);
    queue.relief = Relief{"End session 70: 6 can go on.", session(70).session.key, {}, 6};
    Diagnosis slow = diagnosed("orders is nearly exhausted.", false, Confidence::medium);
    slow.cause = Cause::slow_statements;
    slow.relief = Relief{"Cancel the statement of 71.", session(71).session.key, {}, 1};
    Diagnosis left = diagnosed("ledger is nearly exhausted.", false, Confidence::low);
    left.relief = Relief{"End session 99.", session(99).session.key, {}, 1};
    update.targets[0].diagnoses = {queue, full, slow, left};
    const Answer answer = overviewAnswer(stored(update));
    QCOMPARE(answer.session, std::optional(session(71).session.key));
    QCOMPARE(answer.others.size(), 3U);
    QCOMPARE(answer.others[0].session, std::optional(session(70).session.key));
    QCOMPARE(answer.others[0].verb, ActionVerb::terminate);
    QCOMPARE(answer.others[1].verb, ActionVerb::cancel);
    QVERIFY(!answer.others[2].session); // nobody has that one any more
}

/// Of a target that lets nobody in there is nothing to act on: what can be acted on leads.
void TestDiagnosisWords::whatCanBeActedOnLeads()
{
    Update update = server();
    TargetSummary refused = update.targets[0];
    refused.info = {TargetId{2}, "postgresql", "shop", "postgresql://dba:x@db:5432/shop?a=b"};
    refused.status = {Reach::failing, "db:5432 has no free slot for user \"dba\": sorry.",
                      "To get in now, attach as a superuser.", start + 2s};
    refused.last_sample.reset();
    Diagnosis full = diagnosed("shop has no free slot.", true, Confidence::high);
    full.target = TargetId{2};
    full.cause = Cause::server_full;
    full.relief = Relief{refused.status.next_step, {}, {}, 0};
    refused.diagnoses = {full};
    update.targets.push_back(refused);
    // Alone it says whom to attach as, and offers it.
    Answer answer = overviewAnswer(stored(update));
    QCOMPARE(answer.sentence, QStringLiteral("shop has no free slot."));
    QCOMPARE(answer.relief, QStringLiteral("To get in now, attach as a superuser."));
    QCOMPARE(answer.attachTo, QStringLiteral("postgresql://postgres@db:5432/shop?a=b"));
    QCOMPARE(answer.attachWords, QStringLiteral("Attach as superuser…"));
    Diagnosis queue = diagnosed("On shop-db 6 sessions wait behind 70.", false, Confidence::high);
    queue.relief = Relief{"End session 70: 6 can go on.", session(70).session.key, {}, 6};
    update.targets[0].diagnoses = {queue};
    answer = overviewAnswer(stored(update));
    QCOMPARE(answer.sentence, QStringLiteral("On shop-db 6 sessions wait behind 70."));
    QCOMPARE(answer.session, std::optional(session(70).session.key));
    QCOMPARE(answer.severity, 2); // something is exhausted all the same
    QVERIFY(answer.attachTo.isEmpty());
    QCOMPARE(answer.others.size(), 1U);
    // A role's own limit is no matter of superusers.
    update.targets[0].diagnoses.clear();
    update.targets[1].status.next_step = "It is the role's own limit: attach as another role.";
    answer = overviewAnswer(stored(update));
    QCOMPARE(answer.attachWords, QStringLiteral("Attach another way…"));
    QCOMPARE(answer.attachTo, QStringLiteral("postgresql://dba:x@db:5432/shop?a=b"));
}

void TestDiagnosisWords::administratorsAddress_data()
{
    QTest::addColumn<QByteArray>("kind");
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("offered");
    const auto row = [](const char* kind, const char* url, const char* offered) {
        QTest::newRow(url) << QByteArray(kind) << QString::fromUtf8(url)
                           << QString::fromUtf8(offered);
    };
    row("postgresql", "postgresql://dba@db:5432/shop", "postgresql://postgres@db:5432/shop");
    row("postgresql", "postgresql://db/shop?options=a@b",
        "postgresql://postgres@db/shop?options=a@b");
    row("postgresql", "postgresql:///shop?host=/run/pg",
        "postgresql://postgres@/shop?host=/run/pg");
    row("postgresql", "postgresql://", "postgresql://postgres@");
    row("postgresql", "host=db user=dba dbname=shop", "host=db dbname=shop user=postgres");
    row("postgresql", "user = 'o\\'hara x' host=db", "host=db user=postgres");
    row("postgresql", "service=shop", "service=shop user=postgres");
    row("postgresql", "host=user=x", "host=user=x user=postgres");
    row("mysql", "mysql://shop@db", "mysql://root@db");
}

void TestDiagnosisWords::administratorsAddress()
{
    QFETCH(const QByteArray, kind);
    QFETCH(const QString, url);
    QFETCH(const QString, offered);
    QCOMPARE(administratorsUrl({TargetId{1}, kind.toStdString(), "db", url.toStdString()}),
             offered);
}

/// Who may not see states is told how many there are, in whole sentences.
void TestDiagnosisWords::aRoleWithoutRights()
{
    Update update = server();
    TargetSummary& target = update.targets[0];
    target.facts.emplace();
    target.facts->max_connections = 24;
    target.facts->reserved = 3;
    target.counts.at(static_cast<std::size_t>(SessionState::unknown)) = 18;
    const auto explained = [&] {
        return overviewAnswer(stored(update)).explanation;
    };
    QCOMPARE(explained(),
             QStringLiteral("18 not reported. 3 of the slots are reserved for superusers and roles "
                            "with that right."));
    target.counts.at(static_cast<std::size_t>(SessionState::active)) = 2;
    QCOMPARE(
        explained(),
        QStringLiteral("2 active, 18 not reported. 3 of the slots are reserved for superusers and "
                       "roles with that right."));
    target.facts->reserved = 0;
    QCOMPARE(explained(), QStringLiteral("2 active, 18 not reported."));
}

/// All that one line does not give back is offered to be taken back, not the oldest alone.
void TestDiagnosisWords::allOfALine()
{
    support::PoolScene scene;
    Update update = scene.take(true);
    TargetSummary& target = update.targets.front();
    QVERIFY(target.agent && !target.places.empty());
    target.agent->may_reclaim = true;
    const Place& place = target.places.front();
    QVERIFY(place.suspected > 1);
    Diagnosis leak = diagnosed("shop is exhausted by a leak.", true, Confidence::high);
    leak.target = target.info.id;
    leak.cause = Cause::leak;
    leak.relief = Relief{"Reclaim the checkout of A.", {}, place.holders.front().checkout, 1};
    target.diagnoses = {leak};
    SessionStore store = stored(update);
    Answer answer = overviewAnswer(store);
    QCOMPARE(std::ssize(answer.reclaim), std::ptrdiff_t{place.suspected});
    QVERIFY2(
        answer.relief.contains(
            QStringLiteral("Frees %1 connections lent at checkout.cpp:88").arg(place.suspected)),
        qPrintable(answer.relief));
    // What is only held while other work is done is taken back one by one.
    target.diagnoses[0].cause = Cause::held_while_idle;
    store = stored(update);
    answer = overviewAnswer(store);
    QCOMPARE(answer.reclaim, std::vector<CheckoutKey>{place.holders.front().checkout});
    QCOMPARE(answer.relief, QStringLiteral("Reclaim the checkout of A."));
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
    // Of the same session the diagnosis says more.
    update.targets[0].diagnoses[0].relief = Relief{"Ending 70 frees 9.", leak.session, {}, 9};
    const Answer both = overviewAnswer(stored(update));
    QCOMPARE(both.kind, Answer::Kind::diagnosis);
    QCOMPARE(both.severity, 2);
    QCOMPARE(both.confidence, QStringLiteral("high"));
}

void TestDiagnosisWords::aSecondQueue()
{
    Update update = server();
    Diagnosis queue = diagnosed("On shop-db 6 sessions wait behind 70.", false, Confidence::high);
    queue.relief = Relief{"End session 70: 6 can go on.", session(70).session.key, {}, 6};
    update.targets[0].diagnoses = {queue};
    BlockingTree first;
    first.root.key = session(70).session.key;
    first.root.blocks = 6;
    BlockingTree second;
    second.root.key = session(71).session.key;
    second.root.blocks = 5;
    BlockingTree one = second;
    one.root.key = session(72).session.key;
    one.root.blocks = 1;
    update.targets[0].blocking.trees = {first, second, one};
    const Answer answer = overviewAnswer(stored(update));
    QCOMPARE(answer.session, std::optional(first.root.key));
    QCOMPARE(answer.others.size(), 1U);
    QCOMPARE(answer.others[0].session, std::optional(second.root.key));
    QVERIFY2(answer.others[0].words.endsWith(QStringLiteral("blocks 5 sessions, too.")),
             qPrintable(answer.others[0].words));
}

/// What the role may not see is no good news.
void TestDiagnosisWords::hiddenIsNotWell()
{
    Update update = server();
    QCOMPARE(blockingAnswer(stored(update), Formatter()).sentence,
             QStringLiteral("No session waits for a lock."));
    update.targets[0].counts[static_cast<std::size_t>(SessionState::unknown)] = 471;
    QCOMPARE(blockingAnswer(stored(update), Formatter()).sentence,
             QStringLiteral("No session that can be seen waits for a lock; what 471 sessions do is "
                            "hidden."));
    QCOMPARE(leaksAnswer(stored(update)).sentence,
             QStringLiteral("No session that can be seen is idle in a transaction past the "
                            "threshold; what 471 sessions do is hidden."));
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
