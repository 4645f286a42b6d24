// SPDX-License-Identifier: GPL-3.0-or-later
// One cycle: acquire and release of a connection that does nothing, from a call depth of 20, pool
// of 10. Beside it the limit: the same slots with a bare compare-and-swap, without and with a time
// stamp and a walk over the frames. All in turns in one run, the best of several rounds each, so
// that the ratios hold on a busy machine too.
#include "core/stack/stacktable.h"
#include "tests/bench/cyclebench.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

using namespace poolscope;
using namespace poolscope::bench;

namespace {

/// What no pool can undercut: ten slots, each thread's own last one first.
struct BareSlots
{
    struct alignas(64) Slot
    {
        std::atomic<std::uint32_t> used{0};
        std::int64_t stamp = 0;
        std::array<std::atomic<std::uintptr_t>, max_stack_depth> frames{};
    };
    std::array<Slot, 10> slots{};

    Slot& take()
    {
        static thread_local std::size_t last = 0;
        for (;;) {
            for (std::size_t i = 0; i < slots.size(); ++i) {
                const std::size_t at = (last + i) % slots.size();
                std::uint32_t free = 0;
                if (slots[at].used.load(std::memory_order_relaxed) == 0 &&
                    slots[at].used.compare_exchange_strong(free, 1, std::memory_order_acquire)) {
                    last = at;
                    return slots[at];
                }
            }
        }
    }
};

/// The cheapest inspector: it looks at each event, and counts without a locked instruction (so not
/// exactly, with several threads).
struct CountingSink final : EventSink
{
    void take(const PoolEvent& event) noexcept override
    {
        const std::uint64_t more = event.stack.value != 0 ? 1 : 0;
        stacks.store(stacks.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    std::atomic<std::uint64_t> stacks{0};
};

struct Line
{
    const char* name;
    std::array<double, 3> best{1e9, 1e9, 1e9};
};

} // namespace

int main(int argc, char** argv)
{
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::strcmp(argv[i], "--cycles") == 0)
            cycles = std::strtoull(argv[i + 1], nullptr, 10);
    }
    BareSlots bare;
    ConnectionPool<Nothing> off(config_of(false), NothingFactory{});
    ConnectionPool<Nothing> on(config_of(true), NothingFactory{});
    PoolConfig limited = config_of(true);
    limited.max_per_user = 10;
    ConnectionPool<Nothing> per_user(limited, NothingFactory{});
    ConnectionPool<Nothing> watched(config_of(true), NothingFactory{});
    CountingSink sink;
    watched.control().set_sink(&sink);
    // As with an inspector of today: it is told in sums of what comes back at once.
    ConnectionPool<Nothing> summed(config_of(true), NothingFactory{});
    CountingSink quiet;
    summed.control().set_sink(&quiet);
    summed.control().sum_brief(true);

    const auto bare_cycle = [&bare] {
        BareSlots::Slot& slot = bare.take();
        asm volatile("" ::"r"(&slot) : "memory");
        slot.used.store(0, std::memory_order_release);
    };
    const auto bare_tracked = [&bare] {
        BareSlots::Slot& slot = bare.take();
        slot.stamp = now_ticks().value;
        capture_stack(__builtin_frame_address(0), slot.frames, CaptureMethod::frame_pointers);
        slot.used.store(0, std::memory_order_release);
    };
    // Nothing that a thread remembers of its last acquire helps it to find its user.
    const auto in_turn = [&on, next = std::size_t{0}]() mutable {
        constexpr std::array<std::string_view, 4> users{"orders", "billing", "search", "mail"};
        auto guard = on.acquire(users[next++ % users.size()]);
        if (!guard)
            std::abort();
    };
    std::array<Line, 8> lines{{{"limit: slots with CAS"},
                               {"limit: + stamp + 20 frames"},
                               {"pool, tracking off"},
                               {"pool, tracking on"},
                               {"pool, tracking on, max_per_user"},
                               {"pool, tracking on, told one by one"},
                               {"pool, tracking on, told in sums"},
                               {"pool, tracking on, users in turn"}}};
    constexpr std::array<int, 3> threads{1, 2, 8};
    for (int round = 0; round < 9; ++round) {
        for (std::size_t t = 0; t < threads.size(); ++t) {
            const std::array<double, 8> ns{
                measure(threads[t], bare_cycle),         measure(threads[t], bare_tracked),
                measure(threads[t], cycle_of(off)),      measure(threads[t], cycle_of(on)),
                measure(threads[t], cycle_of(per_user)), measure(threads[t], cycle_of(watched)),
                measure(threads[t], cycle_of(summed)),   measure(threads[t], in_turn)};
            for (std::size_t i = 0; i < ns.size(); ++i)
                lines[i].best[t] = std::min(lines[i].best[t], ns[i]);
        }
    }
    std::printf("%-36s %10s %10s %10s   ratio to its limit\n", "ns a cycle", "1 thread", "2", "8");
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Line& limit = lines[i < 2 ? i : i == 2 ? 0 : 1];
        std::printf("%-36s %10.1f %10.1f %10.1f   %.2f / %.2f / %.2f\n", lines[i].name,
                    lines[i].best[0], lines[i].best[1], lines[i].best[2],
                    lines[i].best[0] / limit.best[0], lines[i].best[1] / limit.best[1],
                    lines[i].best[2] / limit.best[2]);
    }
    std::printf("tracking adds %.1f / %.1f / %.1f ns\n", lines[3].best[0] - lines[2].best[0],
                lines[3].best[1] - lines[2].best[1], lines[3].best[2] - lines[2].best[2]);
    for (const auto& [name, pool] : {std::pair{"one by one", &watched}, {"in sums", &summed}}) {
        std::printf("told %s / not watched:", name);
        for (const int count : threads)
            std::printf(" %.3f", ratio(count, cycle_of(*pool), cycle_of(on)));
        std::printf(" (median of %d pairs of rounds)\n", pairs_of_rounds);
    }
    std::uint64_t told = 0;
    for (const BriefUses& uses : summed.control().take_brief())
        told += uses.count;
    std::printf("told in sums %llu of %llu\n", static_cast<unsigned long long>(told),
                static_cast<unsigned long long>(summed.stats().acquired));
    summed.control().set_sink(nullptr);
    const PoolFigures figures = on.control().figures();
    std::printf("use time p50 %lld us of %llu uses; stacks known %u; events with a stack %llu\n",
                static_cast<long long>(figures.use_time->p50.count()),
                static_cast<unsigned long long>(figures.use_time->count),
                StackTable::process().size(), static_cast<unsigned long long>(sink.stacks.load()));
    watched.control().set_sink(nullptr);
    return 0;
}
