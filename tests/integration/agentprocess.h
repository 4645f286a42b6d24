// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QProcessEnvironment>
#include <QThread>

#include <algorithm>
#include <csignal>

namespace poolscope::test {

/// tests/integration/agentprocess.cpp, until the end of this object.
class AgentProcess
{
public:
    explicit AgentProcess(const QString& listen, const QStringList& arguments = {},
                          const QString& token = {})
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        if (!listen.isEmpty())
            environment.insert(QStringLiteral("POOLSCOPE_LISTEN"), listen);
        if (!token.isEmpty())
            environment.insert(QStringLiteral("POOLSCOPE_TOKEN"), token);
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process.start(QStringLiteral(POOLSCOPE_AGENT_PROCESS), arguments);
        const QString said = answer();
        if (said.startsWith(QStringLiteral("listens ")))
            url = said.mid(8);
    }
    AgentProcess(const AgentProcess&) = delete;
    AgentProcess& operator=(const AgentProcess&) = delete;
    ~AgentProcess()
    {
        send(SIGCONT);
        process.closeWriteChannel();
        if (!process.waitForFinished(5000)) {
            process.kill();
            process.waitForFinished();
        }
    }
    /// Returns when it was done; false if it was not.
    bool order(const char* line)
    {
        process.write(QByteArray(line) + '\n');
        return answer() == QStringLiteral("done ") + QLatin1String(line);
    }
    void send(int signal) { ::kill(static_cast<pid_t>(process.processId()), signal); }
    /// Stops it, and returns once all its threads stand: on a busy machine one of them may go on
    /// for a while after the signal. False if they do not within 10 s.
    bool freeze()
    {
        send(SIGSTOP);
        QDeadlineTimer deadline(10000);
        while (!stands()) {
            if (deadline.hasExpired())
                return false;
            QThread::msleep(2);
        }
        return true;
    }

    QProcess process;
    QString url;

private:
    bool stands() const
    {
        const QString tasks = QStringLiteral("/proc/%1/task").arg(process.processId());
        const QStringList threads = QDir(tasks).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
        return !threads.isEmpty() && std::ranges::all_of(threads, [&tasks](const QString& thread) {
            QFile stat(tasks + QLatin1Char('/') + thread + QStringLiteral("/stat"));
            if (!stat.open(QIODevice::ReadOnly))
                return true; // it has ended
            const QByteArray line = stat.readAll();
            return line.mid(line.lastIndexOf(')') + 2, 1) == "T";
        });
    }
    QString answer()
    {
        while (!process.canReadLine()) {
            if (!process.waitForReadyRead(20000))
                return {};
        }
        return QString::fromUtf8(process.readLine()).trimmed();
    }
};

} // namespace poolscope::test
