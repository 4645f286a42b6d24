// SPDX-License-Identifier: GPL-3.0-or-later
// The whole chain: a leak in an application behind PgBouncer in transaction mode, the sessions that
// wait for it, and one question that goes from them to its line of code; live and from a recording.
#include "tests/support/pgbouncer.h"
#include "tests/support/pgcluster.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace poolscope::test {

namespace {

QString say(const char* words)
{
    return QString::fromLatin1(words);
}

} // namespace

class TestBouncerChain : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void cleanupTestCase();
    void fromTheWaitersToTheLine();
    void theSameFromARecording();
    void withoutTheServer();
    void withoutThePooler();
    void aConnectionWithoutATransaction();

private:
    QJsonArray run(const QStringList& arguments, int code = 0) const;
    QStringList all() const { return {pool_, pooler_, cluster_.uri()}; }
    void tell(const char* words);
    /// What must be said of the leak, whoever tells it.
    void checkLeaks(const QJsonArray& leaks) const;
    void checkBlocking(const QJsonArray& blocking) const;
    /// The line of code, "…/bouncerapp.py:25", of a stack.
    static QString ownLine(const QJsonValue& stack);
    static QJsonObject ofTarget(const QJsonArray& array, const QString& target);

    QTemporaryDir dir_;
    PgCluster cluster_;
    PgBouncer bouncer_;
    QProcess app_;
    QString pool_, pooler_;
    QString line_; ///< "bouncerapp.py:25"
    int holderPid_ = 0;
    std::vector<PgClient> waiters_;
};

void TestBouncerChain::initTestCase()
{
    if (!PgCluster::available() || !PgBouncer::available())
        QSKIP("this needs a PostgreSQL server and PgBouncer");
    // The environment of the Python agent's own tests; made here where they have not run yet.
    const QString agents = say(POOLSCOPE_PYTHON_BUILD);
    const QString version = say("2.1.9");
    QVERIFY(QDir().mkpath(agents));
    QProcess environment;
    environment.start(say("bash"), {say(POOLSCOPE_ROOT "/tests/agents/python/run.sh"), agents,
                                    version, say("--version")});
    if (!environment.waitForFinished(280'000) || environment.exitCode() != 0)
        QSKIP("no Python with SQLAlchemy can be had here");

    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    PgClient admin(cluster_.conninfo());
    QVERIFY(admin.exec(say("CREATE ROLE app SUPERUSER LOGIN")));
    QVERIFY(admin.exec(say("CREATE TABLE stock (id int PRIMARY KEY, units int)")));
    QVERIFY(admin.exec(say("INSERT INTO stock VALUES (1, 10)")));
    QVERIFY2(
        bouncer_.start({say("shop = host=127.0.0.1 dbname=postgres port=%1").arg(cluster_.port())},
                       {say("pool_mode = transaction"), say("default_pool_size = 3")}),
        qPrintable(bouncer_.error()));

    const QString passwords = dir_.filePath(say("pgpass"));
    QFile file(passwords);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("*:*:*:adm:adm\n");
    file.close();
    file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    qputenv("PGPASSFILE", QFile::encodeName(passwords));
    qputenv("XDG_RUNTIME_DIR", QFile::encodeName(dir_.path()));
    qunsetenv("POOLSCOPE_TOKEN");

    const QString script = say(POOLSCOPE_ROOT "/tests/integration/bouncerapp.py");
    QFile source(script);
    QVERIFY(source.open(QIODevice::ReadOnly));
    const QList<QByteArray> lines = source.readAll().split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        if (lines.at(i).contains("# THE LEAK"))
            line_ = say("bouncerapp.py:%1").arg(i + 1);
    }
    const QString socket = dir_.filePath(say("app.sock"));
    QProcessEnvironment environ = QProcessEnvironment::systemEnvironment();
    environ.insert(say("PYTHONPATH"), agents + say("/sqlalchemy-") + version +
                                          say(":" POOLSCOPE_ROOT "/resources/agents/python/src"));
    environ.insert(say("PYTHONDONTWRITEBYTECODE"), say("1"));
    environ.insert(say("POOLSCOPE_LISTEN"), socket);
    app_.setProcessEnvironment(environ);
    app_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    app_.start(
        agents + say("/venv/bin/python"),
        {script, say("postgresql+psycopg2://app:app@127.0.0.1:%1/shop").arg(bouncer_.port())});
    QVERIFY(app_.waitForStarted());
    QTRY_VERIFY_WITH_TIMEOUT(app_.canReadLine(), 60'000);
    QCOMPARE(app_.readLine().trimmed(), QByteArray("ready"));

    pool_ = say("pool+unix://") + socket;
    pooler_ = say("pgbouncer://adm@127.0.0.1:%1").arg(bouncer_.port());
    holderPid_ = admin
                     .value(say("SELECT pid FROM pg_locks WHERE locktype = 'transactionid' AND "
                                "granted"))
                     .toInt();
    QVERIFY(holderPid_ > 0);
    for (int i = 0; i < 3; ++i) {
        waiters_.emplace_back(cluster_.conninfo());
        QVERIFY(waiters_.back().send(say("UPDATE stock SET units = 0 WHERE id = 1")));
    }
    QTRY_COMPARE(admin.value(say("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
                                 "'Lock'")),
                 say("3"));
}

void TestBouncerChain::cleanupTestCase()
{
    app_.closeWriteChannel();
    if (app_.state() != QProcess::NotRunning && !app_.waitForFinished(10'000)) {
        app_.kill();
        app_.waitForFinished();
    }
}

QJsonArray TestBouncerChain::run(const QStringList& arguments, int code) const
{
    QProcess process;
    process.start(say(POOLSCOPE_BINARY), arguments);
    if (!process.waitForFinished(90'000) || process.exitCode() != code)
        qWarning("%s: %d %s", qPrintable(arguments.join(QLatin1Char(' '))), process.exitCode(),
                 process.readAllStandardError().constData());
    const QByteArray out = process.readAllStandardOutput();
    return QJsonDocument::fromJson(out).array();
}

void TestBouncerChain::tell(const char* words)
{
    app_.write(words);
    app_.write("\n");
    QTRY_VERIFY_WITH_TIMEOUT(app_.canReadLine(), 20'000);
    QCOMPARE(app_.readLine().trimmed(), QByteArray("done"));
}

QString TestBouncerChain::ownLine(const QJsonValue& stack)
{
    for (const QJsonValue& each : stack.toArray()) {
        const QJsonObject line = each.toObject();
        if (line[say("own")].toBool())
            return line[say("file")].toString().section(QLatin1Char('/'), -1) +
                   say(":%1").arg(line[say("line")].toInt());
    }
    return {};
}

QJsonObject TestBouncerChain::ofTarget(const QJsonArray& array, const QString& target)
{
    for (const QJsonValue& each : array) {
        if (each.toObject()[say("target")].toString() == target)
            return each.toObject();
    }
    return {};
}

void TestBouncerChain::checkLeaks(const QJsonArray& leaks) const
{
    // The application's: its line, its tags, and the server's session through the pooler.
    const QJsonObject own = ofTarget(leaks, pool_);
    QCOMPARE(ownLine(own[say("stack")]), line_);
    QCOMPARE(own[say("tags")].toObject()[say("route")].toString(), say("/order"));
    QCOMPARE(own[say("acquired_by")].toString(), say("web"));
    QCOMPARE(own[say("joined_by")].toString(), say("pgbouncer"));
    const QJsonObject session = own[say("session")].toObject();
    QCOMPARE(session[say("pid")].toInt(), holderPid_);
    QCOMPARE(session[say("state")].toString(), say("idle_in_transaction"));
    QCOMPARE(session[say("blocks")].toInt(), 3);
    QVERIFY(session[say("query")].toString().contains(say("UPDATE stock")));
    QCOMPARE(session[say("checkout")].toString(), own[say("checkout")].toString());
    QVERIFY(own[say("server_pid")].toInt() != holderPid_); // what the pooler told it is made up
    const QString evidence =
        QString::fromUtf8(QJsonDocument(own[say("evidence")].toArray()).toJson());
    QVERIFY2(
        evidence.contains(say("Through PgBouncer it is the server's session %1").arg(holderPid_)),
        qPrintable(evidence));
    QVERIFY(evidence.contains(say("3 sessions wait for it.")));

    // The pooler's: the same session, by its pid; no line, and it says so.
    const QJsonObject pooler = ofTarget(leaks, pooler_);
    QCOMPARE(pooler[say("joined_by")].toString(), say("server_pid"));
    QCOMPARE(pooler[say("server_pid")].toInt(), holderPid_);
    QVERIFY(pooler[say("stack")].isNull());
    QCOMPARE(pooler[say("session")].toObject()[say("pid")].toInt(), holderPid_);

    // The server's: from the session to the line.
    const QJsonObject server = ofTarget(leaks, cluster_.uri());
    QCOMPARE(server[say("kind")].toString(), say("session"));
    QCOMPARE(server[say("server_pid")].toInt(), holderPid_);
    QCOMPARE(ownLine(server[say("stack")]), line_);
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
    QCOMPARE(tree[say("root")].toObject()[say("pid")].toInt(), holderPid_);
    QCOMPARE(ownLine(tree[say("stack")]), line_);
    QVERIFY(!tree[say("checkout")].toString().isEmpty());
}

void TestBouncerChain::fromTheWaitersToTheLine()
{
    const QStringList judged{say("--leak-after"), say("2s"), say("--for"), say("3s"),
                             say("--json")};
    checkLeaks(run(QStringList{say("leaks")} + judged + all()));
    checkBlocking(run(QStringList{say("blocking"), say("--json")} + all()));
    const QJsonArray sessions = run(QStringList{say("sessions"), say("--json")} + all());
    int joined = 0;
    for (const QJsonValue& each : sessions) {
        const QJsonObject session = each.toObject();
        joined += session[say("checkout")].isNull() ? 0 : 1;
        if (session[say("pid")].toInt() == holderPid_)
            QVERIFY(!session[say("checkout")].isNull());
    }
    QCOMPARE(joined, 1); // and no other
    const QJsonArray checkouts = run(QStringList{say("checkouts"), say("--json")} + all());
    QCOMPARE(checkouts.size(), 2);
    QCOMPARE(checkouts[0].toObject()[say("session")], checkouts[1].toObject()[say("session")]);
    QVERIFY(checkouts[0].toObject()[say("session")].toString().startsWith(
        say("pg-%1-").arg(holderPid_)));
}

void TestBouncerChain::theSameFromARecording()
{
    const QString file = dir_.filePath(say("night.poolrec"));
    run(QStringList{say("record"), say("-o"), file, say("--for"), say("4s")} + all());
    QVERIFY(QFile::exists(file));
    checkLeaks(run({say("leaks"), say("--json"), say("--leak-after"), say("2s"), file}));
    checkBlocking(run({say("blocking"), say("--json"), file}));
}

void TestBouncerChain::withoutTheServer()
{
    // Two of the three: the pooler's pid is all there is, and no session is made up.
    const QJsonArray leaks =
        run({say("leaks"), say("--json"), say("--leak-after"), say("2s"), pool_, pooler_});
    const QJsonObject own = ofTarget(leaks, pool_);
    QCOMPARE(ownLine(own[say("stack")]), line_);
    QVERIFY(own[say("session")].isNull() && own[say("joined_by")].isNull());
    QCOMPARE(ofTarget(leaks, pooler_)[say("server_pid")].toInt(), holderPid_);
}

void TestBouncerChain::withoutThePooler()
{
    // Nobody knows which session it is: none is shown.
    const QJsonArray leaks =
        run({say("leaks"), say("--json"), say("--leak-after"), say("2s"), pool_, cluster_.uri()});
    QVERIFY(ofTarget(leaks, pool_)[say("session")].isNull());
    const QJsonObject server = ofTarget(leaks, cluster_.uri());
    QCOMPARE(server[say("server_pid")].toInt(), holderPid_);
    QVERIFY(server[say("stack")].isNull() && server[say("joined_by")].isNull());
}

void TestBouncerChain::aConnectionWithoutATransaction()
{
    // Still checked out in the application; the pooler has given its server connection back.
    tell("rollback");
    const QJsonArray idle = run(QStringList{say("checkouts"), say("--json")} + all());
    const QJsonObject own = ofTarget(idle, pool_);
    QVERIFY(!own.isEmpty() && own[say("session")].isNull());
    // It begins again, on whichever server is free: the link is the new one.
    for (PgClient& waiter : waiters_)
        QVERIFY(waiter.finish());
    tell("begin");
    PgClient admin(cluster_.conninfo());
    const QString pid =
        admin.value(say("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"));
    const QJsonArray again = run(QStringList{say("checkouts"), say("--json")} + all());
    QVERIFY2(ofTarget(again, pool_)[say("session")].toString().startsWith(say("pg-%1-").arg(pid)),
             qPrintable(pid));
}

} // namespace poolscope::test

QTEST_GUILESS_MAIN(poolscope::test::TestBouncerChain)
#include "tst_bouncerchain.moc"
