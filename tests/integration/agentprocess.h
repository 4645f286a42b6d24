// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/places.h"
#include "tests/support/stopped.h"

#include <QProcess>
#include <QProcessEnvironment>

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
        process.start(inBuild("tests/integration/poolscope_agentprocess"), arguments);
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
    /// Stops it; false if it goes on.
    bool freeze() { return stopProcess(static_cast<pid_t>(process.processId())); }

    QProcess process;
    QString url;

private:
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
