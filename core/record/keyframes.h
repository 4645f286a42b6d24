// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"
#include "core/record/poollookup.h"
#include "core/record/rows.h"

#include <optional>

namespace poolscope::record {

/// The world of a keyframe, put together from what its rows say and refer to. `pools` is null for a
/// recording of version 1. Throws Damaged.
World read_keyframe(SQLite::Database& database, Lookup& lookup, PoolLookup* pools,
                    std::int64_t sequence);

/// Sequence numbers between which everything of a range of time lies: from a keyframe to a
/// keyframe, because samples are not indexed by time. Both ends included.
struct SequenceRange
{
    std::int64_t first = 0;
    std::int64_t last = 0;
};
SequenceRange sequence_range(SQLite::Database& database, Timestamp from, Timestamp to);

} // namespace poolscope::record
