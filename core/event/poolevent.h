// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/ids.h"
#include "core/base/ticks.h"
#include "core/base/time.h"
#include "core/stack/frame.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// A physical connection of one pool, from 1; never used again within a process.
using ConnectionId = Id<struct ConnectionTag, std::uint64_t>;
/// One borrowing of a connection; unique within a process for ever, over all its pools.
using CheckoutId = Id<struct CheckoutTag, std::uint64_t>;

/// What an application said about a scope: "route" = "/orders". Both are outside text.
struct Tag
{
    std::string name;
    std::string value;
    friend bool operator==(const Tag&, const Tag&) = default;
};

/// Their names are the kinds of the agent protocol.
enum class PoolEventKind : std::uint8_t {
    opened,   ///< a physical connection was made
    closed,   ///< a physical connection was given up; text = reason
    pending,  ///< the number of waiters changed; number = how many wait now
    checkout, ///< a connection was lent
    busy,     ///< a checkout began a statement; text = it, where known: with its literals, maybe
    idle,     ///< a checkout ended its statement
    beat,     ///< the holder said that it is alive, and maybe how long it will take (expected)
    checkin,  ///< a connection came back
    timeout,  ///< an acquire gave up; stack and acquired_by say whose
    health,   ///< a connection's health changed; text = "healthy", "degraded", "unhealthy"
    leak,     ///< the process's own detector spoke; text = "alert", "critical" or "resolved"
};
std::string_view name_of(PoolEventKind kind);

/// One thing that happened in a pool. The views hold during the call to EventSink::take alone.
/// Fields that make no sense for a kind are left as they are here.
struct PoolEvent
{
    PoolEventKind kind = PoolEventKind::checkout;
    Ticks time;
    ConnectionId connection;
    CheckoutId checkout;
    StackId stack;                ///< checkout, timeout: known to the pool's PoolControl::frames
    Duration wait{};              ///< checkout, timeout: how long the acquire waited
    Duration expected{};          ///< checkout, beat: how long it will be kept in all; 0 = not said
    std::int64_t server_pid = 0;  ///< of the connection; 0 = not known
    std::uint16_t local_port = 0; ///< of the connection's socket; 0 = not known
    std::uint64_t thread = 0;     ///< the operating system's id of the acquiring thread
    std::int64_t number = 0;      ///< pending: how many wait
    std::string_view acquired_by;
    std::string_view trace_id;
    std::string_view text;
    std::span<const Tag> tags;
};

/// The one epoch of this process, from its first use on: what turns the ticks of events into times,
/// and what the times in a PoolPicture were made with. Any thread.
const TickEpoch& process_epoch() noexcept;

/// Where a pool's events go. Called on whatever thread the event happens, also many at once; must
/// not block, throw, allocate without bound or call back into the pool.
class EventSink
{
public:
    virtual ~EventSink() = default;
    virtual void take(const PoolEvent& event) noexcept = 0;
};

} // namespace poolscope
