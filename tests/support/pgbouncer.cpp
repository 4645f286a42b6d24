// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/pgbouncer.h"

#include "tests/support/pgcluster.h"

#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTcpServer>

#include <csignal>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace poolscope::test {

namespace {

bool writeFile(const QString& path, const QString& text)
{
    QFile file(path);
    return file.open(QIODevice::WriteOnly | QIODevice::Truncate) &&
           file.write(text.toUtf8()) == text.toUtf8().size() &&
           file.setPermissions(file.permissions() | QFileDevice::ReadOther);
}

} // namespace

QString PgBouncer::program()
{
    const QString named = qEnvironmentVariable("POOLSCOPE_PGBOUNCER");
    if (!named.isEmpty())
        return QFile::exists(named) ? named : QString();
    return QStandardPaths::findExecutable(
        QStringLiteral("pgbouncer"), {QStringLiteral("/usr/sbin"), QStringLiteral("/usr/bin")});
}

PgBouncer::PgBouncer()
    : dir_(QStringLiteral("/tmp/psb-XXXXXX"))
{}

PgBouncer::~PgBouncer()
{
    thaw();
    stop();
}

bool PgBouncer::start(const QStringList& databases, const QStringList& settings)
{
    if (!available() || !dir_.isValid()) {
        error_ = QStringLiteral("PgBouncer is not installed");
        return false;
    }
    QProcess asked;
    asked.start(program(), {QStringLiteral("--version")});
    if (asked.waitForFinished(10000)) {
        const auto found = QRegularExpression(QStringLiteral("PgBouncer (\\d+)\\.(\\d+)\\.(\\d+)"))
                               .match(QString::fromUtf8(asked.readAllStandardOutput()));
        version_ = found.captured(1).toInt() * 10000 + found.captured(2).toInt() * 100 +
                   found.captured(3).toInt();
    }
    QTcpServer free;
    if (!free.listen(QHostAddress::LocalHost))
        return false;
    port_ = free.serverPort();
    free.close();
    QFile folder(dir_.path());
    folder.setPermissions(folder.permissions() | QFileDevice::ReadOther | QFileDevice::ExeOther);
    const QString users = dir_.filePath(QStringLiteral("users"));
    QStringList lines{QStringLiteral("[databases]")};
    lines += databases;
    lines += QStringLiteral("[pgbouncer]");
    lines += QStringLiteral("listen_addr = 127.0.0.1");
    lines += QStringLiteral("listen_port = %1").arg(port_);
    lines += QStringLiteral("unix_socket_dir =");
    lines += QStringLiteral("auth_type = md5");
    lines += QStringLiteral("auth_file = ") + users;
    lines += QStringLiteral("admin_users = adm, other");
    lines += QStringLiteral("stats_users = stats");
    lines += settings;
    return writeFile(users,
                     QStringLiteral("\"app\" \"app\"\n\"adm\" \"adm\"\n\"stats\" \"stats\"\n")) &&
           writeFile(dir_.filePath(QStringLiteral("ini")),
                     lines.join(QLatin1Char('\n')) + QLatin1Char('\n')) &&
           launch();
}

bool PgBouncer::launch()
{
    process_ = std::make_unique<QProcess>();
    process_->setProcessChannelMode(QProcess::MergedChannels);
    process_->setStandardOutputFile(dir_.filePath(QStringLiteral("log")), QIODevice::Append);
    process_->setChildProcessModifier([] {
        if (::geteuid() == 0) {
            const passwd* const nobody = ::getpwnam("nobody");
            if (!nobody || ::setgroups(0, nullptr) != 0 || ::setgid(nobody->pw_gid) != 0 ||
                ::setuid(nobody->pw_uid) != 0)
                ::_exit(126);
        }
        // It must not outlive a test that crashed.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    });
    process_->start(program(), {dir_.filePath(QStringLiteral("ini"))});
    QElapsedTimer waited;
    waited.start();
    while (waited.elapsed() < 20000 && process_->state() != QProcess::NotRunning) {
        PgClient probe(conninfo(QStringLiteral("pgbouncer"), QStringLiteral("adm")));
        if (probe.ok())
            return true;
        process_->waitForFinished(20);
    }
    error_ = QStringLiteral("PgBouncer did not start:\n") + log();
    return false;
}

void PgBouncer::signal(int number) const
{
    if (process_ && process_->state() != QProcess::NotRunning && process_->processId() > 0)
        ::kill(static_cast<pid_t>(process_->processId()), number);
}

bool PgBouncer::stop()
{
    if (!process_ || process_->state() == QProcess::NotRunning)
        return true;
    signal(version_ >= 12300 ? SIGQUIT : SIGTERM); // the one that does not wait for clients
    if (process_->waitForFinished(3000))
        return true;
    process_->kill();
    return process_->waitForFinished(5000);
}

bool PgBouncer::resume()
{
    return launch();
}

QString PgBouncer::url(const QString& user, const QString& password) const
{
    return QStringLiteral("pgbouncer://%1:%2@127.0.0.1:%3")
        .arg(user, password.isEmpty() ? user : password)
        .arg(port_);
}

QString PgBouncer::conninfo(const QString& database, const QString& user) const
{
    return QStringLiteral("host=127.0.0.1 port=%1 dbname=%2 user=%3 password=%3")
        .arg(port_)
        .arg(database, user);
}

QString PgBouncer::log() const
{
    QFile file(dir_.filePath(QStringLiteral("log")));
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

} // namespace poolscope::test
