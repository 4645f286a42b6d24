// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/bouncerchain.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QProcessEnvironment>
#include <QThread>

namespace poolscope::test {

BouncerChain::~BouncerChain()
{
    app_.closeWriteChannel();
    if (app_.state() != QProcess::NotRunning && !app_.waitForFinished(10'000)) {
        app_.kill();
        app_.waitForFinished();
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
    const QString version = QStringLiteral("2.1.9");
    return makeEnvironment(root, build, version) && startServers() &&
           startApplication(root, build, version) && startWaiters();
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
    if (!bouncer_.start(
            {QStringLiteral("shop = host=127.0.0.1 dbname=postgres port=%1").arg(cluster_.port())},
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

bool BouncerChain::startApplication(const QString& root, const QString& build,
                                    const QString& version)
{
    const QString script = root + QStringLiteral("/tests/integration/bouncerapp.py");
    QFile source(script);
    if (!source.open(QIODevice::ReadOnly))
        return fail(script);
    const QList<QByteArray> lines = source.readAll().split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        if (lines.at(i).contains("# THE LEAK"))
            line_ = QStringLiteral("bouncerapp.py:%1").arg(i + 1);
    }
    const QString socket = dir_.filePath(QStringLiteral("app.sock"));
    QProcessEnvironment environ = QProcessEnvironment::systemEnvironment();
    environ.insert(QStringLiteral("PYTHONPATH"),
                   build + QStringLiteral("/sqlalchemy-") + version + u':' + root +
                       QStringLiteral("/resources/agents/python/src"));
    environ.insert(QStringLiteral("PYTHONDONTWRITEBYTECODE"), QStringLiteral("1"));
    environ.insert(QStringLiteral("POOLSCOPE_LISTEN"), socket);
    app_.setProcessEnvironment(environ);
    app_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    app_.start(
        build + QStringLiteral("/venv/bin/python"),
        {script,
         QStringLiteral("postgresql+psycopg2://app:app@127.0.0.1:%1/shop").arg(bouncer_.port())});
    if (!app_.waitForStarted() || !answered("ready", 60'000))
        return fail(QStringLiteral("the application did not get ready"));
    pool_ = QStringLiteral("pool+unix://") + socket;
    pooler_ = QStringLiteral("pgbouncer://adm@127.0.0.1:%1").arg(bouncer_.port());
    return true;
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
    const QString count = QStringLiteral("SELECT count(*) FROM pg_stat_activity WHERE "
                                         "wait_event_type = 'Lock'");
    const QDeadlineTimer deadline(30'000);
    while (admin.value(count) != QStringLiteral("3")) {
        if (deadline.hasExpired())
            return fail(QStringLiteral("three sessions should wait"));
        QThread::msleep(20); // the server says nothing of itself
    }
    return true;
}

bool BouncerChain::answered(const char* words, int timeout_ms)
{
    const QDeadlineTimer deadline(timeout_ms);
    while (!app_.canReadLine()) {
        if (deadline.hasExpired() || app_.state() == QProcess::NotRunning)
            return false;
        app_.waitForReadyRead(100);
    }
    return app_.readLine().trimmed() == words;
}

bool BouncerChain::tell(const char* words)
{
    app_.write(words);
    app_.write("\n");
    app_.waitForBytesWritten(1000);
    return answered("done", 20'000);
}

} // namespace poolscope::test
