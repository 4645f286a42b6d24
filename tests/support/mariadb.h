// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>

struct st_mysql;

namespace poolscope::test {

/// A private MariaDB server for one test: its own folder, port and user, gone with this object (and
/// with the test process, however that ends). Works as root too: the server then runs as an
/// unprivileged account. Used by the thread that made it.
///
/// POOLSCOPE_MYSQLD names a mysqld of MySQL (or a script that starts one) to be used in its place,
/// with further options in POOLSCOPE_MYSQLD_OPTIONS, separated by blanks.
///
/// Accounts, from anywhere: admin (everything, no password), app (the application's, no password),
/// locked (no rights, password "right").
class MariaDb
{
public:
    struct Options
    {
        bool performanceSchema = true;
        QStringList settings; ///< further options, "--max-connections=10"
        bool tls = false;     ///< with an authority and a certificate for "localhost" (openssl)
    };

    static bool available();
    /// It is MySQL's own server.
    static bool isMySql();

    MariaDb();
    ~MariaDb();
    MariaDb(const MariaDb&) = delete;
    MariaDb& operator=(const MariaDb&) = delete;

    /// Makes the server's data and starts it. On false see error().
    bool start(const Options& options);
    QString error() const { return error_; }

    /// SIGTERM by default; SIGKILL is a crash.
    bool stop(int signal = 15);
    /// Starts the stopped server again on the same port.
    bool resume();
    /// SIGSTOP and SIGCONT.
    void freeze();
    void thaw();

    quint16 port() const { return port_; }
    QString socket() const;
    /// "mysql://admin@127.0.0.1:port/shop"
    QString url(const char* user = "admin", const char* database = "shop") const;
    QString log() const;
    QString rootCertificate() const;

private:
    bool run(const QString& program, const QStringList& arguments);
    bool launch();
    bool makeCertificate();

    QTemporaryDir dir_;
    Options options_;
    QString error_;
    std::unique_ptr<QProcess> server_;
    quint16 port_ = 0;
};

/// One plain, blocking client of that server: the application of the story.
class MariaClient
{
public:
    MariaClient(const MariaDb& server, const char* user = "app", const char* program = nullptr);
    ~MariaClient();
    MariaClient(const MariaClient&) = delete;
    MariaClient& operator=(const MariaClient&) = delete;

    bool ok() const { return connected_; }
    unsigned int error() const;
    qint64 id() const;
    bool exec(const QString& sql);
    /// First column of the first row; empty on an error.
    QString value(const QString& sql);
    /// Asks until that is answered, for 20 s at most, and not often: what InnoDB tells of
    /// transactions and locks is as old as the last question where the next comes within a tenth of
    /// a second.
    bool comesTo(const QString& sql, const QString& value);
    /// Sends and does not wait: the statement runs on.
    bool send(const QString& sql);
    /// Waits for what was sent; false if it failed.
    bool finish();

private:
    st_mysql* mysql_;
    bool connected_ = false;
};

} // namespace poolscope::test
