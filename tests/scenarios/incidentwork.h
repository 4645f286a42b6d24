// SPDX-License-Identifier: GPL-3.0-or-later
// The work of an application in trouble.
#pragma once

#include "core/pool/connectionpool.h"
#include "core/pool/postgresconnection.h"

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace poolscope::incident {

using Clock = std::chrono::steady_clock;

/// What the threads share.
struct Shop
{
    std::unique_ptr<ConnectionPool<PostgresConnection>> pool;
    std::string conninfo;
    bool tells_use = false;
    std::mutex mutex;
    std::vector<PooledConnection<PostgresConnection>> forgotten; ///< what is never given back
    std::vector<PGconn*> unpooled;                               ///< what is opened beside the pool
    /// ms that somebody else's service takes; 0: as long as usual
    std::atomic<int> external{0};
    /// For the page of metrics.
    std::atomic<std::int64_t> uses{0}, used_us{0};
};

/// Threads that end together.
class Crew
{
public:
    explicit Crew(Shop& shop)
        : shop_(shop)
    {}
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// "4 serve 20 200, 1 mail 3000 1000"; "-": nothing. False: not readable.
    bool add(const std::string& work);
    /// Without waiting for what hangs.
    void let_end() { ending_ = true; }

private:
    Shop& shop_;
    std::atomic<bool> ending_{false};
    std::vector<std::thread> threads_;
};

} // namespace poolscope::incident
