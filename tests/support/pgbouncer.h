// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>

namespace poolscope::test {

/// A private PgBouncer for one test: its own folder and port, gone with this object. Its users are
/// "app" (a client), "adm" (an admin) and "stats" (may only look), each with its name as password.
/// Works as root too: it then runs as 'nobody'.
class PgBouncer
{
public:
    /// POOLSCOPE_PGBOUNCER, else what is installed; empty if nothing is.
    static QString program();
    static bool available() { return !program().isEmpty(); }

    PgBouncer();
    ~PgBouncer();
    PgBouncer(const PgBouncer&) = delete;
    PgBouncer& operator=(const PgBouncer&) = delete;

    /// `databases`: lines of that section; `settings`: of [pgbouncer]. Returns when it listens.
    bool start(const QStringList& databases, const QStringList& settings = {});
    QString error() const { return error_; }
    bool stop();
    /// Again, on the same port with the same configuration.
    bool resume();
    void freeze() { signal(19); }
    void thaw() { signal(18); }

    quint16 port() const { return port_; }
    int version() const { return version_; } ///< 11800
    qint64 processId() const { return process_ ? process_->processId() : 0; }
    /// "pgbouncer://adm:adm@127.0.0.1:port"; the password is the name where none is given.
    QString url(const QString& user = QStringLiteral("adm"), const QString& password = {}) const;
    /// Of a client.
    QString conninfo(const QString& database, const QString& user = QStringLiteral("app")) const;
    QString log() const;

private:
    bool launch();
    void signal(int number) const;

    QTemporaryDir dir_;
    QString error_;
    std::unique_ptr<QProcess> process_;
    quint16 port_ = 0;
    int version_ = 0;
};

} // namespace poolscope::test
