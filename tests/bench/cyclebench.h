// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/pool/connectionpool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include <time.h>

/// One cycle: acquire and release of a connection that does nothing, from a call depth of 20.
namespace poolscope::bench {

struct Nothing
{};
struct NothingFactory
{
    Result<Nothing> open() { return Nothing{}; }
    bool validate(Nothing&) { return true; }
    bool reset(Nothing&) { return true; }
    void close(Nothing&) {}
};

inline std::uint64_t cycles = 2'000'000;

/// Runs `cycle` below 20 frames.
template <class Cycle>
__attribute__((noinline)) void at_depth(int depth, std::uint64_t count, Cycle& cycle)
{
    if (depth > 1) {
        at_depth(depth - 1, count, cycle);
        asm volatile("" ::: "memory"); // no tail call
        return;
    }
    for (std::uint64_t i = 0; i < count; ++i)
        cycle();
    asm volatile("" ::: "memory");
}

inline double thread_ns()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// ns a cycle: the threads' processor time, shared by the cores they can have. On an idle machine
/// that is the wall time; on a busy one it leaves out what others took.
template <class Cycle>
double measure(int threads, Cycle cycle)
{
    std::latch ready(threads);
    std::atomic<double> sum{0};
    const std::uint64_t each = cycles / static_cast<std::uint64_t>(threads);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&] {
            Cycle mine = cycle;
            at_depth(17, each / 100 + 1, mine);
            ready.arrive_and_wait();
            const double from = thread_ns();
            at_depth(17, each, mine); // and the thread's own frames
            sum.fetch_add(thread_ns() - from);
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    const int cores = std::min(threads, static_cast<int>(std::thread::hardware_concurrency()));
    return sum.load() / static_cast<double>(each * static_cast<std::uint64_t>(threads)) / cores;
}

constexpr int pairs_of_rounds = 101;

/// Of two cycles, in many short rounds, in turns and in both orders: the median of the ratios.
template <class A, class B>
double ratio(int threads, A a, B b)
{
    const std::uint64_t before = std::exchange(cycles, cycles / 10);
    std::vector<double> ratios;
    for (int round = 0; round < pairs_of_rounds; ++round) {
        const bool a_first = round % 2 == 0;
        const double early = a_first ? measure(threads, a) : 0;
        const double second = measure(threads, b);
        ratios.push_back((a_first ? early : measure(threads, a)) / second);
    }
    cycles = before;
    std::sort(ratios.begin(), ratios.end());
    return ratios[ratios.size() / 2];
}

inline PoolConfig config_of(bool tracking)
{
    PoolConfig config;
    config.max_connections = 10;
    config.leak_detection = tracking;
    config.stack_capture = tracking ? StackCapture::always : StackCapture::off;
    return config;
}

inline auto cycle_of(ConnectionPool<Nothing>& pool)
{
    return [&pool] {
        auto guard = pool.acquire("bench");
        if (!guard)
            std::abort();
    };
}

} // namespace poolscope::bench
