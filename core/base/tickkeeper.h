// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace poolscope {

/// Whether a processor's counter has gone on as the monotonic clock did. One that begins anew when
/// a machine wakes up (x86) would put every stamp from before into the future. One thread at a
/// time.
class TickKeeper
{
public:
    explicit TickKeeper(double ns_per_tick) noexcept
        : ns_per_tick_(ns_per_tick)
    {}
    /// Both clocks at one instant; by how much the counter has fallen behind since the last time, 0
    /// below a second. That it runs ahead (the monotonic clock stands still while a machine sleeps)
    /// is none.
    std::int64_t fallen_behind(std::int64_t ns, std::int64_t ticks) noexcept;

private:
    const double ns_per_tick_;
    std::int64_t ns_ = 0;
    std::int64_t ticks_ = 0;
    bool known_ = false;
};

/// Looks whether the counter behind now_ticks() has fallen behind, and makes up for it from then
/// on. Every now and then, by whoever has a thread for it; any thread.
void keep_ticks_going() noexcept;

} // namespace poolscope
