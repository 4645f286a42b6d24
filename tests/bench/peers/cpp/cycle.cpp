// SPDX-License-Identifier: GPL-3.0-or-later
// Poolscope's own pool, as compare.py runs it beside its peers; see README.md there.
#include "core/pool/connectionpool.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <time.h>

using namespace poolscope;

namespace {

struct Nothing
{};
struct NothingFactory
{
    Result<Nothing> open() { return Nothing{}; }
    bool validate(Nothing&) { return true; }
    bool reset(Nothing&) { return true; }
    void close(Nothing&) {}
};

void cycle(ConnectionPool<Nothing>& pool)
{
    auto guard = pool.acquire("bench");
    if (!guard)
        std::abort();
}

__attribute__((noinline)) void at_depth(int depth, std::uint64_t count,
                                        ConnectionPool<Nothing>& pool)
{
    if (depth > 1) {
        at_depth(depth - 1, count, pool);
        asm volatile("" ::: "memory"); // no tail call
        return;
    }
    for (std::uint64_t i = 0; i < count; ++i)
        cycle(pool);
    asm volatile("" ::: "memory");
}

std::int64_t thread_ns()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void measure(const char* name, ConnectionPool<Nothing>& pool, int threads, std::uint64_t cycles)
{
    const std::uint64_t each = cycles / static_cast<std::uint64_t>(threads);
    std::latch ready(threads + 1);
    std::atomic<std::int64_t> used{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&] {
            at_depth(17, each / 10 + 1, pool);
            ready.arrive_and_wait();
            const std::int64_t from = thread_ns();
            at_depth(17, each, pool); // and the thread's own frames
            used += thread_ns() - from;
        });
    }
    ready.arrive_and_wait();
    const auto from = std::chrono::steady_clock::now();
    for (std::thread& worker : workers)
        worker.join();
    const std::chrono::duration<double, std::nano> wall = std::chrono::steady_clock::now() - from;
    const auto all = static_cast<double>(each * static_cast<std::uint64_t>(threads));
    std::printf("result\t%s\t%d\t%.2f\t%.2f\n", name, threads, wall.count() / all,
                static_cast<double>(used.load()) / all);
}

PoolConfig config_of(bool tracking)
{
    PoolConfig config;
    config.max_connections = 10;
    config.leak_detection = tracking;
    config.stack_capture = tracking ? StackCapture::always : StackCapture::off;
    return config;
}

} // namespace

int main(int argc, char** argv)
{
    const std::uint64_t cycles = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    ConnectionPool<Nothing> off(config_of(false), NothingFactory{});
    ConnectionPool<Nothing> on(config_of(true), NothingFactory{});
    for (const int threads : {1, 2, 8}) {
        measure("Poolscope::Pool, tracking off", off, threads, cycles);
        measure("Poolscope::Pool, tracking on", on, threads, cycles);
    }
    return 0;
}
