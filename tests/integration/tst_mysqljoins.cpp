// SPDX-License-Identifier: GPL-3.0-or-later
// A real pool on a real MariaDB or MySQL: from sessions that wait to the line that holds the lock,
// by the server's connection id; live and from a recording; and where an id alone cannot tell.
#include "tests/support/clijson.h"
#include "tests/support/mariadb.h"
#include "tests/support/pythonapp.h"
#include "tests/support/say.h"

#include <QTemporaryDir>
#include <QTest>

#include <memory>
#include <vector>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlJoins : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void fromTheWaitersToTheLine();
    void theSameFromARecording();
    void byTheIdAlone();
    void theSameIdOnTwoServers();
    void notTheOneOfAnotherServer();

private:
    bool makeShop(const MariaDb& server);
    /// The connection that has changed rows, as the server says; 0: none.
    static qint64 holder(const MariaDb& server);
    /// A pool over the first server's Unix socket, with a connection lent.
    bool startLocal(PythonApp& app, const QStringList& further = {});
    /// The last connection that came by that socket.
    qint64 localId() const;
    /// What must be told of the leak, live and from a recording.
    void checkLeaks(const QJsonArray& leaks) const;
    void checkBlocking(const QJsonArray& blocking) const;
    QStringList both() const { return {shop_.pool(), server_.url()}; }
    QString line() const { return PythonApp::lineOf("shopapp.py", "THE LEAK"); }

    QTemporaryDir dir_{say("/tmp/psj-XXXXXX")};
    MariaDb server_;
    MariaDb other_;
    PythonApp shop_;
    qint64 holder_ = 0;
    int locals_ = 0;
    std::vector<std::unique_ptr<MariaClient>> waiters_;
};

bool TestMySqlJoins::makeShop(const MariaDb& server)
{
    MariaClient admin(server, "admin");
    return admin.exec(say("CREATE TABLE stock (id INT PRIMARY KEY, units INT)")) &&
           admin.exec(say("INSERT INTO stock VALUES (1, 10)"));
}

qint64 TestMySqlJoins::holder(const MariaDb& server)
{
    MariaClient admin(server, "admin");
    return admin
        .value(say("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx "
                   "WHERE trx_rows_modified > 0"))
        .toLongLong();
}

void TestMySqlJoins::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("this needs a MariaDB or MySQL server");
    if (!PythonApp::available())
        QSKIP("no Python with SQLAlchemy can be had here");
    QVERIFY2(server_.start({}), qPrintable(server_.error()));
    QVERIFY2(other_.start({}), qPrintable(other_.error()));
    QVERIFY(makeShop(server_) && makeShop(other_));
    // The other server's ids are behind: one of them can be made the same.
    for (int i = 0; i < 40; ++i)
        QVERIFY(MariaClient(server_).ok());
    QVERIFY(shop_.start(
        "shopapp.py",
        {say("mysql+pymysql://app@127.0.0.1:%1/shop").arg(server_.port()), say("orders")},
        dir_.filePath(say("shop.sock"))));
    QVERIFY(shop_.tell("take"));
    holder_ = holder(server_);
    QVERIFY(holder_ > 0);
    for (int i = 0; i < 3; ++i) {
        waiters_.push_back(std::make_unique<MariaClient>(server_));
        QVERIFY(waiters_.back()->send(say("UPDATE stock SET units = 0 WHERE id = 1")));
    }
    MariaClient admin(server_, "admin");
    QVERIFY(admin.comesTo(say("SELECT COUNT(*) FROM information_schema.innodb_trx "
                              "WHERE trx_state = 'LOCK WAIT'"),
                          say("3")));
}

bool TestMySqlJoins::startLocal(PythonApp& app, const QStringList& further)
{
    const QStringList arguments{
        say("mysql+pymysql://app@localhost/shop?unix_socket=") + server_.socket(), say("local")};
    return app.start("shopapp.py", arguments + further,
                     dir_.filePath(say("local-%1.sock").arg(locals_++))) &&
           app.tell("lend");
}

qint64 TestMySqlJoins::localId() const
{
    MariaClient admin(server_, "admin");
    return admin
        .value(say("SELECT MAX(ID) FROM information_schema.processlist "
                   "WHERE HOST = 'localhost' AND USER = 'app'"))
        .toLongLong();
}

void TestMySqlJoins::checkLeaks(const QJsonArray& leaks) const
{
    QCOMPARE(leaks.size(), 2);
    const QJsonObject own = ofTarget(leaks, shop_.pool());
    QCOMPARE(ownLine(own[say("stack")]), line());
    QCOMPARE(own[say("tags")].toObject()[say("route")].toString(), say("/order"));
    QCOMPARE(own[say("joined_by")].toString(), say("server_pid"));
    QCOMPARE(own[say("server_pid")].toInteger(), holder_);
    const QJsonObject session = own[say("session")].toObject();
    QCOMPARE(session[say("pid")].toInteger(), holder_);
    QCOMPARE(session[say("state")].toString(), say("idle_in_transaction"));
    QCOMPARE(session[say("blocks")].toInt(), 3);
    QCOMPARE(session[say("checkout")], own[say("checkout")]);
    QVERIFY2(evidenceOf(own).contains(say("On the server it is session %1").arg(holder_)) &&
                 evidenceOf(own).contains(say("3 sessions wait for it.")),
             qPrintable(evidenceOf(own)));
    // And from the server's side.
    const QJsonObject server = ofTarget(leaks, server_.url());
    QCOMPARE(server[say("kind")].toString(), say("session"));
    QCOMPARE(server[say("server_pid")].toInteger(), holder_);
    QCOMPARE(ownLine(server[say("stack")]), line());
    QCOMPARE(server[say("checkout")], own[say("checkout")]);
    QCOMPARE(server[say("joined_by")].toString(), say("server_pid"));
}

void TestMySqlJoins::checkBlocking(const QJsonArray& blocking) const
{
    QCOMPARE(blocking.size(), 1);
    const QJsonObject tree = blocking.first().toObject();
    QCOMPARE(tree[say("waiting")].toInt(), 3);
    QCOMPARE(tree[say("root")].toObject()[say("pid")].toInteger(), holder_);
    QCOMPARE(ownLine(tree[say("stack")]), line());
    QVERIFY(!tree[say("checkout")].toString().isEmpty());
}

void TestMySqlJoins::fromTheWaitersToTheLine()
{
    checkLeaks(
        told(QStringList{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")} +
             both()));
    checkBlocking(told(QStringList{say("blocking")} + both()));
    int joined = 0;
    for (const QJsonValue& each : told(QStringList{say("sessions")} + both())) {
        const QJsonObject session = each.toObject();
        joined += session[say("checkout")].isNull() ? 0 : 1;
        QCOMPARE(session[say("checkout")].isNull(), session[say("pid")].toInteger() != holder_);
        QCOMPARE(session[say("joined_by")].isNull(), session[say("checkout")].isNull());
    }
    QCOMPARE(joined, 1);
}

void TestMySqlJoins::theSameFromARecording()
{
    const QString file = dir_.filePath(say("night.poolrec"));
    QVERIFY(recorded(file, say("3s"), both()));
    checkLeaks(told({say("leaks"), say("--leak-after"), say("1s"), file}));
    checkBlocking(told({say("blocking"), file}));
}

/// Over a Unix socket there is no port that could agree or differ.
void TestMySqlJoins::byTheIdAlone()
{
    PythonApp local;
    QVERIFY(startLocal(local));
    const qint64 id = localId();
    QVERIFY(id > 0);
    const QStringList all{local.pool(), shop_.pool(), server_.url()};
    const QJsonArray lent = told(QStringList{say("checkouts")} + all);
    QCOMPARE(lent.size(), 2);
    const QJsonObject own = ofTarget(lent, local.pool());
    QCOMPARE(own[say("server_pid")].toInteger(), id);
    const QString session = own[say("session")].toString();
    QVERIFY2(session.contains(say("-%1-").arg(id)), qPrintable(session));
    QCOMPARE(own[say("joined_by")].toString(), say("server_pid"));
    const QString holders = ofTarget(lent, shop_.pool())[say("session")].toString();
    QVERIFY2(holders.contains(say("-%1-").arg(holder_)), qPrintable(holders));
}

/// Servers count from 1: where two are attached an id alone says nothing.
void TestMySqlJoins::theSameIdOnTwoServers()
{
    PythonApp local;
    QVERIFY(startLocal(local));
    const qint64 id = localId();
    std::unique_ptr<MariaClient> twin;
    do {
        twin = std::make_unique<MariaClient>(other_);
        QVERIFY(twin->ok() && twin->id() <= id);
    } while (twin->id() != id);
    const QStringList judged{say("leaks"), say("--leak-after"), say("1s"), say("--for"), say("2s")};
    const QJsonObject leak = ofTarget(
        told(judged + QStringList{local.pool(), server_.url(), other_.url()}), local.pool());
    QCOMPARE(ownLine(leak[say("stack")]), line());
    QCOMPARE(leak[say("joined_by")].toString(), say("ambiguous"));
    QVERIFY(leak[say("session")].isNull());
    QVERIFY2(evidenceOf(leak).contains(say("cannot be told: several may be it.")),
             qPrintable(evidenceOf(leak)));
    int same = 0;
    for (const QJsonValue& each :
         told({say("sessions"), local.pool(), server_.url(), other_.url()})) {
        const QJsonObject session = each.toObject();
        same += session[say("pid")].toInteger() == id ? 1 : 0;
        QVERIFY(session[say("checkout")].isNull());
    }
    QCOMPARE(same, 2); // or this test shows nothing

    // Where the pool says which server it means, it is that one's.
    PythonApp exact;
    QVERIFY(startLocal(exact,
                       {say("--database"), say("mysql://127.0.0.1:%1/shop").arg(server_.port())}));
    const qint64 next = localId();
    QVERIFY(next > id);
    for (twin.reset(); !twin || twin->id() != next;)
        twin = std::make_unique<MariaClient>(other_);
    const QJsonArray lent = told({say("checkouts"), exact.pool(), server_.url(), other_.url()});
    const QString session = ofTarget(lent, exact.pool())[say("session")].toString();
    QVERIFY2(session.contains(say("-%1-").arg(next)), qPrintable(session));
    same = 0;
    int joined = 0;
    for (const QJsonValue& each :
         told({say("sessions"), exact.pool(), server_.url(), other_.url()})) {
        const QJsonObject told = each.toObject();
        const bool its = told[say("pid")].toInteger() == next;
        same += its ? 1 : 0;
        joined += told[say("checkout")].isNull() ? 0 : 1;
        QCOMPARE(told[say("checkout")].isNull(), !its || told[say("target")] != server_.url());
    }
    QCOMPARE(same, 2); // or this shows nothing
    QCOMPARE(joined, 1);
}

/// The pool's own server is not attached, and another one has its id.
void TestMySqlJoins::notTheOneOfAnotherServer()
{
    std::unique_ptr<MariaClient> twin;
    PythonApp far;
    QVERIFY(
        far.start("shopapp.py",
                  {say("mysql+pymysql://app@127.0.0.1:%1/shop").arg(server_.port()), say("far")},
                  dir_.filePath(say("far.sock"))));
    QVERIFY(far.tell("lend"));
    MariaClient admin(server_, "admin");
    const qint64 id =
        ofTarget(told({say("checkouts"), far.pool()}), far.pool())[say("server_pid")].toInteger();
    QVERIFY(id > 0);
    do {
        twin = std::make_unique<MariaClient>(other_);
        QVERIFY(twin->ok() && twin->id() <= id);
    } while (twin->id() != id);
    const QJsonObject own =
        ofTarget(told({say("checkouts"), far.pool(), other_.url()}), far.pool());
    QCOMPARE(own[say("server_pid")].toInteger(), id);
    QVERIFY(own[say("session")].isNull() && own[say("joined_by")].isNull());
    int same = 0;
    for (const QJsonValue& each : told({say("sessions"), far.pool(), other_.url()})) {
        same += each.toObject()[say("pid")].toInteger() == id ? 1 : 0;
        QVERIFY(each.toObject()[say("checkout")].isNull());
    }
    QCOMPARE(same, 1);
}

QTEST_GUILESS_MAIN(TestMySqlJoins)
#include "tst_mysqljoins.moc"
