// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

namespace poolscope {

/// A bounded queue of byte records: any number of threads put in, one takes out. Putting in never
/// waits for anybody and never allocates; what does not fit is dropped and counted. Records come
/// out in the order in which their places were taken, so one that happened before another comes
/// first.
class EventRing
{
public:
    /// The longest record that can be put in.
    static constexpr std::size_t max_record = 8'000;
    static constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

    /// Rounded up to a power of two, and to 64 KiB. Throws std::bad_alloc.
    explicit EventRing(std::size_t bytes);

    /// Calls fill(std::byte*) to write `size` bytes. False: dropped.
    template <class Fill>
    bool put(std::size_t size, Fill&& fill) noexcept
    {
        std::uint64_t place = 0;
        const std::uint64_t units = units_of(size);
        if (!reserve(size, units, place))
            return false;
        std::uint64_t* const words = at(place);
        fill(reinterpret_cast<std::byte*>(words + 1));
        std::atomic_ref(words[0]).store(size, std::memory_order_release);
        return true;
    }

    /// Calls take(std::span<const std::byte>) for each complete record in front of `end`, up to
    /// `most`. One thread. What take() throws leaves that record out.
    template <class Take>
    std::size_t take(std::size_t most, Take&& take, std::uint64_t end = no_end)
    {
        std::size_t taken = 0;
        for (; taken < most; ++taken) {
            const std::uint64_t place = tail_.load(std::memory_order_relaxed);
            if (place >= end)
                break;
            std::uint64_t* const words = at(place);
            const std::uint64_t size = std::atomic_ref(words[0]).load(std::memory_order_acquire);
            if (size == 0)
                break;
            const Freed freed{*this, place, units_of(size)};
            take(std::span(reinterpret_cast<const std::byte*>(words + 1), size));
        }
        return taken;
    }

    /// Since the last call.
    std::uint64_t take_dropped() noexcept
    {
        return dropped_.exchange(0, std::memory_order_relaxed);
    }
    /// Where the next record will be put: everything that was put in before lies in front of it.
    std::uint64_t end() const noexcept { return head_.load(std::memory_order_acquire); }
    /// True once all in front of that has been taken out.
    bool reached(std::uint64_t end) const noexcept
    {
        return tail_.load(std::memory_order_relaxed) >= end;
    }
    /// True from half full on. Any thread.
    bool filling() const noexcept
    {
        return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed) >
               capacity_ / 2;
    }

private:
    static constexpr std::size_t unit = 64; ///< bytes: a cache line
    static constexpr std::size_t unit_words = unit / sizeof(std::uint64_t);

    /// Gives a record's units back, also when take() throws.
    struct Freed
    {
        EventRing& ring;
        std::uint64_t place;
        std::uint64_t units;
        ~Freed() { ring.free(place, units); }
    };

    static std::uint64_t units_of(std::size_t size)
    {
        return (size + sizeof(std::uint64_t) + unit - 1) / unit;
    }
    std::uint64_t* at(std::uint64_t place) const
    {
        return words_ + (place & (capacity_ - 1)) * unit_words;
    }
    bool reserve(std::size_t size, std::uint64_t units, std::uint64_t& place) noexcept;
    void free(std::uint64_t place, std::uint64_t units) noexcept;

    std::uint64_t capacity_; ///< units, a power of two
    std::unique_ptr<std::uint64_t[]> memory_;
    std::uint64_t* words_; ///< in memory_, at a cache line
    alignas(unit) std::atomic<std::uint64_t> head_{0};
    alignas(unit) std::atomic<std::uint64_t> tail_{0};
    alignas(unit) std::atomic<std::uint64_t> dropped_{0};
};

} // namespace poolscope
