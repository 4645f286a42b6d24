// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <QString>

#include <vector>

namespace poolscope {

/// "14:28:40", with thousandths "14:28:40.412".
QString clockText(Timestamp instant, bool utc, bool thousandths = false);
/// With the date before it where it is not the day of `today`.
QString clockText(Timestamp instant, bool utc, Timestamp today);

struct TimeTick
{
    Timestamp at;
    QString label;
};

/// Round instants of that time zone within the range, at least `room` px apart on `width` px.
std::vector<TimeTick> timeTicks(Timestamp from, Timestamp to, double width, double room, bool utc);

/// "4.2 s", "38.0 ms"; what was measured but is shorter than can be written so is "<0.1 ms".
QString durationText(Duration duration);

/// Steps from 0 that give four or five lines up to `most` or just below it.
double valueStep(double most);

} // namespace poolscope
