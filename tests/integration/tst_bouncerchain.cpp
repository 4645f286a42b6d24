// SPDX-License-Identifier: GPL-3.0-or-later
// The whole chain: a leak in an application behind PgBouncer in transaction mode, the sessions that
// wait for it, and one question that goes from them to its line of code; live and from a recording.
#include "tests/support/bouncerchain.h"
#include "tests/support/clijson.h"
#include "tests/support/say.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestBouncerChain : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void fromTheWaitersToTheLine();
    void theSameFromARecording();
    void withoutTheServer();
    void withoutThePooler();
    void aConnectionWithoutATransaction();
    void aDriverThatAsksThePooler();

private:
    QStringList all() const { return chain_.all(); }
    /// What must be said of the leak, whoever tells it.
    void checkLeaks(const QJsonArray& leaks) const;
    void checkBlocking(const QJsonArray& blocking) const;

    BouncerChain chain_;
};

void TestBouncerChain::initTestCase()
{
    const bool started = chain_.start();
    if (!chain_.missing().isEmpty())
        QSKIP(qPrintable(chain_.missing()));
    QVERIFY2(started, qPrintable(chain_.error()));
}

void TestBouncerChain::checkLeaks(const QJsonArray& leaks) const
{
    // The application's: its line, its tags, and the server's session through the pooler.
    const QJsonObject own = ofTarget(leaks, chain_.pool());
    QCOMPARE(ownLine(own[say("stack")]), chain_.line());
    QCOMPARE(own[say("tags")].toObject()[say("route")].toString(), say("/order"));
    QCOMPARE(own[say("acquired_by")].toString(), say("web"));
    QCOMPARE(own[say("joined_by")].toString(), say("pgbouncer"));
    const QJsonObject session = own[say("session")].toObject();
    QCOMPARE(session[say("pid")].toInt(), chain_.holderPid());
    QCOMPARE(session[say("state")].toString(), say("idle_in_transaction"));
    QCOMPARE(session[say("blocks")].toInt(), 3);
    QVERIFY(session[say("query")].toString().contains(say("UPDATE stock")));
    QCOMPARE(session[say("checkout")].toString(), own[say("checkout")].toString());
    // Not what the pooler told it, which is made up.
    QCOMPARE(own[say("server_pid")].toInt(), chain_.holderPid());
    const QString evidence = evidenceOf(own);
    QVERIFY2(evidence.contains(
                 say("Through PgBouncer it is the server's session %1").arg(chain_.holderPid())),
             qPrintable(evidence));
    QVERIFY(evidence.contains(say("3 sessions wait for it.")));

    // The pooler's: the same session, by its pid; no line, and it says so.
    const QJsonObject pooler = ofTarget(leaks, chain_.pooler());
    QCOMPARE(pooler[say("joined_by")].toString(), say("server_pid"));
    QCOMPARE(pooler[say("server_pid")].toInt(), chain_.holderPid());
    QVERIFY(pooler[say("stack")].isNull());
    QCOMPARE(pooler[say("session")].toObject()[say("pid")].toInt(), chain_.holderPid());

    // The server's: from the session to the line.
    const QJsonObject server = ofTarget(leaks, chain_.server());
    QCOMPARE(server[say("kind")].toString(), say("session"));
    QCOMPARE(server[say("server_pid")].toInt(), chain_.holderPid());
    QCOMPARE(ownLine(server[say("stack")]), chain_.line());
    QCOMPARE(server[say("tags")], own[say("tags")]);
    QCOMPARE(server[say("checkout")], own[say("checkout")]);
    QCOMPARE(server[say("joined_by")].toString(), say("pgbouncer"));
    QCOMPARE(leaks.size(), 3);
}

void TestBouncerChain::checkBlocking(const QJsonArray& blocking) const
{
    QCOMPARE(blocking.size(), 1);
    const QJsonObject tree = blocking.first().toObject();
    QCOMPARE(tree[say("waiting")].toInt(), 3);
    QCOMPARE(tree[say("root")].toObject()[say("pid")].toInt(), chain_.holderPid());
    QCOMPARE(ownLine(tree[say("stack")]), chain_.line());
    QVERIFY(!tree[say("checkout")].toString().isEmpty());
}

void TestBouncerChain::fromTheWaitersToTheLine()
{
    const QStringList judged{say("--leak-after"), say("2s"), say("--for"), say("3s")};
    checkLeaks(told(QStringList{say("leaks")} + judged + all()));
    checkBlocking(told(QStringList{say("blocking")} + all()));
    const QJsonArray sessions = told(QStringList{say("sessions")} + all());
    int joined = 0;
    for (const QJsonValue& each : sessions) {
        const QJsonObject session = each.toObject();
        joined += session[say("checkout")].isNull() ? 0 : 1;
        if (session[say("pid")].toInt() == chain_.holderPid())
            QVERIFY(!session[say("checkout")].isNull());
    }
    QCOMPARE(joined, 1); // and no other
    const QJsonArray checkouts = told(QStringList{say("checkouts")} + all());
    QCOMPARE(checkouts.size(), 2);
    QCOMPARE(checkouts[0].toObject()[say("session")], checkouts[1].toObject()[say("session")]);
    QVERIFY(checkouts[0].toObject()[say("session")].toString().startsWith(
        say("pg-%1-").arg(chain_.holderPid())));
}

void TestBouncerChain::theSameFromARecording()
{
    const QString file = chain_.filePath(say("night.poolrec"));
    QVERIFY(recorded(file, say("4s"), all()));
    checkLeaks(told({say("leaks"), say("--leak-after"), say("2s"), file}));
    checkBlocking(told({say("blocking"), file}));
}

void TestBouncerChain::withoutTheServer()
{
    // Two of the three: the pooler's pid is all there is, and no session is made up.
    const QJsonArray leaks =
        told({say("leaks"), say("--leak-after"), say("2s"), chain_.pool(), chain_.pooler()});
    const QJsonObject own = ofTarget(leaks, chain_.pool());
    QCOMPARE(ownLine(own[say("stack")]), chain_.line());
    QVERIFY(own[say("session")].isNull() && own[say("joined_by")].isNull());
    QCOMPARE(own[say("server_pid")].toInt(), chain_.holderPid()); // as the pooler says
    QCOMPARE(ofTarget(leaks, chain_.pooler())[say("server_pid")].toInt(), chain_.holderPid());
}

void TestBouncerChain::withoutThePooler()
{
    // Nobody knows which session it is: none is shown.
    const QJsonArray leaks =
        told({say("leaks"), say("--leak-after"), say("2s"), chain_.pool(), chain_.server()});
    QVERIFY(ofTarget(leaks, chain_.pool())[say("session")].isNull());
    const QJsonObject server = ofTarget(leaks, chain_.server());
    QCOMPARE(server[say("server_pid")].toInt(), chain_.holderPid());
    QVERIFY(server[say("stack")].isNull() && server[say("joined_by")].isNull());
}

void TestBouncerChain::aConnectionWithoutATransaction()
{
    // Still checked out in the application; the pooler has given its server connection back.
    QVERIFY(chain_.tell("rollback"));
    const QJsonArray idle = told(QStringList{say("checkouts")} + all());
    const QJsonObject own = ofTarget(idle, chain_.pool());
    QVERIFY(!own.isEmpty() && own[say("session")].isNull() && own[say("server_pid")].isNull());
    // It begins again, on whichever server is free: the link is the new one.
    for (PgClient& waiter : chain_.waiters())
        QVERIFY(waiter.finish());
    QVERIFY(chain_.tell("begin"));
    PgClient admin(chain_.cluster().conninfo());
    const QString pid =
        admin.value(say("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"));
    const QJsonArray again = told(QStringList{say("checkouts")} + all());
    QVERIFY2(ofTarget(again, chain_.pool())[say("session")].toString().startsWith(
                 say("pg-%1-").arg(pid)),
             qPrintable(pid));
}

void TestBouncerChain::aDriverThatAsksThePooler()
{
    // The second application was told the number of the session that the first one then got: it
    // waits for that one, and must not be named as who blocks.
    QVERIFY(chain_.tell("rollback"));
    QVERIFY(chain_.startVictim());
    QVERIFY(chain_.tell("begin"));
    QVERIFY(chain_.victimWaits());
    PgClient admin(chain_.cluster().conninfo());
    const int holder =
        admin.value(say("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"))
            .toInt();
    const QStringList withoutPooler{chain_.victim(), chain_.server()};
    const QJsonArray leaks =
        told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
             withoutPooler);
    // It runs a statement, so that it is no leak: what is open tells of it.
    const QJsonObject own =
        ofTarget(told(QStringList{say("checkouts")} + withoutPooler), chain_.victim());
    QCOMPARE(own[say("server_pid")].toInt(), holder); // or this test shows nothing
    QVERIFY(own[say("session")].isNull());
    const QJsonObject server = ofTarget(leaks, chain_.server());
    QCOMPARE(server[say("server_pid")].toInt(), holder);
    QVERIFY(server[say("stack")].isNull() && server[say("checkout")].isNull());
    const QJsonArray blocking = told(QStringList{say("blocking")} + withoutPooler);
    QCOMPARE(blocking.size(), 1);
    const QJsonObject tree = blocking.first().toObject();
    QCOMPARE(tree[say("root")].toObject()[say("pid")].toInt(), holder);
    QVERIFY(tree[say("stack")].isNull() && tree[say("checkout")].isNull());
    // With everything attached the root is the line of the first.
    const QJsonArray whole = told(QStringList{say("blocking"), chain_.victim()} + all());
    QCOMPARE(whole.size(), 1);
    QCOMPARE(ownLine(whole.first().toObject()[say("stack")]), chain_.line());
}

QTEST_GUILESS_MAIN(TestBouncerChain)
#include "tst_bouncerchain.moc"
