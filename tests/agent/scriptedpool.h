// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/event/poolcontrol.h"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace poolscope::test {

/// A pool of connections that are not there, kept to the letter of PoolControl's contract. Any
/// thread.
class ScriptedPool final : public PoolControl
{
public:
    explicit ScriptedPool(std::string name)
        : name_(std::move(name))
    {}

    ConnectionId open_connection();
    void close_connection(ConnectionId connection);
    CheckoutId lend(ConnectionId connection, StackId stack, std::string_view by,
                    std::span<const Tag> tags = {});
    void give_back(CheckoutId checkout);
    /// That many checkouts, each returned at once, told as fast as can be.
    void flood(std::size_t count);
    /// Any other event.
    void report(const PoolEvent& event);

    PoolDescription description() const override;
    PoolFigures figures() const override;
    void set_sink(EventSink* sink) override;
    PoolPicture picture() const override;
    Frames frames(StackId stack) const override;
    Result<Done> reclaim(CheckoutId checkout) override;

    bool watched() const;
    std::set<std::uint64_t> open_ids() const;
    /// How often frames() was called.
    mutable std::atomic<int> symbolised{0};
    std::atomic<bool> throws{false};
    /// Called once, when a picture has been taken and not yet returned.
    mutable std::function<void()> behind_picture;

private:
    std::string name_;
    void tell(const PoolEvent& event);

    mutable std::mutex mutex_;      ///< the state
    mutable std::mutex sink_mutex_; ///< taken while an event is told
    EventSink* sink_ = nullptr;
    std::map<ConnectionId, OpenConnection> connections_;
    std::map<CheckoutId, OpenCheckout> checkouts_;
    static std::atomic<std::uint64_t> next_;
};

} // namespace poolscope::test
