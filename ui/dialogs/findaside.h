// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QThread>

#include <functional>
#include <memory>

namespace poolscope {

/// Calls `find` on a thread of its own, then `then` here, unless `receiver` is gone by then.
template <class Found>
void findAside(QObject* receiver, const std::function<Found()>& find,
               std::function<void(const Found&)> then)
{
    const auto found = std::make_shared<Found>();
    QThread* const thread = QThread::create([found, find] { *found = find(); });
    QObject::connect(thread, &QThread::finished, receiver,
                     [found, then = std::move(then)] { then(*found); });
    QObject::connect(thread, &QThread::finished, thread, &QObject::deleteLater);
    thread->start();
}

} // namespace poolscope
