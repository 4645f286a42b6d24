// SPDX-License-Identifier: Apache-2.0
#include "core/agent/agentcore.h"

#include "core/agent/eventrecord.h"

#include <algorithm>

#include <pthread.h>
#include <unistd.h>

namespace poolscope {

namespace {

constexpr std::size_t most_agents = 16;
/// Not guarded by a lock: the handler runs in a child whose other threads are gone, with any lock
/// that they held.
std::array<std::atomic<AgentCore*>, most_agents> agents{};

void in_child() noexcept
{
    for (std::atomic<AgentCore*>& agent : agents) {
        if (AgentCore* const core = agent.exchange(nullptr))
            core->die_in_child();
    }
}

} // namespace

bool watch_forks(AgentCore& core) noexcept
{
    static const bool installed = pthread_atfork(nullptr, nullptr, in_child) == 0;
    for (std::atomic<AgentCore*>& place : agents) {
        AgentCore* free = nullptr;
        if (installed && place.compare_exchange_strong(free, &core))
            return true;
    }
    return false;
}

void unwatch_forks(AgentCore& core) noexcept
{
    for (std::atomic<AgentCore*>& place : agents) {
        AgentCore* mine = &core;
        place.compare_exchange_strong(mine, nullptr);
    }
}

void PoolSink::take(const PoolEvent& event) noexcept
{
    core_.take(pool_, event);
}

void AgentCore::take(std::uint32_t pool, const PoolEvent& event) noexcept
{
    if (!attached_.load(std::memory_order_relaxed))
        return;
    const EventRecord record(pool, event);
    ring_->put(record.size(), [&record](std::byte* to) noexcept { record.write(to); });
    // The agent looks by itself every few milliseconds; it is woken only when that may be too late.
    if (ring_->filling() && !wake_pending_.load(std::memory_order_relaxed))
        wake();
}

void AgentCore::wake() noexcept
{
    if (wake_pending_.exchange(true))
        return; // the byte is still in the pipe
    const char byte = 0;
    const int fd = wake_.load();
    // A full pipe wakes as well.
    if (fd >= 0 && write(fd, &byte, 1) < 0)
        return;
}

void AgentCore::add(PoolControl& pool)
{
    const std::lock_guard lock(mutex_);
    PoolDescription description = pool.description();
    const auto taken = [this](const std::string& name) {
        return std::any_of(pools_.begin(), pools_.end(), [&](const PoolEntry& entry) {
            return entry.control != nullptr && entry.name == name;
        });
    };
    std::string name = description.name.empty() ? "pool" : description.name;
    for (unsigned index = 2; taken(name); ++index)
        name = description.name + "-" + std::to_string(index);
    const auto index = static_cast<std::uint32_t>(pools_.size());
    PoolEntry& entry = pools_.emplace_back(
        PoolEntry{&pool, std::move(name), {*this, index}, dialect_of(description.database)});
    if (attached_.load()) {
        pool.take_brief(); // what was left of another time
        pool.sum_brief(sums_brief_);
        pool.set_sink(&entry.sink);
    }
    pools_changed_.store(true);
    wake();
}

void AgentCore::remove(PoolControl& pool)
{
    const std::lock_guard lock(mutex_);
    for (PoolEntry& entry : pools_) {
        if (entry.control != &pool)
            continue;
        pool.set_sink(nullptr);
        pool.sum_brief(false);
        entry.control = nullptr;
        pools_changed_.store(true);
        wake();
    }
}

void AgentCore::clear()
{
    const std::lock_guard lock(mutex_);
    attached_.store(false);
    for (PoolEntry& entry : pools_) {
        if (entry.control != nullptr) {
            entry.control->set_sink(nullptr);
            entry.control->sum_brief(false); // an agent that comes later has other inspectors
        }
        entry.control = nullptr;
    }
}

void AgentCore::attach()
{
    const std::lock_guard lock(mutex_);
    if (attached_.load())
        return;
    if (!ring_)
        ring_ = std::make_unique<EventRing>(ring_bytes_);
    // What was left when the last inspector went.
    while (ring_->take(1000, [](std::span<const std::byte> /*record*/) {}) > 0) {
    }
    ring_->take_dropped();
    for (PoolEntry& entry : pools_) {
        if (entry.control == nullptr)
            continue;
        entry.control->take_brief(); // what was left of another time
        entry.control->sum_brief(sums_brief_);
        entry.control->set_sink(&entry.sink);
    }
    attached_.store(true);
}

void AgentCore::sum_brief(bool on)
{
    const std::lock_guard lock(mutex_);
    if (on == sums_brief_)
        return;
    sums_brief_ = on;
    for (PoolEntry& entry : pools_) {
        if (entry.control != nullptr)
            entry.control->sum_brief(on);
    }
}

void AgentCore::detach()
{
    const std::lock_guard lock(mutex_);
    if (!attached_.exchange(false))
        return;
    for (PoolEntry& entry : pools_) {
        if (entry.control != nullptr)
            entry.control->set_sink(nullptr);
    }
}

std::vector<PoolDescription> AgentCore::descriptions() const
{
    std::vector<PoolDescription> list;
    for (const PoolEntry& entry : pools_) {
        if (entry.control == nullptr)
            continue;
        list.push_back(entry.control->description());
        list.back().name = entry.name;
    }
    return list;
}

void AgentCore::note_socket(int fd) noexcept
{
    for (std::atomic<int>& place : sockets_) {
        int free = 0;
        if (place.compare_exchange_strong(free, fd + 1))
            return;
    }
}

void AgentCore::forget_socket(int fd) noexcept
{
    for (std::atomic<int>& place : sockets_) {
        int mine = fd + 1;
        if (place.compare_exchange_strong(mine, 0))
            return;
    }
}

void AgentCore::die_in_child() noexcept
{
    forked_.store(true);
    attached_.store(false);
    for (std::atomic<int>& place : sockets_) {
        const int fd = place.exchange(0) - 1;
        if (fd >= 0)
            close(fd);
    }
}

} // namespace poolscope
