// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include <algorithm>
#include <chrono>

namespace poolscope {

using detail::PoolUser;
using detail::Slot;
using detail::SlotState;
using detail::SlotWord;
using detail::ThreadRecord;

std::int64_t PoolCore::outstanding_locked() const
{
    std::int64_t out = 0;
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        const SlotState state = SlotWord::state(slots_[i].control.load());
        out += state != SlotState::empty && state != SlotState::idle ? 1 : 0;
    }
    return out;
}

/// While closing: gives up all that is idle.
void PoolCore::close_idle()
{
    close_idle_connections();
    finish_closing(Owner::stays);
}

void PoolCore::close_idle_connections()
{
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        Slot& slot = slots_[i];
        std::uint64_t word = slot.control.load();
        if (SlotWord::state(word) != SlotState::idle ||
            !slot.control.compare_exchange_strong(word, SlotWord::with(word, SlotState::opening)))
            continue;
        ConnectionId connection;
        {
            const std::lock_guard lock(mutex_);
            connection = slot.connection;
            ++closed_;
            emit_closed(connection, "the pool is closed");
        }
        health_.forget_soon(connection);
        close_quietly(i);
        const std::lock_guard lock(mutex_);
        empty_locked(i);
    }
}

/// Gives up the pool itself once its owner has left and nothing is out: by whoever comes last. An
/// owner that leaves says so under the same lock that decides, for from there on any thread that
/// gives back may delete the pool.
void PoolCore::finish_closing(Owner owner)
{
    {
        const std::lock_guard lock(mutex_);
        orphaned_ = orphaned_ || owner == Owner::leaves;
        serve_waiters_locked(); // tells those who wait
        drained_.notify_all();
        if (!orphaned_ || deleting_ || outstanding_locked() != 0)
            return;
        deleting_ = true;
    }
    wait_for_leavers();
    delete this;
}

/// Until no other thread is giving back to this pool.
void PoolCore::wait_for_leavers() const noexcept
{
    const ThreadRecord* self = detail::thread_record;
    for (ThreadRecord* thread = ThreadRecord::first(); thread; thread = thread->next) {
        while (thread != self && thread->inside.load(std::memory_order_acquire) == this)
            std::this_thread::yield();
    }
}

void PoolCore::begin_closing() noexcept
{
    attention_.fetch_or(closing_bit);
    close_idle();
}

Result<Done> PoolCore::close(Duration deadline)
{
    deadline = std::clamp(deadline, Duration{0}, longest_setting);
    begin_closing();
    std::unique_lock lock(mutex_);
    const bool drained =
        drained_.wait_for(lock, deadline, [this] { return outstanding_locked() == 0; });
    if (drained)
        return Done{};
    const std::int64_t out = outstanding_locked();
    static const PoolUser nobody;
    return Error{"After " + format_duration_prose(deadline) + " " + std::to_string(out) +
                     (out == 1 ? " connection is" : " connections are") +
                     " still out: " + who_holds_locked(nobody, 0),
                 "They are closed when they come back."};
}

/// By the destructor of the pool object, after close().
void PoolCore::abandon() noexcept
{
    {
        const std::lock_guard lock(thread_mutex_);
        thread_stopping_ = true;
    }
    thread_wake_.notify_all();
    for (std::thread* const thread : {&leak_thread_, &thread_}) {
        if (thread->joinable())
            thread->join();
    }
    health_.stop(); // its thread may not be the last one here: it could not end itself
    set_sink(nullptr);
    close_idle_connections();
    finish_closing(Owner::leaves); // nothing of this pool may be touched after it
}

} // namespace poolscope
