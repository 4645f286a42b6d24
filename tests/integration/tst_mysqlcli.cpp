// SPDX-License-Identifier: GPL-3.0-or-later
// The shell's verbs against a real MariaDB or MySQL, live and from a recording of it.
#include "tests/support/mariadb.h"
#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlCli : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void sessions();
    void blockingTree();
    void leaks();
    void recordingSaysTheSame();
    void killByIdentity();
    void remarksReachTheShell();
    void secretsStayOut();

private:
    static Run poolscope(const QStringList& arguments);
    static QJsonObject byPid(const QJsonArray& sessions, qint64 pid);

    MariaDb server_;
    std::unique_ptr<MariaClient> root_, middle_, leaf_;
};

Run TestMySqlCli::poolscope(const QStringList& arguments)
{
    return runProgram(inBuild("app/poolscope"), arguments);
}

QJsonObject TestMySqlCli::byPid(const QJsonArray& sessions, qint64 pid)
{
    for (const auto each : sessions) {
        if (each.toObject().value(QLatin1String("pid")).toInteger() == pid)
            return each.toObject();
    }
    return {};
}

void TestMySqlCli::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
    // As MySQL has it unless it was taken away: without, the first login with a password needs RSA,
    // which the client's library does not get right with each of its versions.
    MariaDb::Options options;
    options.tls = true;
    QVERIFY2(server_.start(options), qPrintable(server_.error()));
    MariaClient admin(server_, "admin");
    QVERIFY(admin.exec(QStringLiteral("CREATE TABLE t (id INT PRIMARY KEY, v INT)")));
    QVERIFY(admin.exec(QStringLiteral("INSERT INTO t VALUES (1, 1), (2, 2)")));
    root_ = std::make_unique<MariaClient>(server_, "app", "shop-api");
    middle_ = std::make_unique<MariaClient>(server_, "app", "billing");
    leaf_ = std::make_unique<MariaClient>(server_, "app", "report");
    QVERIFY(root_->exec(QStringLiteral("BEGIN")) &&
            root_->exec(QStringLiteral("UPDATE t SET v = 0 WHERE id = 1")));
    QVERIFY(middle_->exec(QStringLiteral("BEGIN")) &&
            middle_->exec(QStringLiteral("UPDATE t SET v = 0 WHERE id = 2")) &&
            middle_->send(QStringLiteral("UPDATE t SET v = 0 WHERE id = 1")));
    QVERIFY(leaf_->send(QStringLiteral("UPDATE t SET v = 0 WHERE id = 2")));
}

void TestMySqlCli::sessions()
{
    const Run told =
        poolscope({QStringLiteral("sessions"), server_.url(), QStringLiteral("--json")});
    QVERIFY2(told.code == 0, told.err.constData());
    const Run local = poolscope({QStringLiteral("states"), QStringLiteral("--json"),
                                 QStringLiteral("mysql://admin@localhost/?socket=") +
                                     server_.socket()}); // nothing listens at port 3306
    QVERIFY2(local.code == 0 && local.array().size() == 1, local.err.constData());
    const QJsonObject holder = byPid(told.array(), root_->id());
    QCOMPARE(holder[QStringLiteral("state")].toString(), QStringLiteral("idle_in_transaction"));
    QCOMPARE(holder[QStringLiteral("application")].toString(), QStringLiteral("shop-api"));
    QCOMPARE(holder[QStringLiteral("blocks")].toInt(), 2);
    QVERIFY(holder[QStringLiteral("started")].isNull()); // the server does not tell
    QVERIFY(holder[QStringLiteral("id")].toString().startsWith(
        QStringLiteral("my-%1-").arg(root_->id())));
    QVERIFY(holder[QStringLiteral("transaction_age_us")].toInteger() > 0);
    const QJsonObject waits = byPid(told.array(), leaf_->id());
    QCOMPARE(waits[QStringLiteral("state")].toString(), QStringLiteral("waiting"));
    QCOMPARE(waits[QStringLiteral("blocked_by")].toArray(), QJsonArray{middle_->id()});
    for (const auto each : told.array())
        QVERIFY(each.toObject()[QStringLiteral("application")] != QStringLiteral("poolscope"));
}

void TestMySqlCli::blockingTree()
{
    const Run told =
        poolscope({QStringLiteral("blocking"), server_.url(), QStringLiteral("--json")});
    QVERIFY2(told.code == 0, told.err.constData());
    QCOMPARE(told.array().size(), 1);
    const QJsonObject tree = told.array().first().toObject();
    QCOMPARE(tree[QStringLiteral("root")].toObject()[QStringLiteral("pid")].toInteger(),
             root_->id());
    QCOMPARE(tree[QStringLiteral("waiting")].toInt(), 2);
}

void TestMySqlCli::leaks()
{
    const Run told = poolscope({QStringLiteral("leaks"), server_.url(), QStringLiteral("--json"),
                                QStringLiteral("--leak-after"), QStringLiteral("1s"),
                                QStringLiteral("--for"), QStringLiteral("3s")});
    QVERIFY2(told.code == 0, told.err.constData());
    QCOMPARE(told.array().size(), 1);
    const QJsonObject leak = told.array().first().toObject();
    QCOMPARE(leak[QStringLiteral("server_pid")].toInteger(), root_->id());
    QCOMPARE(leak[QStringLiteral("kind")].toString(), QStringLiteral("session"));
    const QByteArray evidence = QJsonDocument(leak[QStringLiteral("evidence")].toArray()).toJson();
    QVERIFY2(evidence.contains("2 sessions wait behind it"), evidence.constData());
    QVERIFY2(!evidence.contains("vacuum"), evidence.constData());
}

void TestMySqlCli::recordingSaysTheSame()
{
    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("night.poolrec"));
    const Run recorded = poolscope({QStringLiteral("record"), server_.url(), QStringLiteral("-o"),
                                    file, QStringLiteral("--for"), QStringLiteral("4s")});
    QVERIFY2(recorded.code == 0, recorded.err.constData());
    for (const char* verb : {"sessions", "blocking"}) {
        const QString name = QString::fromLatin1(verb);
        const auto steady = [](const QByteArray& json) {
            // Ages go on; all else stands still in this story.
            return QString::fromUtf8(json).replace(
                QRegularExpression(QStringLiteral("(_us\": *\\d+|\"since\": *\"[^\"]*\")")),
                QString());
        };
        const Run live = poolscope({name, server_.url(), QStringLiteral("--json")});
        const Run replayed = poolscope({name, file, QStringLiteral("--json")});
        QVERIFY2(replayed.code == 0, replayed.err.constData());
        QVERIFY(!replayed.array().isEmpty());
        QCOMPARE(steady(replayed.out), steady(live.out));
    }
}

void TestMySqlCli::killByIdentity()
{
    const Run told =
        poolscope({QStringLiteral("sessions"), server_.url(), QStringLiteral("--json")});
    const QString id = byPid(told.array(), root_->id())[QStringLiteral("id")].toString();
    const auto terminate = [&](const QString& identity) {
        return poolscope(
            {QStringLiteral("terminate"), server_.url(), QStringLiteral("--identity"), identity});
    };
    const QString earlier = QStringLiteral("my-%1-1500000000000000").arg(root_->id());
    Run outcome = terminate(earlier);
    QVERIFY2(outcome.code == 4, outcome.err.constData());
    QVERIFY2(outcome.err.contains("another life of the server"), outcome.err.constData());
    QVERIFY(root_->exec(QStringLiteral("SELECT 1")));
    outcome = terminate(id);
    QVERIFY2(outcome.code == 0, outcome.err.constData());
    QVERIFY(!root_->exec(QStringLiteral("SELECT 1")));
    QVERIFY(middle_->finish()); // what it waited for is free
    outcome = terminate(id);
    QVERIFY2(outcome.code == 4, outcome.err.constData());
}

void TestMySqlCli::remarksReachTheShell()
{
    MariaDb plain;
    MariaDb::Options options;
    options.performanceSchema = false;
    QVERIFY2(plain.start(options), qPrintable(plain.error()));
    for (const char* verb : {"sessions", "check"}) {
        const Run told = poolscope({QString::fromLatin1(verb), plain.url()});
        QVERIFY2(told.code == 0, told.err.constData());
        QVERIFY2(told.err.contains("information_schema.PROCESSLIST"), told.err.constData());
        QVERIFY(!told.out.contains("information_schema.PROCESSLIST"));
    }
}

void TestMySqlCli::secretsStayOut()
{
    const Run told = poolscope(
        {QStringLiteral("states"), server_.url("locked:right"), QStringLiteral("--json")});
    QVERIFY2(told.code == 0, told.err.constData());
    QVERIFY(!told.out.contains("right"));
    const Run wrong = poolscope({QStringLiteral("states"), server_.url("locked:hush-hush")});
    QVERIFY(wrong.code != 0);
    QVERIFY2(!wrong.err.contains("hush"), wrong.err.constData());
    QVERIFY2(wrong.err.contains("password"), wrong.err.constData());
    QCOMPARE(wrong.err.count("~/.my.cnf or MYSQL_PWD"),
             2); // of the argument, and of what was asked
    QVERIFY2(!wrong.err.contains("PGPASSWORD"), wrong.err.constData());
}

QTEST_GUILESS_MAIN(TestMySqlCli)
#include "tst_mysqlcli.moc"
