// SPDX-License-Identifier: GPL-3.0-or-later
// A real pool that knows no number of the server's: joined with a real PostgreSQL by the port that
// its connection comes from; live and from a recording; and where a port alone cannot tell.
#include "tests/support/clijson.h"
#include "tests/support/pgcluster.h"
#include "tests/support/pythonapp.h"
#include "tests/support/say.h"

#include <QHostAddress>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

#include <vector>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// A client of another host, as a server on loopback sees it: from an address and a port of its
/// own.
class Stranger
{
public:
    Stranger(quint16 server, quint16 port)
    {
        if (!socket_.bind(QHostAddress(say("127.0.0.2")), port))
            return;
        socket_.connectToHost(QHostAddress(QHostAddress::LocalHost), server);
        if (!socket_.waitForConnected(5000))
            return;
        // A start-up message: its length, version 3.0, names and values.
        const QByteArray words("user\0postgres\0database\0postgres\0\0", 33);
        const auto length = static_cast<char>(8 + words.size());
        socket_.write(QByteArray("\0\0\0", 3) + length + QByteArray("\0\3\0\0", 4) + words);
        QByteArray said;
        while (!said.endsWith(QByteArray("Z\0\0\0\5I", 6)) && socket_.waitForReadyRead(5000))
            said += socket_.readAll();
        ready_ = said.endsWith('I');
    }
    bool ready() const { return ready_; }

private:
    QTcpSocket socket_;
    bool ready_ = false;
};

} // namespace

class TestPortJoins : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void fromTheWaitersToTheLine();
    void twoHostsOfOnePort();
    void notTheOneOfAnotherServer();

private:
    bool start(PythonApp& app, const char* name);
    /// Of that application's only connection, as the server says.
    quint16 portOf(const char* name);

    QTemporaryDir dir_{say("/tmp/psj-XXXXXX")};
    PgCluster server_;
    PgCluster other_;
};

void TestPortJoins::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    if (!PythonApp::available())
        QSKIP("no Python with SQLAlchemy can be had here");
    for (PgCluster* const each : {&server_, &other_}) {
        QVERIFY2(each->start(), qPrintable(each->error()));
        each->addHba(say("host all all 127.0.0.2/32 trust"));
    }
    PgClient admin(server_.conninfo());
    QVERIFY(admin.exec(say("CREATE TABLE stock (id int PRIMARY KEY, units int)")));
    QVERIFY(admin.exec(say("INSERT INTO stock VALUES (1, 10)")));
}

bool TestPortJoins::start(PythonApp& app, const char* name)
{
    const QString url =
        say("postgresql+psycopg2://postgres@127.0.0.1:%1/postgres?application_name=%2")
            .arg(server_.port())
            .arg(say(name));
    return app.start("shopapp.py", {url, say(name), say("--no-pid")},
                     dir_.filePath(say(name) + say(".sock")));
}

quint16 TestPortJoins::portOf(const char* name)
{
    PgClient admin(server_.conninfo());
    return static_cast<quint16>(
        admin
            .value(say("SELECT client_port FROM pg_stat_activity WHERE application_name = '%1'")
                       .arg(say(name)))
            .toInt());
}

void TestPortJoins::fromTheWaitersToTheLine()
{
    PythonApp app;
    QVERIFY(start(app, "orders"));
    QVERIFY(app.tell("take"));
    PgClient admin(server_.conninfo());
    const int holder = admin
                           .value(say("SELECT pid FROM pg_locks WHERE locktype = 'transactionid' "
                                      "AND granted"))
                           .toInt();
    QVERIFY(holder > 0);
    PgClient waiter(server_.conninfo());
    QVERIFY(waiter.send(say("UPDATE stock SET units = 0 WHERE id = 1")));
    QTRY_COMPARE(admin.value(say("SELECT count(*) FROM pg_stat_activity "
                                 "WHERE wait_event_type = 'Lock'")),
                 say("1"));
    const auto check = [&](const QJsonArray& leaks, const QJsonArray& blocking) {
        QCOMPARE(leaks.size(), 2);
        const QJsonObject own = ofTarget(leaks, app.pool());
        QCOMPARE(own[say("joined_by")].toString(), say("client_port"));
        const QJsonObject session = own[say("session")].toObject();
        QCOMPARE(session[say("pid")].toInt(), holder);
        QCOMPARE(session[say("blocks")].toInt(), 1);
        const QJsonObject server = ofTarget(leaks, server_.uri());
        QCOMPARE(server[say("server_pid")].toInt(), holder);
        QCOMPARE(ownLine(server[say("stack")]), PythonApp::lineOf("shopapp.py", "THE LEAK"));
        QCOMPARE(server[say("joined_by")].toString(), say("client_port"));
        QCOMPARE(blocking.size(), 1);
        QCOMPARE(ownLine(blocking.first().toObject()[say("stack")]),
                 PythonApp::lineOf("shopapp.py", "THE LEAK"));
    };
    const QStringList both{app.pool(), server_.uri()};
    check(told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
               both),
          told(QStringList{say("blocking")} + both));
    const QString file = dir_.filePath(say("night.poolrec"));
    QVERIFY(recorded(file, say("3s"), both));
    check(told({say("leaks"), say("--leak-after"), say("1s"), file}),
          told({say("blocking"), file}));
}

void TestPortJoins::twoHostsOfOnePort()
{
    PythonApp app;
    QVERIFY(start(app, "twice"));
    const Stranger stranger(server_.port(), portOf("twice"));
    QVERIFY(stranger.ready());
    QVERIFY(app.tell("lend")); // after both had begun
    const QStringList both{app.pool(), server_.uri()};
    const QJsonObject leak = ofTarget(
        told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
             both),
        app.pool());
    QCOMPARE(leak[say("joined_by")].toString(), say("ambiguous"));
    QVERIFY(leak[say("session")].isNull());
    QVERIFY2(evidenceOf(leak).contains(say("cannot be told: several may be it.")),
             qPrintable(evidenceOf(leak)));
    const QString port = say(":%1").arg(portOf("twice"));
    int candidates = 0;
    for (const QJsonValue& each : told(QStringList{say("sessions")} + both)) {
        const QJsonObject session = each.toObject();
        candidates += session[say("client")].toString().endsWith(port) ? 1 : 0;
        QVERIFY(session[say("checkout")].isNull());
    }
    QCOMPARE(candidates, 2); // or this test shows nothing
}

/// The pool's own server is not attached, and another one has a client of its port.
void TestPortJoins::notTheOneOfAnotherServer()
{
    PythonApp app;
    QVERIFY(start(app, "far"));
    const Stranger stranger(other_.port(), portOf("far"));
    QVERIFY(stranger.ready());
    QVERIFY(app.tell("lend"));
    const QStringList both{app.pool(), other_.uri()};
    const QJsonObject leak = ofTarget(
        told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
             both),
        app.pool());
    QVERIFY(leak[say("session")].isNull() && leak[say("joined_by")].isNull());
    // And it says why.
    const QString words = evidenceOf(leak);
    QVERIFY2(words.contains(say("has the port that the pool knows, but")) &&
                 words.contains(QString::number(other_.port())),
             qPrintable(words));
    int candidates = 0;
    const QString port = say(":%1").arg(portOf("far"));
    for (const QJsonValue& each : told(QStringList{say("sessions")} + both)) {
        const QJsonObject session = each.toObject();
        candidates += session[say("client")].toString().endsWith(port) ? 1 : 0;
        QVERIFY(session[say("checkout")].isNull());
    }
    QCOMPARE(candidates, 1); // the stranger, or this test shows nothing
    // With both attached it is its own, whatever the other has.
    const QJsonObject own =
        ofTarget(told(QStringList{say("checkouts"), server_.uri()} + both), app.pool());
    PgClient admin(server_.conninfo());
    const QString pid =
        admin.value(say("SELECT pid FROM pg_stat_activity WHERE application_name = 'far'"));
    QVERIFY2(own[say("session")].toString().startsWith(say("pg-%1-").arg(pid)),
             qPrintable(own[say("session")].toString()));
}

QTEST_GUILESS_MAIN(TestPortJoins)
#include "tst_portjoins.moc"
