// SPDX-License-Identifier: Apache-2.0
#include "core/pool/loghistogram.h"

#include <algorithm>
#include <cmath>

namespace poolscope {

double LogHistogram::middle_of(std::size_t bucket) noexcept
{
    if (bucket < 4)
        return static_cast<double>(bucket);
    const auto octave = static_cast<int>(bucket / 4);
    const double quarter = std::ldexp(1.0, octave - 2);
    return std::ldexp(1.0, octave) + (static_cast<double>(bucket % 4) + 0.5) * quarter;
}

void LogHistogram::Sum::add(const LogHistogram& other) noexcept
{
    for (std::size_t i = 0; i < bucket_count; ++i)
        buckets[i] += other.buckets_[i].load(std::memory_order_relaxed);
    count += other.count_.load(std::memory_order_relaxed);
    total += other.total_.load(std::memory_order_relaxed);
}

DurationFigures LogHistogram::Sum::figures(std::uint64_t instant) const
{
    std::uint64_t seen = 0;
    for (const std::uint64_t n : buckets)
        seen += n;
    const auto percentile = [&](double share) {
        // The smallest duration that at least this share does not exceed.
        auto rank =
            static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(seen + instant)));
        if (rank <= instant)
            return Duration{};
        rank -= instant;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            if (rank <= buckets[i])
                return between(Ticks{0}, Ticks{static_cast<std::int64_t>(middle_of(i))});
            rank -= buckets[i];
        }
        return Duration{};
    };
    DurationFigures figures;
    figures.count = count + instant;
    figures.total = between(Ticks{0}, Ticks{static_cast<std::int64_t>(total)});
    if (seen + instant > 0) {
        figures.p50 = percentile(0.50);
        figures.p99 = percentile(0.99);
    }
    return figures;
}

} // namespace poolscope
