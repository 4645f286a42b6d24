// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/prometheus.h"

#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>

#include <csignal>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace poolscope::test {

namespace {

QString configurationOf(const QList<Prometheus::Job>& jobs)
{
    QString text = QStringLiteral("global:\n  scrape_interval: 2s\n  scrape_timeout: 2s\n"
                                  "scrape_configs:\n");
    for (const Prometheus::Job& job : jobs)
        text += QStringLiteral("- job_name: %1\n  metrics_path: %2\n  static_configs:\n"
                               "  - targets: ['%3']\n")
                    .arg(job.name, job.path, job.instances.join(QStringLiteral("', '")));
    return text;
}

} // namespace

QString Prometheus::program()
{
    const QString named = qEnvironmentVariable("POOLSCOPE_PROMETHEUS");
    if (!named.isEmpty())
        return QFile::exists(named) ? named : QString();
    return QStandardPaths::findExecutable(QStringLiteral("prometheus"));
}

Prometheus::Prometheus() = default;

Prometheus::~Prometheus()
{
    stop();
}

bool Prometheus::start(const QList<Job>& jobs)
{
    if (!available() || !dir_.isValid()) {
        error_ = QStringLiteral("Prometheus is not installed");
        return false;
    }
    QTcpServer free;
    if (!free.listen(QHostAddress::LocalHost))
        return false;
    port_ = free.serverPort();
    free.close();
    QFile configuration(dir_.filePath(QStringLiteral("prometheus.yml")));
    if (!configuration.open(QIODevice::WriteOnly) ||
        configuration.write(configurationOf(jobs).toUtf8()) < 0)
        return false;
    configuration.close();
    configuration.setPermissions(configuration.permissions() | QFileDevice::ReadOther);
    if (::geteuid() == 0) {
        const passwd* const nobody = ::getpwnam("nobody");
        if (!nobody ||
            ::chown(dir_.path().toLocal8Bit().constData(), nobody->pw_uid, nobody->pw_gid) != 0)
            return false;
    }
    return launch();
}

bool Prometheus::isVictoria()
{
    return program().contains(QStringLiteral("victoria"));
}

QStringList Prometheus::prometheusArguments() const
{
    return {QStringLiteral("--config.file=") + dir_.filePath(QStringLiteral("prometheus.yml")),
            QStringLiteral("--storage.tsdb.path=") + dir_.filePath(QStringLiteral("data")),
            QStringLiteral("--web.listen-address=") + address(),
            QStringLiteral("--log.level=warn")};
}

QStringList Prometheus::victoriaArguments() const
{
    return {QStringLiteral("-promscrape.config=") + dir_.filePath(QStringLiteral("prometheus.yml")),
            QStringLiteral("-storageDataPath=") + dir_.filePath(QStringLiteral("data")),
            QStringLiteral("-httpListenAddr=") + address(), QStringLiteral("-loggerLevel=WARN"),
            // Half a minute else, for which it shows nothing.
            QStringLiteral("-search.latencyOffset=1s")};
}

bool Prometheus::launch()
{
    process_ = std::make_unique<QProcess>();
    process_->setProcessChannelMode(QProcess::MergedChannels);
    process_->setStandardOutputFile(dir_.filePath(QStringLiteral("log")), QIODevice::Append);
    process_->setWorkingDirectory(dir_.path());
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
    process_->start(program(), isVictoria() ? victoriaArguments() : prometheusArguments());
    QElapsedTimer waited;
    waited.start();
    while (waited.elapsed() < 60000 && process_->state() != QProcess::NotRunning) {
        if (isVictoria() ? get("/health") == "OK" : get("/-/ready").contains("Ready"))
            return true;
        process_->waitForFinished(50);
    }
    error_ = QStringLiteral("Prometheus did not start:\n") + log();
    return false;
}

bool Prometheus::stop()
{
    if (!process_ || process_->state() == QProcess::NotRunning)
        return true;
    process_->terminate();
    if (process_->waitForFinished(20000))
        return true;
    process_->kill();
    return process_->waitForFinished(5000);
}

bool Prometheus::resume()
{
    return launch();
}

QString Prometheus::address() const
{
    return QStringLiteral("127.0.0.1:%1").arg(port_);
}

QString Prometheus::apiUrl() const
{
    return QStringLiteral("prometheus+http://") + address() + QStringLiteral("/api/v1");
}

QString Prometheus::log() const
{
    QFile file(dir_.filePath(QStringLiteral("log")));
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

QByteArray Prometheus::get(const QByteArray& path) const
{
    QTcpSocket socket;
    socket.connectToHost(QHostAddress(QHostAddress::LocalHost), port_);
    if (!socket.waitForConnected(5000))
        return {};
    // HTTP/1.0: it ends with the connection, and comes in one piece.
    socket.write("GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n");
    while (socket.state() == QAbstractSocket::ConnectedState && socket.waitForReadyRead(10000)) {
    }
    const QByteArray all = socket.readAll();
    return all.mid(all.indexOf("\r\n\r\n") + 4);
}

} // namespace poolscope::test
