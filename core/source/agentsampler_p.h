// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentsampler.h"

#include <array>
#include <limits>

namespace poolscope {

/// A checkout as it came. Its texts stay in one buffer until it is listed, which most never are.
struct AgentSampler::Open
{
    std::string bytes; ///< id, connection, by, thread, trace id, names and values of tags
    Timestamp acquired;
    SlimOptional<std::int64_t> serverPid;
    SlimOptional<Duration> wait;
    SlimOptional<Duration> expected;
    SlimOptional<Timestamp> busySince;
    SlimOptional<Timestamp> heartbeat;
    std::optional<std::uint16_t> localPort;
    std::optional<bool> busy;
    bool isListed = false;
    Text pool;
    StackRef stack;
    Text statement;
    Text reported;
    Awaited* awaited = nullptr;          ///< its stack is not told yet
    std::uint32_t awaitedAt = 0;         ///< where in its list
    std::uint32_t touchedAt = untouched; ///< where in touched_
    std::uint32_t index = 0;             ///< in open_

    static constexpr std::uint32_t untouched = std::numeric_limits<std::uint32_t>::max();

    /// All but its times, its pool and its stack.
    void assign(const wire::Checkout& from)
    {
        const auto parts =
            std::array{from.id, from.connection, from.by, from.thread, from.trace_id};
        std::size_t size = 0;
        for (const std::string_view part : parts)
            size += part.size() + 2;
        for (const wire::Pair& tag : from.tags)
            size += tag.name.size() + tag.value.size() + 4;
        bytes.clear();
        bytes.reserve(size);
        for (const std::string_view part : parts)
            put(part);
        for (const wire::Pair& tag : from.tags) {
            put(tag.name);
            put(tag.value);
        }
        serverPid = from.server_pid;
        wait = from.wait;
        expected = from.expected;
        localPort = from.local_port;
        busy = from.busy;
        busySince.reset();
        heartbeat.reset();
        statement = {};
        reported = {};
        isListed = false;
        touchedAt = untouched;
        awaited = nullptr;
    }

    std::string_view id() const
    {
        std::size_t at = 0;
        return next(at);
    }
    /// The text at `at`, which is moved behind it.
    std::string_view next(std::size_t& at) const
    {
        const auto byte = [this](std::size_t i) -> std::size_t {
            return static_cast<unsigned char>(bytes[i]);
        };
        const std::size_t size = byte(at) | byte(at + 1) << 8U;
        at += 2 + size;
        return std::string_view(bytes).substr(at - size, size);
    }

private:
    /// With its length before it; no text of the protocol is longer than a few hundred bytes.
    void put(std::string_view part)
    {
        part = part.substr(0, 0xffff);
        bytes += static_cast<char>(part.size() & 0xffU);
        bytes += static_cast<char>(part.size() >> 8U);
        bytes += part;
    }
};

/// A physical connection.
struct AgentSampler::Known
{
    PoolConnection connection;
    std::uint32_t index = 0; ///< in connections_
    bool isListed = false;
};

/// Out of a list whose entries know where in it they are.
template <class T>
std::unique_ptr<T> removeFrom(std::vector<std::unique_ptr<T>>& list, T& one)
{
    list.back()->index = one.index;
    std::swap(list[one.index], list.back());
    std::unique_ptr<T> removed = std::move(list.back());
    list.pop_back();
    return removed;
}

/// Who named a stack before the agent told its lines, which may take it a while.
struct AgentSampler::Awaited
{
    std::vector<Open*> open;
    std::map<Text, BriefHolds> brief; ///< by pool
    int takes = 0;                    ///< samples since the brief ones began to wait
};

/// A timeout of a place whose lines are not told yet.
struct AgentSampler::HeldTimeout
{
    std::string stack;
    AcquireTimeout timeout;
    int takes = 0;
};

/// What the agent told last of one place.
struct AgentSampler::PreparedAt
{
    PreparedStatements told;
    std::string stack; ///< its id, where that is how it was named
};

} // namespace poolscope
