// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/minutes.h"

#include "core/record/buckets.h"

namespace poolscope::record {

void Minutes::count(TargetId target, Timestamp time, std::int64_t sample, std::int32_t clients,
                    bool gap_before)
{
    minute_ = to_us(time) / minute_us;
    Peak& peak = peaks_[target];
    peak.gap = peak.gap || gap_before;
    if (clients > peak.clients) {
        peak.clients = clients;
        peak.sample = sample;
    }
}

void Minutes::count_pool(TargetId target, const Text& pool, Timestamp time, std::int64_t row,
                         std::int64_t busy, bool gap_before)
{
    minute_ = to_us(time) / minute_us;
    const auto [at, added] = pool_peaks_.try_emplace({target, pool}, PoolPeak{row, busy, false});
    PoolPeak& peak = at->second;
    peak.gap = peak.gap || gap_before;
    if (!added && busy > peak.busy) {
        peak.busy = busy;
        peak.row = row;
    }
}

bool Minutes::over(Timestamp time) const
{
    return minute_ && *minute_ != to_us(time) / minute_us;
}

void Minutes::flush(SequenceNumber sequence, Pending& pending)
{
    std::size_t position = 0;
    for (const auto& [target, peak] : peaks_) {
        pending.plain.push_back({schema::Table::minute,
                                 {schema::row_id(sequence.value, position++), number_of(target),
                                  peak.sample, std::int64_t{peak.gap}}});
    }
    position = 0;
    for (const auto& [pool, peak] : pool_peaks_) {
        pending.plain.push_back({schema::Table::pool_minute,
                                 {schema::row_id(sequence.value, position++), number_of(pool.first),
                                  peak.row, std::int64_t{peak.gap}}});
    }
    peaks_.clear();
    pool_peaks_.clear();
    minute_.reset();
}

} // namespace poolscope::record
