// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/mariadb.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QStandardPaths>
#include <QTcpServer>
#include <QThread>

#include <csignal>
#include <grp.h>
#include <mysql.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace poolscope::test {

namespace {

struct ServerAccount
{
    uid_t uid = ::geteuid();
    gid_t gid = ::getegid();
};

ServerAccount serverAccount()
{
    ServerAccount found;
    if (found.uid != 0)
        return found;
    for (const char* name : {"mysql", "nobody"}) {
        if (const passwd* entry = ::getpwnam(name))
            return {entry->pw_uid, entry->pw_gid};
    }
    return found;
}

void becomeServer(const ServerAccount& who)
{
    if (::geteuid() == 0 && who.uid != 0) {
        if (::setgroups(0, nullptr) != 0 || ::setgid(who.gid) != 0 || ::setuid(who.uid) != 0)
            ::_exit(126);
    }
}

/// Debian keeps servers where an ordinary user's PATH does not lead.
QString programOf(const char* name)
{
    const QString found = QStandardPaths::findExecutable(QString::fromLatin1(name));
    return found.isEmpty() ? QStandardPaths::findExecutable(
                                 QString::fromLatin1(name),
                                 {QStringLiteral("/usr/sbin"), QStringLiteral("/usr/local/sbin")})
                           : found;
}

/// MySQL's own server, where one is named.
QString mysqlProgram()
{
    return qEnvironmentVariable("POOLSCOPE_MYSQLD");
}

QStringList mysqlOptions()
{
    // Of its own folders none is that of the system's packages.
    return QStringList{QStringLiteral("--secure-file-priv="), QStringLiteral("--mysqlx=OFF")} +
           qEnvironmentVariable("POOLSCOPE_MYSQLD_OPTIONS")
               .split(QLatin1Char(' '), Qt::SkipEmptyParts);
}

constexpr const char* accounts = "CREATE DATABASE IF NOT EXISTS shop;\n"
                                 "CREATE USER IF NOT EXISTS 'admin'@'%';\n"
                                 "GRANT ALL PRIVILEGES ON *.* TO 'admin'@'%' WITH GRANT OPTION;\n"
                                 "CREATE USER IF NOT EXISTS 'app'@'%';\n"
                                 "GRANT ALL PRIVILEGES ON shop.* TO 'app'@'%';\n"
                                 "CREATE USER IF NOT EXISTS 'locked'@'%' IDENTIFIED BY 'right';\n"
                                 "GRANT SELECT ON shop.* TO 'locked'@'%';\n";

} // namespace

bool MariaDb::isMySql()
{
    return !mysqlProgram().isEmpty();
}

bool MariaDb::available()
{
    if (isMySql())
        return QFile::exists(mysqlProgram());
    return !programOf("mariadbd").isEmpty() && !programOf("mariadb-install-db").isEmpty();
}

MariaDb::MariaDb()
    : dir_(QStringLiteral("/tmp/psm-XXXXXX"))
{}

MariaDb::~MariaDb()
{
    if (server_ && server_->state() != QProcess::NotRunning) {
        thaw();
        stop(SIGKILL);
    }
}

QString MariaDb::socket() const
{
    return dir_.filePath(QStringLiteral("sock"));
}

QString MariaDb::url(const char* user, const char* database) const
{
    return QStringLiteral("mysql://%1@127.0.0.1:%2/%3")
        .arg(QString::fromLatin1(user))
        .arg(port_)
        .arg(QString::fromLatin1(database));
}

QString MariaDb::rootCertificate() const
{
    return dir_.filePath(QStringLiteral("root.crt"));
}

bool MariaDb::run(const QString& program, const QStringList& arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.setWorkingDirectory(dir_.path());
    process.setChildProcessModifier([who = serverAccount()] { becomeServer(who); });
    process.start(program, arguments);
    if (!process.waitForFinished(120000) || process.exitStatus() != QProcess::NormalExit ||
        process.exitCode() != 0) {
        error_ = program + QStringLiteral(": ") + process.errorString() + QLatin1Char('\n') +
                 QString::fromUtf8(process.readAll());
        return false;
    }
    return true;
}

bool MariaDb::makeCertificate()
{
    const auto words = [](const char* line) {
        return QString::fromLatin1(line).split(QLatin1Char(' '));
    };
    const QString openssl = QStringLiteral("openssl");
    const QStringList named{QStringLiteral("-subj"), QStringLiteral("/CN=authority %1").arg(port_)};
    return run(openssl, words("req -x509 -newkey rsa:2048 -nodes -days 2 -keyout root.key "
                              "-out root.crt") +
                            named) &&
           run(openssl, words("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key "
                              "-out server.csr")) &&
           run(openssl, words("x509 -req -in server.csr -CA root.crt -CAkey root.key "
                              "-CAcreateserial -days 2 -out server.crt"));
}

bool MariaDb::start(const Options& options)
{
    options_ = options;
    QTcpServer probe;
    if (!dir_.isValid() || !probe.listen(QHostAddress::LocalHost, 0))
        return false;
    port_ = probe.serverPort();
    probe.close();
    const ServerAccount who = serverAccount();
    if (::geteuid() == 0 &&
        ::chown(QFile::encodeName(dir_.path()).constData(), who.uid, who.gid) != 0) {
        error_ = QStringLiteral("the folder cannot be given to the server's account");
        return false;
    }
    const QStringList data{QStringLiteral("--no-defaults"),
                           QStringLiteral("--datadir=") + dir_.filePath(QStringLiteral("data"))};
    const bool made =
        isMySql()
            ? run(mysqlProgram(),
                  data + QStringList{QStringLiteral("--initialize-insecure")} + mysqlOptions())
            : run(programOf("mariadb-install-db"),
                  data +
                      QStringList{QStringLiteral("--auth-root-authentication-method=normal"),
                                  QStringLiteral("--skip-test-db"),
                                  // Of its own: another that is made meanwhile uses the same names.
                                  QStringLiteral("--tmpdir=") + dir_.path()});
    if (!made)
        return false;
    if (options.tls && !makeCertificate())
        return false;
    QFile init(dir_.filePath(QStringLiteral("init.sql")));
    if (!init.open(QIODevice::WriteOnly) || init.write(accounts) < 0)
        return false;
    init.setPermissions(QFile::ReadOwner | QFile::ReadGroup | QFile::ReadOther);
    init.close();
    return launch();
}

bool MariaDb::launch()
{
    QStringList arguments{
        QStringLiteral("--no-defaults"),
        QStringLiteral("--datadir=") + dir_.filePath(QStringLiteral("data")),
        QStringLiteral("--socket=") + socket(),
        QStringLiteral("--port=%1").arg(port_),
        QStringLiteral("--bind-address=127.0.0.1"),
        QStringLiteral("--skip-name-resolve"),
        QStringLiteral("--pid-file=") + dir_.filePath(QStringLiteral("pid")),
        QStringLiteral("--init-file=") + dir_.filePath(QStringLiteral("init.sql")),
        QStringLiteral("--innodb-flush-log-at-trx-commit=0"),
        QStringLiteral("--innodb-buffer-pool-size=16M"),
        QStringLiteral("--innodb-lock-wait-timeout=600"),
        QStringLiteral("--max-allowed-packet=64M"),
        QStringLiteral("--performance-schema=%1")
            .arg(options_.performanceSchema ? QStringLiteral("ON") : QStringLiteral("OFF"))};
    if (options_.performanceSchema)
        arguments +=
            QStringLiteral("--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON");
    if (options_.tls) {
        arguments += QStringLiteral("--ssl-cert=") + dir_.filePath(QStringLiteral("server.crt"));
        arguments += QStringLiteral("--ssl-key=") + dir_.filePath(QStringLiteral("server.key"));
    } else if (isMySql()) {
        arguments += QStringLiteral("--tls-version="); // it would make a certificate of its own
    }
    arguments += options_.settings;
    if (isMySql())
        arguments += mysqlOptions();
    server_ = std::make_unique<QProcess>();
    server_->setWorkingDirectory(dir_.path());
    server_->setProcessChannelMode(QProcess::MergedChannels);
    server_->setStandardOutputFile(dir_.filePath(QStringLiteral("log")), QIODevice::Append);
    server_->setChildProcessModifier([who = serverAccount()] {
        becomeServer(who);
        // The server must not outlive a test that crashed. After the change of user, which clears
        // it.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    });
    server_->start(isMySql() ? mysqlProgram() : programOf("mariadbd"), arguments);
    QElapsedTimer waited;
    waited.start();
    while (waited.elapsed() < 60000 && server_->state() != QProcess::NotRunning) {
        const MariaClient probe(*this, "admin");
        if (probe.ok())
            return true;
        server_->waitForFinished(50);
    }
    error_ = QStringLiteral("the server did not start:\n") + log();
    return false;
}

bool MariaDb::stop(int signal)
{
    if (!server_ || server_->state() == QProcess::NotRunning)
        return true;
    ::kill(static_cast<pid_t>(server_->processId()), signal);
    if (server_->waitForFinished(30000))
        return true;
    server_->kill();
    return server_->waitForFinished(5000);
}

bool MariaDb::resume()
{
    return launch();
}

void MariaDb::freeze()
{
    if (server_ && server_->processId() > 0)
        ::kill(static_cast<pid_t>(server_->processId()), SIGSTOP);
}

void MariaDb::thaw()
{
    if (server_ && server_->processId() > 0)
        ::kill(static_cast<pid_t>(server_->processId()), SIGCONT);
}

QString MariaDb::log() const
{
    QFile file(dir_.filePath(QStringLiteral("log")));
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

MariaClient::MariaClient(const MariaDb& server, const char* user, const char* program)
    : mysql_(mysql_init(nullptr))
{
    const unsigned int protocol = MYSQL_PROTOCOL_TCP;
    mysql_optionsv(mysql_, MYSQL_OPT_PROTOCOL, &protocol);
    if (program)
        mysql_optionsv(mysql_, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", program);
    connected_ = mysql_real_connect(mysql_, "127.0.0.1", user, "", nullptr, server.port(), nullptr,
                                    CLIENT_REMEMBER_OPTIONS) != nullptr;
    if (connected_)
        mysql_select_db(mysql_, "shop");
}

MariaClient::~MariaClient()
{
    mysql_close(mysql_);
}

unsigned int MariaClient::error() const
{
    return mysql_errno(mysql_);
}

qint64 MariaClient::id() const
{
    return static_cast<qint64>(mysql_thread_id(mysql_));
}

bool MariaClient::exec(const QString& sql)
{
    return send(sql) && finish();
}

bool MariaClient::send(const QString& sql)
{
    const QByteArray text = sql.toUtf8();
    return mysql_send_query(mysql_, text.constData(), static_cast<unsigned long>(text.size())) == 0;
}

bool MariaClient::finish()
{
    if (mysql_read_query_result(mysql_) != 0)
        return false;
    if (MYSQL_RES* const result = mysql_store_result(mysql_))
        mysql_free_result(result);
    return mysql_errno(mysql_) == 0;
}

QString MariaClient::value(const QString& sql)
{
    if (!send(sql) || mysql_read_query_result(mysql_) != 0)
        return {};
    MYSQL_RES* const result = mysql_store_result(mysql_);
    if (!result)
        return {};
    const MYSQL_ROW row = mysql_fetch_row(result);
    const QString text = row && row[0] ? QString::fromUtf8(row[0]) : QString();
    mysql_free_result(result);
    return text;
}

bool MariaClient::comesTo(const QString& sql, const QString& value)
{
    const QDeadlineTimer deadline(20'000);
    while (this->value(sql) != value) {
        if (deadline.hasExpired())
            return false;
        QThread::msleep(150);
    }
    return true;
}

} // namespace poolscope::test
