// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <optional>

namespace poolscope {

/// When holding becomes suspicious. The defaults are DESIGN section 6.
struct LeakThresholds
{
    Duration alert = std::chrono::seconds{30};     ///< > 0; Duration::max(): never
    Duration critical = std::chrono::seconds{300}; ///< >= alert; Duration::max(): never
    friend bool operator==(const LeakThresholds&, const LeakThresholds&) = default;
};

/// More than this nobody is believed to need: an expectation beyond it counts as it.
inline constexpr Duration longest_expectation = std::chrono::hours{7 * 24};

enum class LeakSeverity { none, alert, critical };

/// What is known of something held.
struct Holding
{
    Duration held{}; ///< how long, on the clock where it began
    /// The holder said it would take this long; moves the thresholds out by that much, and by
    /// longest_expectation at most. Negative: 0.
    std::optional<Duration> expected;
    /// Since the holder last said that it is alive.
    std::optional<Duration> since_heartbeat;
    /// Since a statement ran on it; 0 while one does. Null: not reported.
    std::optional<Duration> since_work;
};

/// The one judgement, used inside an application and inside the inspector: pure.
/// An expected duration delays both thresholds, a heartbeat or work younger than the alert
/// threshold keeps the severity at none: what works is busy or slow, and not lost. None of them for
/// ever: after ten critical thresholds beyond what was expected a holding is critical whatever it
/// says.
LeakSeverity judge(const Holding& holding, const LeakThresholds& thresholds);

} // namespace poolscope
