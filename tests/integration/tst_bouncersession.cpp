// SPDX-License-Identifier: GPL-3.0-or-later
// The whole chain behind PgBouncer in session mode: a client keeps its server connection while it
// is connected, with a transaction or without; live and from a recording.
#include "tests/support/bouncerchain.h"
#include "tests/support/clijson.h"
#include "tests/support/say.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestBouncerSession : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void fromTheWaitersToTheLine();
    void theSameFromARecording();
    void aConnectionWithoutATransaction();

private:
    void check(const QJsonArray& leaks, const QJsonArray& blocking) const;

    BouncerChain chain_;
};

void TestBouncerSession::initTestCase()
{
    const bool started = chain_.start(say("session"));
    if (!chain_.missing().isEmpty())
        QSKIP(qPrintable(chain_.missing()));
    QVERIFY2(started, qPrintable(chain_.error()));
}

void TestBouncerSession::check(const QJsonArray& leaks, const QJsonArray& blocking) const
{
    // That a client of the pooler has its server connection for long is what this mode is for: the
    // application's line and the server's session are told, the pooler's part is not.
    QCOMPARE(leaks.size(), 2);
    const QJsonObject own = ofTarget(leaks, chain_.pool());
    QCOMPARE(ownLine(own[say("stack")]), chain_.line());
    QCOMPARE(own[say("joined_by")].toString(), say("pgbouncer"));
    QCOMPARE(own[say("server_pid")].toInt(), chain_.holderPid());
    const QJsonObject session = own[say("session")].toObject();
    QCOMPARE(session[say("pid")].toInt(), chain_.holderPid());
    QCOMPARE(session[say("state")].toString(), say("idle_in_transaction"));
    QCOMPARE(session[say("blocks")].toInt(), 3);
    const QJsonObject server = ofTarget(leaks, chain_.server());
    QCOMPARE(server[say("server_pid")].toInt(), chain_.holderPid());
    QCOMPARE(ownLine(server[say("stack")]), chain_.line());
    QCOMPARE(server[say("joined_by")].toString(), say("pgbouncer"));

    QCOMPARE(blocking.size(), 1);
    const QJsonObject tree = blocking.first().toObject();
    QCOMPARE(tree[say("waiting")].toInt(), 3);
    QCOMPARE(tree[say("root")].toObject()[say("pid")].toInt(), chain_.holderPid());
    QCOMPARE(ownLine(tree[say("stack")]), chain_.line());
}

void TestBouncerSession::fromTheWaitersToTheLine()
{
    check(told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
               chain_.all()),
          told(QStringList{say("blocking")} + chain_.all()));
}

void TestBouncerSession::theSameFromARecording()
{
    const QString file = chain_.filePath(say("night.poolrec"));
    QVERIFY(recorded(file, say("3s"), chain_.all()));
    check(told({say("leaks"), say("--leak-after"), say("1s"), file}),
          told({say("blocking"), file}));
}

void TestBouncerSession::aConnectionWithoutATransaction()
{
    // It keeps its session: the very one, and nothing waits for it any more.
    QVERIFY(chain_.tell("rollback"));
    for (PgClient& waiter : chain_.waiters())
        QVERIFY(waiter.finish());
    const QJsonArray lent = told(QStringList{say("checkouts")} + chain_.all());
    const QJsonObject own = ofTarget(lent, chain_.pool());
    QVERIFY2(own[say("session")].toString().startsWith(say("pg-%1-").arg(chain_.holderPid())),
             qPrintable(own[say("session")].toString()));
    QCOMPARE(own[say("server_pid")].toInt(), chain_.holderPid());
    const QJsonArray leaks =
        told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
             chain_.all());
    QCOMPARE(leaks.size(), 1); // the application's: the server's session is idle, which is no leak
    const QJsonObject leak = ofTarget(leaks, chain_.pool());
    QCOMPARE(leak[say("session")].toObject()[say("state")].toString(), say("idle"));
    QVERIFY2(evidenceOf(leak).contains(say("checked out, and not used.")),
             qPrintable(evidenceOf(leak)));
}

QTEST_GUILESS_MAIN(TestBouncerSession)
#include "tst_bouncersession.moc"
