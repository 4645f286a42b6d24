// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/pool/connectionpool.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace poolscope::test {

/// What the connections of one test do and what became of them. Outlives the pool.
struct Backend
{
    std::atomic<int> opened{0};
    std::atomic<int> closed{0};
    std::atomic<int> resets{0};
    std::atomic<int> validations{0};
    std::atomic<int> interrupts{0};
    std::atomic<int> fail_opens{0}; ///< so many opens fail
    std::atomic<bool> throw_on_open{false};
    std::atomic<bool> valid{true};
    std::atomic<bool> throw_on_validate{false};
    std::atomic<bool> reset_ok{true};
    std::atomic<bool> throw_on_reset{false};
    std::atomic<bool> throw_on_close{false};
    std::function<void()> while_opening;
    std::function<void()> while_validating;
    std::function<void()> while_interrupting; ///< the pool's mutex is held
    int open_now() const { return opened - closed; }
};

struct FakeConnection
{
    int number = 0;
    std::shared_ptr<std::atomic<int>> holders = std::make_shared<std::atomic<int>>(0);
};

struct FakeFactory
{
    Backend* backend;

    Result<FakeConnection> open()
    {
        if (backend->while_opening)
            backend->while_opening();
        if (backend->throw_on_open)
            throw std::runtime_error("the network is gone");
        if (backend->fail_opens > 0) {
            --backend->fail_opens;
            return Error{"too many connections", ""};
        }
        FakeConnection connection;
        connection.number = ++backend->opened;
        return connection;
    }
    bool validate(FakeConnection&)
    {
        ++backend->validations;
        if (backend->while_validating)
            backend->while_validating();
        if (backend->throw_on_validate)
            throw std::runtime_error("validate");
        return backend->valid;
    }
    bool reset(FakeConnection&)
    {
        ++backend->resets;
        if (backend->throw_on_reset)
            throw std::runtime_error("reset");
        return backend->reset_ok;
    }
    void close(FakeConnection&)
    {
        ++backend->closed;
        if (backend->throw_on_close)
            throw std::runtime_error("close");
    }
    ConnectionMetadata describe(FakeConnection& connection)
    {
        ConnectionMetadata metadata;
        metadata.database = "shop";
        metadata.server_pid = 1000 + connection.number;
        metadata.local_port = static_cast<std::uint16_t>(40000 + connection.number);
        return metadata;
    }
    void interrupt(FakeConnection&)
    {
        ++backend->interrupts;
        if (backend->while_interrupting)
            backend->while_interrupting();
    }
};

using FakePool = ConnectionPool<FakeConnection>;
using FakeGuard = PooledConnection<FakeConnection>;

inline PoolConfig small_config(std::uint32_t connections)
{
    PoolConfig config;
    config.name = "test";
    config.max_connections = connections;
    config.acquire_timeout = std::chrono::seconds{20};
    return config;
}

/// A sink that remembers.
struct RecordingSink final : EventSink
{
    struct Seen
    {
        PoolEventKind kind;
        CheckoutId checkout;
        ConnectionId connection;
        StackId stack;
        std::string by;
        std::string text;
        std::int64_t number;
        PoolEvent raw;
        std::vector<Tag> tags;
    };
    void take(const PoolEvent& event) noexcept override
    {
        const std::lock_guard lock(mutex);
        seen.push_back({event.kind, event.checkout, event.connection, event.stack,
                        std::string(event.acquired_by), std::string(event.text), event.number,
                        event, std::vector<Tag>(event.tags.begin(), event.tags.end())});
    }
    std::vector<Seen> of(PoolEventKind kind)
    {
        const std::lock_guard lock(mutex);
        std::vector<Seen> found;
        for (const Seen& event : seen) {
            if (event.kind == kind)
                found.push_back(event);
        }
        return found;
    }
    std::mutex mutex;
    std::vector<Seen> seen;
};

inline Ticks in_future(Duration duration)
{
    return Ticks{now_ticks().value + ticks_in(duration)};
}

} // namespace poolscope::test
