// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/leak/judgement.h"
#include "core/stack/capture.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace poolscope {

/// When the acquire stack is taken.
enum class StackCapture : std::uint8_t {
    off,
    sampled,         ///< one acquire in `sample_every`, per thread
    always,          ///< about 1 ns a frame with frame pointers
    near_exhaustion, ///< while at least 80 % of max_connections are checked out
};

/// The longest that any setting or option may be: 10 years. For "never" a setting has 0 or a
/// switch.
inline constexpr Duration longest_setting = std::chrono::hours{24 * 3650};

/// When to stop trying to open connections, and when to try again. While it is open an acquire
/// waits for what is lent; it is refused at once where nothing is.
struct CircuitBreakerConfig
{
    bool enabled = true;
    double failure_rate = 0.5;                   ///< opens it at this share of the window; (0, 1]
    std::uint32_t minimum_calls = 5;             ///< in the window, before it may open; >= 1
    Duration window = std::chrono::seconds{30};  ///< > 0
    Duration open_for = std::chrono::seconds{5}; ///< then half-open; > 0
    std::uint32_t probes = 2;                    ///< that must succeed to close it; >= 1
};

/// Durations of 0 mean "never", except where a line says otherwise; none is above longest_setting.
struct PoolConfig
{
    std::string name = "pool"; ///< for people: logs, the inspector
    /// Where the connections lead: "postgresql://db1:5432/shop". An inspector is told what
    /// database_address() leaves of it: no user, no password, no parameter.
    std::string database;

    std::uint32_t max_connections = 10; ///< 1 to 100,000
    /// Checked out at once, and added, by one user; 0: no limit. Users whose names are alike in the
    /// first 128 bytes are one; beyond 65,536 names the rest have no limit.
    std::uint32_t max_per_user = 0;
    std::uint32_t min_idle = 0; ///< kept open in the background
    /// > 0. Bounds the waiting, not the opening: an acquire that opens or replaces a connection
    /// runs Factory::open on its own thread, for as long as that takes; only where that fails does
    /// it look for one that came back meanwhile. Bound the open, too (libpq: connect_timeout).
    Duration acquire_timeout = std::chrono::seconds{30};
    /// An idle connection is closed after this, down to min_idle. By automatic cleanup alone.
    Duration idle_timeout = std::chrono::seconds{300};
    /// A connection older than this is not lent again, but replaced.
    Duration max_connection_age = std::chrono::seconds{3600};
    bool validation_on_acquire = false;

    // Off until asked for: observe first. The presets switch all three on.
    bool health_check = false;
    Duration health_check_interval = std::chrono::seconds{60};
    bool leak_detection = false;
    Duration leak_threshold = std::chrono::seconds{30};
    Duration leak_critical_threshold = std::chrono::seconds{300};
    /// Closes idle connections that are too old, idle for too long, or unhealthy; never one that is
    /// checked out.
    bool automatic_cleanup = false;
    Duration cleanup_interval = std::chrono::seconds{60};

    StackCapture stack_capture = StackCapture::always;
    std::uint32_t sample_every = 16; ///< for StackCapture::sampled: on average; >= 1
    CaptureMethod capture_method = CaptureMethod::automatic;
    CircuitBreakerConfig circuit;

    static PoolConfig development();
    static PoolConfig staging();
    static PoolConfig production();

    /// All contradictions at once, one a line; an error names each setting by its name here.
    Result<Done> validate() const;
    /// Names and values, for the inspector.
    std::vector<std::pair<std::string, std::string>> values() const;
    LeakThresholds leak_thresholds() const { return {leak_threshold, leak_critical_threshold}; }
};

std::string_view name_of(StackCapture capture);

} // namespace poolscope
