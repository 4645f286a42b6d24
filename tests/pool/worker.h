// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/pool/testfactory.h"

#include <atomic>
#include <chrono>
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

/// Whoever opens a connection stands still until it is let go; after 20 s without it, so that a
/// test that fails in between ends.
class HeldOpen
{
public:
    explicit HeldOpen(Backend& backend)
    {
        backend.while_opening = [this] {
            opener_ = std::this_thread::get_id();
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
            while (!let_go_ && std::chrono::steady_clock::now() < end)
                std::this_thread::yield();
        };
    }
    void let_go() { let_go_ = true; }
    /// The thread that stands there, or stood there last.
    std::thread::id opener() const { return opener_; }

private:
    std::atomic<bool> let_go_{false};
    std::atomic<std::thread::id> opener_{};
};

} // namespace poolscope::test
