// SPDX-License-Identifier: Apache-2.0
#include "core/agent/eventring.h"

#include <algorithm>
#include <bit>

namespace poolscope {

// Places count units for ever; a place's unit is its lowest bits. A record is written in one piece:
// one that begins near the end of the memory runs into the spare units behind it, and the units at
// the beginning that it would have had stay empty. The first word of a record's first unit is its
// size, and 0 until the record is complete. So the first word of every unit must be 0 before a
// record can begin there: free() sees to that before it gives the units back.

EventRing::EventRing(std::size_t bytes)
    : capacity_(std::bit_ceil(std::max<std::size_t>(bytes, 64 * 1024)) / unit)
{
    const std::size_t spare = units_of(max_record);
    memory_ = std::make_unique<std::uint64_t[]>((capacity_ + spare + 1) * unit_words);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    words_ = memory_.get() + (unit - address % unit) % unit / sizeof(std::uint64_t);
}

bool EventRing::reserve(std::size_t size, std::uint64_t units, std::uint64_t& place) noexcept
{
    place = head_.load(std::memory_order_relaxed);
    do {
        // Acquire: the zeros that free() wrote before it moved the tail.
        const std::uint64_t tail = tail_.load(std::memory_order_acquire);
        // A stale head may lie before the tail; then the exchange below fails and brings a new one.
        const bool fits = place < tail || place + units - tail <= capacity_;
        if (!fits || size == 0 || size > max_record) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
    } while (!head_.compare_exchange_weak(place, place + units, std::memory_order_relaxed,
                                          std::memory_order_relaxed));
    return true;
}

void EventRing::free(std::uint64_t place, std::uint64_t units) noexcept
{
    for (std::uint64_t i = 0; i < units; ++i) {
        // The units behind the end are no record's first.
        if ((place & (capacity_ - 1)) + i < capacity_)
            std::atomic_ref(at(place)[i * unit_words]).store(0, std::memory_order_relaxed);
    }
    tail_.store(place + units, std::memory_order_release);
}

} // namespace poolscope
