// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/bouncerchain.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QProcessEnvironment>
#include <QThread>

namespace poolscope::test {

namespace {

const QString sqlalchemy = QStringLiteral("2.1.9");

} // namespace

BouncerChain::~BouncerChain()
{
    for (QProcess* const app : {&app_, &victim_}) {
        app->closeWriteChannel();
        if (app->state() != QProcess::NotRunning && !app->waitForFinished(10'000)) {
            app->kill();
            app->waitForFinished();
        }
    }
}

bool BouncerChain::fail(const QString& words)
{
    error_ = words;
    return false;
}

bool BouncerChain::start(const QString& root, const QString& build)
{
    if (!PgCluster::available() || !PgBouncer::available()) {
        missing_ = QStringLiteral("this needs a PostgreSQL server and PgBouncer");
        return false;
    }
    root_ = root;
    build_ = build;
    return makeEnvironment(root, build, sqlalchemy) && startServers() && startApplication() &&
           startWaiters();
}

/// The environment of the Python agent's own tests; made here where they have not run yet.
bool BouncerChain::makeEnvironment(const QString& root, const QString& build,
                                   const QString& version)
{
    if (!QDir().mkpath(build))
        return fail(build);
    QProcess environment;
    environment.start(QStringLiteral("bash"), {root + QStringLiteral("/tests/agents/python/run.sh"),
                                               build, version, QStringLiteral("--version")});
    if (environment.waitForFinished(280'000) && environment.exitCode() == 0)
        return true;
    missing_ = QStringLiteral("no Python with SQLAlchemy can be had here");
    return false;
}

bool BouncerChain::startServers()
{
    if (!cluster_.start())
        return fail(cluster_.error());
    PgClient admin(cluster_.conninfo());
    if (!admin.exec(QStringLiteral("CREATE ROLE app SUPERUSER LOGIN")) ||
        !admin.exec(QStringLiteral("CREATE TABLE stock (id int PRIMARY KEY, units int)")) ||
        !admin.exec(QStringLiteral("INSERT INTO stock VALUES (1, 10)")))
        return fail(QStringLiteral("the server's table could not be made"));
    // By the server's own name, which speaks against no join.
    if (!bouncer_.start(
            {QStringLiteral("postgres = host=127.0.0.1 port=%1").arg(cluster_.port())},
            {QStringLiteral("pool_mode = transaction"), QStringLiteral("default_pool_size = 3")}))
        return fail(bouncer_.error());
    const QString passwords = dir_.filePath(QStringLiteral("pgpass"));
    QFile file(passwords);
    if (!file.open(QIODevice::WriteOnly) || file.write("*:*:*:adm:adm\n") < 0)
        return fail(passwords);
    file.close();
    file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    qputenv("PGPASSFILE", QFile::encodeName(passwords));
    qputenv("XDG_RUNTIME_DIR", QFile::encodeName(dir_.path()));
    qunsetenv("POOLSCOPE_TOKEN");
    return true;
}

bool BouncerChain::run(QProcess& app, const char* script, const char* name, QString& pool)
{
    const QString socket = dir_.filePath(QLatin1String(name));
    QProcessEnvironment environ = QProcessEnvironment::systemEnvironment();
    environ.insert(QStringLiteral("PYTHONPATH"),
                   build_ + QStringLiteral("/sqlalchemy-") + sqlalchemy + u':' + root_ +
                       QStringLiteral("/resources/agents/python/src"));
    environ.insert(QStringLiteral("PYTHONDONTWRITEBYTECODE"), QStringLiteral("1"));
    environ.insert(QStringLiteral("POOLSCOPE_LISTEN"), socket);
    app.setProcessEnvironment(environ);
    app.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    app.start(build_ + QStringLiteral("/venv/bin/python"),
              {root_ + QStringLiteral("/tests/integration/") + QLatin1String(script),
               QStringLiteral("postgresql+psycopg2://app:app@127.0.0.1:%1/postgres")
                   .arg(bouncer_.port())});
    pool = QStringLiteral("pool+unix://") + socket;
    return app.waitForStarted() && answered(app, "ready", 60'000);
}

bool BouncerChain::startApplication()
{
    QFile source(root_ + QStringLiteral("/tests/integration/bouncerapp.py"));
    if (!source.open(QIODevice::ReadOnly))
        return fail(source.fileName());
    const QList<QByteArray> lines = source.readAll().split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        if (lines.at(i).contains("# THE LEAK"))
            line_ = QStringLiteral("bouncerapp.py:%1").arg(i + 1);
    }
    if (!run(app_, "bouncerapp.py", "app.sock", pool_))
        return fail(QStringLiteral("the application did not get ready"));
    pooler_ = QStringLiteral("pgbouncer://adm@127.0.0.1:%1").arg(bouncer_.port());
    return true;
}

bool BouncerChain::startVictim()
{
    return run(victim_, "bouncervictim.py", "victim.sock", victimPool_);
}

bool BouncerChain::victimWaits()
{
    return tell(victim_, "wait") && waiting(1);
}

bool BouncerChain::startWaiters()
{
    PgClient admin(cluster_.conninfo());
    holderPid_ = admin
                     .value(QStringLiteral("SELECT pid FROM pg_locks WHERE locktype = "
                                           "'transactionid' AND granted"))
                     .toInt();
    if (holderPid_ <= 0)
        return fail(QStringLiteral("nobody holds the row"));
    for (int i = 0; i < 3; ++i) {
        waiters_.emplace_back(cluster_.conninfo());
        if (!waiters_.back().send(QStringLiteral("UPDATE stock SET units = 0 WHERE id = 1")))
            return fail(QStringLiteral("a session that should wait could not begin"));
    }
    return waiting(3) || fail(QStringLiteral("three sessions should wait"));
}

bool BouncerChain::waiting(int count)
{
    PgClient admin(cluster_.conninfo());
    const QString all = QStringLiteral("SELECT count(*) FROM pg_stat_activity WHERE "
                                       "wait_event_type = 'Lock'");
    const QDeadlineTimer deadline(30'000);
    while (admin.value(all) != QString::number(count)) {
        if (deadline.hasExpired())
            return false;
        QThread::msleep(20); // the server says nothing of itself
    }
    return true;
}

bool BouncerChain::answered(QProcess& app, const char* words, int timeout_ms)
{
    const QDeadlineTimer deadline(timeout_ms);
    while (!app.canReadLine()) {
        if (deadline.hasExpired() || app.state() == QProcess::NotRunning)
            return false;
        app.waitForReadyRead(100);
    }
    return app.readLine().trimmed() == words;
}

bool BouncerChain::tell(const char* words)
{
    return tell(app_, words);
}

bool BouncerChain::tell(QProcess& app, const char* words)
{
    app.write(words);
    app.write("\n");
    app.waitForBytesWritten(1000);
    return answered(app, "done", 20'000);
}

} // namespace poolscope::test
