// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/poolshare.h"

namespace poolscope {

std::optional<double> usedShare(const Pool& pool)
{
    if (!pool.used || !pool.max || *pool.max <= 0)
        return std::nullopt;
    return static_cast<double>(*pool.used) / static_cast<double>(*pool.max);
}

const Pool* fullestOf(const std::vector<Pool>& pools)
{
    const Pool* fullest = nullptr;
    for (const Pool& pool : pools) {
        if (pool.used && (!fullest || usedShare(pool) > usedShare(*fullest)))
            fullest = &pool;
    }
    return fullest;
}

} // namespace poolscope
