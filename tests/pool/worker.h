// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/pool/testfactory.h"

#include <atomic>
#include <string>
#include <thread>

namespace poolscope::test {

/// A thread that acquires and keeps until it is told to give back.
struct Worker
{
    Worker(FakePool& pool, std::string user)
        : thread([this, &pool, name = std::move(user)] {
            auto result = pool.acquire(name);
            if (result)
                guard = std::move(result).value();
            else
                error = result.error().sentence;
            done = true;
        })
    {}
    ~Worker() { join(); }
    void join()
    {
        if (thread.joinable())
            thread.join();
    }
    FakeGuard guard;
    std::string error;
    std::atomic<bool> done{false};
    std::thread thread;
};

} // namespace poolscope::test
