// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QString>
#include <QThread>

#include <algorithm>
#include <csignal>

namespace poolscope::test {

/// Whether all threads of a process stand after SIGSTOP, or it has ended.
inline bool stands(pid_t pid)
{
    const QString tasks = QStringLiteral("/proc/%1/task").arg(pid);
    const QStringList threads = QDir(tasks).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    return std::ranges::all_of(threads, [&tasks](const QString& thread) {
        QFile stat(tasks + QLatin1Char('/') + thread + QStringLiteral("/stat"));
        if (!stat.open(QIODevice::ReadOnly))
            return true;
        const QByteArray line = stat.readAll();
        const QByteArray state = line.mid(line.lastIndexOf(')') + 2, 1);
        return state == "T" || state == "Z" || state == "X";
    });
}

/// Stops a process, and returns once it stands: on a busy machine some of its threads go on for a
/// while after the signal. False if they do so for 10 s.
inline bool stopProcess(pid_t pid)
{
    ::kill(pid, SIGSTOP);
    QDeadlineTimer deadline(10000);
    while (!stands(pid)) {
        if (deadline.hasExpired())
            return false;
        QThread::msleep(2);
    }
    return true;
}

} // namespace poolscope::test
