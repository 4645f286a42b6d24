// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/slimoptional.h"
#include "core/base/text.h"
#include "core/base/time.h"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace poolscope {

/// One line of an acquire stack. What is not known is null, or 0.
struct StackLine
{
    Text function;
    Text file;
    std::int32_t line = 0;
    bool own = false; ///< the application's own code, as the agent tells
    friend bool operator==(const StackLine&, const StackLine&) = default;
};

/// An acquire stack, innermost line first. Shared: a pool has few places that acquire.
struct Stack
{
    std::vector<StackLine> lines;
    /// Of its lines: equal stacks of two processes, or of two runs of one program, have the same.
    std::uint64_t fingerprint = 0;
    friend bool operator==(const Stack&, const Stack&) = default;
};
/// Null: no stack was taken.
using StackRef = std::shared_ptr<const Stack>;

/// Makes a stack and its fingerprint (FNV-1a, 64 bit, over function, file and line; never 0).
StackRef make_stack(std::vector<StackLine> lines);
/// The line that acquired: the innermost of the application's own, else the innermost; null if
/// there is none.
const StackLine* acquiring_line(const Stack* stack);
/// "checkout.cpp:88", the function where there is no file, "an unknown line" where there is
/// neither.
std::string name_of(const StackLine* line);
/// By content, null first.
bool same_stack(const StackRef& a, const StackRef& b);

/// What an agent said of its process at its hello.
struct AgentFacts
{
    std::int32_t protocol = 0; ///< version of the agent protocol
    std::string agent;         ///< "poolscope-cpp 0.1"
    std::string process;       ///< name of the program
    std::string host;
    std::int64_t pid = 0;
    std::vector<std::string> can; ///< what it reports: "stacks", "wait", "server_pid" …
    bool may_reclaim = false;
    bool operator==(const AgentFacts&) const = default;
};

/// A duration as the pool counts it since it was made. Many count no more than how often and how
/// long in all: null is "not reported".
struct DurationSummary
{
    std::uint64_t count = 0;
    std::optional<Duration> total{};
    std::optional<Duration> p50{};
    std::optional<Duration> p99{};
    friend bool operator==(const DurationSummary&, const DurationSummary&) = default;
};

/// A pool as the application sees it; counters by OpenTelemetry's db.client.connection.*. Null is
/// "not reported", never zero.
struct Pool
{
    Text name;
    Text kind;     ///< "poolscope", "hikaricp" …
    Text database; ///< address without secrets, or null
    std::vector<std::pair<std::string, std::string>> configuration; ///< in the pool's own names
    std::optional<std::int64_t> used;
    std::optional<std::int64_t> idle;
    std::optional<std::int64_t> total;
    std::optional<std::int64_t> max;
    std::optional<std::int64_t> idle_min;
    std::optional<std::int64_t> idle_max;
    std::optional<std::int64_t> pending;
    std::optional<std::uint64_t> timeouts;
    std::optional<DurationSummary> wait_time;
    std::optional<DurationSummary> use_time;
    std::optional<DurationSummary> create_time;
    std::optional<std::uint64_t> leaks_detected;
    std::optional<std::uint64_t> tracked;
    Text circuit;
    Text health;
    friend bool operator==(const Pool&, const Pool&) = default;
};

/// Its wait_time counts the acquires that had to wait, and no others: Go's database/sql.
bool counts_waits_alone(const Pool& pool);

/// A physical connection by name. Ids are the agent's, unique within their pool.
struct ConnectionKey
{
    Text pool;
    Text id;
    friend bool operator==(const ConnectionKey&, const ConnectionKey&) = default;
    friend bool operator<(const ConnectionKey& a, const ConnectionKey& b)
    {
        return a.pool == b.pool ? a.id < b.id : a.pool < b.pool;
    }
};

struct PoolConnection
{
    ConnectionKey key;
    SlimOptional<Timestamp> opened; ///< the process's clock
    SlimOptional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
    Text health; ///< "healthy", "degraded", "unhealthy"
    friend bool operator==(const PoolConnection&, const PoolConnection&) = default;
};

struct CheckoutKey
{
    TargetId target;
    Text id; ///< the agent's, unique within the target's life
    friend bool operator==(const CheckoutKey&, const CheckoutKey&) = default;
    friend bool operator<(const CheckoutKey& a, const CheckoutKey& b)
    {
        return a.target != b.target ? a.target < b.target : a.id < b.id;
    }
};

/// One borrowing of a connection that has not come back. Instants are on the process's clock. There
/// may be a hundred thousand, each here and in its source: mind its size.
struct Checkout
{
    CheckoutKey key;
    Text pool;
    Text connection;
    SlimOptional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
    std::optional<bool> busy; ///< runs a statement now; null where the runtime cannot tell
    Timestamp acquired;
    SlimOptional<Duration> wait;
    Text acquired_by;
    Text thread;
    Text trace_id;
    std::vector<std::pair<Text, Text>> tags;
    StackRef stack;
    SlimOptional<Duration> expected;
    SlimOptional<Timestamp> heartbeat;
    SlimOptional<Timestamp> busy_since; ///< since it is busy, or idle
    Text statement;                     ///< fingerprint of the statement that runs, or ran last
    Text reported; ///< what the process's own detector said of it: "alert", "critical"
    friend bool operator==(const Checkout& a, const Checkout& b);
};

/// A checkout came back.
struct CheckoutEnd
{
    Text id;
    Timestamp returned; ///< the process's clock
    friend bool operator==(const CheckoutEnd&, const CheckoutEnd&) = default;
};

/// Checkouts of one place that began and ended between two samples: too brief to be listed.
struct BriefHolds
{
    Text pool;
    StackRef stack;
    std::uint64_t count = 0;
    Duration held{};    ///< all of them together
    Duration longest{}; ///< the longest of them
    friend bool operator==(const BriefHolds& a, const BriefHolds& b);
};

/// An acquire that gave up.
struct AcquireTimeout
{
    Text pool;
    Timestamp time; ///< the process's clock
    Duration waited{};
    Text acquired_by;
    StackRef stack;
    friend bool operator==(const AcquireTimeout& a, const AcquireTimeout& b);
};

/// Prepared statements that were prepared at one place of one pool and are open now.
struct PreparedStatements
{
    Text pool;
    StackRef stack;                        ///< null: not known, or of several places
    std::uint64_t open = 0;                ///< 0: none any more
    std::optional<Timestamp> oldest;       ///< when the oldest was prepared; the process's clock
    std::optional<std::uint64_t> distinct; ///< how many different texts they have
    Text statement;                        ///< fingerprint of the last of them
    friend bool operator==(const PreparedStatements& a, const PreparedStatements& b);
};
/// Pool and fingerprint of the stack, 0 where there is none.
using PlaceKey = std::pair<Text, std::uint64_t>;
PlaceKey key_of(const PreparedStatements& prepared);

/// Everything that happened in one process since the sample before. A full one is a picture: it
/// lists every pool, connection and checkout that is open, and every place with open statements.
struct PoolSample
{
    bool full = false;
    std::vector<Pool> pools;            ///< those that changed, ascending by name
    std::vector<PoolConnection> opened; ///< or changed, ascending by key
    std::vector<ConnectionKey> closed;  ///< ascending; empty in a full sample
    std::vector<Checkout> changed;      ///< begun and still open, or changed; ascending by key
    std::vector<CheckoutEnd> ended; ///< of those listed before; ascending by id; not in a full one
    std::vector<BriefHolds> brief;
    std::vector<AcquireTimeout> timeouts; ///< at most 100; Pool::timeouts counts all
    /// Of the places where they changed; ascending by key. None is 0 in a full one.
    std::vector<PreparedStatements> prepared;
    Duration clock_offset{};      ///< the process's clock minus ours
    std::uint64_t lost = 0;       ///< events that the agent dropped since the sample before
    std::uint64_t unreadable = 0; ///< lines that could not be read since the sample before
    friend bool operator==(const PoolSample&, const PoolSample&) = default;
};

} // namespace poolscope
