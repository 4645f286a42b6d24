// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/sshtunnel.h"

#include "core/base/text.h"

#include <QHostAddress>
#include <QTcpServer>

#include <algorithm>

namespace poolscope {

Result<Done> checkSshHost(const QString& host)
{
    const bool odd = std::any_of(host.begin(), host.end(), [](QChar c) {
        return c.isSpace() || c.category() == QChar::Other_Control;
    });
    if (host.isEmpty() || host.startsWith(QLatin1Char('-')) || odd || host.size() > 512)
        return Error{"This is not a host for ssh.", "Give HOST, USER@HOST, or a Host of your "
                                                    "~/.ssh/config."};
    return Done{};
}

TunnelTrouble tunnel_trouble(const QString& sshHost, const QString& words)
{
    TunnelTrouble trouble;
    trouble.sentence = "ssh to " + plain_line(sshHost.toStdString(), 256) + ": " +
                       plain_line(words.toStdString(), 600) + ".";
    trouble.next_step = "Try the same host with ssh in a terminal first: its key must be known and "
                        "the login must work without a question.";
    trouble.persistent = words.contains(QStringLiteral("Permission denied")) ||
                         words.contains(QStringLiteral("Host key verification failed")) ||
                         words.contains(QStringLiteral("cannot be started"));
    return trouble;
}

SshTunnel::SshTunnel(QObject* parent)
    : QObject(parent)
    , program_(qEnvironmentVariable("POOLSCOPE_SSH", QStringLiteral("ssh")))
{
    limit_.setSingleShot(true);
    connect(&limit_, &QTimer::timeout, this,
            [this] { ended(QStringLiteral("it did not reach the host in time")); });
}

SshTunnel::~SshTunnel()
{
    stop();
    for (const auto& process : ending_) {
        process->disconnect(this);
        process->waitForFinished(500); // it was told to go; QProcess ends it if it does not
    }
}

void SshTunnel::start(const QString& sshHost, const QString& remote,
                      std::chrono::milliseconds limit, const QString& localSocket)
{
    if (localSocket.isEmpty()) {
        start(sshHost, QStringList{remote}, limit);
        return;
    }
    stop();
    ports_.clear();
    launch(sshHost, {localSocket + QLatin1Char(':') + remote}, limit);
}

void SshTunnel::start(const QString& sshHost, const QStringList& remotes,
                      std::chrono::milliseconds limit)
{
    stop();
    ports_.clear();
    if (!choosePorts(remotes.size()))
        return;
    QStringList forwards;
    for (const QString& remote : remotes)
        forwards << QStringLiteral("127.0.0.1:%1:")
                            .arg(ports_.at(static_cast<std::size_t>(forwards.size()))) +
                        remote;
    launch(sshHost, forwards, limit);
}

void SshTunnel::launch(const QString& sshHost, const QStringList& forwards,
                       std::chrono::milliseconds limit)
{
    if (!checkSshHost(sshHost)) {
        ended(QStringLiteral("that is no host"));
        return;
    }
    QStringList arguments = extra_;
    const auto option = [&](const char* text) {
        arguments << QStringLiteral("-o") << QString::fromLatin1(text);
    };
    // -v tells when the port is open; a shared connection would open it elsewhere.
    arguments << QStringLiteral("-v") << QStringLiteral("-N") << QStringLiteral("-T");
    option("ExitOnForwardFailure=yes");
    option("ControlMaster=no");
    option("ControlPath=none");
    option("ServerAliveInterval=15");
    option("ServerAliveCountMax=3");
    if (qEnvironmentVariableIsEmpty("SSH_ASKPASS"))
        option("BatchMode=yes");
    for (const QString& forward : forwards)
        arguments << QStringLiteral("-L") << forward;
    arguments << QStringLiteral("--") << sshHost;
    process_ = std::make_unique<QProcess>();
    process_->setStandardInputFile(QProcess::nullDevice());
    process_->setStandardOutputFile(QProcess::nullDevice());
    connect(process_.get(), &QProcess::readyReadStandardError, this, &SshTunnel::listen);
    connect(process_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            ended(QStringLiteral("the program %1 cannot be started").arg(program_));
    });
    connect(process_.get(), &QProcess::finished, this, [this] {
        listen();
        ended(QStringLiteral("it ended"));
    });
    limit_.start(limit);
    process_->start(program_, arguments);
}

bool SshTunnel::choosePorts(qsizetype count)
{
    std::vector<std::unique_ptr<QTcpServer>> probes; // all at once, so that no port comes twice
    for (qsizetype i = 0; i < count; ++i) {
        probes.push_back(std::make_unique<QTcpServer>());
        if (!probes.back()->listen(QHostAddress::LocalHost, 0)) {
            ended(probes.back()->errorString());
            return false;
        }
        ports_.push_back(probes.back()->serverPort());
    }
    return true;
}

void SshTunnel::listen()
{
    if (!process_)
        return;
    line_ += process_->readAllStandardError();
    bool opened = false;
    for (qsizetype end = line_.indexOf('\n'); end >= 0; end = line_.indexOf('\n')) {
        const QByteArray line = line_.left(end).trimmed();
        line_.remove(0, end + 1);
        if (line.startsWith("debug") || line.startsWith("OpenSSH")) {
            opened = opened || line.contains("Entering interactive session");
            continue;
        }
        if (line.startsWith("Authenticated to") || line.startsWith("Transferred:") ||
            line.startsWith("Bytes per second") || line.isEmpty())
            continue;
        words_ += QString::fromStdString(plain_line(line.toStdString(), 300));
        if (words_.size() > 4)
            words_.removeFirst();
    }
    if (line_.size() > 65536)
        line_.clear();
    if (opened && !ready_) {
        ready_ = true;
        limit_.stop();
        words_.clear();
        emit ready(port());
    }
}

void SshTunnel::ended(const QString& fallback)
{
    const QString words = words_.isEmpty() ? fallback : words_.join(QStringLiteral("; "));
    stop();
    emit failed(words);
}

void SshTunnel::stop()
{
    limit_.stop();
    ready_ = false;
    line_.clear();
    words_.clear();
    if (!process_)
        return;
    QProcess* const process = process_.get();
    process->disconnect(this);
    // Kept until it has gone: waiting for that would block this thread, and this may be called from
    // one of its signals.
    ending_.push_back(std::move(process_));
    const auto forget = [this, process] {
        std::erase_if(ending_, [&](const auto& each) { return each.get() == process; });
    };
    if (process->state() == QProcess::NotRunning) {
        QMetaObject::invokeMethod(this, forget, Qt::QueuedConnection);
        return;
    }
    connect(process, &QProcess::finished, this, forget, Qt::QueuedConnection);
    process->terminate();
}

} // namespace poolscope
