// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/record/rows.h"

#include <optional>

namespace poolscope::record {

/// The row of an observation that is a single one and refers to nothing: all but samples and
/// reports of locks, for which there is none. `anchor` is what the time of a tick counts from.
std::optional<PlainRow> fact_row(const Observation& observation, Timestamp anchor);

} // namespace poolscope::record
