// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/pool/poolseams.h"
#include "core/stack/stacktable.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <thread>

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

/// By the holder, on whatever thread it is by now. The same stack as last time, mostly: then its id
/// is known without hashing.
StackId PoolCore::stack_of_holder(const Slot& slot, ThreadRecord& thread) noexcept
{
    const std::size_t depth = slot.depth.load(std::memory_order_relaxed);
    if (depth == 0)
        return {};
    const auto& frames = slot.record.load(std::memory_order_relaxed)->frames;
    Addresses& last = thread.last_stack;
    std::uintptr_t differs = depth ^ last.count;
    for (std::size_t i = 0; i < depth; ++i)
        differs |= frames[i].load(std::memory_order_relaxed) ^ last.values[i];
    if (differs != 0 || thread.last_id == StackId{}) {
        for (last.count = 0; last.count < depth; ++last.count)
            last.values[last.count] = frames[last.count].load(std::memory_order_relaxed);
        thread.last_id = StackTable::process().intern(last.view());
    }
    return thread.last_id;
}

/// By the holder, before it shows the slot or gives it back.
void PoolCore::emit_checkout(Slot& slot, Lease lease, ThreadRecord& thread) noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::checkout;
    event.time = ticks_of(slot.acquired.load(std::memory_order_relaxed));
    event.connection = slot.connection;
    event.checkout = slot.checkout_of(lease.word);
    event.thread = slot.thread.load(std::memory_order_relaxed);
    event.acquired_by = slot.user.load(std::memory_order_relaxed)->name;
    event.server_pid = slot.metadata.server_pid.value_or(0);
    event.local_port = slot.metadata.local_port.value_or(0);
    event.stack = stack_of_holder(slot, thread);
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

/// By the holder, or by who has noted a suspicion and holds the mutex (see give_back_told): of a
/// checkout that nobody was told of yet.
void PoolCore::tell_now(Lease lease, ThreadRecord& thread) noexcept
{
    Slot& slot = slots_[lease.slot];
    std::uint64_t word = lease.word;
    const detail::Telling telling(thread);
    if (slot.control.load(std::memory_order_relaxed) == word &&
        slot.control.compare_exchange_strong(word, SlotWord::with(word, SlotState::told))) {
        detail::pass_seam(detail::Seam::marked);
        emit_checkout(slot, lease, thread);
    }
}

/// By the holder of what nobody was told of: where to count it if it comes back so. Where there is
/// no room for that it is told now.
void PoolCore::note_brief(Lease lease, Brief& brief, ThreadRecord& thread) noexcept
{
    ThreadRecord::Hint& hint = thread.hint_for(serial_);
    if (!hint.brief)
        hint.brief = brief_table(thread);
    if (hint.brief)
        brief.place = hint.brief->place_of(stack_of_holder(slots_[lease.slot], thread));
    if (brief.place)
        brief.table = hint.brief;
    else
        tell_now(lease, thread);
}

/// The thread's own, as long as the pool lives; a later thread with the same record goes on with
/// it.
detail::BriefTable* PoolCore::brief_table(ThreadRecord& thread) noexcept
{
    for (detail::BriefTable* table = brief_tables_.load(std::memory_order_acquire); table;
         table = table->next) {
        if (table->belongs_to(thread))
            return table;
    }
    auto* const fresh = new (std::nothrow) detail::BriefTable(thread);
    if (!fresh)
        return nullptr;
    fresh->next = brief_tables_.load(std::memory_order_relaxed);
    while (!brief_tables_.compare_exchange_weak(fresh->next, fresh, std::memory_order_acq_rel))
        ;
    return fresh;
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
    if (sink)
        wait_for_showing();
}

/// Who claimed a slot before it could see what was just set shows it without an event. That takes
/// nanoseconds; a picture taken after this has it. The bound is for a thread that is stopped in a
/// debugger just there.
void PoolCore::wait_for_showing() const
{
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        const std::uint64_t word = slots_[i].control.load();
        while (SlotWord::state(word) == SlotState::used &&
               slots_[i].published.load(std::memory_order_acquire) != word &&
               slots_[i].control.load() == word && std::chrono::steady_clock::now() < patience)
            std::this_thread::yield();
    }
}

void PoolCore::sum_brief(bool on)
{
    const std::lock_guard one_at_a_time(sink_mutex_);
    sums_brief_.store(on);
    detail::fence_all_threads();
    if (!on)
        wait_for_showing();
}

std::vector<OpenCheckout> PoolCore::tell_lent(Ticks before)
{
    std::vector<OpenCheckout> told;
    const Timestamp latest = process_epoch().wall(before);
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        const Slot& slot = slots_[i];
        const std::uint64_t word = slot.control.load();
        if (SlotWord::state(word) != SlotState::used ||
            slot.published.load(std::memory_order_acquire) != word ||
            process_epoch().wall(ticks_of(slot.acquired.load(std::memory_order_relaxed))) > latest)
            continue;
        bool just_now = false;
        auto checkout = told_at(i, just_now);
        if (checkout && just_now)
            told.push_back(std::move(*checkout));
    }
    return told;
}

std::vector<BriefUses> PoolCore::take_brief()
{
    wait_for_tellers();
    std::map<std::uint32_t, BriefUses> by_stack;
    const auto duration = [this](std::uint64_t stamps) {
        const auto value = static_cast<std::int64_t>(stamps);
        return precise_ ? between(Ticks{0}, Ticks{value}) : Duration{value / 1000};
    };
    const std::lock_guard lock(mutex_);
    for (detail::BriefTable* table = brief_tables_.load(std::memory_order_acquire); table;
         table = table->next) {
        table->take([&](const detail::BriefTable::Taken& taken) {
            BriefUses& uses = by_stack[taken.stack.value];
            uses.stack = taken.stack;
            uses.count += taken.count;
            uses.total += duration(taken.total);
            uses.longest = std::max(uses.longest, duration(taken.longest));
        });
    }
    std::vector<BriefUses> list;
    list.reserve(by_stack.size());
    for (const auto& [stack, uses] : by_stack)
        list.push_back(uses);
    return list;
}

} // namespace poolscope
