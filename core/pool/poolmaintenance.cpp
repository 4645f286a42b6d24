// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/base/signalsblocked.h"
#include "core/base/tickkeeper.h"

#include <algorithm>
#include <new>
#include <pthread.h>

namespace poolscope {

using detail::PoolUser;
using detail::Slot;
using detail::SlotState;
using detail::SlotWord;

namespace {

/// A round of upkeep that finds no memory is left; another follows.
template <class Round>
void as_far_as_memory_goes(const Round& round)
{
    try {
        round();
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): it would end the application
    }
}

} // namespace

/// Takes a connection out of the pool for as long as it is looked at; leaves it alone where it is
/// checked out. What it looks for is told by slot and id, so that it may be forgotten at any time
/// without waiting.
class PoolCore::Probe final : public HealthProbe
{
public:
    Probe(PoolCore& pool, std::uint32_t slot, ConnectionId connection)
        : pool_(pool)
        , index_(slot)
        , connection_(connection)
    {}

    ProbeResult probe() override
    {
        Slot& slot = pool_.slots_[index_];
        std::uint64_t word = 0;
        {
            const std::lock_guard lock(pool_.mutex_);
            if (slot.connection != connection_)
                return ProbeResult::gone;
            word = slot.control.load();
            if (SlotWord::state(word) != SlotState::idle ||
                !slot.control.compare_exchange_strong(word,
                                                      SlotWord::with(word, SlotState::checking)))
                return ProbeResult::busy;
        }
        bool valid = false;
        try {
            valid = pool_.validate_connection(index_);
        } catch (...) { // it cannot be validated, so it did not pass
            valid = false;
        }
        {
            const std::lock_guard lock(pool_.mutex_);
            slot.suspicious = !valid;
            if (!valid)
                pool_.set_expiry(slot);
            slot.control.store(SlotWord::with(word, SlotState::idle));
        }
        if (pool_.attention_.load() != 0)
            pool_.serve_or_close();
        return valid ? ProbeResult::passed : ProbeResult::failed;
    }

    bool is_leaked() const override { return pool_.is_suspected(connection_); }

private:
    PoolCore& pool_;
    std::uint32_t index_;
    ConnectionId connection_;
};

void PoolCore::watch(std::uint32_t slot, ConnectionId connection)
{
    try {
        health_.monitor(connection, std::make_shared<Probe>(*this, slot, connection));
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): better lent than watched
    }
}

bool PoolCore::is_suspected(ConnectionId connection) const
{
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(suspicions_, [&](const auto& entry) {
        return entry.second.connection == connection && entry.second.severity != LeakSeverity::none;
    });
}

/// The checkout of `word` came back or was taken away.
void PoolCore::resolve_locked(std::uint32_t index, std::uint64_t word) noexcept
{
    const auto found = suspicions_.find(index);
    if (found == suspicions_.end())
        return;
    const Suspicion suspicion = found->second;
    suspicions_.erase(found);
    ++leaks_resolved_;
    if (suspicion.severity != LeakSeverity::none)
        emit_no_leak(index, suspicion);
    static_cast<void>(word);
}

void PoolCore::emit_no_leak(std::uint32_t index, const Suspicion& suspicion) noexcept
{
    PoolEvent event;
    event.kind = PoolEventKind::leak;
    event.time = now_ticks();
    event.connection = suspicion.connection;
    event.checkout = slots_[index].checkout_of(suspicion.word);
    event.text = "resolved";
    send(event);
}

void PoolCore::judge_slot(std::uint32_t index, Ticks now)
{
    Slot& slot = slots_[index];
    const std::uint64_t seen = slot.control.load();
    const std::uint64_t word = SlotWord::lease(seen); // told or not, it is the same checkout
    const bool held =
        SlotWord::is_lent(seen) && slot.published.load(std::memory_order_acquire) == word;
    // A suspicion that was noted while its checkout came back is still here.
    if (const auto old = suspicions_.find(index);
        old != suspicions_.end() && old->second.word != word)
        resolve_locked(index, old->second.word);
    if (!held)
        return;
    Holding holding;
    // From the future: it was now.
    holding.held = std::max(Duration{0},
                            between(ticks_of(slot.acquired.load(std::memory_order_acquire)), now));
    if (slot.notes.load(std::memory_order_acquire) & detail::note_extras) {
        if (const std::int64_t us = slot.expected_us.load(std::memory_order_acquire))
            holding.expected = Duration{us};
        if (const std::int64_t beat = slot.heartbeat.load(std::memory_order_acquire))
            holding.since_heartbeat = between(Ticks{beat}, now);
    }
    if (const std::int64_t work = slot.work_of(word))
        holding.since_work = work < 0 ? Duration{0} : between(Ticks{work}, now);
    if (SlotWord::lease(slot.control.load()) != word)
        return;
    const LeakSeverity severity = judge(holding, config_.leak_thresholds());
    const auto known = suspicions_.find(index);
    if (severity == LeakSeverity::none) { // its holder has said something, or works again
        if (known != suspicions_.end() && known->second.severity != LeakSeverity::none) {
            emit_no_leak(index, known->second);
            known->second.severity = LeakSeverity::none; // kept: it is counted once
        }
        return;
    }
    Suspicion& suspicion = known != suspicions_.end() ? known->second : suspicions_[index];
    if (suspicion.severity == severity)
        return;
    if (suspicion.word != word)
        ++leaks_detected_;
    suspicion = {word, severity, slot.connection};
    slot.notes.fetch_or(detail::note_suspected);
    if (sink_.load()) { // whoever was not told of it could do nothing with its suspicion
        tell_now({index, word}, detail::ThreadRecord::current());
        wait_for_tellers(); // its holder may be telling of it
    }
    PoolEvent event;
    event.kind = PoolEventKind::leak;
    event.time = now_ticks();
    event.connection = slot.connection;
    event.checkout = slot.checkout_of(word);
    event.text = severity == LeakSeverity::critical ? "critical" : "alert";
    send(event);
}

void PoolCore::look_for_leaks(Ticks now)
{
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < high_water_.load(); ++i)
        judge_slot(i, now);
}

/// Why an idle connection is to be closed; empty: it stays. `spare` is how many there are above
/// min_idle.
std::string_view PoolCore::reason_to_close_locked(Slot& slot, Ticks now, std::int64_t spare,
                                                  const std::vector<HealthStatus>& unhealthy)
{
    if (slot.suspicious &&
        std::ranges::find(unhealthy, slot.connection, &HealthStatus::id) != unhealthy.end())
        return "unhealthy";
    if (config_.max_connection_age.count() > 0 &&
        between(slot.opened, now) >= config_.max_connection_age)
        return "max_connection_age";
    const std::uint64_t word = slot.control.load();
    if (slot.idle_word != word) { // was lent since
        slot.idle_word = word;
        slot.idle_seen = now;
        return {};
    }
    if (config_.idle_timeout.count() > 0 && spare > 0 &&
        between(slot.idle_seen, now) >= config_.idle_timeout)
        return "idle_timeout";
    return {};
}

void PoolCore::clean_up(Ticks now)
{
    const std::vector<HealthStatus> unhealthy = health_.unhealthy();
    std::int64_t spare = statistics().idle - static_cast<std::int64_t>(config_.min_idle);
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        Slot& slot = slots_[i];
        std::string_view reason;
        {
            const std::lock_guard lock(mutex_);
            std::uint64_t word = slot.control.load();
            if (SlotWord::state(word) != SlotState::idle)
                continue;
            reason = reason_to_close_locked(slot, now, spare, unhealthy);
            if (reason.empty() || !slot.control.compare_exchange_strong(
                                      word, SlotWord::with(word, SlotState::opening)))
                continue;
        }
        --spare;
        give_up_slot(i, reason);
    }
}

void PoolCore::fill_to_min_idle()
{
    for (;;) {
        std::uint32_t index = 0;
        {
            const std::lock_guard lock(mutex_);
            std::uint32_t idle = 0;
            for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
                const SlotState state = SlotWord::state(slots_[i].control.load());
                idle += state == SlotState::idle || state == SlotState::checking ? 1 : 0;
            }
            if (idle >= config_.min_idle || live_ >= config_.max_connections ||
                (attention_.load() & closing_bit) != 0 || !breaker_.allow(now_ticks()))
                return;
            if (!reserve_locked(index)) {
                breaker_.forgotten();
                return;
            }
        }
        const Result<Lease> lease = open_into(index);
        if (!lease) { // the breaker counts it; the next round tries again
            serve_or_close();
            return;
        }
        {
            const std::lock_guard lock(mutex_);
            ++not_lent_;
            slots_[index].control.store(SlotWord::with(lease.value().word, SlotState::idle));
        }
        if (attention_.load() != 0)
            serve_or_close();
    }
}

void PoolCore::maintain(Ticks now)
{
    if (config_.leak_detection)
        look_for_leaks(now);
    if (config_.health_check)
        health_.check_all();
    if (config_.automatic_cleanup)
        clean_up(now);
    if (config_.min_idle > 0)
        fill_to_min_idle();
}

void PoolCore::start()
{
    constexpr std::chrono::seconds looks_apart{1};
    if (can_look())
        look_after_ =
            precise_ ? ticks_in(looks_apart) : std::chrono::nanoseconds(looks_apart).count();
    const auto name = [this](std::thread& thread, const char* prefix) {
        pthread_setname_np(thread.native_handle(), (prefix + config_.name).substr(0, 15).c_str());
    };
    const SignalsBlocked blocked;
    if (config_.leak_detection) {
        leak_thread_ = std::thread(&PoolCore::watch_for_leaks, this);
        name(leak_thread_, "leaks-");
    }
    if (config_.health_check || config_.automatic_cleanup || config_.min_idle > 0) {
        thread_ = std::thread(&PoolCore::run, this);
        name(thread_, "pool-");
    }
}

/// On a thread of its own: the others wait for the database, and when it hangs leaks are news all
/// the more. Often enough that one is told within a second of its threshold.
void PoolCore::watch_for_leaks()
{
    const Duration interval = std::clamp<Duration>(
        config_.leak_threshold / 10, std::chrono::milliseconds{10}, std::chrono::milliseconds{500});
    std::unique_lock lock(thread_mutex_);
    while (!thread_stopping_) {
        lock.unlock();
        keep_ticks_going();
        as_far_as_memory_goes([this] { look_for_leaks(now_ticks()); });
        lock.lock();
        thread_wake_.wait_for(lock, interval, [this] { return thread_stopping_; });
    }
}

void PoolCore::run()
{
    using Clock = std::chrono::steady_clock;
    const auto after = [](Duration interval) { // one that is not used may be anything
        return Clock::now() + std::max(interval, Duration{0});
    };
    Clock::time_point next_health = after(config_.health_check_interval);
    Clock::time_point next_cleanup = after(config_.cleanup_interval);
    Clock::time_point next_fill = Clock::now();
    constexpr auto fill_interval = std::chrono::seconds{1};
    std::unique_lock lock(thread_mutex_);
    while (!thread_stopping_) {
        lock.unlock();
        const auto now = Clock::now();
        auto next = now + std::chrono::hours{1};
        keep_ticks_going();
        const auto due = [&](bool wanted, Clock::time_point& at, auto interval) {
            const bool is_due = wanted && now >= at;
            if (is_due)
                at = now + interval;
            if (wanted)
                next = std::min(next, at);
            return is_due;
        };
        if (due(config_.health_check, next_health, config_.health_check_interval))
            as_far_as_memory_goes([this] { health_.check_all(); });
        if (due(config_.automatic_cleanup, next_cleanup, config_.cleanup_interval))
            as_far_as_memory_goes([this] { clean_up(now_ticks()); });
        if (due(config_.min_idle > 0, next_fill, fill_interval))
            as_far_as_memory_goes([this] { fill_to_min_idle(); });
        lock.lock();
        thread_wake_.wait_until(lock, next, [this] { return thread_stopping_; });
    }
}

} // namespace poolscope
