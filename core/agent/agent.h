// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/event/poolcontrol.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace poolscope {

struct AgentOptions
{
    /// What the process is called, in hello and in the socket's name. Empty: the program's name.
    std::string name;
    /// As POOLSCOPE_LISTEN ("unix:/path", "/path", "host:port", "off"). Empty: what that variable
    /// says, else a Unix socket in the first usable folder (PROTOCOL.md, section 2).
    std::string listen;
    /// For TCP. Empty: what POOLSCOPE_TOKEN says.
    std::string token;
    /// An operating system's group whose members may attach to the Unix socket. Empty: only the
    /// same user, and root.
    std::string group;
    /// Whether an inspector may take a connection away from its holder.
    bool allow_reclaim = false;
    /// Whether acquire stacks are sent, where the pool takes them.
    bool send_stacks = true;
    /// Of the ring between the application's threads and the agent's. What does not fit is dropped
    /// and counted. Allocated when the first inspector attaches.
    std::size_t ring_bytes = 4U << 20U;
    /// How much may wait for one slow inspector before its events are dropped.
    std::size_t peer_bytes = 8U << 20U;
    Duration drain_every = std::chrono::milliseconds(10);
    Duration stats_every = std::chrono::seconds(1);
    /// Before a peer on TCP must have answered the challenge.
    Duration auth_time = std::chrono::seconds(5);
    /// After that long without reading anything a peer is closed.
    Duration stall_time = std::chrono::seconds(30);
    /// Gets a sentence for every attach, refusal and detach. Called on the agent's thread.
    std::function<void(std::string_view)> log;
};

/// Since the agent was started. Only `attached` falls.
struct AgentFigures
{
    std::uint64_t attached = 0; ///< inspectors, now
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0; ///< by credentials, token, limits
    std::uint64_t events = 0;  ///< that were numbered
    std::uint64_t dropped = 0; ///< of them, because the ring was full
    std::uint64_t pictures = 0;
    std::uint64_t bad_lines = 0; ///< from inspectors
};

/// The endpoint in a process: lets inspectors see its pools. One thread of its own, which takes no
/// signals; it never blocks, slows or fails the application, and no exception leaves it. With
/// nobody attached the pools emit to nobody.
///
/// After fork() the child's copy is dead: sockets closed, every call without effect. The child may
/// start an agent of its own.
class Agent
{
public:
    /// An error says why it cannot listen. Where listening is switched off: an agent that does
    /// nothing. Any thread.
    static Result<std::unique_ptr<Agent>> start(AgentOptions options);
    /// Lets the pools go, ends the thread, removes the socket. The pools must still be there, or
    /// have been removed.
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    /// Shows a pool from now on. It outlives the agent or is removed before. A name that another
    /// pool has gets "-2" and so on behind it. Any thread; not under a lock that the pool's
    /// PoolControl takes.
    void add(PoolControl& pool) noexcept;
    /// When it returns the agent does not know the pool any more. Same rules.
    void remove(PoolControl& pool) noexcept;

    /// "pool+unix:///run/user/1000/poolscope/4242-shop.sock", "pool://127.0.0.1:7007"; empty where
    /// listening is switched off.
    std::string address() const;
    AgentFigures figures() const noexcept;

private:
    class Impl;
    explicit Agent(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace poolscope
