// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QThread>

#include <functional>
#include <memory>
#include <utility>

namespace poolscope {

/// A thread for work that nobody waits for, not yet started. It deletes itself; where it was done
/// as the application ended it is deleted then. GUI thread.
QThread* makeAside(std::function<void()> work);

/// Calls `find` on a thread of its own, then `then` here, unless `receiver` is gone by then.
template <class Found>
void findAside(QObject* receiver, const std::function<Found()>& find,
               std::function<void(const Found&)> then)
{
    const auto found = std::make_shared<Found>();
    QThread* const thread = makeAside([found, find] { *found = find(); });
    QObject::connect(thread, &QThread::finished, receiver,
                     [found, then = std::move(then)] { then(*found); });
    thread->start();
}

} // namespace poolscope
