// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/places.h"

#include <QProcess>
#include <QProcessEnvironment>

namespace poolscope::test {

/// The small application of shop.cpp.in, until the end of this object. Its agent listens where
/// discovery looks, below `runtime`.
class CppShop
{
public:
    CppShop(const QString& conninfo, const QString& runtime)
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        for (const char* const name : {"POOLSCOPE_LISTEN", "POOLSCOPE_TOKEN", "RUNTIME_DIRECTORY"})
            environment.remove(QLatin1String(name));
        environment.insert(QStringLiteral("XDG_RUNTIME_DIR"), runtime);
        process_.setProcessEnvironment(environment);
        process_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process_.start(inBuild("tests/agents/cpp/poolscope_cppshop"), {conninfo});
    }
    CppShop(const CppShop&) = delete;
    CppShop& operator=(const CppShop&) = delete;
    ~CppShop()
    {
        process_.closeWriteChannel();
        if (!process_.waitForFinished(5000)) {
            process_.kill();
            process_.waitForFinished();
        }
    }
    /// Once it holds its connection; false if it ended or took too long.
    bool holds()
    {
        while (!process_.canReadLine()) {
            if (!process_.waitForReadyRead(20000))
                return false;
        }
        return process_.readLine().trimmed() == "holds";
    }
    qint64 pid() const { return process_.processId(); }

private:
    QProcess process_;
};

} // namespace poolscope::test
