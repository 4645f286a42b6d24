// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/report/markup.h"
#include "core/report/report.h"

#include <string>
#include <vector>

namespace poolscope::report {

/// What the charts of one incident share: the axis of time, and where nothing was seen.
struct Axis
{
    const Calendar& calendar;
    Timestamp from;
    Timestamp to;
    Timestamp moment;
    const std::vector<Period>* periods = nullptr;
    int number = 0; ///< of the chart in the document
};

/// A server's sessions by state, stacked, against what it takes at the most.
std::string sessions_chart(const SessionCounts& counts, const std::string& name, const Axis& axis);
/// A pool's connections in use, those who wait on top of them, and its maximum.
std::string pool_chart(const PoolCounts& counts, const std::string& name, const Axis& axis);
/// Diagnoses, alerts and gaps as bars, what happened as marks over them.
std::string timeline_chart(const Incident& incident, const Axis& axis);

/// The glyph of a severity, so that no colour says anything alone.
std::string glyph(Weight weight);

} // namespace poolscope::report
