// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <QSettings>
#include <QString>

#include <cstdint>

namespace poolscope {

/// How much of a recording that is not saved is kept: the last so many hours, and at most so much.
struct RingLimits
{
    static constexpr int mostHours = 24 * 31;
    static constexpr double leastGigabytes = 0.1;
    static constexpr double mostGigabytes = 1000;

    int hours = 24;
    double gigabytes = 2; ///< of a thousand million bytes

    Duration keepFor() const { return std::chrono::hours{hours}; }
    std::uint64_t keepBytes() const { return static_cast<std::uint64_t>(gigabytes * 1e9); }
    /// "the last 24 h, at most 2.0 GB"
    QString words() const;

    /// From "recording/hours" and "recording/gigabytes"; what is no such number is the default.
    static RingLimits read(const QSettings& settings);
    void write(QSettings& settings) const;
};

} // namespace poolscope
