// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolcore.h"

#include "core/pool/poolseams.h"

#include <algorithm>
#include <limits>
#include <time.h>
#include <utility>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POOLSCOPE_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define POOLSCOPE_THREAD_SANITIZER
#endif

namespace poolscope {

using detail::PoolUser;
using detail::Slot;
using detail::SlotRecord;
using detail::SlotState;
using detail::SlotWord;
using detail::ThreadRecord;

namespace {

std::atomic<std::uint64_t> next_pool{1};

std::int64_t coarse_ns() noexcept
{
#if defined(CLOCK_MONOTONIC_COARSE)
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// What is written after this is seen only by who also sees the word written before it. Free on
/// x86-64. The thread sanitizer does not know fences, and needs none: everything is atomic.
inline void order_writes() noexcept
{
#if !defined(POOLSCOPE_THREAD_SANITIZER)
    std::atomic_thread_fence(std::memory_order_release);
#endif
}

/// Room beside max_connections, for what was reclaimed and has not come back: a guard that was
/// forgotten never does. Only what is used of it costs memory.
std::uint32_t with_spare(std::uint32_t connections)
{
    return connections + std::max(1024U, connections * 8);
}

} // namespace

PoolCore::PoolCore(PoolConfig config)
    : config_(std::move(config))
    , serial_(next_pool.fetch_add(1))
    , precise_(config_.leak_detection || config_.stack_capture != StackCapture::off)
    , hot_ticks_(ticks_in(Duration{100}))
    , slot_count_(with_spare(config_.max_connections))
    , slots_(slot_count_)
    , breaker_(config_.circuit)
    , health_({config_.health_check_interval, 1, 3, 1, std::chrono::seconds{1}})
{
    process_epoch();
    last_open_error_.reserve(longest_open_error);
    health_.on_change([this](const HealthStatus& status) {
        PoolEvent event;
        event.kind = PoolEventKind::health;
        event.time = now_ticks();
        event.connection = status.id;
        event.text = name_of(status.status);
        send(event);
    });
}

PoolCore::~PoolCore()
{
    const detail::BriefTable* table = brief_tables_.load();
    while (table)
        delete std::exchange(table, table->next);
}

std::uint32_t PoolCore::new_serial() noexcept
{
    static std::atomic<std::uint32_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
}

/// With stacks or leak detection every checkout has an exact time. Without, 4 ms do, and the coarse
/// clock costs a third of the counter.
std::int64_t PoolCore::stamp() const noexcept
{
    return precise_ ? now_ticks().value : coarse_ns();
}

Ticks PoolCore::ticks_of(std::int64_t stamp) const noexcept
{
    if (precise_)
        return Ticks{stamp};
    const Duration ago{(coarse_ns() - stamp) / 1000};
    return Ticks{now_ticks().value - ticks_in(ago)};
}

bool PoolCore::claim(Slot& slot, std::uint64_t& word) noexcept
{
    // Not relaxed: who has just said "somebody waits" looks here (see PoolCore). Its addition to
    // attention_ (A), this load (B), the compare-and-swap of a return (C) and the look at
    // attention_ behind it (D) are all in the one order of what is sequentially consistent. If B
    // does not see C, B is in front of it there, so A, B, C, D: D sees A, and whoever returns
    // serves. The exchange below fails only if the word has changed since B, by somebody whose own
    // C and D are behind B. With a relaxed B neither needs to see the other.
    std::uint64_t seen = slot.control.load();
    if (SlotWord::state(seen) != SlotState::idle)
        return false;
    word = SlotWord::of(SlotWord::count(seen) + 1, SlotState::used);
    if (!slot.control.compare_exchange_strong(seen, word))
        return false;
    // 2^32 checkouts of one slot: the ids go on with another number.
    if ((SlotWord::count(word) & 0xFFFF'FFFFU) == 0) [[unlikely]]
        slot.serial.store(new_serial(), std::memory_order_relaxed);
    return true;
}

bool PoolCore::claim_any(std::uint32_t first, Lease& lease) noexcept
{
    const std::uint32_t count = high_water_.load();
    if (first < count && claim(slots_[first], lease.word)) [[likely]] {
        lease.slot = first;
        return true;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t at = first + i < count ? first + i : (first + i) % count;
        if (claim(slots_[at], lease.word)) {
            lease.slot = at;
            return true;
        }
    }
    return false;
}

bool PoolCore::look(std::uint32_t index) noexcept
{
    try {
        return look_at_connection(index);
    } catch (...) { // it cannot be looked at, so it is to be validated
        return false;
    }
}

bool PoolCore::wants_stack(ThreadRecord& thread) noexcept
{
    switch (config_.stack_capture) {
    case StackCapture::off:
        return false;
    case StackCapture::sampled:
        return thread.draw(config_.sample_every);
    case StackCapture::always:
        return true;
    case StackCapture::near_exhaustion:
        return used_.load(std::memory_order_relaxed) * 10 >= config_.max_connections * 8LL;
    }
    return false;
}

bool PoolCore::acquire_now(std::string_view name, Lease& lease) noexcept
{
    if (attention_.load() != 0 || config_.validation_on_acquire)
        return false;
    ThreadRecord& thread = ThreadRecord::current();
    ThreadRecord::Hint& hint = thread.hint_for(serial_);
    bool lent = false;
    try {
        if (!hint.user || hint.user->name != name) [[unlikely]]
            hint.user = &users_.of(name);
        PoolUser& user = *hint.user;
        if (user.enter(config_.max_per_user)) {
            if (claim_any(hint.slot, lease)) {
                hint.slot = lease.slot;
                const std::int64_t now = stamp();
                const Slot& slot = slots_[lease.slot];
                if (now < slot.expires.load(std::memory_order_relaxed) &&
                    seems_there(slot, lease.slot, now)) [[likely]] {
                    lend(lease, user, now, __builtin_frame_address(0), thread);
                    lent = true;
                } else {
                    unclaim(lease, user);
                }
            } else {
                user.leave(config_.max_per_user);
            }
        }
    } catch (const std::bad_alloc&) { // of a new user's name: the slow way will say so
        lent = false;
    }
    return lent;
}

/// Not fit to be lent as it is.
void PoolCore::unclaim(Lease lease, PoolUser& user) noexcept
{
    Slot& slot = slots_[lease.slot];
    slot.control.store(SlotWord::with(lease.word, SlotState::idle));
    user.leave(config_.max_per_user);
    {
        const std::lock_guard lock(mutex_);
        ++not_lent_;
        serve_waiters_locked();
    }
    if ((attention_.load() & closing_bit) != 0) // it did not look idle to who closes
        close_idle();
}

/// Fills in what is known of a claimed slot, and shows it. An event is told before it shows: see
/// PoolControl::picture.
void PoolCore::lend(Lease lease, PoolUser& user, std::int64_t now, const void* frame,
                    ThreadRecord& thread) noexcept
{
    Slot& slot = slots_[lease.slot];
    order_writes();
    slot.acquired.store(now, std::memory_order_relaxed);
    slot.user.store(&user, std::memory_order_relaxed);
    slot.thread.store(thread.thread, std::memory_order_relaxed);
    if (config_.stack_capture == StackCapture::near_exhaustion) [[unlikely]]
        used_.fetch_add(1, std::memory_order_relaxed);
    SlotRecord& record = *slot.record.load(std::memory_order_relaxed);
    std::size_t depth = 0;
    if (wants_stack(thread))
        depth = capture_stack(frame, record.frames, config_.capture_method);
    slot.depth.store(static_cast<std::uint8_t>(depth), std::memory_order_relaxed);
    // A second stamp costs as much as the compare-and-swap. Uses that follow each other closely are
    // measured one in eight, for eight; the choice depends on nothing that the use will do.
    if (!precise_ && !sums_brief_.load(std::memory_order_relaxed))
        slot.weight = 0;
    else if (precise_ && now - record.last_measured > hot_ticks_)
        slot.weight = 1;
    else
        slot.weight = SlotWord::count(lease.word) * 0x9E3779B97F4A7C15U >> 61U == 0 ? 8 : 0;
    if (tells_all()) [[unlikely]] {
        const detail::Telling telling(thread);
        emit_checkout(slot, lease, thread);
        // Nobody else writes it before it is published.
        slot.control.store(SlotWord::with(lease.word, SlotState::told), std::memory_order_release);
        slot.published.store(lease.word, std::memory_order_release);
        return;
    }
    slot.published.store(lease.word, std::memory_order_release);
}

/// Where the application tells of its statements each checkout is told of anyway.
inline bool PoolCore::tells_all() const noexcept
{
    return sink_.load() && (!sums_brief_.load() || tells_use_.load(std::memory_order_relaxed));
}

std::int64_t PoolCore::measure(Slot& slot) noexcept
{
    SlotRecord& record = *slot.record.load(std::memory_order_relaxed);
    const std::int64_t now = stamp();
    const std::int64_t held = now - slot.acquired.load(std::memory_order_relaxed);
    if (precise_) // of the coarse clock a sum says something, a single one does not
        record.use.add(held, slot.weight);
    record.last_measured = now;
    return held;
}

void PoolCore::release(Lease lease, bool broken) noexcept
{
    ThreadRecord& thread = ThreadRecord::current();
    // Whoever ends this pool waits until no thread is here; see abandon().
    const void* const before = thread.inside.load(std::memory_order_relaxed);
    thread.inside.store(this, std::memory_order_relaxed);
    Slot& slot = slots_[lease.slot];
    // Released already: the slot has another word by now.
    const std::uint64_t word = slot.control.load(std::memory_order_relaxed);
    const SlotState state = SlotWord::state(word);
    const bool mine = slot.published.load(std::memory_order_relaxed) == lease.word &&
                      (SlotWord::is_lent(word) || state == SlotState::reclaimed);
    if (mine) [[likely]] {
        PoolUser& user = *slot.user.load(std::memory_order_relaxed);
        Brief brief;
        const bool watched = state == SlotState::used && sink_.load(std::memory_order_acquire);
        if (slot.weight != 0) {
            brief.weight = slot.weight;
            brief.held = measure(slot);
            if (watched) [[unlikely]]
                note_brief(lease, brief, thread);
        } else if (watched) [[unlikely]] {
            brief.table = thread.hint_for(serial_).brief;
            if (!brief.table) [[unlikely]]
                note_brief(lease, brief, thread);
        }
        if (config_.stack_capture == StackCapture::near_exhaustion) [[unlikely]]
            used_.fetch_sub(1, std::memory_order_relaxed);
        if (!broken && state != SlotState::reclaimed) {
            try {
                broken = !reset_connection(lease.slot);
            } catch (...) { // a connection that cannot be reset is broken, whatever the reason
                broken = true;
            }
        }
        if (slot.notes.load(std::memory_order_acquire) != 0) [[unlikely]]
            settle_notes(slot, lease);
        if (state == SlotState::reclaimed) [[unlikely]]
            return_reclaimed(lease);
        else if (broken) [[unlikely]]
            return_broken(lease, user, brief);
        else
            return_idle(lease, user, brief);
    }
    thread.inside.store(before, std::memory_order_release);
}

/// One atomic decides who knows of a checkout: either it comes back untold, and is added to the
/// brief ones, or it was marked as told before, and then its return is told first. False: it was
/// reclaimed.
inline bool PoolCore::give_back(Lease lease, SlotState to, const Brief& brief) noexcept
{
    std::uint64_t word = lease.word;
    detail::pass_seam(detail::Seam::returning);
    if (brief.table) [[unlikely]]
        return give_back_counted(lease, to, brief);
    if (!slots_[lease.slot].control.compare_exchange_strong(word, SlotWord::with(word, to)))
        [[unlikely]]
        return give_back_told(lease, word, to);
    return true;
}

/// Who asks for the brief ones waits for whoever has given one back and not yet added it.
bool PoolCore::give_back_counted(Lease lease, SlotState to, const Brief& brief) noexcept
{
    std::uint64_t word = lease.word;
    {
        const detail::Telling telling(ThreadRecord::current());
        if (slots_[lease.slot].control.compare_exchange_strong(word, SlotWord::with(word, to)))
            [[likely]] {
            detail::pass_seam(detail::Seam::untold);
            brief.table->add(brief.place, brief.held, brief.weight);
            return true;
        }
    }
    return give_back_told(lease, word, to);
}

bool PoolCore::give_back_told(Lease lease, std::uint64_t word, SlotState to) noexcept
{
    if (SlotWord::state(word) != SlotState::told)
        return false;
    Slot& slot = slots_[lease.slot];
    wait_for_suspicion(slot);
    const detail::Telling telling(ThreadRecord::current());
    emit_checkin(slot.connection, slot.checkout_of(lease.word));
    const bool returned = slot.control.compare_exchange_strong(word, SlotWord::with(word, to));
    detail::pass_seam(detail::Seam::returned);
    return returned;
}

/// Whoever suspects a checkout that nobody was told of tells of it before anything else is said.
void PoolCore::wait_for_suspicion(const Slot& slot) noexcept
{
    if (slot.notes.load() & detail::note_suspected) {
        const std::lock_guard lock(mutex_);
    }
}

inline void PoolCore::return_idle(Lease lease, PoolUser& user, const Brief& brief) noexcept
{
    if (!give_back(lease, SlotState::idle, brief)) [[unlikely]] {
        return_reclaimed(lease);
        return;
    }
    user.leave(config_.max_per_user);
    if (attention_.load() != 0) [[unlikely]]
        serve_or_close();
}

void PoolCore::return_broken(Lease lease, PoolUser& user, Brief brief) noexcept
{
    if (!give_back(lease, SlotState::opening, brief)) {
        return_reclaimed(lease);
        return;
    }
    user.leave(config_.max_per_user);
    give_up_slot(lease.slot, "broken");
}

/// The connection was taken away: nobody counts it any more, but it is still there to be closed.
void PoolCore::return_reclaimed(Lease lease) noexcept
{
    {
        const std::lock_guard lock(mutex_); // until reclaim() is done with it
    }
    close_quietly(lease.slot);
    {
        const std::lock_guard lock(mutex_);
        --not_come_back_;
        set_empty_locked(lease.slot);
    }
    serve_or_close();
}

/// Whatever a close does, the connection is given up.
void PoolCore::close_quietly(std::uint32_t slot) noexcept
{
    try {
        close_connection(slot);
    } catch (...) { // NOLINT(bugprone-empty-catch): there is nobody to tell
    }
}

void PoolCore::settle_notes(Slot& slot, Lease lease) noexcept
{
    const std::lock_guard lock(mutex_);
    slot.notes.store(0, std::memory_order_relaxed);
    slot.expected_us.store(0, std::memory_order_relaxed);
    slot.heartbeat.store(0, std::memory_order_relaxed);
    slot.wait_us.store(0, std::memory_order_relaxed);
    slot.extras.reset();
    resolve_locked(lease.slot, lease.word);
}

void PoolCore::heartbeat(Lease lease) noexcept
{
    Slot& slot = slots_[lease.slot];
    const Ticks now = now_ticks();
    slot.heartbeat.store(now.value, std::memory_order_relaxed);
    slot.notes.fetch_or(detail::note_extras, std::memory_order_release);
    emit_beat(lease, now, Duration{0});
}

void PoolCore::expect(Lease lease, Duration from_now) noexcept
{
    Slot& slot = slots_[lease.slot];
    const Ticks now = now_ticks();
    const Duration held = between(ticks_of(slot.acquired.load(std::memory_order_relaxed)), now);
    const Duration expected = held + std::clamp(from_now, Duration{0}, longest_setting);
    slot.expected_us.store(expected.count(), std::memory_order_relaxed);
    slot.heartbeat.store(now.value, std::memory_order_relaxed); // who says so is alive
    slot.notes.fetch_or(detail::note_extras, std::memory_order_release);
    emit_beat(lease, now, expected);
}

void PoolCore::emit_beat(Lease lease, Ticks now, Duration expected) noexcept
{
    if (!sink_.load(std::memory_order_acquire))
        return;
    Slot& slot = slots_[lease.slot];
    tell_now(lease, ThreadRecord::current());
    wait_for_suspicion(slot);
    PoolEvent event;
    event.kind = PoolEventKind::beat;
    event.time = now;
    event.connection = slot.connection;
    event.checkout = slot.checkout_of(lease.word);
    event.expected = expected;
    send(event);
}

void PoolCore::use(Lease lease, PoolEventKind kind, std::string_view statement) noexcept
{
    if (!tells_use_.load(std::memory_order_relaxed))
        tells_use_.store(true, std::memory_order_relaxed);
    Slot& slot = slots_[lease.slot];
    const Ticks now = now_ticks();
    slot.work.store(kind == PoolEventKind::busy ? -now.value : now.value,
                    std::memory_order_relaxed);
    slot.work_word.store(lease.word, std::memory_order_release);
    if (!sink_.load(std::memory_order_acquire))
        return;
    tell_now(lease, ThreadRecord::current());
    wait_for_suspicion(slot);
    PoolEvent event;
    event.kind = kind;
    event.time = now;
    event.connection = slot.connection;
    event.checkout = slot.checkout_of(lease.word);
    event.text = statement;
    send(event);
}

} // namespace poolscope
