// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/event/poolevent.h"

#include <utility>
#include <vector>

namespace poolscope {

/// Percentiles of a duration since the pool was made.
struct DurationFigures
{
    std::uint64_t count = 0;
    Duration total{};
    Duration p50{};
    Duration p99{};
    friend bool operator==(const DurationFigures&, const DurationFigures&) = default;
};

/// A pool at one instant, by the names of OpenTelemetry's db.client.connection.*. Consistent:
/// total = used + idle + opening in each. What a pool cannot know is not there.
struct PoolFigures
{
    std::int64_t used = 0;
    std::int64_t idle = 0;
    std::int64_t opening = 0;
    std::int64_t total = 0;
    std::optional<std::int64_t> max; ///< nothing: unlimited
    std::optional<std::int64_t> idle_min;
    std::optional<std::int64_t> idle_max;
    std::optional<std::int64_t> pending; ///< acquires that wait
    std::optional<std::uint64_t> timeouts;
    std::optional<DurationFigures> wait_time;
    std::optional<DurationFigures> use_time;
    std::optional<DurationFigures> create_time;
    std::optional<std::uint64_t> leaks_detected;
    std::optional<std::uint64_t> tracked;
    std::string circuit; ///< "closed", "open", "half-open"; empty: none
    std::string health;  ///< of the worst connection; empty: not checked
    friend bool operator==(const PoolFigures&, const PoolFigures&) = default;
};

struct OpenConnection
{
    ConnectionId id;
    Timestamp opened;
    std::optional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
    friend bool operator==(const OpenConnection&, const OpenConnection&) = default;
};

struct OpenCheckout
{
    CheckoutId id;
    ConnectionId connection;
    Timestamp acquired; ///< of this process's TickEpoch
    Duration wait{};
    std::string acquired_by;
    std::uint64_t thread = 0;
    StackId stack;
    std::optional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
    std::vector<Tag> tags;
    std::string trace_id;
    std::optional<Duration> expected;
    std::optional<Timestamp> heartbeat;
    std::optional<bool> busy; ///< a statement runs; null: it told of none
    friend bool operator==(const OpenCheckout&, const OpenCheckout&) = default;
};

/// What a pool is. Holds no password: the address is host, port and database alone.
struct PoolDescription
{
    std::string name;     ///< as the application called it
    std::string kind;     ///< "poolscope", "hikaricp", "sqlalchemy" …
    std::string database; ///< "postgresql://db1:5432/shop"
    std::vector<std::pair<std::string, std::string>> configuration; ///< in the pool's own names
    /// What it reports, in the words of the protocol's "can" (PROTOCOL.md, hello): what is missing
    /// here is not known, rather than zero.
    std::vector<std::string> can;
    friend bool operator==(const PoolDescription&, const PoolDescription&) = default;
};

/// Checkouts of one place that came back before the sink was told of any of them.
struct BriefUses
{
    StackId stack; ///< 0: of places that are not known
    std::uint64_t count = 0;
    Duration total{};   ///< that they were held, in all; estimated where not all were measured
    Duration longest{}; ///< 0: none was measured
    friend bool operator==(const BriefUses&, const BriefUses&) = default;
};

/// Everything that is open in a pool.
struct PoolPicture
{
    std::vector<OpenConnection> connections;
    std::vector<OpenCheckout> checkouts;
    /// Of them the ones that the sink had not been told of: by showing here they are told, and
    /// their checkins will be.
    std::vector<CheckoutId> told;
    PoolFigures figures;
};

/// What an agent may ask of a pool. Any thread; the pool outlives whoever holds one of these, or
/// tells it to let go first.
/// Not to be called while holding a lock that EventSink::take takes: a pool may emit while it holds
/// its own, and takes that here.
class PoolControl
{
public:
    virtual ~PoolControl() = default;
    virtual PoolDescription description() const = 0;
    virtual PoolFigures figures() const = 0;
    /// Sends events to `sink` from now on; null: to nobody. When it returns, no call into the sink
    /// before is under way any more, so that it may be destroyed. A pool has one sink.
    virtual void set_sink(EventSink* sink) = 0;
    /// On: checkouts need not be told to the sink one by one any more; the pool may sum up those
    /// that come back soon. Off, as it is at first: when it returns, every checkout from then on is
    /// told. A pool that cannot sum up leaves it as it is.
    virtual void sum_brief(bool /*on*/) {}
    /// What is lent since before that instant and was not told to the sink: it counts as told from
    /// here on, and its checkin will be.
    virtual std::vector<OpenCheckout> tell_lent(Ticks /*before*/) { return {}; }
    /// What was lent, came back and never was told, since the last call, by place. Each acquire is
    /// in one of these or told, once. What came back before a picture was taken is in the first
    /// that is begun after it, at the latest.
    virtual std::vector<BriefUses> take_brief() { return {}; }
    /// What is open. The pool tells its sink of a checkout before it shows in a picture, and of a
    /// checkin before it vanishes from one; and a picture waits for whoever has told of one and not
    /// yet shown it. So with a sink set before, the picture, plus the checkouts, less the checkins
    /// told from its beginning until it was complete, is the exact state at that point.
    virtual PoolPicture picture() const = 0;
    /// The lines of a stack. Slow the first time (it reads debug information): never on a path of
    /// the application.
    virtual Frames frames(StackId stack) const = 0;
    /// Takes a checkout away from its holder: the connection is closed under it, or as soon as it
    /// comes back. An error says why not.
    virtual Result<Done> reclaim(CheckoutId checkout) = 0;
};

} // namespace poolscope
