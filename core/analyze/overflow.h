// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include "core/model/pool.h"

#include <cstdint>
#include <optional>

namespace poolscope {

/// Connections beyond those that a pool keeps: SQLAlchemy's, which closes them when they come back.
struct Overflow
{
    std::int64_t open = 0;
    std::optional<std::int64_t> most; ///< null: as many as are asked for (max_overflow = -1)
    friend bool operator==(const Overflow&, const Overflow&) = default;
};

/// Of what the pool reports: its connections less pool_size, never below 0. (QueuePool.overflow()
/// counts one more for each that was invalidated and is not yet given back.) Null for other pools,
/// where size or connections are not reported, and where pool_size is 0, which to SQLAlchemy means
/// no bound.
std::optional<Overflow> overflow_of(const Pool& pool);

} // namespace poolscope
