// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QJsonArray>
#include <QJsonDocument>
#include <QProcess>
#include <QProcessEnvironment>
#include <QString>
#include <QStringList>

namespace poolscope::test {

/// What a program said, and how it ended.
struct Run
{
    int code = -1; ///< also where it did not end in time, or not by itself
    QByteArray out;
    QByteArray err;
    QJsonArray array() const { return QJsonDocument::fromJson(out).array(); }
};

/// As a shell would call it, with nobody at its keyboard, for a minute at most.
inline Run runProgram(const QString& program, const QStringList& arguments,
                      const QProcessEnvironment& environment = {})
{
    constexpr int patience_ms = 60'000;
    QProcess process;
    process.setStandardInputFile(QProcess::nullDevice());
    if (!environment.isEmpty())
        process.setProcessEnvironment(environment);
    process.start(program, arguments);
    Run run;
    if (process.waitForFinished(patience_ms) && process.exitStatus() == QProcess::NormalExit)
        run.code = process.exitCode();
    run.out = process.readAllStandardOutput();
    run.err = process.readAllStandardError();
    return run;
}

} // namespace poolscope::test
