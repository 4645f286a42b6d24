// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/findaside.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QPointer>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace poolscope {

namespace {

std::vector<QPointer<QThread>>& asides()
{
    static std::vector<QPointer<QThread>> all;
    return all;
}

/// No event loop comes any more to delete them. One that hangs, on a home that does not answer, is
/// left to the end of the process.
void clearAsides()
{
    constexpr std::chrono::milliseconds nearlyDone{100};
    for (const QPointer<QThread>& thread : std::exchange(asides(), {})) {
        if (thread && (!thread->isRunning() || thread->wait(QDeadlineTimer(nearlyDone))))
            delete thread.data();
    }
}

} // namespace

QThread* makeAside(std::function<void()> work)
{
    static const bool once = (qAddPostRoutine(clearAsides), true);
    static_cast<void>(once);
    std::erase_if(asides(), [](const QPointer<QThread>& thread) { return thread.isNull(); });
    QThread* const thread = QThread::create(std::move(work));
    QObject::connect(thread, &QThread::finished, thread, &QObject::deleteLater);
    asides().emplace_back(thread);
    return thread;
}

} // namespace poolscope
