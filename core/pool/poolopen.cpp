// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/pool/poolseams.h"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

namespace poolscope {

using detail::PoolUser;
using detail::Slot;
using detail::SlotRecord;
using detail::SlotState;
using detail::SlotWord;

/// Takes an empty slot, as opening. There is one where live_ is below max_connections (see
/// reclaim), but there may be no memory for it.
bool PoolCore::reserve_locked(std::uint32_t& index)
{
    out_of_memory_ = false;
    for (std::uint32_t& i = first_empty_; i < slot_count_; ++i) {
        if (i >= high_water_.load(std::memory_order_relaxed)) {
            slots_.grow_to(i + 1);
            make_room(i + 1);
        }
        Slot& slot = slots_[i];
        const std::uint64_t word = slot.control.load();
        if (SlotWord::state(word) != SlotState::empty)
            continue;
        if (!slot.record.load(std::memory_order_relaxed)) {
            auto* record = new (std::nothrow) SlotRecord;
            if (!record) {
                out_of_memory_ = true;
                return false;
            }
            slot.record.store(record, std::memory_order_release);
        }
        if (slot.serial.load(std::memory_order_relaxed) == 0)
            slot.serial.store(new_serial(), std::memory_order_relaxed);
        slot.control.store(SlotWord::with(word, SlotState::opening));
        if (i >= high_water_.load(std::memory_order_relaxed))
            high_water_.store(i + 1);
        ++live_;
        index = i++;
        return true;
    }
    return false;
}

void PoolCore::empty_locked(std::uint32_t index)
{
    Slot& slot = slots_[index];
    slot.metadata = {};
    if (slot.added_by)
        --slot.added_by->added;
    slot.added_by = nullptr;
    slot.connection = {};
    set_empty_locked(index);
    --live_;
}

void PoolCore::set_empty_locked(std::uint32_t index) noexcept
{
    Slot& slot = slots_[index];
    slot.control.store(SlotWord::with(slot.control.load(), SlotState::empty));
    first_empty_ = std::min(first_empty_, index);
}

void PoolCore::adopt_locked(Slot& slot, ConnectionMetadata metadata)
{
    static std::atomic<std::uint64_t> next{1};
    slot.connection = ConnectionId{next.fetch_add(1)};
    slot.opened = now_ticks();
    slot.metadata = std::move(metadata);
    slot.suspicious = false;
    slot.idle_word = 0;
    set_expiry(slot);
    ++opened_;
}

/// Under the mutex, and under the same hold the slot becomes what a picture shows.
void PoolCore::emit_opened(const Slot& slot) const noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::opened;
    event.time = slot.opened;
    event.connection = slot.connection;
    event.server_pid = slot.metadata.server_pid.value_or(0);
    event.local_port = slot.metadata.local_port.value_or(0);
    send(event);
}

void PoolCore::set_expiry(Slot& slot) const
{
    if (config_.validation_on_acquire || slot.suspicious)
        slot.expires.store(std::numeric_limits<std::int64_t>::min());
    else if (config_.max_connection_age.count() == 0)
        slot.expires.store(std::numeric_limits<std::int64_t>::max());
    else if (precise_)
        slot.expires.store(slot.opened.value + ticks_in(config_.max_connection_age));
    else
        slot.expires.store(stamp() + config_.max_connection_age.count() * 1000);
}

/// Whatever an open does, it is said in words: in few, where there is no memory for more.
Result<ConnectionMetadata> PoolCore::try_open(std::uint32_t index) noexcept
{
    try {
        try {
            return open_connection(index);
        } catch (const std::exception& problem) {
            return Error{std::string("The connection could not be opened: ") + problem.what(), ""};
        } catch (...) { // something that says nothing about itself
            return Error{"The connection could not be opened: an unknown exception.", ""};
        }
    } catch (...) {                         // of those sentences
        return Error{"Out of memory.", ""}; // so short that it needs none
    }
}

/// Opens a connection in a slot that is `opening` and claims it. On an error the slot is empty, and
/// whoever asked serves those who wait, once it counts no more itself.
Result<PoolCore::Lease> PoolCore::open_into(std::uint32_t index)
{
    Slot& slot = slots_[index];
    const Ticks from = now_ticks();
    Result<ConnectionMetadata> opened = try_open(index);
    const Ticks to = now_ticks();
    if (!opened) {
        breaker_.failed(to);
        const std::lock_guard lock(mutex_);
        ++open_failures_;
        last_open_error_.assign(opened.error().sentence, 0, longest_open_error);
        empty_locked(index);
        return opened.error();
    }
    breaker_.succeeded(to);
    ConnectionId connection;
    Lease lease{index, 0};
    {
        const std::lock_guard lock(mutex_);
        created_.add(to.value - from.value);
        adopt_locked(slot, std::move(opened.value()));
        emit_opened(slot);
        connection = slot.connection;
        lease.word = SlotWord::of(SlotWord::count(slot.control.load()) + 1, SlotState::used);
        slot.control.store(lease.word);
        serve_waiters_locked(); // it may have closed the circuit that they wait for
    }
    if (config_.health_check)
        watch(index, connection);
    return lease;
}

/// A claimed slot, looked at where it must be; its connection replaced where it is not fit. On an
/// error as open_into().
Result<PoolCore::Lease> PoolCore::make_fit(Lease lease)
{
    Slot& slot = slots_[lease.slot];
    const std::int64_t now = stamp();
    if (now < slot.expires.load(std::memory_order_relaxed) && seems_there(slot, lease.slot, now))
        return lease;
    std::string_view reason;
    slot.control.store(SlotWord::with(lease.word, SlotState::checking));
    const Duration age = between(slot.opened, now_ticks());
    if (config_.max_connection_age.count() > 0 && age >= config_.max_connection_age) {
        reason = "max_connection_age";
    } else {
        bool valid = false;
        try {
            valid = validate_connection(lease.slot);
        } catch (...) { // it cannot be validated, so it is not valid
            valid = false;
        }
        if (!valid)
            reason = "validation failed";
    }
    if (reason.empty()) {
        const std::lock_guard lock(mutex_);
        slot.suspicious = false;
        set_expiry(slot);
        slot.control.store(lease.word);
        return lease;
    }
    ConnectionId old;
    {
        const std::lock_guard lock(mutex_);
        old = slot.connection;
        ++not_lent_;
        ++closed_;
        slot.control.store(SlotWord::with(lease.word, SlotState::opening));
        emit_closed(old, reason);
        if (slot.added_by) // what comes instead nobody has brought
            --slot.added_by->added;
        slot.added_by = nullptr;
    }
    health_.forget_soon(old);
    close_quietly(lease.slot);
    if (!breaker_.allow(now_ticks())) {
        const std::lock_guard lock(mutex_);
        empty_locked(lease.slot);
        return circuit_error_locked("A connection had to be replaced, and none is opened");
    }
    return open_into(lease.slot);
}

/// Closes the connection of a slot that is `opening` and leaves it empty.
void PoolCore::give_up_slot(std::uint32_t index, std::string_view reason) noexcept
{
    Slot& slot = slots_[index];
    ConnectionId connection;
    {
        const std::lock_guard lock(mutex_);
        connection = slot.connection;
        ++closed_;
        emit_closed(connection, reason);
    }
    health_.forget_soon(connection);
    close_quietly(index);
    {
        const std::lock_guard lock(mutex_);
        empty_locked(index);
    }
    serve_or_close();
}

Result<std::uint32_t> PoolCore::reserve(std::string_view name)
{
    PoolUser& user = users_.of(name);
    const std::lock_guard lock(mutex_);
    if (attention_.load() & closing_bit)
        return closing_error();
    if (config_.max_per_user != 0 && user.limited && user.added >= config_.max_per_user)
        return Error{user.name + " has brought " + std::to_string(user.added) +
                         " connections already (max_per_user).",
                     ""};
    std::uint32_t slot = 0;
    if (live_ >= config_.max_connections)
        return Error{"The pool has its " + std::to_string(config_.max_connections) +
                         " connections (max_connections).",
                     ""};
    if (!reserve_locked(slot))
        return Error{"Out of memory.", ""};
    slots_[slot].added_by = &user;
    ++user.added;
    return slot;
}

void PoolCore::give_back_place(std::uint32_t index) noexcept
{
    {
        const std::lock_guard lock(mutex_);
        empty_locked(index);
    }
    if (attention_.load() != 0)
        serve_or_close();
}

ConnectionId PoolCore::commit(std::uint32_t index, ConnectionMetadata metadata,
                              std::string_view name)
{
    Slot& slot = slots_[index];
    try {
        if (metadata.user.empty())
            metadata.user = name.substr(0, detail::PoolUsers::longest_name);
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): taken up without a name
    }
    ConnectionId connection;
    {
        const std::lock_guard lock(mutex_);
        adopt_locked(slot, std::move(metadata));
        connection = slot.connection;
    }
    if (config_.health_check)
        watch(index, connection);
    {
        const std::lock_guard lock(mutex_);
        emit_opened(slot);
        slot.control.store(SlotWord::with(slot.control.load(), SlotState::idle));
    }
    detail::pass_seam(detail::Seam::taken_up);
    if (attention_.load() != 0)
        serve_or_close();
    return connection;
}

} // namespace poolscope
