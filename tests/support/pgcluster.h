// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <memory>
#include <vector>

struct pg_conn;

namespace poolscope::test {

/// A private PostgreSQL server for one test: its own folder, port and user, gone with this object
/// (and with the test process, however that ends). Works as root too: the server then runs as
/// 'postgres' or 'nobody'. Used by the thread that made it.
class PgCluster
{
public:
    struct Options
    {
        QString binDir;       ///< empty: the newest of binDirs()
        QStringList settings; ///< lines for postgresql.conf, "max_connections = 20"
        QByteArray password;  ///< of 'postgres'; not empty: TCP asks for it by SCRAM
        bool tls = false;     ///< with an authority and a certificate made on the spot (openssl)
    };

    /// Folders with initdb and postgres: POOLSCOPE_PG_BINDIRS (colon separated), else what is
    /// installed under /usr/lib/postgresql. Newest first.
    static QStringList binDirs();
    static bool available() { return !binDirs().isEmpty(); }

    PgCluster();
    ~PgCluster();
    PgCluster(const PgCluster&) = delete;
    PgCluster& operator=(const PgCluster&) = delete;

    /// Makes the cluster and starts it. On false see error().
    bool start(const Options& options);
    bool start() { return start(Options{}); }
    QString error() const { return error_; }

    /// SIGINT (fast) by default; SIGQUIT is an immediate shutdown, SIGTERM waits for clients.
    bool stop(int signal = 2);
    /// Starts the stopped server again on the same port.
    bool resume();
    /// SIGSTOP and SIGCONT to the postmaster and all its processes.
    void freeze();
    void thaw();
    /// Text added to postgresql.conf or pg_hba.conf (in front of the rest), then reloaded.
    void configure(const QString& line);
    void addHba(const QString& line);

    quint16 port() const { return port_; }
    QString socketDir() const;
    int versionNumber() const { return version_; } ///< 150008
    /// "host=127.0.0.1 port=… user=postgres dbname=postgres"
    QString conninfo(const QString& database = QStringLiteral("postgres"),
                     const QString& user = QStringLiteral("postgres")) const;
    /// "postgresql://postgres@127.0.0.1:port/postgres"
    QString uri(const QString& database = QStringLiteral("postgres"),
                const QString& user = QStringLiteral("postgres")) const;
    /// For a client that must work whatever pg_hba.conf says of TCP: over the Unix socket, trusted.
    QString localConninfo(const QString& database = QStringLiteral("postgres"),
                          const QString& user = QStringLiteral("postgres")) const;
    QString log() const; ///< what the server wrote
    /// Of the authority that signed the server's certificate, which is for "localhost".
    QString rootCertificate() const;

private:
    bool run(const QString& program, const QStringList& arguments);
    bool launch();
    bool makeCertificate();
    void reload();
    /// The postmaster first; empty while it does not run.
    std::vector<pid_t> processes() const;

    QTemporaryDir dir_;
    QString binDir_;
    QString error_;
    std::unique_ptr<QProcess> server_;
    quint16 port_ = 0;
    int version_ = 0;
};

/// One plain, blocking client of that server: the application of the story.
class PgClient
{
public:
    PgClient() = default;
    explicit PgClient(const QString& conninfo);
    ~PgClient();
    PgClient(PgClient&& other) noexcept;
    PgClient& operator=(PgClient&& other) noexcept;

    bool ok() const;
    QString error() const;
    int pid() const;
    int localPort() const; ///< of a TCP connection, its end here
    /// False on an error; see error().
    bool exec(const QString& sql);
    /// First column of the first row; empty on an error.
    QString value(const QString& sql);
    /// Sends and does not wait: the statement runs on.
    bool send(const QString& sql);
    /// Waits for what was sent; false if it failed.
    bool finish();
    /// True once the server has closed this connection or answered what was sent.
    bool answered();

private:
    pg_conn* conn_ = nullptr;
    QString error_;
};

} // namespace poolscope::test
