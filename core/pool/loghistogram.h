// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/ticks.h"
#include "core/event/poolcontrol.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace poolscope {

/// Durations in ticks, in buckets of a quarter of an octave: a percentile is right to about 10 %.
/// One thread at a time adds (without a locked instruction); any thread may read meanwhile.
class LogHistogram
{
public:
    static constexpr std::size_t bucket_count = 64 * 4;

    void add(std::int64_t ticks, std::uint32_t weight = 1) noexcept
    {
        const std::uint64_t value = ticks < 0 ? 0 : static_cast<std::uint64_t>(ticks);
        grow(buckets_[bucket_of(value)], weight);
        grow(count_, weight);
        grow(total_, value * weight);
    }

    static std::size_t bucket_of(std::uint64_t value) noexcept
    {
        if (value < 4)
            return static_cast<std::size_t>(value);
        const auto octave = static_cast<std::size_t>(std::bit_width(value)) - 1; // >= 2
        return octave * 4 + ((value >> (octave - 2)) & 3U);
    }
    /// The middle of a bucket.
    static double middle_of(std::size_t bucket) noexcept;

    struct Sum
    {
        std::array<std::uint64_t, bucket_count> buckets{};
        std::uint64_t count = 0;
        std::uint64_t total = 0; ///< ticks
        void add(const LogHistogram& other) noexcept;
        /// With `instant` more that took no time.
        DurationFigures figures(std::uint64_t instant = 0) const;
    };

private:
    static void grow(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept
    {
        counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::uint64_t> total_{0};
};

} // namespace poolscope
