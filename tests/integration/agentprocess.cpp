// SPDX-License-Identifier: GPL-3.0-or-later
// A process as Poolscope attaches to: a pool on SQLite and an agent, ordered about by lines on its
// standard input, which ends it when it ends. Listens where POOLSCOPE_LISTEN says.
//
//     agentprocess [--reclaim] [--ring BYTES] [--huge COUNT]
//
// `keep N` lends N for good, `drop` takes one back, `burst N` lends and takes back N times, `die`
// ends it with an error. Each is answered by a line.
#include "core/agent/agent.h"
#include "core/pool/connectionpool.h"
#include "core/pool/sqliteconnection.h"

#include <charconv>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace poolscope;

/// Where a hundred thousand databases would be too much.
struct NoConnection
{};
struct NoFactory
{
    Result<NoConnection> open() { return NoConnection{}; }
    bool validate(NoConnection&) { return true; }
    bool reset(NoConnection&) { return true; }
    void close(NoConnection&) {}
};

std::size_t number(std::string_view text, std::size_t otherwise)
{
    std::size_t value = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

template <class Pool>
[[gnu::noinline]] auto keep(Pool& pool, const AcquireOptions& options)
{
    auto guard = pool.acquire(options);
    asm volatile(""); // no tail call
    return guard;
}

template <class Connection>
int obey(ConnectionPool<Connection>& pool)
{
    std::vector<PooledConnection<Connection>> kept;
    for (std::string line; std::getline(std::cin, line);) {
        const std::string_view order = std::string_view(line).substr(0, line.find(' '));
        const std::size_t count =
            number(std::string_view(line).substr(std::min(order.size() + 1, line.size())), 1);
        if (order == "keep") {
            for (std::size_t i = 0; i < count; ++i) {
                AcquireOptions options;
                options.user = "keeper";
                auto guard = keep(pool, options);
                if (!guard)
                    return 3;
                kept.push_back(std::move(guard).value());
            }
        } else if (order == "drop" && !kept.empty()) {
            kept.pop_back();
        } else if (order == "burst") {
            for (std::size_t i = 0; i < count; ++i)
                static_cast<void>(pool.acquire("burst"));
        } else if (order == "die") {
            std::cerr << "told to die\n";
            return 7;
        }
        std::cout << "done " << line << std::endl;
    }
    return 0;
}

/// So many checkouts, at once, in as many pools as that takes.
int keep_many(Agent& agent, PoolConfig config, std::size_t count)
{
    constexpr std::size_t each = 1000;
    config.max_connections = each;
    std::vector<std::unique_ptr<ConnectionPool<NoConnection>>> pools;
    std::vector<PooledConnection<NoConnection>> kept;
    while (kept.size() < count) {
        config.name = "pool-" + std::to_string(pools.size());
        pools.push_back(std::make_unique<ConnectionPool<NoConnection>>(config, NoFactory{}));
        AcquireOptions options;
        options.user = "keeper";
        for (std::size_t i = 0; i < each && kept.size() < count; ++i) {
            auto guard = keep(*pools.back(), options);
            if (!guard)
                return 3;
            kept.push_back(std::move(guard).value());
        }
        agent.add(pools.back()->control());
    }
    std::cout << "listens " << agent.address() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        // until it ends
    }
    for (const auto& pool : pools)
        agent.remove(pool->control());
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    AgentOptions options;
    options.name = "agentprocess";
    options.drain_every = std::chrono::milliseconds{5};
    options.stats_every = std::chrono::milliseconds{200};
    PoolConfig config;
    config.name = "orders";
    config.database = "sqlite:orders";
    config.max_connections = 16;
    std::size_t huge = 0;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
        if (argument == "--reclaim")
            options.allow_reclaim = true;
        else if (argument == "--ring")
            options.ring_bytes = number(value, options.ring_bytes);
        else if (argument == "--huge")
            huge = number(value, 0);
        else if (argument == "--demo-workload")
            config.name = "demo";
    }
    Result<std::unique_ptr<Agent>> agent = Agent::start(std::move(options));
    if (!agent) {
        std::cerr << agent.error().sentence << std::endl;
        return 2;
    }
    const auto run = [&](auto& pool) {
        agent.value()->add(pool.control());
        std::cout << "listens " << agent.value()->address() << std::endl;
        const int code = obey(pool);
        agent.value()->remove(pool.control());
        return code;
    };
    if (huge > 0)
        return keep_many(*agent.value(), config, huge);
    ConnectionPool<SqliteConnection> pool(config, SqliteFactory(":memory:"));
    return run(pool);
}
