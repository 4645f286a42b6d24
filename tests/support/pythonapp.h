// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProcess>
#include <QString>
#include <QStringList>

namespace poolscope::test {

/// One of the small applications of tests/integration, with SQLAlchemy and the Python agent, until
/// the end of this object. It says "ready", then obeys lines, each answered by "done".
class PythonApp
{
public:
    /// Makes the environment of the Python agent's own tests where they have not run yet; false
    /// where no Python with SQLAlchemy can be had: a reason to skip.
    static bool available();
    /// "shopapp.py:25": where that script says `mark` in a comment; empty where it does not.
    static QString lineOf(const char* script, const char* mark);

    PythonApp() = default;
    ~PythonApp();
    PythonApp(const PythonApp&) = delete;
    PythonApp& operator=(const PythonApp&) = delete;

    /// Its agent listens at `socket`, a path. False where it did not get ready.
    bool start(const char* script, const QStringList& arguments, const QString& socket);
    /// False where it was not done.
    bool tell(const char* words);
    /// SIGKILL: what it held is closed by the system, and nothing is said to any server.
    void kill();

    const QString& pool() const { return pool_; } ///< the agent's address
    qint64 processId() const { return process_.processId(); }

private:
    bool answered(const char* words, int timeout_ms);

    QProcess process_;
    QString pool_;
};

} // namespace poolscope::test
