// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findaside.h"

#include <QObject>
#include <QString>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace poolscope {

/// A look at the disk for what is being typed, on a thread of its own. Most disks answer before
/// anybody notices; one that hangs keeps the window for `patience` at a key, and after `most` such
/// looks not at all. GUI thread; a member of its receiver.
template <class Found>
class Glance
{
public:
    static constexpr std::chrono::milliseconds patience{30};
    static constexpr int most = 3; ///< looks under way

    /// `later` is called on the receiver's thread once there is an answer that at() did not give.
    Glance(QObject* receiver, std::function<void()> later)
        : receiver_(receiver)
        , later_(std::move(later))
    {}

    /// What `find` answers, of that name; null while it has not. Only the latest name asked for is
    /// looked up further.
    std::optional<Found> at(const QString& name, std::function<Found()> find)
    {
        if (!latest_ || latest_->name != name) {
            latest_ = std::make_shared<Look>();
            latest_->name = name;
            latest_->find = std::move(find);
            if (*underWay_ < most)
                begin();
        }
        std::unique_lock lock(latest_->mutex);
        if (latest_->begun && !latest_->waitedFor) {
            latest_->waitedFor = true;
            latest_->answered.wait_for(lock, patience,
                                       [this] { return latest_->found.has_value(); });
        }
        latest_->told = latest_->found.has_value();
        return latest_->found;
    }
    /// The next look is a new one.
    void forget() { latest_.reset(); }

private:
    struct Look
    {
        QString name;
        std::function<Found()> find;
        bool begun = false;
        bool waitedFor = false;
        bool told = false;
        std::mutex mutex;
        std::condition_variable answered;
        std::optional<Found> found; // guarded by mutex
    };

    void begin()
    {
        latest_->begun = true;
        ++*underWay_;
        QThread* const thread = makeAside([look = latest_, underWay = underWay_] {
            Found found = look->find();
            --*underWay; // though nobody has heard of it yet
            const std::lock_guard lock(look->mutex);
            look->found = std::move(found);
            look->answered.notify_all();
        });
        QObject::connect(thread, &QThread::finished, receiver_, [this, look = latest_] {
            if (latest_ == look && !look->told)
                later_();
            else if (latest_ && !latest_->begun && *underWay_ < most)
                begin();
        });
        thread->start();
    }

    QObject* receiver_;
    std::function<void()> later_;
    std::shared_ptr<Look> latest_;
    std::shared_ptr<std::atomic<int>> underWay_ = std::make_shared<std::atomic<int>>(0);
};

} // namespace poolscope
