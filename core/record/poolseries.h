// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"
#include "core/record/poollookup.h"

#include <vector>

namespace poolscope::record {

/// How much of it is wanted: in use and pending.
std::int64_t busy(const PoolPoint& point);

/// See RecordingReader::pool_series. `first_keyframe` is that of a ring, else 0.
std::vector<PoolSeries> read_pool_series(SQLite::Database& database, PoolLookup& lookup,
                                         std::int64_t first_keyframe, Timestamp from, Timestamp to,
                                         std::size_t points);

} // namespace poolscope::record
