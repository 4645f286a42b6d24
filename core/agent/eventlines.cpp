// SPDX-License-Identifier: Apache-2.0
#include "core/agent/eventlines.h"

#include "core/base/clock.h"
#include "core/wire/encoder.h"
#include "core/wire/limits.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace poolscope {

namespace {

/// A number as an id; 0 is "none", and empty.
class Digits
{
public:
    explicit Digits(std::uint64_t number)
    {
        if (number != 0)
            size_ = static_cast<std::size_t>(
                std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr -
                text_.data());
    }
    operator std::string_view() const { return {text_.data(), size_}; }

private:
    std::array<char, 24> text_;
    std::size_t size_ = 0;
};

template <class T>
std::optional<T> unless_zero(T value)
{
    return value != T{} ? std::optional(value) : std::nullopt;
}

/// The protocol's tags; as many as it takes.
struct Pairs
{
    std::array<wire::Pair, wire::max_tags> list;
    std::size_t size = 0;

    explicit Pairs(std::span<const Tag> tags)
        : size(std::min(tags.size(), wire::max_tags))
    {
        for (std::size_t i = 0; i < size; ++i)
            list[i] = {tags[i].name, tags[i].value};
    }
    operator std::span<const wire::Pair>() const { return {list.data(), size}; }
};

std::int64_t bounded(std::uint64_t count)
{
    return static_cast<std::int64_t>(std::min(count, static_cast<std::uint64_t>(wire::max_number)));
}

std::optional<std::int64_t> bounded(const std::optional<std::uint64_t>& count)
{
    return count ? std::optional(bounded(*count)) : std::nullopt;
}

std::optional<wire::Figures> durations(const std::optional<DurationFigures>& figures)
{
    if (!figures)
        return std::nullopt;
    return wire::Figures{bounded(figures->count), figures->total, figures->p50, figures->p99};
}

} // namespace

void EventLines::set_clock()
{
    shift_ = SystemClock().now() - process_epoch().wall(now_ticks());
}

Timestamp EventLines::time(Ticks ticks) const
{
    return process_epoch().wall(ticks) + shift_;
}

Timestamp EventLines::now() const
{
    return time(now_ticks());
}

void EventLines::hello(std::string& out, std::uint64_t n, Timestamp now,
                       const AgentIdentity& identity, const std::vector<PoolDescription>& pools)
{
    std::vector<std::string_view> can; // of any pool; the figures say what a pool alone lacks
    for (const PoolDescription& pool : pools) {
        for (const std::string& word : pool.can) {
            if ((word != "stacks" || identity.stacks) && word != "reclaim" &&
                std::ranges::find(can, word) == can.end())
                can.emplace_back(word);
        }
    }
    if (identity.reclaim)
        can.emplace_back("reclaim");
    std::vector<std::vector<wire::Pair>> settings;
    settings.reserve(pools.size());
    std::vector<wire::PoolInfo> infos;
    for (const PoolDescription& pool : pools) {
        std::vector<wire::Pair>& list = settings.emplace_back();
        for (const auto& [name, value] : pool.configuration)
            list.push_back({name, value});
        infos.push_back({pool.name, pool.kind, pool.database, list});
    }
    wire::Hello hello;
    hello.now = now;
    hello.agent = "poolscope-cpp";
    hello.agent_version = POOLSCOPE_VERSION;
    hello.language = "C++";
    hello.process = identity.process;
    hello.pid = identity.pid;
    hello.host = identity.host;
    hello.started = identity.started;
    hello.can = can;
    hello.pools = infos;
    wire::encode(out, n, hello);
}

void EventLines::checkout_event(std::string& out, std::uint64_t n, std::string_view pool,
                                const PoolEvent& event)
{
    const Digits id(event.checkout.value);
    const Digits connection(event.connection.value);
    const Digits thread(event.thread);
    const Digits stack(event.stack.value);
    const Pairs tags(event.tags);
    wire::Checkout checkout;
    checkout.pool = pool;
    checkout.id = id;
    checkout.time = time(event.time);
    checkout.connection = connection;
    checkout.wait = event.wait;
    checkout.by = event.acquired_by;
    checkout.thread = thread;
    checkout.stack = stack;
    checkout.server_pid = unless_zero(event.server_pid);
    checkout.local_port = unless_zero(event.local_port);
    checkout.tags = tags;
    checkout.trace_id = event.trace_id;
    checkout.expected = unless_zero(event.expected);
    wire::encode(out, n, checkout);
}

void EventLines::timeout_event(std::string& out, std::uint64_t n, std::string_view pool,
                               const PoolEvent& event)
{
    const Digits thread(event.thread);
    const Digits stack(event.stack.value);
    const Pairs tags(event.tags);
    wire::Timeout timeout;
    timeout.pool = pool;
    timeout.time = time(event.time);
    timeout.wait = event.wait;
    timeout.by = event.acquired_by;
    timeout.thread = thread;
    timeout.stack = stack;
    timeout.tags = tags;
    timeout.trace_id = event.trace_id;
    timeout.reason = event.text;
    wire::encode(out, n, timeout);
}

void EventLines::event(std::string& out, std::uint64_t n, std::string_view pool,
                       const PoolEvent& event, Dialect dialect)
{
    const Digits id(event.checkout.value);
    const Digits connection(event.connection.value);
    const Timestamp at = time(event.time);
    switch (event.kind) {
    case PoolEventKind::opened:
        wire::encode(out, n,
                     wire::Open{pool, connection, at, unless_zero(event.server_pid),
                                unless_zero(event.local_port)});
        return;
    case PoolEventKind::closed:
        wire::encode(out, n, wire::Close{pool, connection, at, event.text});
        return;
    case PoolEventKind::pending:
        wire::encode(out, n, wire::Wait{pool, at, std::max<std::int64_t>(0, event.number)});
        return;
    case PoolEventKind::checkout:
        checkout_event(out, n, pool, event);
        return;
    case PoolEventKind::busy:
    case PoolEventKind::idle:
        wire::encode(out, n,
                     wire::Use{pool, id, at, event.kind == PoolEventKind::busy,
                               fingerprint(event.text, dialect)});
        return;
    case PoolEventKind::beat:
        wire::encode(out, n, wire::Beat{pool, id, at, unless_zero(event.expected)});
        return;
    case PoolEventKind::checkin:
        wire::encode(out, n, wire::Checkin{pool, id, at, connection});
        return;
    case PoolEventKind::timeout:
        timeout_event(out, n, pool, event);
        return;
    case PoolEventKind::health:
        wire::encode(out, n, wire::Health{pool, at, connection, event.text, {}});
        return;
    case PoolEventKind::leak:
        wire::encode(out, n, wire::Leak{pool, id, at, event.text});
        return;
    }
}

void EventLines::connection(std::string& out, std::uint64_t n, std::string_view pool,
                            const OpenConnection& connection) const
{
    const Digits id(connection.id.value);
    wire::encode(out, n,
                 wire::Open{pool, id, connection.opened + shift_, connection.server_pid,
                            connection.local_port});
}

void EventLines::checkout(std::string& out, std::uint64_t n, std::string_view pool,
                          const OpenCheckout& open, bool in_picture)
{
    const Digits id(open.id.value);
    const Digits connection(open.connection.value);
    const Digits thread(open.thread);
    const Digits stack(open.stack.value);
    const Pairs tags(open.tags);
    wire::Checkout checkout;
    checkout.pool = pool;
    checkout.id = id;
    checkout.time = open.acquired + shift_;
    checkout.connection = connection;
    checkout.wait = open.wait;
    checkout.by = open.acquired_by;
    checkout.thread = thread;
    checkout.stack = stack;
    checkout.server_pid = open.server_pid;
    checkout.local_port = open.local_port;
    checkout.tags = tags;
    checkout.trace_id = open.trace_id;
    checkout.expected = open.expected;
    checkout.open = in_picture;
    if (in_picture && open.heartbeat)
        checkout.beat = *open.heartbeat + shift_;
    if (in_picture)
        checkout.busy = open.busy;
    wire::encode(out, n, checkout);
}

void EventLines::brief(std::string& out, std::uint64_t n, std::string_view pool,
                       const BriefUses& uses) const
{
    const Digits stack(uses.stack.value);
    wire::Brief brief;
    brief.pool = pool;
    brief.time = now();
    brief.count = bounded(uses.count);
    brief.stack = stack;
    // Nothing of them may have been measured: that is not zero.
    if (uses.longest > Duration{0}) {
        brief.total = uses.total;
        brief.longest = uses.longest;
    }
    wire::encode(out, n, brief);
}

void EventLines::pending(std::string& out, std::uint64_t n, std::string_view pool,
                         std::int64_t pending) const
{
    wire::encode(out, n, wire::Wait{pool, now(), std::max<std::int64_t>(0, pending)});
}

void EventLines::figures(std::string& out, std::uint64_t n, std::string_view pool,
                         const PoolFigures& figures) const
{
    wire::Stats stats;
    stats.pool = pool;
    stats.time = now();
    stats.used = figures.used;
    stats.idle = figures.idle;
    stats.opening = figures.opening;
    stats.total = figures.total;
    stats.max = figures.max;
    stats.unlimited = !figures.max;
    stats.idle_min = figures.idle_min;
    stats.idle_max = figures.idle_max;
    stats.pending = figures.pending;
    stats.timeouts = bounded(figures.timeouts);
    stats.wait_time = durations(figures.wait_time);
    stats.use_time = durations(figures.use_time);
    stats.create_time = durations(figures.create_time);
    stats.leaks = bounded(figures.leaks_detected);
    stats.tracked = bounded(figures.tracked);
    stats.circuit = figures.circuit;
    stats.health = figures.health;
    wire::encode(out, n, stats);
}

void EventLines::stack(std::string& out, std::uint64_t n, StackId stack, const Frames& frames)
{
    const Digits id(stack.value);
    std::vector<wire::FrameView> views;
    for (const Frame& frame : frames)
        views.push_back({frame.function, frame.file, frame.line, frame.own});
    wire::encode(out, n, wire::Stack{id, views});
}

} // namespace poolscope
