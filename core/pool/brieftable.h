// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event/poolevent.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace poolscope::detail {

struct ThreadRecord;

/// What one thread lent and gave back in one pool without anybody being told of it, summed up by
/// place. The thread that owns it adds, without a locked instruction; whoever holds the pool's
/// mutex takes out meanwhile.
///
/// How many there were is exact. Which place they belong to is known of those that were measured
/// (all but some of uses that follow each other within 100 us); the rest is shared out among them.
class BriefTable
{
public:
    explicit BriefTable(const ThreadRecord& owner) noexcept
        : owner_(&owner)
    {}

    class Place
    {
        friend class BriefTable;
        std::atomic<std::uint64_t> key_{0}; ///< the stack's id + 1; 0: free
        std::atomic<std::uint64_t> count_{0};
        std::atomic<std::uint64_t> total_{0};
        std::atomic<std::uint64_t> longest_{0};
        std::uint64_t shared_ = 0; ///< of count_, as it was told; may be ahead
        std::uint64_t taken_total_ = 0;
    };
    struct Taken
    {
        StackId stack;
        std::uint64_t count = 0;
        std::uint64_t total = 0;   ///< stamps
        std::uint64_t longest = 0; ///< stamps
    };

    bool belongs_to(const ThreadRecord& thread) const noexcept { return owner_ == &thread; }
    /// Null: it has no room for one more. The owner.
    Place* place_of(StackId stack) noexcept;
    /// One more; at that place, where it was measured: `held`, in the pool's stamps, stands for
    /// `weight` of them. The owner.
    void add(Place* place, std::int64_t held, std::uint32_t weight) noexcept
    {
        grow(count_, 1);
        if (place)
            add_measured(*place, static_cast<std::uint64_t>(held < 0 ? 0 : held), weight);
    }

    /// Calls take(Taken) for each place where some were added since it was last asked. One thread
    /// at a time. Throws std::bad_alloc.
    template <class Take>
    void take(Take&& take)
    {
        for (const Taken& taken : taken_now())
            take(taken);
    }

    BriefTable* next = nullptr; ///< all of one pool

private:
    static constexpr std::size_t size = 128;
    static void grow(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept
    {
        counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }
    static void add_measured(Place& place, std::uint64_t held, std::uint32_t weight) noexcept;
    std::vector<Taken> taken_now();

    const ThreadRecord* owner_;
    std::atomic<std::uint64_t> count_{0};
    std::array<Place, size> places_{};
    Place* last_ = places_.data();
    std::uint64_t taken_ = 0;        ///< of count_
    Place* latest_ = places_.data(); ///< where most were added when it was last asked
};

} // namespace poolscope::detail
