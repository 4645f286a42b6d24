// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/stack/stacktable.h"

#include <algorithm>
#include <chrono>

namespace poolscope {

using detail::Slot;
using detail::SlotRecord;
using detail::SlotState;
using detail::SlotWord;
using detail::ThreadRecord;

/// Says which sink it is about to call and looks whether that still is the one: set_sink first
/// changes it and then looks who calls the old one. One of the two sees the other.
void PoolCore::send(const PoolEvent& event) const noexcept
{
    EventSink* sink = sink_.load(std::memory_order_acquire);
    if (!sink)
        return;
    ThreadRecord& thread = ThreadRecord::current();
    for (;;) {
        detail::mark_before_look(thread.emitting, sink);
        EventSink* const still = sink_.load();
        if (still == sink) {
            sink->take(event);
            break;
        }
        if (!still)
            break;
        sink = still;
    }
    thread.emitting.store(nullptr, std::memory_order_release);
}

StackId PoolCore::stack_of(const Slot& slot) const noexcept
{
    const SlotRecord* record = slot.record.load(std::memory_order_acquire);
    const std::size_t depth = slot.depth.load(std::memory_order_acquire);
    Addresses addresses;
    for (; record && addresses.count < std::min(depth, max_stack_depth); ++addresses.count)
        addresses.values[addresses.count] =
            record->frames[addresses.count].load(std::memory_order_acquire);
    return StackTable::process().intern(addresses.view());
}

/// By the holder, before it shows the slot.
void PoolCore::emit_checkout(Slot& slot, Lease lease, ThreadRecord& thread) noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::checkout;
    const std::int64_t acquired = slot.acquired.load(std::memory_order_relaxed);
    event.time = precise_ ? Ticks{acquired} : now_ticks();
    event.connection = slot.connection;
    event.checkout = slot.checkout_of(lease.word);
    event.thread = thread.thread;
    event.acquired_by = slot.user.load(std::memory_order_relaxed)->name;
    event.server_pid = slot.metadata.server_pid.value_or(0);
    event.local_port = slot.metadata.local_port.value_or(0);
    if (const std::size_t depth = slot.depth.load(std::memory_order_relaxed)) {
        // The same stack as last time, mostly: then its id is known without hashing.
        const auto& frames = slot.record.load(std::memory_order_relaxed)->frames;
        Addresses& last = thread.last_stack;
        bool same = depth == last.count && thread.last_id != StackId{};
        for (std::size_t i = 0; i < depth; ++i) {
            const std::uintptr_t address = frames[i].load(std::memory_order_relaxed);
            same = same && address == last.values[i];
            last.values[i] = address;
        }
        if (!same) {
            last.count = depth;
            thread.last_id = StackTable::process().intern(last.view());
        }
        event.stack = thread.last_id;
    }
    if (slot.notes.load(std::memory_order_relaxed) & detail::note_extras) {
        event.wait = Duration{slot.wait_us.load(std::memory_order_relaxed)};
        event.expected = Duration{slot.expected_us.load(std::memory_order_relaxed)};
        if (slot.extras) {
            event.trace_id = slot.extras->trace_id;
            event.tags = slot.extras->tags;
        }
    }
    send(event);
}

void PoolCore::emit_checkin(ConnectionId connection, CheckoutId checkout) const noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::checkin;
    event.time = now_ticks();
    event.connection = connection;
    event.checkout = checkout;
    send(event);
}

void PoolCore::emit_pending_locked() const noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::pending;
    event.time = now_ticks();
    event.number = static_cast<std::int64_t>(waiters_.size());
    send(event);
}

void PoolCore::emit_closed(ConnectionId connection, std::string_view reason) noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::closed;
    event.time = now_ticks();
    event.connection = connection;
    event.text = reason;
    send(event);
}

void PoolCore::set_sink(EventSink* sink)
{
    const std::lock_guard one_at_a_time(sink_mutex_);
    EventSink* const old = sink_.exchange(sink);
    detail::fence_all_threads();
    if (old && old != sink) {
        for (ThreadRecord* thread = ThreadRecord::first(); thread; thread = thread->next) {
            while (thread->emitting.load() == old)
                std::this_thread::yield();
        }
    }
    if (!sink)
        return;
    // Who claimed a slot before it could see the sink shows it without an event. That takes
    // nanoseconds; a picture taken after this has it. The bound is for a thread that is stopped in
    // a debugger just there.
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        const std::uint64_t word = slots_[i].control.load();
        while (SlotWord::state(word) == SlotState::used &&
               slots_[i].published.load(std::memory_order_acquire) != word &&
               slots_[i].control.load() == word && std::chrono::steady_clock::now() < patience)
            std::this_thread::yield();
    }
}

} // namespace poolscope
