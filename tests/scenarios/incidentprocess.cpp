// SPDX-License-Identifier: GPL-3.0-or-later
// An application in trouble: a pool on PostgreSQL, an agent, and workers that use it. Calm until it
// is told of a fault, by a line with its name on standard input, which ends it when it ends.
//
//     incidentprocess CONNINFO POOL_SIZE WORKERS
//
// Listens where POOLSCOPE_LISTEN says, and says so: "listens URL".
#include "core/agent/agent.h"
#include "core/pool/connectionpool.h"
#include "core/pool/postgresconnection.h"

#include <libpq-fe.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace poolscope;
using namespace std::chrono_literals;
using Pool = ConnectionPool<PostgresConnection>;
using Guard = Pool::Guard;

enum class Fault : std::uint8_t { none, leak, lock, slow, idle, spike, full, busy };

std::atomic<Fault> fault{Fault::none};
std::atomic<bool> ending{false};

void run(PostgresConnection& connection, const char* sql)
{
    PQclear(PQexec(connection.native(), sql));
}

void rest(std::chrono::milliseconds time)
{
    for (auto left = time; left > 0ms && !ending; left -= 10ms)
        std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(left, 10ms));
}

/// What is never given back.
struct Forgotten
{
    std::mutex mutex;
    std::vector<Guard> guards;
};

[[gnu::noinline]] void serve(Pool& pool, const char* sql)
{
    auto guard = pool.acquire("serve");
    if (guard)
        run(*guard.value(), sql);
    asm volatile(""); // no tail call
}

[[gnu::noinline]] void place_order(Pool& pool, Forgotten& forgotten)
{
    auto guard = pool.acquire("order"); // line: leak
    if (!guard)
        return;
    run(*guard.value(), "SELECT 1");
    const std::lock_guard lock(forgotten.mutex);
    forgotten.guards.push_back(std::move(guard).value());
}

[[gnu::noinline]] void send_mail(Pool& pool)
{
    auto guard = pool.acquire("mail"); // line: idle
    if (!guard)
        return;
    run(*guard.value(), "SELECT 1");
    rest(4s);
    asm volatile("");
}

void work(Pool& pool, Forgotten& forgotten, int number)
{
    for (int turn = 0; !ending; ++turn) {
        switch (fault.load()) {
        case Fault::leak:
            if (number == 0 && turn % 8 == 0)
                place_order(pool, forgotten);
            serve(pool, "SELECT pg_sleep(0.02)");
            rest(200ms);
            break;
        case Fault::lock:
            serve(pool, "UPDATE stock SET n = n - 1 WHERE id = 1");
            break;
        case Fault::slow:
            serve(pool, "SELECT count(*) FROM stock, pg_sleep(6)");
            break;
        case Fault::idle:
            send_mail(pool);
            break;
        case Fault::busy:
            serve(pool, "SELECT pg_sleep(0.05)");
            break;
        case Fault::full:
            // Each wants one for a while, so that the pool has to grow.
            serve(pool, "SELECT pg_sleep(1)");
            break;
        default:
            serve(pool, "SELECT pg_sleep(0.02)");
            rest(200ms);
            break;
        }
    }
}

/// The same as the calm work, without a rest between.
void spike(Pool& pool)
{
    while (!ending)
        serve(pool, "SELECT pg_sleep(0.02)");
}

Fault fault_named(std::string_view name)
{
    constexpr std::array<std::string_view, 8> names{"none", "leak",  "lock", "slow",
                                                    "idle", "spike", "full", "busy"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names.at(i) == name)
            return static_cast<Fault>(i);
    }
    return Fault::none;
}

int number_of(const char* text)
{
    const std::string_view view = text;
    int value = 0;
    std::from_chars(view.data(), view.data() + view.size(), value);
    return value;
}

int live(const char* conninfo, int size, int workers)
{
    PostgresFactory factory(conninfo);
    PoolConfig config;
    config.name = "shop";
    config.database = factory.address();
    config.max_connections = static_cast<std::uint32_t>(size);
    AgentOptions options;
    options.name = "shop-api";
    options.stats_every = 500ms;
    auto agent = Agent::start(std::move(options));
    if (!agent) {
        std::cerr << agent.error().sentence << std::endl;
        return 2;
    }
    Pool pool(config, std::move(factory));
    agent.value()->add(pool.control());
    Forgotten forgotten;
    std::vector<std::thread> threads;
    for (int i = 0; i < workers; ++i)
        threads.emplace_back([&, i] { work(pool, forgotten, i); });
    std::cout << "listens " << agent.value()->address() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        const Fault told = fault_named(line);
        if (told == Fault::spike || told == Fault::full) {
            for (int i = 0; i < 4 * size; ++i)
                threads.emplace_back([&] { spike(pool); });
        }
        fault = told;
        std::cout << "done " << line << std::endl;
    }
    ending = true;
    for (std::thread& thread : threads)
        thread.join();
    agent.value()->remove(pool.control());
    forgotten.guards.clear();
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 4)
        return 1;
    return live(argv[1], number_of(argv[2]), number_of(argv[3]));
}
