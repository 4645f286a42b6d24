// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <compare>
#include <cstdint>

namespace poolscope {

/// An instant on the processor's own monotonic counter: the cheapest stamp there is. Comparable
/// within one process only.
struct Ticks
{
    std::int64_t value = 0;
    friend constexpr auto operator<=>(Ticks, Ticks) = default;
};

/// Now. x86-64 with an invariant time stamp counter and arm64 read the counter (about 7 ns);
/// elsewhere the monotonic clock in nanoseconds. Any thread.
Ticks now_ticks() noexcept;
/// How much time lies between two instants, rounded to microseconds; negative if `to` is earlier.
Duration between(Ticks from, Ticks to) noexcept;
/// Ticks in that much time.
std::int64_t ticks_in(Duration duration) noexcept;

/// Turns ticks into wall-clock time: the wall clock once, at its making, and monotonic time since,
/// so that a clock that is set in between moves nothing.
class TickEpoch
{
public:
    TickEpoch() noexcept;
    TickEpoch(Ticks ticks, Timestamp wall) noexcept
        : ticks_(ticks)
        , wall_(wall)
    {}
    Timestamp wall(Ticks ticks) const noexcept { return wall_ + between(ticks_, ticks); }

private:
    Ticks ticks_;
    Timestamp wall_;
};

} // namespace poolscope
