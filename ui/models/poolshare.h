// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"

#include <optional>
#include <vector>

namespace poolscope {

/// 0 to 1 of its maximum; nullopt where that is not reported, or there is none.
std::optional<double> usedShare(const Pool& pool);
/// The one nearest to its limit: a sum would hide the one that is exhausted. Of pools without a
/// limit the first that tells how many are used; null where none does.
const Pool* fullestOf(const std::vector<Pool>& pools);

} // namespace poolscope
