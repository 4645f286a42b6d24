// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/agent/scriptedpool.h"

#include <stdexcept>
#include <utility>

namespace poolscope::test {

std::atomic<std::uint64_t> ScriptedPool::next_{1};

void ScriptedPool::report(const PoolEvent& event)
{
    const std::lock_guard telling(sink_mutex_);
    tell(event);
}

/// With sink_mutex_ held until the change shows: who is about to show one without an event, as
/// there was no sink yet, is waited for by set_sink.
void ScriptedPool::tell(const PoolEvent& event)
{
    if (sink_ != nullptr)
        sink_->take(event);
}

ConnectionId ScriptedPool::open_connection()
{
    const std::lock_guard telling(sink_mutex_);
    PoolEvent event;
    event.kind = PoolEventKind::opened;
    event.time = now_ticks();
    event.connection = ConnectionId{next_++};
    event.server_pid = 70'000;
    tell(event);
    const std::lock_guard lock(mutex_);
    connections_[event.connection] = {
        event.connection, process_epoch().wall(event.time), 70'000, {}};
    return event.connection;
}

void ScriptedPool::close_connection(ConnectionId connection)
{
    const std::lock_guard telling(sink_mutex_);
    PoolEvent event;
    event.kind = PoolEventKind::closed;
    event.time = now_ticks();
    event.connection = connection;
    event.text = "old";
    tell(event);
    const std::lock_guard lock(mutex_);
    connections_.erase(connection);
}

CheckoutId ScriptedPool::lend(ConnectionId connection, StackId stack, std::string_view by,
                              std::span<const Tag> tags)
{
    const std::lock_guard telling(sink_mutex_);
    PoolEvent event;
    event.kind = PoolEventKind::checkout;
    event.time = now_ticks();
    event.connection = connection;
    event.checkout = CheckoutId{next_++};
    event.stack = stack;
    event.acquired_by = by;
    event.tags = tags;
    event.thread = 77;
    tell(event);
    const std::lock_guard lock(mutex_);
    OpenCheckout& open = checkouts_[event.checkout];
    open.id = event.checkout;
    open.connection = connection;
    open.acquired = process_epoch().wall(event.time);
    open.acquired_by = by;
    open.thread = 77;
    open.stack = stack;
    open.tags.assign(tags.begin(), tags.end());
    return event.checkout;
}

void ScriptedPool::give_back(CheckoutId checkout)
{
    const std::lock_guard telling(sink_mutex_);
    PoolEvent event;
    event.kind = PoolEventKind::checkin;
    event.time = now_ticks();
    event.checkout = checkout;
    tell(event);
    const std::lock_guard lock(mutex_);
    checkouts_.erase(checkout);
}

void ScriptedPool::flood(std::size_t count)
{
    const std::lock_guard telling(sink_mutex_); // so that none of them ever shows
    PoolEvent event;
    event.time = now_ticks();
    event.connection = ConnectionId{1};
    for (std::size_t i = 0; i < count; ++i) {
        event.kind = PoolEventKind::checkout;
        event.checkout = CheckoutId{next_++};
        tell(event);
        event.kind = PoolEventKind::checkin;
        tell(event);
    }
}

PoolDescription ScriptedPool::description() const
{
    return {name_,
            "fake",
            "postgresql://db1:5432/shop",
            {{"max_connections", "10"}},
            {"by", "stacks", "stats"}};
}

PoolFigures ScriptedPool::figures() const
{
    const std::lock_guard lock(mutex_);
    PoolFigures figures;
    figures.used = static_cast<std::int64_t>(checkouts_.size());
    figures.total = static_cast<std::int64_t>(connections_.size());
    figures.max = 10;
    return figures;
}

void ScriptedPool::set_sink(EventSink* sink)
{
    const std::lock_guard lock(sink_mutex_);
    sink_ = sink;
}

PoolPicture ScriptedPool::picture() const
{
    if (throws)
        throw std::runtime_error("no picture today");
    {
        const std::lock_guard lock(sink_mutex_); // who has told of a change shows it first
    }
    PoolPicture picture;
    picture.figures = figures();
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, connection] : connections_)
            picture.connections.push_back(connection);
        for (const auto& [id, checkout] : checkouts_)
            picture.checkouts.push_back(checkout);
    }
    if (const auto hook = std::exchange(behind_picture, nullptr))
        hook();
    return picture;
}

Frames ScriptedPool::frames(StackId stack) const
{
    ++symbolised;
    return {{"shop::handle" + std::to_string(stack.value), "src/shop.cpp",
             static_cast<std::int32_t>(stack.value), true},
            {"main", "src/main.cpp", 3, true}};
}

Result<Done> ScriptedPool::reclaim(CheckoutId checkout)
{
    {
        const std::lock_guard lock(mutex_);
        if (!checkouts_.contains(checkout))
            return Error{"checkout " + std::to_string(checkout.value) + " is not open", ""};
    }
    give_back(checkout);
    return Done{};
}

bool ScriptedPool::watched() const
{
    const std::lock_guard lock(sink_mutex_);
    return sink_ != nullptr;
}

std::set<std::uint64_t> ScriptedPool::open_ids() const
{
    const std::lock_guard lock(mutex_);
    std::set<std::uint64_t> ids;
    for (const auto& [id, checkout] : checkouts_)
        ids.insert(id.value);
    return ids;
}

} // namespace poolscope::test
