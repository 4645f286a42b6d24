// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/series.h"

namespace poolscope {

PoolPoint pool_point(const Pool& pool, Timestamp time, bool gap_before)
{
    PoolPoint point;
    point.time = time;
    point.used = pool.used;
    point.idle = pool.idle;
    point.pending = pool.pending;
    point.max = pool.max;
    point.timeouts = pool.timeouts;
    point.wait_time = pool.wait_time;
    point.use_time = pool.use_time;
    point.gap_before = gap_before;
    return point;
}

} // namespace poolscope
