// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/agent/agent.h"
#include "core/agent/eventring.h"
#include "core/agent/fingerprint.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace poolscope {

class AgentCore;

/// Where one pool's events go.
class PoolSink final : public EventSink
{
public:
    PoolSink(AgentCore& core, std::uint32_t pool)
        : core_(core)
        , pool_(pool)
    {}
    void take(const PoolEvent& event) noexcept override;

private:
    AgentCore& core_;
    std::uint32_t pool_;
};

/// A pool that an agent knows, or knew: entries are never taken away, as events may name them.
struct PoolEntry
{
    PoolControl* control; ///< null: removed
    std::string name;
    PoolSink sink;
    Dialect dialect; ///< of its statements
};

struct AgentCounters
{
    std::atomic<std::uint64_t> attached{0};
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> events{0};
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<std::uint64_t> pictures{0};
    std::atomic<std::uint64_t> bad_lines{0};
};

/// What the application's threads and the agent's share.
class AgentCore
{
public:
    explicit AgentCore(std::size_t ring_bytes)
        : ring_bytes_(ring_bytes)
    {}

    /// Any thread. One relaxed load with nobody attached.
    void take(std::uint32_t pool, const PoolEvent& event) noexcept;

    void add(PoolControl& pool);
    void remove(PoolControl& pool);
    /// Lets all pools go.
    void clear();

    /// Makes the ring if it is not there, and has the pools emit. The agent's thread.
    void attach();
    void detach();
    /// Whether all who are attached would rather hear of short checkouts in sums. The agent's
    /// thread.
    void sum_brief(bool on);

    /// Hold this to use pools(), and while calling into one.
    std::mutex& mutex() { return mutex_; }
    std::deque<PoolEntry>& pools() { return pools_; }
    /// The ones that are not removed: their descriptions under the names they have here.
    std::vector<PoolDescription> descriptions() const;
    EventRing& ring() { return *ring_; }
    bool take_pools_changed() { return pools_changed_.exchange(false); }

    void set_wake(int fd) { wake_ = fd; }
    void wake() noexcept;
    void woken() noexcept { wake_pending_.exchange(false); }
    bool stopping() const { return stopping_.load(); }
    void stop() noexcept
    {
        stopping_.store(true);
        wake();
    }

    // Forks: these are all that the handler in the child touches.
    static constexpr std::size_t most_sockets = 64;
    void note_socket(int fd) noexcept;
    void forget_socket(int fd) noexcept;
    bool is_dead_copy() const noexcept { return forked_.load(std::memory_order_relaxed); }
    void die_in_child() noexcept;

    AgentCounters counters;

private:
    std::atomic<bool> attached_{false};
    std::atomic<bool> forked_{false};
    std::atomic<bool> wake_pending_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> pools_changed_{false};
    std::atomic<int> wake_{-1};
    std::size_t ring_bytes_;
    bool sums_brief_ = false; ///< under mutex_
    std::unique_ptr<EventRing> ring_;
    std::mutex mutex_;
    std::deque<PoolEntry> pools_;
    std::array<std::atomic<int>, most_sockets> sockets_{}; ///< descriptor + 1; 0: free
};

/// Has die_in_child() called in every child from now on. False: too many agents in this process.
bool watch_forks(AgentCore& core) noexcept;
void unwatch_forks(AgentCore& core) noexcept;

} // namespace poolscope
