// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/pgbouncer.h"
#include "tests/support/pgcluster.h"
#include "tests/support/pythonapp.h"

#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <vector>

namespace poolscope::test {

/// A whole chain for one test: a PostgreSQL, PgBouncer before it, an
/// application of SQLAlchemy behind that which leaks at a known line while it holds a row's lock,
/// and three sessions that wait for that row.
class BouncerChain
{
public:
    BouncerChain() = default;
    ~BouncerChain() = default;
    BouncerChain(const BouncerChain&) = delete;
    BouncerChain& operator=(const BouncerChain&) = delete;

    /// `mode`: the pooler's, "transaction" or "session". False where something is missing, see
    /// missing(), or went wrong, see error().
    bool start(const QString& mode = QStringLiteral("transaction"));
    /// What is not to be had here: a reason to skip. Empty where nothing is.
    QString missing() const { return missing_; }
    QString error() const { return error_; }
    /// Of its own folder, removed in the end.
    QString filePath(const QString& name) const { return dir_.filePath(name); }

    /// The targets: the application's agent, the pooler, the server.
    const QString& pool() const { return app_.pool(); }
    const QString& pooler() const { return pooler_; }
    QString server() const { return cluster_.uri(); }
    QStringList all() const { return {pool(), pooler_, server()}; }

    const QString& line() const { return line_; } ///< that leaks: "bouncerapp.py:25"
    int holderPid() const { return holderPid_; }  ///< of the server's session that holds the lock
    PgCluster& cluster() { return cluster_; }
    std::vector<PgClient>& waiters() { return waiters_; }
    /// Has the application "rollback" or "begin"; see bouncerapp.py. False where it did not.
    bool tell(const char* words);

    /// A second application behind the pooler, whose driver asked it for the server's process id;
    /// see bouncervictim.py. False where it did not get ready.
    bool startVictim();
    const QString& victim() const { return victim_.pool(); }
    /// Has it wait for the row that the first one holds; false where it does not.
    bool victimWaits();

private:
    bool fail(const QString& words);
    bool startServers(const QString& mode);
    bool startApplication();
    bool startWaiters();
    /// A script of tests/integration, listening at `name` in the folder.
    bool run(PythonApp& app, const char* script, const char* name);
    /// As many sessions of the server wait for a lock.
    bool waiting(int count);

    QTemporaryDir dir_;
    PgCluster cluster_;
    PgBouncer bouncer_;
    PythonApp app_, victim_;
    QString missing_, error_;
    QString pooler_, line_;
    int holderPid_ = 0;
    std::vector<PgClient> waiters_;
};

} // namespace poolscope::test
