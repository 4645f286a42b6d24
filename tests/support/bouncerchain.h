// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/pgbouncer.h"
#include "tests/support/pgcluster.h"

#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <vector>

namespace poolscope::test {

/// A whole chain for one test: a PostgreSQL, PgBouncer in transaction mode before it, an
/// application of SQLAlchemy behind that which leaks at a known line while it holds a row's lock,
/// and three sessions that wait for that row.
class BouncerChain
{
public:
    BouncerChain() = default;
    ~BouncerChain();
    BouncerChain(const BouncerChain&) = delete;
    BouncerChain& operator=(const BouncerChain&) = delete;

    /// `build`: where the Python agent's environment is, or is made; `root`: of the sources.
    /// False where something is missing, see missing(), or went wrong, see error().
    bool start(const QString& root, const QString& build);
    /// What is not to be had here: a reason to skip. Empty where nothing is.
    QString missing() const { return missing_; }
    QString error() const { return error_; }
    /// Of its own folder, removed in the end.
    QString filePath(const QString& name) const { return dir_.filePath(name); }

    /// The targets: the application's agent, the pooler, the server.
    const QString& pool() const { return pool_; }
    const QString& pooler() const { return pooler_; }
    QString server() const { return cluster_.uri(); }
    QStringList all() const { return {pool_, pooler_, server()}; }

    const QString& line() const { return line_; } ///< that leaks: "bouncerapp.py:25"
    int holderPid() const { return holderPid_; }  ///< of the server's session that holds the lock
    PgCluster& cluster() { return cluster_; }
    std::vector<PgClient>& waiters() { return waiters_; }
    /// Has the application "rollback" or "begin"; see bouncerapp.py. False where it did not.
    bool tell(const char* words);

    /// A second application behind the pooler, whose driver asked it for the server's process id;
    /// see bouncervictim.py. False where it did not get ready.
    bool startVictim();
    const QString& victim() const { return victimPool_; }
    /// Has it wait for the row that the first one holds; false where it does not.
    bool victimWaits();

private:
    bool fail(const QString& words);
    bool makeEnvironment(const QString& root, const QString& build, const QString& version);
    bool startServers();
    bool startApplication();
    bool startWaiters();
    /// Of tests/integration, listening at `name` in the folder; its address is put in `pool`.
    bool run(QProcess& app, const char* script, const char* name, QString& pool);
    /// As many sessions of the server wait for a lock.
    bool waiting(int count);
    static bool answered(QProcess& app, const char* words, int timeout_ms);
    static bool tell(QProcess& app, const char* words);

    QTemporaryDir dir_;
    PgCluster cluster_;
    PgBouncer bouncer_;
    QProcess app_, victim_;
    QString root_, build_;
    QString missing_, error_;
    QString victimPool_, pool_, pooler_, line_;
    int holderPid_ = 0;
    std::vector<PgClient> waiters_;
};

} // namespace poolscope::test
