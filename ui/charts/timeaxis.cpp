// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/timeaxis.h"

#include <QDateTime>

#include <algorithm>
#include <array>
#include <cmath>

namespace poolscope {

namespace {

QDateTime zoned(Timestamp instant, bool utc)
{
    const qint64 ms =
        std::chrono::floor<std::chrono::milliseconds>(instant).time_since_epoch().count();
    return QDateTime::fromMSecsSinceEpoch(ms, utc ? Qt::UTC : Qt::LocalTime);
}

} // namespace

QString clockText(Timestamp instant, bool utc, bool thousandths)
{
    return zoned(instant, utc)
        .toString(thousandths ? QStringLiteral("HH:mm:ss.zzz") : QStringLiteral("HH:mm:ss"));
}

QString clockText(Timestamp instant, bool utc, Timestamp today)
{
    const QDateTime then = zoned(instant, utc);
    return then.toString(then.date() == zoned(today, utc).date()
                             ? QStringLiteral("HH:mm:ss")
                             : QStringLiteral("yyyy-MM-dd HH:mm:ss"));
}

std::vector<TimeTick> timeTicks(Timestamp from, Timestamp to, double width, double room, bool utc)
{
    static constexpr std::array<std::int64_t, 24> steps = {
        1,    2,    5,    10,    15,    30,    60,    120,    180,    300,     600,     900,
        1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 7776000, 31536000};
    std::vector<TimeTick> ticks;
    const double seconds = static_cast<double>(to_us(to - from)) / 1e6;
    if (seconds <= 0 || width <= 0)
        return ticks;
    const double least = seconds * room / width;
    const auto found = std::find_if(steps.begin(), steps.end(), [&](std::int64_t s) {
        return static_cast<double>(s) >= least;
    });
    const std::int64_t step = found == steps.end() ? steps.back() : *found;

    // Round in that zone: the offset of the range's start is close enough over its length.
    const std::int64_t offset = zoned(from, utc).offsetFromUtc();
    const std::int64_t start = to_us(from) / 1'000'000 + offset;
    const QString format = step >= 86400 ? QStringLiteral("MM-dd")
                           : step >= 60  ? QStringLiteral("HH:mm")
                                         : QStringLiteral("HH:mm:ss");
    for (std::int64_t s = (start / step) * step; ticks.size() < 200; s += step) {
        const Timestamp at = timestamp_from_us((s - offset) * 1'000'000);
        if (at > to)
            break;
        if (at >= from)
            ticks.push_back({at, zoned(at, utc).toString(format)});
    }
    return ticks;
}

QString durationText(Duration duration)
{
    return duration < std::chrono::microseconds(50)
               ? QStringLiteral("<0.1 ms")
               : QString::fromStdString(format_duration_cell(duration));
}

double valueStep(double most)
{
    if (most <= 4)
        return 1;
    const double raw = most / 4;
    const double power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
        const double step = factor * power;
        if (step >= raw * 0.999 && step == std::floor(step))
            return step;
    }
    return 10 * power;
}

} // namespace poolscope
