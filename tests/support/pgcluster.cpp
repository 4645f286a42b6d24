// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/pgcluster.h"

#include "tests/support/stopped.h"

#include <QDir>
#include <QDirIterator>
#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QTcpServer>
#include <QThread>

#include <libpq-fe.h>

#include <arpa/inet.h>
#include <csignal>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace poolscope::test {

namespace {

/// The account that runs the server: our own, or an unprivileged one where we are root.
struct Account
{
    uid_t uid = ::geteuid();
    gid_t gid = ::getegid();
};

Account account()
{
    Account found;
    if (found.uid != 0)
        return found;
    for (const char* name : {"postgres", "nobody"}) {
        if (const passwd* entry = ::getpwnam(name))
            return {entry->pw_uid, entry->pw_gid};
    }
    return found;
}

void become(const Account& who)
{
    if (::geteuid() == 0 && who.uid != 0) {
        if (::setgroups(0, nullptr) != 0 || ::setgid(who.gid) != 0 || ::setuid(who.uid) != 0)
            ::_exit(126);
    }
}

void give(const QString& path)
{
    const Account who = account();
    if (::geteuid() == 0 && ::chown(QFile::encodeName(path).constData(), who.uid, who.gid) != 0)
        qWarning("cannot give %s to the server's account", qPrintable(path));
}

bool append(const QString& path, const QString& text, bool inFront = false)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadWrite))
        return false;
    const QByteArray old = file.readAll();
    file.seek(0);
    const QByteArray added = text.toUtf8() + '\n';
    return file.write(inFront ? added + old : old + added) == old.size() + added.size();
}

/// Major version of the server in a folder, 0 where it cannot tell.
int majorVersion(const QString& binDir)
{
    QProcess process;
    process.start(binDir + QStringLiteral("/postgres"), {QStringLiteral("--version")});
    if (!process.waitForFinished(10000))
        return 0;
    const QString words = QString::fromUtf8(process.readAllStandardOutput());
    const QString number = words.section(QLatin1Char(' '), 2, 2);
    return number.section(QLatin1Char('.'), 0, 0).toInt();
}

quint16 freePort()
{
    QTcpServer probe;
    return probe.listen(QHostAddress::LocalHost, 0) ? probe.serverPort() : quint16{0};
}

} // namespace

QStringList PgCluster::binDirs()
{
    QStringList found;
    const QString named = qEnvironmentVariable("POOLSCOPE_PG_BINDIRS");
    if (!named.isEmpty()) {
        found = named.split(QLatin1Char(':'), Qt::SkipEmptyParts);
    } else {
        const QDir root(QStringLiteral("/usr/lib/postgresql"));
        for (const QString& version : root.entryList(QDir::Dirs | QDir::NoDotAndDotDot))
            found += root.filePath(version + QStringLiteral("/bin"));
        std::sort(found.begin(), found.end(), [](const QString& a, const QString& b) {
            return a.section(QLatin1Char('/'), -2, -2).toDouble() >
                   b.section(QLatin1Char('/'), -2, -2).toDouble();
        });
    }
    found.removeIf([](const QString& dir) {
        return !QFile::exists(dir + QStringLiteral("/initdb")) ||
               !QFile::exists(dir + QStringLiteral("/postgres"));
    });
    return found;
}

PgCluster::PgCluster()
    : dir_(QStringLiteral("/tmp/psc-XXXXXX"))
{}

PgCluster::~PgCluster()
{
    if (server_ && server_->state() != QProcess::NotRunning) {
        thaw();
        stop(SIGQUIT);
    }
}

QString PgCluster::socketDir() const
{
    return dir_.path();
}

bool PgCluster::run(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.setWorkingDirectory(dir_.path());
    const Account who = account();
    process.setChildProcessModifier([who] { become(who); });
    process.start(program, arguments);
    if (!process.waitForFinished(60000) || process.exitStatus() != QProcess::NormalExit ||
        process.exitCode() != 0) {
        error_ = program + QStringLiteral(": ") + process.errorString() + QLatin1Char('\n') +
                 QString::fromUtf8(process.readAll());
        return false;
    }
    return true;
}

bool PgCluster::makeCertificate()
{
    const QString openssl = QStringLiteral("openssl");
    const auto words = [](const char* line) {
        return QString::fromLatin1(line).split(QLatin1Char(' '));
    };
    // Each authority has a name of its own, as in life.
    const QStringList named{QStringLiteral("-subj"), QStringLiteral("/CN=authority %1").arg(port_)};
    return run(openssl, words("req -x509 -newkey rsa:2048 -nodes -days 2 "
                              "-keyout root.key -out root.crt") +
                            named) &&
           run(openssl, words("req -newkey rsa:2048 -nodes -subj /CN=localhost "
                              "-keyout data/server.key -out server.csr")) &&
           run(openssl, words("x509 -req -in server.csr -CA root.crt -CAkey root.key "
                              "-CAcreateserial -days 2 -out data/server.crt"));
}

QString PgCluster::rootCertificate() const
{
    return dir_.filePath(QStringLiteral("root.crt"));
}

bool PgCluster::start(const Options& options)
{
    const QStringList dirs = binDirs();
    binDir_ = options.binDir.isEmpty() && !dirs.isEmpty() ? dirs.first() : options.binDir;
    if (binDir_.isEmpty() || !dir_.isValid()) {
        error_ = QStringLiteral("no PostgreSQL server is installed");
        return false;
    }
    give(dir_.path());
    QStringList arguments{
        QStringLiteral("-D"),   dir_.filePath(QStringLiteral("data")),
        QStringLiteral("-U"),   QStringLiteral("postgres"),
        QStringLiteral("-A"),   QStringLiteral("trust"),
        QStringLiteral("-N"),   QStringLiteral("-E"), // -N: do not sync, in 9.6 too
        QStringLiteral("UTF8"), QStringLiteral("--locale=C")};
    const QString secret = dir_.filePath(QStringLiteral("pw"));
    if (!options.password.isEmpty()) {
        if (!append(secret, QString::fromUtf8(options.password)))
            return false;
        give(secret);
        arguments += QStringLiteral("--pwfile=") + secret;
    }
    if (!run(binDir_ + QStringLiteral("/initdb"), arguments))
        return false;
    QFile::remove(secret);
    const int major = majorVersion(binDir_);
    port_ = freePort();
    QStringList lines{QStringLiteral("listen_addresses = '127.0.0.1'"),
                      QStringLiteral("port = %1").arg(port_),
                      QStringLiteral("unix_socket_directories = '%1'").arg(dir_.path()),
                      QStringLiteral("fsync = off"),
                      QStringLiteral("max_prepared_transactions = 5"),
                      QStringLiteral("deadlock_timeout = '30s'")};
    if (!options.password.isEmpty()) {
        const QString method =
            major >= 10 ? QStringLiteral("scram-sha-256") : QStringLiteral("md5");
        // initdb hashes the password with the method in force while it ran: md5 before 14.
        const QString asked = major >= 14 ? method : QStringLiteral("md5");
        append(dir_.filePath(QStringLiteral("data/pg_hba.conf")),
               QStringLiteral("host all all 127.0.0.1/32 %1").arg(asked), true);
    }
    if (options.tls) {
        if (!makeCertificate())
            return false;
        lines += QStringLiteral("ssl = on");
    }
    lines += options.settings;
    append(dir_.filePath(QStringLiteral("data/postgresql.conf")), lines.join(QLatin1Char('\n')));
    return launch();
}

bool PgCluster::launch()
{
    server_ = std::make_unique<QProcess>();
    server_->setWorkingDirectory(dir_.path());
    server_->setProcessChannelMode(QProcess::MergedChannels);
    server_->setStandardOutputFile(dir_.filePath(QStringLiteral("log")), QIODevice::Append);
    const Account who = account();
    server_->setChildProcessModifier([who] {
        become(who);
        // The server must not outlive a test that crashed. After become(): a change of user clears
        // it.
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    });
    server_->start(binDir_ + QStringLiteral("/postgres"),
                   {QStringLiteral("-D"), dir_.filePath(QStringLiteral("data"))});
    QElapsedTimer waited;
    waited.start();
    while (waited.elapsed() < 30000 && server_->state() != QProcess::NotRunning) {
        PgClient probe(localConninfo());
        if (probe.ok()) {
            version_ = probe.value(QStringLiteral("SHOW server_version_num")).toInt();
            return true;
        }
        server_->waitForFinished(20);
    }
    error_ = QStringLiteral("the server did not start:\n") + log();
    return false;
}

bool PgCluster::stop(int signal)
{
    if (!server_ || server_->state() == QProcess::NotRunning)
        return true;
    ::kill(static_cast<pid_t>(server_->processId()), signal);
    if (server_->waitForFinished(15000))
        return true;
    server_->kill();
    return server_->waitForFinished(5000);
}

bool PgCluster::resume()
{
    return launch();
}

std::vector<pid_t> PgCluster::processes() const
{
    std::vector<pid_t> pids;
    if (!server_ || server_->processId() == 0)
        return pids;
    pids.push_back(static_cast<pid_t>(server_->processId()));
    QFile children(QStringLiteral("/proc/%1/task/%1/children").arg(pids.front()));
    if (!children.open(QIODevice::ReadOnly))
        return pids;
    for (const QByteArray& pid : children.readAll().simplified().split(' ')) {
        if (pid.toInt() > 0)
            pids.push_back(pid.toInt());
    }
    return pids;
}

void PgCluster::freeze()
{
    // The postmaster first: what it starts meanwhile would go on.
    if (server_ && server_->processId() != 0)
        stopProcess(static_cast<pid_t>(server_->processId()));
    for (const pid_t pid : processes())
        stopProcess(pid);
}

void PgCluster::thaw()
{
    for (const pid_t pid : processes())
        ::kill(pid, SIGCONT);
}

void PgCluster::reload()
{
    PgClient(localConninfo()).exec(QStringLiteral("SELECT pg_reload_conf()"));
}

void PgCluster::configure(const QString& line)
{
    append(dir_.filePath(QStringLiteral("data/postgresql.conf")), line);
    reload();
}

void PgCluster::addHba(const QString& line)
{
    append(dir_.filePath(QStringLiteral("data/pg_hba.conf")), line, true);
    reload();
}

QString PgCluster::conninfo(const QString& database, const QString& user) const
{
    return QStringLiteral("host=127.0.0.1 port=%1 dbname=%2 user=%3")
        .arg(port_)
        .arg(database, user);
}

QString PgCluster::localConninfo(const QString& database, const QString& user) const
{
    return QStringLiteral("host=%1 port=%2 dbname=%3 user=%4")
        .arg(socketDir())
        .arg(port_)
        .arg(database, user);
}

QString PgCluster::uri(const QString& database, const QString& user) const
{
    return QStringLiteral("postgresql://%1@127.0.0.1:%2/%3").arg(user).arg(port_).arg(database);
}

QString PgCluster::log() const
{
    QFile file(dir_.filePath(QStringLiteral("log")));
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

PgClient::PgClient(const QString& conninfo)
    : conn_(PQconnectdb(conninfo.toUtf8().constData()))
{
    PQsetNoticeProcessor(
        conn_, [](void*, const char*) {}, nullptr);
    if (!ok())
        error_ = QString::fromUtf8(PQerrorMessage(conn_));
}

PgClient::~PgClient()
{
    if (conn_)
        PQfinish(conn_);
}

PgClient::PgClient(PgClient&& other) noexcept
    : conn_(std::exchange(other.conn_, nullptr))
    , error_(std::move(other.error_))
{}

PgClient& PgClient::operator=(PgClient&& other) noexcept
{
    std::swap(conn_, other.conn_);
    std::swap(error_, other.error_);
    return *this;
}

bool PgClient::ok() const
{
    return conn_ && PQstatus(conn_) == CONNECTION_OK;
}

QString PgClient::error() const
{
    return error_;
}

int PgClient::pid() const
{
    return conn_ ? PQbackendPID(conn_) : 0;
}

int PgClient::localPort() const
{
    sockaddr_in here{};
    socklen_t size = sizeof here;
    if (::getsockname(PQsocket(conn_), reinterpret_cast<sockaddr*>(&here), &size) != 0 ||
        here.sin_family != AF_INET)
        return 0;
    return ntohs(here.sin_port);
}

bool PgClient::exec(const QString& sql)
{
    PGresult* result = PQexec(conn_, sql.toUtf8().constData());
    const ExecStatusType status = PQresultStatus(result);
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        error_ = QString::fromUtf8(PQerrorMessage(conn_));
    PQclear(result);
    return good;
}

QString PgClient::value(const QString& sql)
{
    PGresult* result = PQexec(conn_, sql.toUtf8().constData());
    QString found;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        found = QString::fromUtf8(PQgetvalue(result, 0, 0));
    else
        error_ = QString::fromUtf8(PQerrorMessage(conn_));
    PQclear(result);
    return found;
}

bool PgClient::send(const QString& sql)
{
    return PQsendQuery(conn_, sql.toUtf8().constData()) == 1;
}

bool PgClient::finish()
{
    bool good = true;
    while (PGresult* result = PQgetResult(conn_)) {
        const ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            good = false;
            error_ = QString::fromUtf8(PQerrorMessage(conn_));
        }
        PQclear(result);
    }
    return good;
}

bool PgClient::answered()
{
    return PQconsumeInput(conn_) == 0 || PQisBusy(conn_) == 0;
}

} // namespace poolscope::test
