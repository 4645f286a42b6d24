// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event/poolevent.h"
#include "core/stack/capture.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace poolscope::detail {

class BriefTable;
struct PoolUser;

/// What a thread remembers between two acquires, and what it tells the others it is doing. Records
/// are never freed, but used again once their thread has ended: whoever walks over them all sees
/// each thread that might be inside a pool.
struct alignas(64) ThreadRecord
{
    /// The pool that this thread is giving a connection back to. That pool must stay.
    std::atomic<const void*> inside{nullptr};
    /// The sink that this thread is calling. It must stay.
    std::atomic<EventSink*> emitting{nullptr};
    /// Odd: this thread has told a sink of a checkout or a return that does not show yet.
    std::atomic<std::uint32_t> telling{0};
    std::atomic<bool> taken{false};
    ThreadRecord* next = nullptr; ///< all records, newest first
    std::uint64_t thread = 0;     ///< the operating system's number
    std::uint64_t random = 0;     ///< for sampling; this thread's

    /// Where this thread last found a connection, and for whom, in a few pools.
    struct Hint
    {
        std::uint64_t pool = 0; ///< serial of the pool, from 1
        std::uint32_t slot = 0;
        PoolUser* user = nullptr;
        BriefTable* brief = nullptr;
    };
    std::array<Hint, 4> hints{};
    Hint& hint_for(std::uint64_t pool) noexcept
    {
        Hint& hint = hints[pool % 4];
        if (hint.pool != pool) [[unlikely]]
            hint = {pool, 0, nullptr, nullptr};
        return hint;
    }

    /// The stack that was interned last: it mostly comes again.
    Addresses last_stack;
    StackId last_id;

    /// True once in `mean` calls, by chance: what an application does in turn, or in several pools,
    /// has the same chance each time.
    bool draw(std::uint32_t mean) noexcept
    {
        random = random * 0x5851F42D4C957F2DU + 0x14057B7EF767814FU; // Knuth's, MMIX
        return (random >> 32U) * mean >> 32U == 0;
    }

    static ThreadRecord& current() noexcept;
    /// The newest record of all; follow `next`.
    static ThreadRecord* first() noexcept;

private:
    static ThreadRecord& attach() noexcept;
    static ThreadRecord& take() noexcept;
};

/// From before a sink is told until what it was told shows in the pool. A picture waits for that:
/// else it could lack a checkout, or still have one, whose event came before it was begun.
class Telling
{
public:
    explicit Telling(ThreadRecord& thread) noexcept
        : telling_(thread.telling)
    {
        step();
    }
    ~Telling() { step(); }
    Telling(const Telling&) = delete;
    Telling& operator=(const Telling&) = delete;

private:
    // Only its own thread writes it.
    void step() noexcept
    {
        telling_.store(telling_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    std::atomic<std::uint32_t>& telling_;
};

/// Whether the system can make all other threads of this process pass a fence (membarrier). Then
/// who does something often need not: a relaxed store, a look, and whoever does the opposite seldom
/// calls fence_all_threads() between its own store and look.
extern const bool fences_from_afar;
void fence_all_threads() noexcept;

/// "Mark mine" of "mark mine, then look at the other's", for the side that does it often.
template <class T>
inline void mark_before_look(std::atomic<T>& mark, T value) noexcept
{
    if (fences_from_afar) [[likely]] {
        mark.store(value, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
        mark.store(value);
    }
}

/// Set while the thread has a record; constant initialisation keeps the access to one instruction.
extern constinit thread_local ThreadRecord* thread_record;

inline ThreadRecord& ThreadRecord::current() noexcept
{
    if (ThreadRecord* record = thread_record) [[likely]]
        return *record;
    return attach();
}

} // namespace poolscope::detail
