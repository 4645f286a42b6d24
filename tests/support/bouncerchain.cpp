// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/bouncerchain.h"

#include <QDeadlineTimer>
#include <QFile>
#include <QThread>

namespace poolscope::test {

bool BouncerChain::fail(const QString& words)
{
    error_ = words;
    return false;
}

bool BouncerChain::start(const QString& mode)
{
    if (!PgCluster::available() || !PgBouncer::available()) {
        missing_ = QStringLiteral("this needs a PostgreSQL server and PgBouncer");
        return false;
    }
    if (!PythonApp::available()) {
        missing_ = QStringLiteral("no Python with SQLAlchemy can be had here");
        return false;
    }
    return startServers(mode) && startApplication() && startWaiters();
}

bool BouncerChain::startServers(const QString& mode)
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
            {QStringLiteral("pool_mode = ") + mode, QStringLiteral("default_pool_size = 3")}))
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

bool BouncerChain::run(PythonApp& app, const char* script, const char* name)
{
    return app.start(script,
                     {QStringLiteral("postgresql+psycopg2://app:app@127.0.0.1:%1/postgres")
                          .arg(bouncer_.port())},
                     dir_.filePath(QLatin1String(name)));
}

bool BouncerChain::startApplication()
{
    line_ = PythonApp::lineOf("bouncerapp.py", "THE LEAK");
    if (line_.isEmpty() || !run(app_, "bouncerapp.py", "app.sock"))
        return fail(QStringLiteral("the application did not get ready"));
    pooler_ = QStringLiteral("pgbouncer://adm@127.0.0.1:%1").arg(bouncer_.port());
    return true;
}

bool BouncerChain::startVictim()
{
    return run(victim_, "bouncervictim.py", "victim.sock");
}

bool BouncerChain::victimWaits()
{
    return victim_.tell("wait") && waiting(1);
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

bool BouncerChain::tell(const char* words)
{
    return app_.tell(words);
}

} // namespace poolscope::test
