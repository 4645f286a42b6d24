// SPDX-License-Identifier: GPL-3.0-or-later
// bakery CONNINFO: leaks one connection, says where it can be looked into and when it leaked (in
// microseconds since the epoch), and goes on until standard input ends.
#include "orders.h"

#include <core/agent/agent.h>

#include <chrono>
#include <cstdio>

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    poolscope::PoolConfig config;
    config.name = "bakery";
    config.max_connections = 3;
    poolscope::PostgresFactory factory{argv[1]};
    config.database = factory.address();
    bakery::Pool pool(config, factory);
    auto agent = poolscope::Agent::start({});
    if (!agent) {
        std::fprintf(stderr, "%s\n", agent.error().sentence.c_str());
        return 1;
    }
    agent.value()->add(pool.control());
    {
        bakery::Orders orders(pool);
        if (!orders.take("bread", false) || !orders.take("cake", true))
            return 1;
        const std::chrono::microseconds now = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::system_clock::now().time_since_epoch());
        std::printf("%s %lld\n", agent.value()->address().c_str(),
                    static_cast<long long>(now.count()));
        std::fflush(stdout);
        while (std::getchar() != EOF) {
        }
    }
    agent.value()->remove(pool.control());
    return 0;
}
