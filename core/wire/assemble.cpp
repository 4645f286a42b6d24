// SPDX-License-Identifier: Apache-2.0
#include "core/wire/fields.h"

#include "core/wire/limits.h"

namespace poolscope::wire {

namespace {

Timestamp time_of(const Fields& fields, Key key)
{
    return timestamp_from_us(fields.number(key).value_or(0));
}

std::optional<Timestamp> optional_time(const Fields& fields, Key key)
{
    const auto us = fields.number(key);
    return us ? std::optional(timestamp_from_us(*us)) : std::nullopt;
}

std::optional<Duration> duration(const Fields& fields, Key key)
{
    const auto us = fields.number(key);
    return us ? std::optional(Duration{*us}) : std::nullopt;
}

std::optional<std::uint16_t> port(const Fields& fields)
{
    const auto value = fields.number(Key::local_port);
    return value && *value > 0 ? std::optional(static_cast<std::uint16_t>(*value)) : std::nullopt;
}

template <class... Keys>
bool has_all(const Fields& fields, Keys... keys)
{
    return (fields.has(keys) && ...);
}

std::optional<Figures> figures(const Fields& fields, Key key, std::size_t index)
{
    return fields.has(key) ? std::optional(fields.figures[index]) : std::nullopt;
}

bool fill(const Fields& f, Hello& hello)
{
    if (!has_all(f, Key::v, Key::now, Key::pools))
        return false;
    hello.version = static_cast<std::uint64_t>(*f.number(Key::v));
    hello.now = time_of(f, Key::now);
    hello.agent = f.text(Key::agent);
    hello.agent_version = f.text(Key::agent_version);
    hello.language = f.text(Key::language);
    hello.process = f.text(Key::process);
    hello.pid = f.number(Key::pid);
    hello.host = f.text(Key::host);
    hello.started = optional_time(f, Key::started);
    if (f.has(Key::can))
        hello.can = f.can;
    hello.pools = f.pools;
    return true;
}

bool fill(const Fields& f, Challenge& challenge)
{
    if (!has_all(f, Key::v, Key::nonce))
        return false;
    challenge.version = static_cast<std::uint64_t>(*f.number(Key::v));
    challenge.nonce = f.text(Key::nonce);
    return true;
}

bool fill(const Fields& f, Stack& stack)
{
    if (!has_all(f, Key::id, Key::frames))
        return false;
    stack.id = f.text(Key::id);
    stack.frames = f.frames;
    return true;
}

bool fill(const Fields& f, Open& open)
{
    if (!has_all(f, Key::pool, Key::conn, Key::t))
        return false;
    open.pool = f.text(Key::pool);
    open.connection = f.text(Key::conn);
    open.time = time_of(f, Key::t);
    open.server_pid = f.number(Key::server_pid);
    open.local_port = port(f);
    return true;
}

bool fill(const Fields& f, Close& close)
{
    if (!has_all(f, Key::pool, Key::conn, Key::t))
        return false;
    close.pool = f.text(Key::pool);
    close.connection = f.text(Key::conn);
    close.time = time_of(f, Key::t);
    close.reason = f.text(Key::reason);
    return true;
}

bool fill(const Fields& f, Wait& wait)
{
    if (!has_all(f, Key::pool, Key::t, Key::pending))
        return false;
    wait.pool = f.text(Key::pool);
    wait.time = time_of(f, Key::t);
    wait.pending = *f.number(Key::pending);
    return true;
}

bool fill(const Fields& f, Checkout& checkout)
{
    if (!has_all(f, Key::pool, Key::id, Key::t))
        return false;
    checkout.pool = f.text(Key::pool);
    checkout.id = f.text(Key::id);
    checkout.time = time_of(f, Key::t);
    checkout.connection = f.text(Key::conn);
    checkout.wait = duration(f, Key::wait_us);
    checkout.by = f.text(Key::by);
    checkout.thread = f.text(Key::thread);
    checkout.stack = f.text(Key::stack);
    if (f.has(Key::frames))
        checkout.frames = f.frames;
    checkout.server_pid = f.number(Key::server_pid);
    checkout.local_port = port(f);
    if (f.has(Key::tags))
        checkout.tags = f.tags;
    checkout.trace_id = f.text(Key::trace_id);
    checkout.expected = duration(f, Key::expected_us);
    checkout.open = f.flag(Key::open).value_or(false);
    checkout.beat = optional_time(f, Key::beat);
    checkout.busy = f.flag(Key::busy);
    return true;
}

bool fill(const Fields& f, Use& use)
{
    if (!has_all(f, Key::pool, Key::id, Key::t, Key::busy))
        return false;
    use.pool = f.text(Key::pool);
    use.id = f.text(Key::id);
    use.time = time_of(f, Key::t);
    use.busy = *f.flag(Key::busy);
    use.statement = f.text(Key::statement);
    return true;
}

bool fill(const Fields& f, Beat& beat)
{
    if (!has_all(f, Key::pool, Key::id, Key::t))
        return false;
    beat.pool = f.text(Key::pool);
    beat.id = f.text(Key::id);
    beat.time = time_of(f, Key::t);
    beat.expected = duration(f, Key::expected_us);
    return true;
}

bool fill(const Fields& f, Checkin& checkin)
{
    if (!has_all(f, Key::pool, Key::id, Key::t))
        return false;
    checkin.pool = f.text(Key::pool);
    checkin.id = f.text(Key::id);
    checkin.time = time_of(f, Key::t);
    checkin.connection = f.text(Key::conn);
    return true;
}

bool fill(const Fields& f, Brief& brief)
{
    if (!has_all(f, Key::pool, Key::t, Key::count))
        return false;
    brief.pool = f.text(Key::pool);
    brief.time = time_of(f, Key::t);
    brief.count = *f.number(Key::count);
    brief.stack = f.text(Key::stack);
    if (f.has(Key::frames))
        brief.frames = f.frames;
    brief.total = duration(f, Key::total_us);
    brief.longest = duration(f, Key::max_us);
    return true;
}

bool fill(const Fields& f, Timeout& timeout)
{
    if (!has_all(f, Key::pool, Key::t))
        return false;
    timeout.pool = f.text(Key::pool);
    timeout.time = time_of(f, Key::t);
    timeout.wait = duration(f, Key::wait_us);
    timeout.by = f.text(Key::by);
    timeout.thread = f.text(Key::thread);
    timeout.stack = f.text(Key::stack);
    if (f.has(Key::frames))
        timeout.frames = f.frames;
    if (f.has(Key::tags))
        timeout.tags = f.tags;
    timeout.trace_id = f.text(Key::trace_id);
    timeout.reason = f.text(Key::reason);
    return true;
}

bool fill(const Fields& f, Health& health)
{
    if (!has_all(f, Key::pool, Key::t, Key::status))
        return false;
    health.pool = f.text(Key::pool);
    health.time = time_of(f, Key::t);
    health.connection = f.text(Key::conn);
    health.status = f.text(Key::status);
    health.why = f.text(Key::why);
    return true;
}

bool fill(const Fields& f, Leak& leak)
{
    if (!has_all(f, Key::pool, Key::id, Key::t, Key::severity))
        return false;
    leak.pool = f.text(Key::pool);
    leak.id = f.text(Key::id);
    leak.time = time_of(f, Key::t);
    leak.severity = f.text(Key::severity);
    return true;
}

bool fill(const Fields& f, Stats& stats)
{
    if (!has_all(f, Key::pool, Key::t))
        return false;
    stats.pool = f.text(Key::pool);
    stats.time = time_of(f, Key::t);
    stats.used = f.number(Key::used);
    stats.idle = f.number(Key::idle);
    stats.opening = f.number(Key::opening);
    stats.total = f.number(Key::total);
    stats.max = f.number(Key::max);
    stats.unlimited = f.unlimited;
    stats.idle_min = f.number(Key::idle_min);
    stats.idle_max = f.number(Key::idle_max);
    stats.pending = f.number(Key::pending);
    stats.timeouts = f.number(Key::timeouts);
    stats.wait_time = figures(f, Key::wait_time, 0);
    stats.use_time = figures(f, Key::use_time, 1);
    stats.create_time = figures(f, Key::create_time, 2);
    stats.leaks = f.number(Key::leaks);
    stats.tracked = f.number(Key::tracked);
    stats.circuit = f.text(Key::circuit);
    stats.health = f.text(Key::health);
    return true;
}

bool fill(const Fields& f, Prepared& prepared)
{
    if (!has_all(f, Key::pool, Key::t, Key::count))
        return false;
    prepared.pool = f.text(Key::pool);
    prepared.time = time_of(f, Key::t);
    prepared.count = *f.number(Key::count);
    prepared.stack = f.text(Key::stack);
    if (f.has(Key::frames))
        prepared.frames = f.frames;
    prepared.oldest = optional_time(f, Key::oldest);
    prepared.distinct = f.number(Key::distinct);
    prepared.statement = f.text(Key::statement);
    return true;
}

bool fill(const Fields& f, Lost& lost)
{
    lost.count = f.number(Key::count).value_or(0);
    return f.has(Key::count);
}

bool fill(const Fields& /*f*/, Ready& /*ready*/)
{
    return true;
}

bool fill(const Fields& f, Pong& pong)
{
    if (!has_all(f, Key::of, Key::now))
        return false;
    pong.of = *f.number(Key::of);
    pong.now = time_of(f, Key::now);
    return true;
}

bool fill(const Fields& f, Outcome& outcome)
{
    if (!has_all(f, Key::of, Key::ok))
        return false;
    outcome.of = *f.number(Key::of);
    outcome.ok = *f.flag(Key::ok);
    outcome.why = f.text(Key::why);
    return true;
}

template <class T>
Assembled made(const Fields& fields, Message& message)
{
    return fill(fields, message.body.emplace<T>()) ? Assembled::message : Assembled::bad_field;
}

using Maker = Assembled (*)(const Fields&, Message&);
struct Kind
{
    std::string_view name;
    Maker make;
};
/// The most frequent first.
constexpr Kind kinds[] = {
    {"checkout", made<Checkout>}, {"checkin", made<Checkin>},     {"use", made<Use>},
    {"stack", made<Stack>},       {"wait", made<Wait>},           {"open", made<Open>},
    {"close", made<Close>},       {"beat", made<Beat>},           {"stats", made<Stats>},
    {"timeout", made<Timeout>},   {"health", made<Health>},       {"leak", made<Leak>},
    {"lost", made<Lost>},         {"pong", made<Pong>},           {"ready", made<Ready>},
    {"prepared", made<Prepared>}, {"brief", made<Brief>},         {"result", made<Outcome>},
    {"hello", made<Hello>},       {"challenge", made<Challenge>},
};

} // namespace

Assembled assemble(const Fields& fields, Message& message)
{
    if (!fields.has(Key::k))
        return Assembled::no_kind;
    if (!fields.has(Key::n))
        return Assembled::no_number;
    message.n = static_cast<std::uint64_t>(*fields.number(Key::n));
    const std::string_view name = fields.text(Key::k);
    for (const Kind& kind : kinds) {
        if (kind.name == name)
            return kind.make(fields, message);
    }
    return Assembled::unknown_kind;
}

} // namespace poolscope::wire
