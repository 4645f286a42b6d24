// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/ticks.h"
#include "core/pool/poolconfig.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace poolscope {

enum class CircuitState : std::uint8_t { closed, open, half_open };
std::string_view name_of(CircuitState state);

/// Keeps an application from hammering a database that refuses: after too many failures it lets
/// nothing through for a while, then a few probes, then everything again. Thread-safe.
class CircuitBreaker
{
public:
    /// Durations above longest_setting count as it.
    explicit CircuitBreaker(const CircuitBreakerConfig& config);

    /// Whether a call may be made now. Whoever is let through reports how it went, exactly once.
    bool allow(Ticks now);
    void succeeded(Ticks now);
    void failed(Ticks now);
    /// The call was not made after all.
    void forgotten();

    CircuitState state(Ticks now) const;
    /// How long nothing will be let through for certain; 0: it is closed, or half-open.
    Duration refuses_for(Ticks now) const;
    /// Share of the calls in the window that failed; 0 with none.
    double failure_rate(Ticks now) const;
    std::uint64_t times_opened() const;

private:
    /// The window is counted in tenths.
    static constexpr std::size_t parts = 10;
    struct Part
    {
        std::int64_t number = -1; ///< of the tenth that this counts
        std::uint32_t calls = 0;
        std::uint32_t failures = 0;
    };
    struct Sum
    {
        std::uint32_t calls = 0;
        std::uint32_t failures = 0;
    };

    Part& part_at(Ticks now);
    Sum sum_at(Ticks now) const;
    std::int64_t number_at(Ticks now) const;
    CircuitState state_at(Ticks now) const;
    void open(Ticks now);

    const CircuitBreakerConfig config_;
    const Duration open_for_;
    const std::int64_t part_ticks_;
    mutable std::mutex mutex_;
    std::array<Part, parts> window_;
    bool tripped_ = false; ///< open or half-open
    Ticks opened_;
    std::uint32_t probing_ = 0;   ///< probes under way
    std::uint32_t succeeded_ = 0; ///< probes that went well
    std::uint64_t times_opened_ = 0;
};

} // namespace poolscope
