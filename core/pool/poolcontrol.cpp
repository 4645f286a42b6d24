// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/event/databaseaddress.h"
#include "core/stack/symboliser.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace poolscope {

using detail::PoolUser;
using detail::Slot;
using detail::SlotRecord;
using detail::SlotState;
using detail::SlotWord;
using detail::ThreadRecord;

PoolDescription PoolCore::description() const
{
    PoolDescription description{
        config_.name, "poolscope", database_address(config_.database), config_.values(), {}};
    description.can = {"connections", "pending",     "by",       "thread",   "tags",
                       "trace",       "beat",        "expected", "timeouts", "stats",
                       "wait_time",   "create_time", "brief"};
    const auto also = [&](bool known, const char* word) {
        if (known)
            description.can.emplace_back(word);
    };
    also(has_server(), "server_pid");
    also(has_server(), "local_port");
    also(tells_use_.load(std::memory_order_relaxed), "use");
    also(config_.health_check, "health");
    also(config_.leak_detection, "leaks");
    also(precise_, "use_time");
    also(config_.stack_capture != StackCapture::off, "stacks");
    return description;
}

Frames PoolCore::frames(StackId stack) const
{
    return Symboliser::process().frames(stack);
}

/// Of what the slots have counted what was lent. It never goes back, as a counter must not.
std::uint64_t PoolCore::lent_locked(std::uint64_t counted) const noexcept
{
    lent_said_ = std::max(lent_said_, counted - std::min(counted, not_lent_));
    return lent_said_;
}

/// Holding the mutex keeps slots from becoming empty or opening, so each one that counts is met
/// once, in one of the states that add up to the total.
PoolFigures PoolCore::figures() const
{
    PoolFigures figures;
    LogHistogram::Sum use;
    LogHistogram::Sum wait;
    LogHistogram::Sum create;
    std::uint64_t lent = 0;
    {
        const std::lock_guard lock(mutex_);
        for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
            const std::uint64_t word = slots_[i].control.load();
            const SlotState state = SlotWord::state(word);
            figures.used += SlotWord::is_lent(word) ? 1 : 0;
            figures.idle += state == SlotState::idle || state == SlotState::checking ? 1 : 0;
            figures.opening += state == SlotState::opening ? 1 : 0;
            lent += SlotWord::count(word);
            if (const SlotRecord* record = slots_[i].record.load())
                use.add(record->use);
        }
        figures.total = live_;
        figures.pending = static_cast<std::int64_t>(waiters_.size());
        figures.timeouts = timeouts_;
        if (config_.leak_detection)
            figures.leaks_detected = leaks_detected_;
        wait.add(waited_);
        create.add(created_);
        lent = lent_locked(lent);
    }
    figures.max = config_.max_connections;
    figures.idle_min = config_.min_idle;
    figures.idle_max = config_.max_connections;
    if (config_.leak_detection)
        figures.tracked = static_cast<std::uint64_t>(figures.used);
    figures.wait_time = wait.figures(lent - std::min(lent, wait.count));
    figures.create_time = create.figures();
    if (precise_)
        figures.use_time = use.figures();
    figures.circuit = config_.circuit.enabled ? name_of(breaker_.state(now_ticks())) : "";
    figures.health = config_.health_check ? name_of(health_.worst()) : "";
    return figures;
}

PoolStatistics PoolCore::statistics() const
{
    PoolStatistics statistics;
    const Ticks now = now_ticks();
    {
        const std::lock_guard lock(mutex_);
        for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
            const std::uint64_t word = slots_[i].control.load();
            const SlotState state = SlotWord::state(word);
            statistics.active += SlotWord::is_lent(word) ? 1 : 0;
            statistics.idle += state == SlotState::idle || state == SlotState::checking ? 1 : 0;
            statistics.opening += state == SlotState::opening ? 1 : 0;
            statistics.acquired += SlotWord::count(word);
        }
        statistics.acquired = lent_locked(statistics.acquired);
        statistics.total = live_; // kept, not added up: that the rest adds up to it says something
        statistics.pending = static_cast<std::int64_t>(waiters_.size());
        statistics.timeouts = timeouts_;
        statistics.leaks_detected = leaks_detected_;
        statistics.leaks_resolved = leaks_resolved_;
        statistics.currently_suspected =
            static_cast<std::uint64_t>(std::ranges::count_if(suspicions_, [](const auto& entry) {
                return entry.second.severity != LeakSeverity::none;
            }));
        statistics.opened = opened_;
        statistics.closed = closed_;
        statistics.open_failures = open_failures_;
        statistics.reclaimed = reclaimed_;
    }
    statistics.currently_tracked =
        config_.leak_detection ? static_cast<std::uint64_t>(statistics.active) : 0;
    statistics.circuit = breaker_.state(now);
    statistics.circuit_failure_rate = breaker_.failure_rate(now);
    statistics.circuit_opened = breaker_.times_opened();
    statistics.health = health_.worst();
    return statistics;
}

/// What a slot shows now, and its word then; nothing if it changed while it was read. Under the
/// mutex.
std::optional<OpenCheckout> PoolCore::checkout_at(std::uint32_t index, std::uint64_t& word) const
{
    const Slot& slot = slots_[index];
    for (int attempt = 0; attempt < 100; ++attempt) {
        word = slot.control.load();
        if (!SlotWord::is_lent(word) ||
            slot.published.load(std::memory_order_acquire) != SlotWord::lease(word))
            return {};
        OpenCheckout checkout;
        checkout.id = slot.checkout_of(word);
        const std::int64_t acquired = slot.acquired.load(std::memory_order_acquire);
        const PoolUser* user = slot.user.load(std::memory_order_acquire);
        checkout.thread = slot.thread.load(std::memory_order_acquire);
        const auto notes = slot.notes.load(std::memory_order_acquire);
        checkout.wait = Duration{slot.wait_us.load(std::memory_order_acquire)};
        const std::int64_t expected = slot.expected_us.load(std::memory_order_acquire);
        const std::int64_t heartbeat = slot.heartbeat.load(std::memory_order_acquire);
        const std::int64_t work = slot.work_of(SlotWord::lease(word));
        checkout.stack = stack_of(slot);
        if (SlotWord::lease(slot.control.load()) != SlotWord::lease(word))
            continue;
        checkout.connection = slot.connection;
        checkout.acquired = process_epoch().wall(ticks_of(acquired));
        checkout.acquired_by = user->name;
        checkout.server_pid = slot.metadata.server_pid;
        checkout.local_port = slot.metadata.local_port;
        if (work != 0)
            checkout.busy = work < 0;
        if ((notes & detail::note_extras) != 0) {
            if (expected != 0)
                checkout.expected = Duration{expected};
            if (heartbeat != 0)
                checkout.heartbeat = process_epoch().wall(Ticks{heartbeat});
            // A return settles these under the mutex that is held here.
            if (slot.extras && SlotWord::lease(slot.control.load()) == SlotWord::lease(word)) {
                checkout.tags = slot.extras->tags;
                checkout.trace_id = slot.extras->trace_id;
            }
        }
        return checkout;
    }
    return {}; // lent and returned a hundred times meanwhile: whatever it is, it is no leak
}

/// The same, and where there is a sink it is marked as told, if it was not; which `just_now` says.
std::optional<OpenCheckout> PoolCore::told_at(std::uint32_t index, bool& just_now) const
{
    just_now = false;
    for (int attempt = 0; attempt < 100; ++attempt) {
        std::uint64_t word = 0;
        auto checkout = checkout_at(index, word);
        if (!checkout || SlotWord::state(word) == SlotState::told || !sink_.load())
            return checkout;
        just_now = slots_[index].control.compare_exchange_strong(
            word, SlotWord::with(word, SlotState::told));
        if (just_now)
            return checkout;
    }
    return {};
}

/// The bound is for a thread that is stopped in a debugger between telling and showing.
void PoolCore::wait_for_tellers() noexcept
{
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    for (const ThreadRecord* thread = ThreadRecord::first(); thread; thread = thread->next) {
        if (thread == detail::thread_record)
            continue; // asked by the sink itself, which may not, but shall not wait for itself
        const std::uint32_t seen = thread->telling.load(std::memory_order_acquire);
        while ((seen & 1U) != 0 && thread->telling.load(std::memory_order_acquire) == seen &&
               std::chrono::steady_clock::now() < patience)
            std::this_thread::yield();
    }
}

PoolPicture PoolCore::picture() const
{
    wait_for_tellers();
    PoolPicture picture;
    {
        const std::lock_guard lock(mutex_);
        for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
            const Slot& slot = slots_[i];
            const SlotState state = SlotWord::state(slot.control.load());
            if (slot.connection == ConnectionId{} || state == SlotState::empty ||
                state == SlotState::opening || state == SlotState::reclaimed)
                continue;
            picture.connections.push_back({slot.connection, process_epoch().wall(slot.opened),
                                           slot.metadata.server_pid, slot.metadata.local_port});
            bool just_now = false;
            if (auto checkout = told_at(i, just_now)) {
                if (just_now)
                    picture.told.push_back(checkout->id);
                picture.checkouts.push_back(std::move(*checkout));
            }
        }
    }
    picture.figures = figures();
    return picture;
}

Result<Done> PoolCore::reclaim(CheckoutId checkout)
{
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        Slot& slot = slots_[i];
        std::uint64_t word = slot.control.load();
        if (!SlotWord::is_lent(word) || slot.checkout_of(word) != checkout ||
            slot.published.load(std::memory_order_acquire) != SlotWord::lease(word))
            continue;
        // One more, and there were no place for a connection instead of it.
        if (not_come_back_ >= slot_count_ - config_.max_connections)
            return Error{"It is not reclaimed: " + std::to_string(not_come_back_) +
                             " were, and have not come back, and the pool has no place for more.",
                         "Restart the application, and see to where it loses them."};
        PoolUser& user = *slot.user.load(std::memory_order_acquire);
        // Its state may become `told` meanwhile.
        bool taken = false;
        while (SlotWord::is_lent(word) && slot.checkout_of(word) == checkout && !taken)
            taken = slot.control.compare_exchange_weak(word,
                                                       SlotWord::with(word, SlotState::reclaimed));
        if (!taken)
            break; // came back just now
        // Who told it may not have said so yet: its end must not come before.
        if (SlotWord::state(word) == SlotState::told && sink_.load())
            wait_for_tellers();
        if (SlotWord::state(word) == SlotState::used && sink_.load())
            emit_checkout(slot, {i, word}, ThreadRecord::current());
        word = SlotWord::lease(word);
        user.leave(config_.max_per_user);
        --live_;
        ++not_come_back_;
        ++closed_;
        ++reclaimed_;
        if (slot.added_by) {
            --slot.added_by->added;
            slot.added_by = nullptr;
        }
        resolve_locked(i, word);
        emit_checkin(slot.connection, checkout);
        emit_closed(slot.connection, "reclaimed");
        health_.forget_soon(slot.connection);
        try {
            interrupt_connection(i);
        } catch (...) { // NOLINT(bugprone-empty-catch): it is closed when it comes back
        }
        serve_waiters_locked();
        return Done{};
    }
    return Error{"That checkout is not open any more.", ""};
}

} // namespace poolscope
