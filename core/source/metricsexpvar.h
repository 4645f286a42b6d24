// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/model/pool.h"

#include <string>
#include <vector>

namespace poolscope {

/// What a page of Go's expvar (/debug/vars) tells of pools.
struct ExpvarPage
{
    /// One for each sql.DBStats, named by where it stands ("db.orders"); ascending by name.
    std::vector<Pool> pools;
    std::vector<std::string> others; ///< a few of its other variables
    std::size_t variables = 0;       ///< at the top
    bool over_limit = false;         ///< more than 10,000 pools: the others are left out
};

/// Finds every object that has the fields of Go's sql.DBStats, at most 8 levels deep. An error
/// where it is no JSON object.
Result<ExpvarPage> read_expvar(const std::string& json);

} // namespace poolscope
