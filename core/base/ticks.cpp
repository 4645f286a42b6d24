// SPDX-License-Identifier: Apache-2.0
#include "core/base/ticks.h"

#include "core/base/clock.h"
#include "core/base/tickkeeper.h"

#include <atomic>
#include <chrono>
#include <mutex>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace poolscope {

namespace {

std::int64_t steady_ns() noexcept
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

#if defined(__x86_64__)
/// Intel SDM volume 3, "Invariant TSC": CPUID 80000007h, EDX bit 8. Without it the counter may stop
/// or change its rate.
bool counter_is_invariant() noexcept
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(0x80000007U, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
}

std::int64_t raw_counter() noexcept
{
    return static_cast<std::int64_t>(__rdtsc());
}
#elif defined(__aarch64__)
bool counter_is_invariant() noexcept
{
    return true; // the architecture's generic timer
}

std::int64_t raw_counter() noexcept
{
    std::int64_t value = 0;
    asm volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
}
#else
bool counter_is_invariant() noexcept
{
    return false;
}

std::int64_t raw_counter() noexcept
{
    return steady_ns();
}
#endif

struct Rate
{
    bool counter = false;
    double ns_per_tick = 1.0;
};

struct Pair
{
    std::int64_t ns = 0;
    std::int64_t ticks = 0;
};

/// Both clocks at one instant. Of several readings the tightest: a thread that loses its processor
/// between the two would spoil the rate by its whole absence.
Pair read_both() noexcept
{
    Pair best;
    std::int64_t tightest = INT64_MAX;
    for (int i = 0; i < 32; ++i) {
        const std::int64_t before = steady_ns();
        const std::int64_t ticks = raw_counter();
        const std::int64_t after = steady_ns();
        if (after - before < tightest) {
            tightest = after - before;
            best = {before + (after - before) / 2, ticks};
        }
    }
    return best;
}

/// Measured against the monotonic clock over 5 ms. Each end is off by half a clock reading, about
/// 50 ns: 20 ppm in all, so an age of an hour is right to a tenth of a second.
Rate measure() noexcept
{
    if (!counter_is_invariant())
        return {};
    const Pair from = read_both();
    while (steady_ns() - from.ns < 5'000'000) {
    }
    const Pair to = read_both();
    if (to.ticks <= from.ticks)
        return {};
    return {true,
            static_cast<double>(to.ns - from.ns) / static_cast<double>(to.ticks - from.ticks)};
}

const Rate& rate() noexcept
{
    static const Rate measured = measure();
    return measured;
}

/// What the counter has lost; beside the rate in every stamp.
constinit std::atomic<std::int64_t> lost_ticks{0};
constinit std::mutex keeper_mutex;

} // namespace

Ticks now_ticks() noexcept
{
    return Ticks{rate().counter ? raw_counter() + lost_ticks.load(std::memory_order_relaxed)
                                : steady_ns()};
}

Duration between(Ticks from, Ticks to) noexcept
{
    const double ns = static_cast<double>(to.value - from.value) * rate().ns_per_tick;
    return Duration{static_cast<std::int64_t>(ns < 0 ? ns / 1000.0 - 0.5 : ns / 1000.0 + 0.5)};
}

std::int64_t ticks_in(Duration duration) noexcept
{
    return static_cast<std::int64_t>(static_cast<double>(duration.count()) * 1000.0 /
                                     rate().ns_per_tick);
}

std::int64_t TickKeeper::fallen_behind(std::int64_t ns, std::int64_t ticks) noexcept
{
    const double missing = static_cast<double>(ns - ns_) / ns_per_tick_ -
                           (static_cast<double>(ticks) - static_cast<double>(ticks_));
    const bool behind = known_ && missing * ns_per_tick_ > 1e9;
    ns_ = ns;
    ticks_ = ticks;
    known_ = true;
    return behind ? static_cast<std::int64_t>(missing) : 0;
}

void keep_ticks_going() noexcept
{
    if (!rate().counter)
        return;
    const std::lock_guard lock(keeper_mutex);
    static TickKeeper keeper(rate().ns_per_tick);
    const Pair now = read_both();
    lost_ticks.fetch_add(keeper.fallen_behind(now.ns, now.ticks), std::memory_order_relaxed);
}

TickEpoch::TickEpoch() noexcept
    : ticks_(now_ticks())
    , wall_(SystemClock().now())
{}

} // namespace poolscope
