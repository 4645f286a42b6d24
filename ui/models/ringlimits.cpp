// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/ringlimits.h"

#include "ui/models/translate.h"

#include <algorithm>

namespace poolscope {

namespace {

const QString hoursKey = QStringLiteral("recording/hours");
const QString gigabytesKey = QStringLiteral("recording/gigabytes");

} // namespace

QString RingLimits::words() const
{
    return tr("the last %1 h, at most %2 GB").arg(hours).arg(gigabytes, 0, 'f', 1);
}

RingLimits RingLimits::read(const QSettings& settings)
{
    RingLimits limits;
    bool number = false;
    if (const int hours = settings.value(hoursKey).toInt(&number); number && hours > 0)
        limits.hours = std::min(hours, mostHours);
    if (const double size = settings.value(gigabytesKey).toDouble(&number); number && size > 0)
        limits.gigabytes = std::clamp(size, leastGigabytes, mostGigabytes);
    return limits;
}

void RingLimits::write(QSettings& settings) const
{
    settings.setValue(hoursKey, hours);
    settings.setValue(gigabytesKey, gigabytes);
}

} // namespace poolscope
