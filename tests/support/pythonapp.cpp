// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/pythonapp.h"

#include "tests/support/places.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QProcessEnvironment>

namespace poolscope::test {

namespace {

const QString sqlalchemy = QStringLiteral("2.1.9");

QString environment()
{
    return inBuild("tests/agents/python");
}

} // namespace

bool PythonApp::available()
{
    if (!QDir().mkpath(environment()))
        return false;
    QProcess made;
    made.start(QStringLiteral("bash"), {inTree() + QStringLiteral("/tests/agents/python/run.sh"),
                                        environment(), sqlalchemy, QStringLiteral("--version")});
    return made.waitForFinished(280'000) && made.exitCode() == 0;
}

QString PythonApp::lineOf(const char* script, const char* mark)
{
    QFile source(inTree() + QStringLiteral("/tests/integration/") + QLatin1String(script));
    if (!source.open(QIODevice::ReadOnly))
        return {};
    const QList<QByteArray> lines = source.readAll().split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        if (lines.at(i).contains(QByteArray("# ") + mark))
            return QStringLiteral("%1:%2").arg(QLatin1String(script)).arg(i + 1);
    }
    return {};
}

PythonApp::~PythonApp()
{
    process_.closeWriteChannel();
    if (process_.state() != QProcess::NotRunning && !process_.waitForFinished(10'000))
        kill();
}

bool PythonApp::start(const char* script, const QStringList& arguments, const QString& socket)
{
    QProcessEnvironment environ = QProcessEnvironment::systemEnvironment();
    environ.insert(QStringLiteral("PYTHONPATH"),
                   environment() + QStringLiteral("/sqlalchemy-") + sqlalchemy + u':' + inTree() +
                       QStringLiteral("/resources/agents/python/src"));
    environ.insert(QStringLiteral("PYTHONDONTWRITEBYTECODE"), QStringLiteral("1"));
    environ.insert(QStringLiteral("POOLSCOPE_LISTEN"), socket);
    environ.remove(QStringLiteral("POOLSCOPE_TOKEN"));
    process_.setProcessEnvironment(environ);
    process_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    process_.start(
        environment() + QStringLiteral("/venv/bin/python"),
        QStringList{inTree() + QStringLiteral("/tests/integration/") + QLatin1String(script)} +
            arguments);
    pool_ = QStringLiteral("pool+unix://") + socket;
    return process_.waitForStarted() && answered("ready", 60'000);
}

bool PythonApp::answered(const char* words, int timeout_ms)
{
    const QDeadlineTimer deadline(timeout_ms);
    while (!process_.canReadLine()) {
        if (deadline.hasExpired() || process_.state() == QProcess::NotRunning)
            return false;
        process_.waitForReadyRead(100);
    }
    return process_.readLine().trimmed() == words;
}

bool PythonApp::tell(const char* words)
{
    process_.write(words);
    process_.write("\n");
    process_.waitForBytesWritten(1000);
    return answered("done", 20'000);
}

void PythonApp::kill()
{
    process_.kill();
    process_.waitForFinished();
}

} // namespace poolscope::test
