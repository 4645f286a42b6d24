// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/stack/stacktable.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>

namespace poolscope {

using detail::PoolUser;
using detail::Slot;
using detail::SlotRecord;
using detail::SlotState;
using detail::SlotWord;
using detail::ThreadRecord;

/// One acquire in the queue; on the stack of who waits, seen by others under the mutex alone.
struct PoolCore::Waiter
{
    enum class State : std::uint8_t { waiting, lent, may_open, closed, circuit_open };
    PoolUser* user = nullptr;
    State state = State::waiting;
    Lease lease;
    std::condition_variable served;
};

/// That an acquire was served counts for its user until it has failed; then the next are served.
class PoolCore::Served
{
public:
    Served(PoolCore& pool, PoolUser& user)
        : pool_(pool)
        , user_(user)
    {}
    ~Served()
    {
        if (kept_)
            return;
        // In this order: the next may be of the same user.
        user_.leave(pool_.config_.max_per_user);
        pool_.serve_or_close();
    }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;
    void keep() { kept_ = true; }

private:
    PoolCore& pool_;
    PoolUser& user_;
    bool kept_ = false;
};

namespace {

constexpr auto never = std::numeric_limits<std::int64_t>::max();

std::string count_of(std::int64_t n, const char* one, const char* many)
{
    return std::to_string(n) + " " + (n == 1 ? one : many);
}

} // namespace

Error PoolCore::closing_error()
{
    return {"The pool is closed.", "Acquire before the pool is closed."};
}

Error PoolCore::circuit_error_locked(const char* what) const
{
    return {std::string(what) +
                ": the circuit breaker is open after too many failures. The last one: " +
                last_open_error_,
            "See to the database; the pool tries again by itself."};
}

Result<PoolCore::Lease> PoolCore::acquire(const AcquireOptions& options)
{
    const void* const frame = __builtin_frame_address(0);
    const Ticks started = now_ticks();
    PoolUser& user = users_.of(options.user);
    // Before there is a connection to lose.
    std::unique_ptr<detail::SlotExtras> extras;
    if (!options.tags.empty() || !options.trace_id.empty())
        extras = std::make_unique<detail::SlotExtras>(
            detail::SlotExtras{options.tags, options.trace_id});
    Result<Lease> found = wait_for_lease(options, user, started, frame);
    if (!found)
        return found;
    const Lease lease = found.value();
    Slot& slot = slots_[lease.slot];
    const Ticks now = now_ticks();
    const Duration waited = between(started, now);
    {
        const std::lock_guard lock(mutex_);
        waited_.add(now.value - started.value);
        slot.wait_us.store(waited.count(), std::memory_order_relaxed);
        if (options.expected_duration)
            slot.expected_us.store(
                std::clamp(*options.expected_duration, Duration{0}, longest_setting).count(),
                std::memory_order_relaxed);
        if (extras)
            slot.extras = std::move(extras);
        slot.notes.store(detail::note_extras, std::memory_order_release);
    }
    ThreadRecord& thread = ThreadRecord::current();
    ThreadRecord::Hint& hint = thread.hint_for(serial_);
    hint.slot = lease.slot;
    hint.user = &user;
    lend(lease, user, stamp(), frame, thread);
    return lease;
}

/// A claimed slot with a fit connection; or why not, also by an exception, and then the user's
/// count is as before.
Result<PoolCore::Lease> PoolCore::wait_for_lease(const AcquireOptions& options, PoolUser& user,
                                                 Ticks started, const void* frame)
{
    const Duration patience =
        std::clamp(options.timeout.value_or(config_.acquire_timeout), Duration{0}, longest_setting);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Waiter self;
    self.user = &user;
    std::unique_lock lock(mutex_);
    if (attention_.load() & closing_bit)
        return closing_error();
    waiters_.push_back(&self);
    // First "somebody waits", then the look at the slots: whoever gives back does it the other way
    // round.
    attention_.fetch_add(1);
    serve_waiters_locked();
    if (self.state == Waiter::State::waiting) {
        emit_pending_locked();
        wait_to_be_served(lock, self, deadline);
        if (self.state == Waiter::State::waiting) {
            waiters_.remove(&self);
            attention_.fetch_sub(1);
            ++timeouts_;
            const std::int64_t others = static_cast<std::int64_t>(waiters_.size());
            emit_pending_locked();
            const std::string holders = who_holds_locked(user, others) + no_more_locked();
            lock.unlock();
            const Duration waited = between(started, now_ticks());
            Error error = timed_out(options, user, waited, others, frame);
            error.sentence += holders;
            return error;
        }
        emit_pending_locked();
    }
    if (self.state == Waiter::State::closed)
        return closing_error();
    if (self.state == Waiter::State::circuit_open)
        return circuit_error_locked("No connection is opened");
    lock.unlock();

    Served served(*this, user);
    Result<Lease> lease =
        self.state == Waiter::State::may_open ? open_into(self.lease.slot) : make_fit(self.lease);
    if (!lease && claim_instead(self.lease, deadline))
        lease = make_fit(self.lease);
    if (lease)
        served.keep();
    return lease;
}

/// After a failed open: what came back meanwhile will do as well, if it is fit as it is or there is
/// time to see to that.
bool PoolCore::claim_instead(Lease& lease, std::chrono::steady_clock::time_point deadline)
{
    const std::lock_guard lock(mutex_);
    if ((attention_.load() & closing_bit) != 0 || !claim_any(0, lease))
        return false;
    Slot& slot = slots_[lease.slot];
    if (stamp() < slot.expires.load(std::memory_order_relaxed) ||
        std::chrono::steady_clock::now() < deadline)
        return true;
    slot.control.store(SlotWord::with(lease.word, SlotState::idle));
    ++not_lent_;
    return false;
}

/// An open circuit is half-open after its time without anybody saying so, and may have opened since
/// this wait began: so who waits asks again now and then, a little after that time, so that once is
/// enough.
void PoolCore::wait_to_be_served(std::unique_lock<std::mutex>& lock, Waiter& self,
                                 std::chrono::steady_clock::time_point deadline)
{
    using std::chrono::milliseconds;
    const auto served = [&] {
        return self.state != Waiter::State::waiting;
    };
    for (;;) {
        auto until = deadline;
        if (config_.circuit.enabled) {
            const Duration refused = breaker_.refuses_for(now_ticks());
            const Duration pause =
                refused > Duration{0}
                    ? refused + milliseconds{1}
                    : std::max<Duration>(config_.circuit.open_for, milliseconds{100});
            until = std::min(until, std::chrono::steady_clock::now() + pause);
        }
        if (self.served.wait_until(lock, until, served) || until == deadline)
            return;
        serve_waiters_locked();
    }
}

/// Gives what there is to those who wait, in their order. Who has as many as it may is passed over
/// and keeps its place.
void PoolCore::serve_waiters_locked()
{
    for (auto it = waiters_.begin(); it != waiters_.end();) {
        Waiter& waiter = **it;
        const bool closing = (attention_.load() & closing_bit) != 0;
        if (closing) {
            waiter.state = Waiter::State::closed;
        } else if (!waiter.user->enter(config_.max_per_user)) {
            ++it;
            continue;
        } else if (claim_any(0, waiter.lease)) {
            waiter.state = Waiter::State::lent;
        } else if (live_ >= config_.max_connections) {
            waiter.user->leave(config_.max_per_user);
            break;
        } else if (!breaker_.allow(now_ticks())) {
            waiter.user->leave(config_.max_per_user);
            if (live_ > 0)
                break; // what is lent comes back, or the circuit lets somebody try
            waiter.state = Waiter::State::circuit_open;
        } else if (reserve_locked(waiter.lease.slot)) {
            waiter.state = Waiter::State::may_open;
        } else {
            breaker_.forgotten(); // out of memory
            waiter.user->leave(config_.max_per_user);
            break;
        }
        it = waiters_.erase(it);
        attention_.fetch_sub(1);
        waiter.served.notify_one();
    }
}

/// After something became free, while somebody waits or the pool is closing.
void PoolCore::serve_or_close() noexcept
{
    if ((attention_.load() & closing_bit) != 0) {
        close_idle();
        return;
    }
    const std::lock_guard lock(mutex_);
    serve_waiters_locked();
}

Error PoolCore::timed_out(const AcquireOptions& options, PoolUser& user, Duration waited,
                          std::int64_t others, const void* frame)
{
    PoolEvent event;
    event.kind = PoolEventKind::timeout;
    event.time = now_ticks();
    event.wait = waited;
    event.acquired_by = user.name;
    event.trace_id = options.trace_id;
    event.tags = options.tags;
    event.number = others;
    ThreadRecord& thread = ThreadRecord::current();
    event.thread = thread.thread;
    if (sink_.load() && config_.stack_capture != StackCapture::off) {
        std::array<std::atomic<std::uintptr_t>, max_stack_depth> found;
        const std::size_t count = capture_stack(frame, found, config_.capture_method);
        Addresses addresses;
        for (; addresses.count < count; ++addresses.count)
            addresses.values[addresses.count] = found[addresses.count].load();
        event.stack = StackTable::process().intern(addresses.view());
    }
    send(event);
    return {"No connection within " + format_duration_prose(waited) + ": ",
            "Look where the connections are held, or raise max_connections."};
}

/// Why there are not max_connections; empty where nothing stands in their way.
std::string PoolCore::no_more_locked() const
{
    if (live_ >= config_.max_connections)
        return {};
    if (out_of_memory_)
        return " No more are opened: there is no memory for one.";
    if (breaker_.state(now_ticks()) == CircuitState::closed)
        return {};
    return " No more are opened: the circuit breaker is open after too many failures. The last "
           "one: " +
           last_open_error_;
}

/// "all 10 are checked out: 7 by orders (the oldest for 48 s), 3 by billing (2.0 s); 4 others
/// wait."
std::string PoolCore::who_holds_locked(const PoolUser& user, std::int64_t others) const
{
    struct Holder
    {
        std::int64_t count = 0;
        std::int64_t first = never;
    };
    std::map<const PoolUser*, Holder> by_user;
    std::int64_t used = 0;
    for (std::uint32_t i = 0; i < high_water_.load(); ++i) {
        const Slot& slot = slots_[i];
        const std::uint64_t word = slot.control.load();
        if (!SlotWord::is_lent(word))
            continue;
        ++used;
        const PoolUser* holder = slot.user.load(std::memory_order_acquire);
        const std::int64_t acquired = slot.acquired.load(std::memory_order_relaxed);
        if (slot.published.load(std::memory_order_acquire) != SlotWord::lease(word))
            continue;
        Holder& entry = by_user[holder];
        ++entry.count;
        entry.first = std::min(entry.first, acquired);
    }
    std::vector<std::pair<const PoolUser*, Holder>> holders(by_user.begin(), by_user.end());
    std::ranges::sort(holders, [](const auto& a, const auto& b) {
        return a.second.count != b.second.count ? a.second.count > b.second.count
                                                : a.second.first < b.second.first;
    });
    const bool own_limit = config_.max_per_user != 0 && user.active.load() >= config_.max_per_user;
    std::string text;
    if (own_limit)
        text = user.name + " has its " + std::to_string(config_.max_per_user) +
               " (max_per_user) checked out; in all ";
    text += std::to_string(used) + " of " + std::to_string(config_.max_connections) +
            " are checked out";
    const Ticks now = now_ticks();
    for (std::size_t i = 0; i < holders.size() && i < 5; ++i) {
        const auto& [who, holder] = holders[i];
        text += i == 0 ? ": " : ", ";
        text += std::to_string(holder.count) + " by " +
                (who->name.empty() ? std::string("(no name)") : who->name) + " (the oldest for " +
                format_duration_prose(std::max(Duration{0}, between(ticks_of(holder.first), now))) +
                ")";
    }
    if (holders.size() > 5)
        text += " and " + count_of(static_cast<std::int64_t>(holders.size()) - 5, "other user",
                                   "other users");
    if (not_come_back_ > 0)
        text += "; " + std::to_string(not_come_back_) +
                (not_come_back_ == 1 ? " that was reclaimed has" : " that were reclaimed have") +
                " not come back and " + (not_come_back_ == 1 ? "counts" : "count") + " no more";
    if (others > 0)
        text += "; " + count_of(others, "other waits", "others wait");
    return text + ".";
}

} // namespace poolscope
