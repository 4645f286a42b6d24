// SPDX-License-Identifier: GPL-3.0-or-later
// What an event costs the application's thread: with nobody attached, and with an inspector that
// keeps up. In bursts that fit the ring, as a full ring is cheaper than a working one.
#include "core/agent/agent.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace poolscope;

namespace {

/// The cheapest pool there can be: it only says what happens.
class BarePool final : public PoolControl
{
public:
    PoolDescription description() const override { return {"bare", "bench", "", {}, {}}; }
    PoolFigures figures() const override { return {}; }
    void set_sink(EventSink* sink) override { sink_.store(sink); }
    PoolPicture picture() const override { return {}; }
    Frames frames(StackId /*stack*/) const override { return {{"f", "f.cpp", 1, true}}; }
    Result<Done> reclaim(CheckoutId /*checkout*/) override { return Error{"no", ""}; }

    void pair(std::uint64_t id) noexcept
    {
        EventSink* const sink = sink_.load(std::memory_order_acquire);
        if (sink == nullptr)
            return;
        PoolEvent event;
        event.kind = PoolEventKind::checkout;
        event.time = now_ticks();
        event.checkout = CheckoutId{id};
        event.connection = ConnectionId{3};
        event.stack = StackId{1};
        event.acquired_by = "worker";
        event.thread = 77;
        sink->take(event);
        PoolEvent back;
        back.kind = PoolEventKind::checkin;
        back.time = event.time;
        back.checkout = event.checkout;
        back.connection = event.connection;
        sink->take(back);
    }

private:
    std::atomic<EventSink*> sink_{nullptr};
};

/// Reads and forgets, until the agent closes.
void read_all(const std::string& path)
{
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), std::min(path.size(), sizeof name.sun_path - 1));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
        std::vector<char> bytes(1U << 18U);
        while (read(fd, bytes.data(), bytes.size()) > 0) {
        }
    }
    close(fd);
}

/// Nanoseconds an event, the median of the bursts.
double cost(BarePool& pool, const Agent& agent, bool attached, unsigned threads)
{
    constexpr std::uint64_t pairs = 4000;
    std::vector<double> bursts;
    for (int burst = 0; burst < 100; ++burst) {
        const std::uint64_t before = agent.figures().events;
        std::vector<std::thread> others;
        std::vector<double> times(threads);
        for (unsigned t = 0; t < threads; ++t) {
            others.emplace_back([&, t] {
                const auto from = std::chrono::steady_clock::now();
                for (std::uint64_t i = 1; i <= pairs / threads; ++i)
                    pool.pair(i);
                const std::chrono::duration<double, std::nano> took =
                    std::chrono::steady_clock::now() - from;
                times[t] = took.count() / static_cast<double>(2 * (pairs / threads));
            });
        }
        for (std::thread& other : others)
            other.join();
        bursts.push_back(*std::max_element(times.begin(), times.end()));
        while (attached && agent.figures().events < before + 2 * (pairs / threads) * threads)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::sort(bursts.begin(), bursts.end());
    return bursts[bursts.size() / 2];
}

} // namespace

int main()
{
    AgentOptions options;
    options.name = "bench";
    auto started = Agent::start(options);
    if (!started) {
        std::printf("%s\n", started.error().sentence.c_str());
        return EXIT_FAILURE;
    }
    std::unique_ptr<Agent> agent = std::move(started).value();
    BarePool pool;
    agent->add(pool);
    for (const unsigned threads : {1U, 2U})
        std::printf("emit, nobody attached, %u threads   %7.2f ns an event\n", threads,
                    cost(pool, *agent, false, threads));
    std::thread inspector(read_all, agent->address().substr(std::strlen("pool+unix://")));
    while (agent->figures().pictures == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (const unsigned threads : {1U, 2U})
        std::printf("emit, an inspector, %u threads      %7.2f ns an event\n", threads,
                    cost(pool, *agent, true, threads));
    const AgentFigures figures = agent->figures();
    std::printf("%llu events, %llu dropped\n", static_cast<unsigned long long>(figures.events),
                static_cast<unsigned long long>(figures.dropped));
    agent->remove(pool);
    agent.reset();
    inspector.join();
    return EXIT_SUCCESS;
}
