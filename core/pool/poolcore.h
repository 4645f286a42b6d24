// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/event/poolcontrol.h"
#include "core/leak/judgement.h"
#include "core/pool/brieftable.h"
#include "core/pool/circuitbreaker.h"
#include "core/pool/growingarray.h"
#include "core/pool/healthmonitor.h"
#include "core/pool/poolconfig.h"
#include "core/pool/poolslot.h"
#include "core/pool/threadrecord.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace poolscope {

/// How a connection is asked for, beside by whom.
struct AcquireOptions
{
    std::string_view user; ///< told apart by its first 128 bytes
    /// Instead of PoolConfig::acquire_timeout; 0: do not wait. At most longest_setting. As that one
    /// it does not bound the opening of a connection: with 0, too, one is opened where there may be
    /// one more.
    std::optional<Duration> timeout;
    /// How long it will be kept: delays the leak thresholds by that much, by longest_expectation at
    /// most.
    std::optional<Duration> expected_duration;
    std::vector<Tag> tags;
    std::string trace_id;
};

struct PoolStatistics
{
    std::int64_t total = 0; ///< = active + idle + opening, in each snapshot
    std::int64_t active = 0;
    std::int64_t idle = 0;
    std::int64_t opening = 0;
    std::int64_t pending = 0;
    std::uint64_t acquired = 0; ///< ever
    std::uint64_t timeouts = 0;
    std::uint64_t leaks_detected = 0;      ///< ever
    std::uint64_t leaks_resolved = 0;      ///< of those, came back
    std::uint64_t currently_tracked = 0;   ///< active, where leak detection is on
    std::uint64_t currently_suspected = 0; ///< without those that a heartbeat or work has quietened
    std::uint64_t opened = 0;
    std::uint64_t closed = 0;
    std::uint64_t open_failures = 0;
    std::uint64_t reclaimed = 0;
    CircuitState circuit = CircuitState::closed;
    double circuit_failure_rate = 0;
    std::uint64_t circuit_opened = 0;
    Health health = Health::unknown; ///< of the worst connection
};

/// A pool but for the connections themselves: who has which slot, who waits, what is known. The
/// connections are the business of ConnectionPool, which is what an application uses.
///
/// An acquire takes one compare-and-swap on the slot that the thread had last, or on any idle one,
/// and takes no lock while nobody waits. Who finds none queues up, under the mutex, first come
/// first served; while somebody waits, everybody queues. A return is one compare-and-swap too, and
/// then a look whether somebody waits. Both sides use sequentially consistent operations for "mark
/// mine, then look at the other's", so one of the two always sees the other and nobody is left
/// waiting.
class PoolCore : public PoolControl
{
public:
    /// One checkout, as its holder knows it.
    struct Lease
    {
        std::uint32_t slot = 0;
        std::uint64_t word = 0; ///< detail::SlotWord
    };

    PoolCore(const PoolCore&) = delete;
    PoolCore& operator=(const PoolCore&) = delete;

    /// A connection that is idle right now, if nobody waits. Takes no lock.
    bool acquire_now(std::string_view user, Lease& lease) noexcept;
    /// Waits for one, or opens one.
    Result<Lease> acquire(const AcquireOptions& options);
    /// Gives back; `broken`: to be closed and replaced. A second return of the same lease is
    /// nothing.
    void release(Lease lease, bool broken) noexcept;

    void heartbeat(Lease lease) noexcept;
    void expect(Lease lease, Duration from_now) noexcept;
    void use(Lease lease, PoolEventKind kind, std::string_view statement) noexcept;
    const ConnectionMetadata& metadata_of(Lease lease) const { return slots_[lease.slot].metadata; }
    ConnectionId connection_of(Lease lease) const { return slots_[lease.slot].connection; }
    CheckoutId checkout_of(Lease lease) const { return slots_[lease.slot].checkout_of(lease.word); }

    PoolStatistics statistics() const;
    HealthMonitor& health() { return health_; }
    const PoolConfig& config() const { return config_; }

    /// Lends no more, closes what is idle, waits for the rest until `deadline` from now
    /// (longest_setting at most). An error says what is still out; that is closed when it comes
    /// back.
    Result<Done> close(Duration deadline);
    /// Everything that the background threads do when its time comes, at once and as if it were
    /// `now`: leak detection, health check, clean-up, min_idle; each only if configured.
    void maintain(Ticks now);

    // PoolControl
    PoolDescription description() const override;
    PoolFigures figures() const override;
    void set_sink(EventSink* sink) override;
    void sum_brief(bool on) override;
    std::vector<OpenCheckout> tell_lent(Ticks before) override;
    std::vector<BriefUses> take_brief() override;
    PoolPicture picture() const override;
    Frames frames(StackId stack) const override;
    Result<Done> reclaim(CheckoutId checkout) override;

protected:
    explicit PoolCore(PoolConfig config);
    ~PoolCore() override;

    /// Starts the background threads that the configuration needs.
    void start();
    /// Lends no more and closes what is idle; as close(), but says nothing, for which there might
    /// be no memory.
    void begin_closing() noexcept;
    /// The pool object goes. What is still lent keeps this one alive until it comes back.
    void abandon() noexcept;

    // The connections' side. Never called with the mutex held (but interrupt), and never two at
    // once for one slot (but interrupt); an exception is a failure.
    virtual Result<ConnectionMetadata> open_connection(std::uint32_t slot) = 0;
    virtual bool validate_connection(std::uint32_t slot) = 0;
    virtual bool reset_connection(std::uint32_t slot) = 0;
    virtual void close_connection(std::uint32_t slot) = 0;
    /// Makes whatever the holder does with it fail soon; from another thread, and at once.
    virtual void interrupt_connection(std::uint32_t slot) = 0;
    /// Whether a connection seems to be there, as far as can be told at once.
    virtual bool look_at_connection(std::uint32_t slot) = 0;
    virtual bool can_look() const = 0;
    /// The slots below `count` are about to be used. With the mutex held.
    virtual void make_room(std::uint32_t count) noexcept = 0;
    /// Whether a connection has a process on a server, and a socket.
    virtual bool has_server() const = 0;

    /// A place for a connection that comes from outside, and its taking up.
    Result<std::uint32_t> reserve(std::string_view user);
    ConnectionId commit(std::uint32_t slot, ConnectionMetadata metadata, std::string_view user);
    /// A reserved place that no connection came for.
    void give_back_place(std::uint32_t slot) noexcept;
    std::uint32_t slot_count() const { return slot_count_; }

private:
    struct Waiter;
    class Served;
    struct Suspicion ///< severity none: not any more, but of the same checkout
    {
        std::uint64_t word = 0;
        LeakSeverity severity = LeakSeverity::none;
        ConnectionId connection;
    };
    class Probe;

    // poolcore.cpp: lending and giving back
    static std::uint32_t new_serial() noexcept;
    std::int64_t stamp() const noexcept;
    Ticks ticks_of(std::int64_t stamp) const noexcept;
    bool claim(detail::Slot& slot, std::uint64_t& word) noexcept;
    bool claim_any(std::uint32_t first, Lease& lease) noexcept;
    /// Of a claimed slot, which still says when it was lent before. A server may have gone away
    /// since: what is lent again within a second is believed to be there, of anything else its own
    /// side is asked whether it knows. Nothing is sent.
    bool seems_there(const detail::Slot& slot, std::uint32_t index, std::int64_t now) noexcept
    {
        return now - slot.acquired.load(std::memory_order_relaxed) <= look_after_ || look(index);
    }
    [[gnu::cold, gnu::noinline]] bool look(std::uint32_t index) noexcept;
    bool wants_stack(detail::ThreadRecord& thread) noexcept;
    void lend(Lease lease, detail::PoolUser& user, std::int64_t now, const void* frame,
              detail::ThreadRecord& thread) noexcept;
    void unclaim(Lease lease, detail::PoolUser& user) noexcept;
    /// What a return that nobody was told of is added to, once it is one.
    struct Brief
    {
        detail::BriefTable* table = nullptr;
        detail::BriefTable::Place* place = nullptr; ///< where it was measured
        std::int64_t held = 0;                      ///< stamps
        std::uint8_t weight = 0;
    };
    bool tells_all() const noexcept;
    std::int64_t measure(detail::Slot& slot) noexcept;
    bool give_back(Lease lease, detail::SlotState to, const Brief& brief) noexcept;
    void wait_for_suspicion(const detail::Slot& slot) noexcept;
    bool give_back_counted(Lease lease, detail::SlotState to, const Brief& brief) noexcept;
    bool give_back_told(Lease lease, std::uint64_t word, detail::SlotState to) noexcept;
    void return_idle(Lease lease, detail::PoolUser& user, const Brief& brief) noexcept;
    void return_broken(Lease lease, detail::PoolUser& user, Brief brief) noexcept;
    void return_reclaimed(Lease lease) noexcept;
    void close_quietly(std::uint32_t slot) noexcept;
    void settle_notes(detail::Slot& slot, Lease lease) noexcept;

    // poolwait.cpp: waiting; poolopen.cpp: opening and giving up
    static Error closing_error();
    Error circuit_error_locked(const char* what) const;
    Result<Lease> wait_for_lease(const AcquireOptions& options, detail::PoolUser& user,
                                 Ticks started, const void* frame);
    void wait_to_be_served(std::unique_lock<std::mutex>& lock, Waiter& self,
                           std::chrono::steady_clock::time_point deadline);
    void serve_waiters_locked();
    bool reserve_locked(std::uint32_t& slot);
    Result<Lease> open_into(std::uint32_t slot);
    Result<ConnectionMetadata> try_open(std::uint32_t slot) noexcept;
    Result<Lease> make_fit(Lease lease);
    bool claim_instead(Lease& lease, std::chrono::steady_clock::time_point deadline);
    void adopt_locked(detail::Slot& slot, ConnectionMetadata metadata);
    void emit_opened(const detail::Slot& slot) const noexcept;
    void empty_locked(std::uint32_t slot);
    void set_empty_locked(std::uint32_t slot) noexcept;
    void give_up_slot(std::uint32_t slot, std::string_view reason) noexcept;
    void serve_or_close() noexcept;
    std::string who_holds_locked(const detail::PoolUser& user, std::int64_t others) const;
    std::string no_more_locked() const;
    Error timed_out(const AcquireOptions& options, detail::PoolUser& user, Duration waited,
                    std::int64_t others, const void* frame);
    void set_expiry(detail::Slot& slot) const;

    // poolevents.cpp, poolcontrol.cpp (picture, reclaim), poolclose.cpp
    void send(const PoolEvent& event) const noexcept;
    void emit_checkout(detail::Slot& slot, Lease lease, detail::ThreadRecord& thread) noexcept;
    void tell_now(Lease lease, detail::ThreadRecord& thread) noexcept;
    static StackId stack_of_holder(const detail::Slot& slot, detail::ThreadRecord& thread) noexcept;
    void note_brief(Lease lease, Brief& brief, detail::ThreadRecord& thread) noexcept;
    detail::BriefTable* brief_table(detail::ThreadRecord& thread) noexcept;
    void wait_for_showing() const;
    /// `expected`: in all, from the acquire on; 0: nothing was said.
    void emit_beat(Lease lease, Ticks now, Duration expected) noexcept;
    void emit_checkin(ConnectionId connection, CheckoutId checkout) const noexcept;
    void emit_pending_locked() const noexcept;
    void emit_closed(ConnectionId connection, std::string_view reason) noexcept;
    StackId stack_of(const detail::Slot& slot) const noexcept;
    std::optional<OpenCheckout> checkout_at(std::uint32_t slot, std::uint64_t& word) const;
    std::optional<OpenCheckout> told_at(std::uint32_t slot, bool& just_now) const;
    static void wait_for_tellers() noexcept;
    enum class Owner { stays, leaves };
    void close_idle();
    void close_idle_connections();
    void finish_closing(Owner owner);
    std::int64_t outstanding_locked() const;
    std::uint64_t lent_locked(std::uint64_t counted) const noexcept;
    void wait_for_leavers() const noexcept;

    // poolmaintenance.cpp
    void run();
    void watch_for_leaks();
    void look_for_leaks(Ticks now);
    void judge_slot(std::uint32_t index, Ticks now);
    void resolve_locked(std::uint32_t slot, std::uint64_t word) noexcept;
    void emit_no_leak(std::uint32_t slot, const Suspicion& suspicion) noexcept;
    bool is_suspected(ConnectionId connection) const;
    void clean_up(Ticks now);
    std::string_view reason_to_close_locked(detail::Slot& slot, Ticks now, std::int64_t spare,
                                            const std::vector<HealthStatus>& unhealthy);
    void fill_to_min_idle();
    void watch(std::uint32_t slot, ConnectionId connection);

    const PoolConfig config_;
    const std::uint64_t serial_;   ///< of this pool in the process
    const bool precise_;           ///< stamps are ticks, not the coarse clock
    const std::int64_t hot_ticks_; ///< uses closer than this are measured by sample
    /// Stamps: what was lent longer ago is looked at before it is lent again. Set by start().
    std::int64_t look_after_ = std::numeric_limits<std::int64_t>::max();
    const std::uint32_t slot_count_;
    detail::GrowingArray<detail::Slot> slots_; ///< as many as high_water_
    detail::PoolUsers users_;
    CircuitBreaker breaker_;
    HealthMonitor health_;

    /// How many wait, and closing_bit. Not 0: everybody takes the way with the mutex.
    static constexpr std::uint32_t closing_bit = 1U << 31U;
    alignas(64) std::atomic<std::uint32_t> attention_{0};
    std::atomic<EventSink*> sink_{nullptr};
    std::atomic<bool> sums_brief_{false};
    std::atomic<bool> tells_use_{false};       ///< the application tells of its statements
    std::atomic<std::uint32_t> high_water_{0}; ///< slots used so far
    alignas(64) std::atomic<std::int64_t> used_{
        0}; ///< kept for StackCapture::near_exhaustion alone

    alignas(64) mutable std::mutex mutex_;
    std::list<Waiter*> waiters_;
    std::int64_t live_ = 0;           ///< slots that are neither empty nor reclaimed
    std::uint32_t not_come_back_ = 0; ///< slots that are reclaimed
    bool out_of_memory_ = false;      ///< when a slot was last asked for
    std::uint32_t first_empty_ = 0;   ///< no slot in front of it is empty
    std::condition_variable drained_;
    std::map<std::uint32_t, Suspicion> suspicions_; ///< by slot
    LogHistogram waited_;
    LogHistogram created_;
    std::uint64_t timeouts_ = 0;
    std::uint64_t leaks_detected_ = 0;
    std::uint64_t leaks_resolved_ = 0;
    std::uint64_t opened_ = 0;
    std::uint64_t closed_ = 0;
    std::uint64_t open_failures_ = 0;
    std::uint64_t reclaimed_ = 0;
    std::uint64_t not_lent_ = 0; ///< counted in a slot's word, but came to nothing
    /// The most that lent_locked() has said: what is not lent after all counts until it is known.
    mutable std::uint64_t lent_said_ = 0;
    static constexpr std::size_t longest_open_error = 512;
    std::string last_open_error_; ///< has room for that, so that noting one needs no memory
    bool orphaned_ = false;
    bool deleting_ = false;

    std::atomic<detail::BriefTable*> brief_tables_{nullptr}; ///< only grows

    std::mutex sink_mutex_;
    std::mutex thread_mutex_;
    std::condition_variable thread_wake_;
    bool thread_stopping_ = false;
    std::thread thread_;      ///< health check, clean-up, min_idle: what waits for the database
    std::thread leak_thread_; ///< leak detection
};

} // namespace poolscope
