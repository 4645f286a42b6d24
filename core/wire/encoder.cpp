// SPDX-License-Identifier: Apache-2.0
#include "core/wire/encoder.h"

#include "core/wire/jsonwriter.h"
#include "core/wire/limits.h"

#include <algorithm>

namespace poolscope::wire {

namespace {

template <class T>
std::span<const T> at_most(std::span<const T> list, std::size_t count)
{
    return list.first(std::min(list.size(), count));
}

void write_frames(JsonWriter& json, std::span<const FrameView> frames)
{
    json.open_array("frames");
    for (const FrameView& frame : at_most(frames, max_frames)) {
        json.element_object();
        json.optional_text("function", frame.function, max_function);
        json.optional_text("file", frame.file, max_file);
        if (frame.line > 0)
            json.number("line", frame.line);
        if (frame.own)
            json.flag("own", true);
        json.close_object();
    }
    json.close_array();
}

void write_tags(JsonWriter& json, std::span<const Pair> tags)
{
    if (tags.empty())
        return;
    json.open_object("tags");
    for (const Pair& tag : at_most(tags, max_tags))
        json.member(tag.name, max_tag_name, tag.value, max_tag_value);
    json.close_object();
}

void write_stack(JsonWriter& json, std::string_view stack, std::span<const FrameView> frames)
{
    json.optional_text("stack", stack, max_id);
    if (!frames.empty())
        write_frames(json, frames);
}

void write_port(JsonWriter& json, std::optional<std::uint16_t> port)
{
    if (port)
        json.number("local_port", *port);
}

void write_figures(JsonWriter& json, std::string_view name, const std::optional<Figures>& figures)
{
    if (!figures)
        return;
    json.open_object(name);
    json.optional("count", figures->count);
    json.optional("total_us", figures->total);
    json.optional("p50_us", figures->p50);
    json.optional("p99_us", figures->p99);
    json.close_object();
}

/// What a checkout, a use, a beat, a checkin and a leak begin with.
void write_checkout_key(JsonWriter& json, std::string_view pool, std::string_view id,
                        Timestamp time)
{
    json.text("pool", pool, max_pool_name);
    json.text("id", id, max_id);
    json.time("t", time);
}

void write_pool(JsonWriter& json, const std::string& out, const PoolInfo& pool, std::size_t room)
{
    const std::size_t from = out.size();
    json.element_object();
    json.text("pool", pool.pool, max_pool_name);
    json.optional_text("kind", pool.kind, max_word);
    json.optional_text("database", pool.database, max_database);
    json.open_object("config");
    for (const Pair& entry : at_most(pool.config, max_config)) {
        if (out.size() - from + 2 * max_why + 8 > room)
            break;
        json.member(entry.name, max_why, entry.value, max_why);
    }
    json.close_object();
    json.close_object();
}

} // namespace

bool is_event(const Body& body)
{
    return std::holds_alternative<Checkout>(body)
               ? !std::get<Checkout>(body).open
               : std::holds_alternative<Checkin>(body) || std::holds_alternative<Open>(body) ||
                     std::holds_alternative<Close>(body) || std::holds_alternative<Wait>(body) ||
                     std::holds_alternative<Use>(body) || std::holds_alternative<Beat>(body) ||
                     std::holds_alternative<Brief>(body) || std::holds_alternative<Timeout>(body) ||
                     std::holds_alternative<Health>(body) || std::holds_alternative<Leak>(body);
}

void encode(std::string& out, std::uint64_t n, const Hello& hello)
{
    const std::size_t start = out.size();
    JsonWriter json(out);
    json.begin("hello", n);
    json.number("v", static_cast<std::int64_t>(hello.version));
    json.time("now", hello.now);
    json.optional_text("agent", hello.agent, max_by);
    json.optional_text("agent_version", hello.agent_version, max_word);
    json.optional_text("language", hello.language, max_word);
    json.optional_text("process", hello.process, max_by);
    json.optional("pid", hello.pid);
    json.optional_text("host", hello.host, max_host);
    json.optional("started", hello.started);
    json.open_array("can");
    for (const std::string_view ability : at_most(hello.can, max_abilities))
        json.element_text(ability, max_word);
    json.close_array();
    json.open_array("pools");
    // Room for the end of the line; each pool's settings get their share of the rest.
    constexpr std::size_t reserve = 64;
    const std::size_t room = max_line - (out.size() - start) - reserve;
    const std::size_t share = room / std::max<std::size_t>(1, hello.pools.size());
    for (const PoolInfo& pool : at_most(hello.pools, max_pools)) {
        const std::size_t before = out.size();
        write_pool(json, out, pool, share);
        if (out.size() - start + reserve > max_line) {
            out.resize(before);
            break;
        }
    }
    json.close_array();
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Challenge& challenge)
{
    JsonWriter json(out);
    json.begin("challenge", n);
    json.number("v", static_cast<std::int64_t>(challenge.version));
    json.text("nonce", challenge.nonce, max_id);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Stack& stack)
{
    JsonWriter json(out);
    json.begin("stack", n);
    json.text("id", stack.id, max_id);
    write_frames(json, stack.frames);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Open& open)
{
    JsonWriter json(out);
    json.begin("open", n);
    json.text("pool", open.pool, max_pool_name);
    json.text("conn", open.connection, max_id);
    json.time("t", open.time);
    json.optional("server_pid", open.server_pid);
    write_port(json, open.local_port);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Close& close)
{
    JsonWriter json(out);
    json.begin("close", n);
    json.text("pool", close.pool, max_pool_name);
    json.text("conn", close.connection, max_id);
    json.time("t", close.time);
    json.optional_text("reason", close.reason, max_why);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Wait& wait)
{
    JsonWriter json(out);
    json.begin("wait", n);
    json.text("pool", wait.pool, max_pool_name);
    json.time("t", wait.time);
    json.number("pending", wait.pending);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Checkout& checkout)
{
    JsonWriter json(out);
    json.begin("checkout", n);
    write_checkout_key(json, checkout.pool, checkout.id, checkout.time);
    json.optional_text("conn", checkout.connection, max_id);
    json.optional("wait_us", checkout.wait);
    json.optional_text("by", checkout.by, max_by);
    json.optional_text("thread", checkout.thread, max_thread);
    write_stack(json, checkout.stack, checkout.frames);
    json.optional("server_pid", checkout.server_pid);
    write_port(json, checkout.local_port);
    write_tags(json, checkout.tags);
    json.optional_text("trace_id", checkout.trace_id, max_trace_id);
    json.optional("expected_us", checkout.expected);
    if (checkout.open)
        json.flag("open", true);
    json.optional("beat", checkout.beat);
    if (checkout.busy)
        json.flag("busy", *checkout.busy);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Use& use)
{
    JsonWriter json(out);
    json.begin("use", n);
    write_checkout_key(json, use.pool, use.id, use.time);
    json.flag("busy", use.busy);
    json.optional_text("statement", use.statement, max_statement);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Beat& beat)
{
    JsonWriter json(out);
    json.begin("beat", n);
    write_checkout_key(json, beat.pool, beat.id, beat.time);
    json.optional("expected_us", beat.expected);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Checkin& checkin)
{
    JsonWriter json(out);
    json.begin("checkin", n);
    write_checkout_key(json, checkin.pool, checkin.id, checkin.time);
    json.optional_text("conn", checkin.connection, max_id);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Brief& brief)
{
    JsonWriter json(out);
    json.begin("brief", n);
    json.text("pool", brief.pool, max_pool_name);
    json.time("t", brief.time);
    json.number("count", brief.count);
    write_stack(json, brief.stack, brief.frames);
    json.optional("total_us", brief.total);
    json.optional("max_us", brief.longest);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Timeout& timeout)
{
    JsonWriter json(out);
    json.begin("timeout", n);
    json.text("pool", timeout.pool, max_pool_name);
    json.time("t", timeout.time);
    json.optional("wait_us", timeout.wait);
    json.optional_text("by", timeout.by, max_by);
    json.optional_text("thread", timeout.thread, max_thread);
    write_stack(json, timeout.stack, timeout.frames);
    write_tags(json, timeout.tags);
    json.optional_text("trace_id", timeout.trace_id, max_trace_id);
    json.optional_text("reason", timeout.reason, max_why);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Health& health)
{
    JsonWriter json(out);
    json.begin("health", n);
    json.text("pool", health.pool, max_pool_name);
    json.time("t", health.time);
    json.optional_text("conn", health.connection, max_id);
    json.text("status", health.status, max_word);
    json.optional_text("why", health.why, max_why);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Leak& leak)
{
    JsonWriter json(out);
    json.begin("leak", n);
    write_checkout_key(json, leak.pool, leak.id, leak.time);
    json.text("severity", leak.severity, max_word);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Stats& stats)
{
    JsonWriter json(out);
    json.begin("stats", n);
    json.text("pool", stats.pool, max_pool_name);
    json.time("t", stats.time);
    json.optional("used", stats.used);
    json.optional("idle", stats.idle);
    json.optional("opening", stats.opening);
    json.optional("total", stats.total);
    if (stats.unlimited)
        json.null("max");
    else
        json.optional("max", stats.max);
    json.optional("idle_min", stats.idle_min);
    json.optional("idle_max", stats.idle_max);
    json.optional("pending", stats.pending);
    json.optional("timeouts", stats.timeouts);
    write_figures(json, "wait_time", stats.wait_time);
    write_figures(json, "use_time", stats.use_time);
    write_figures(json, "create_time", stats.create_time);
    json.optional("leaks", stats.leaks);
    json.optional("tracked", stats.tracked);
    json.optional_text("circuit", stats.circuit, max_word);
    json.optional_text("health", stats.health, max_word);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Prepared& prepared)
{
    JsonWriter json(out);
    json.begin("prepared", n);
    json.text("pool", prepared.pool, max_pool_name);
    json.time("t", prepared.time);
    json.number("count", prepared.count);
    write_stack(json, prepared.stack, prepared.frames);
    json.optional("oldest", prepared.oldest);
    json.optional("distinct", prepared.distinct);
    json.optional_text("statement", prepared.statement, max_statement);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Lost& lost)
{
    JsonWriter json(out);
    json.begin("lost", n);
    json.number("count", lost.count);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Ready& /*ready*/)
{
    JsonWriter json(out);
    json.begin("ready", n);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Pong& pong)
{
    JsonWriter json(out);
    json.begin("pong", n);
    json.number("of", pong.of);
    json.time("now", pong.now);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Outcome& outcome)
{
    JsonWriter json(out);
    json.begin("result", n);
    json.number("of", outcome.of);
    json.flag("ok", outcome.ok);
    json.optional_text("why", outcome.why, max_why);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Auth& auth)
{
    JsonWriter json(out);
    json.begin("auth", n);
    json.text("mac", auth.mac, max_id);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Ping& /*ping*/)
{
    JsonWriter json(out);
    json.begin("ping", n);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Resync& /*resync*/)
{
    JsonWriter json(out);
    json.begin("resync", n);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Want& want)
{
    JsonWriter json(out);
    json.begin("want", n);
    json.flag("brief", want.brief);
    json.end();
}

void encode(std::string& out, std::uint64_t n, const Reclaim& reclaim)
{
    JsonWriter json(out);
    json.begin("reclaim", n);
    json.text("id", reclaim.id, max_id);
    json.optional_text("pool", reclaim.pool, max_pool_name);
    json.end();
}

void encode(std::string& out, const Message& message)
{
    std::visit([&](const auto& body) { encode(out, message.n, body); }, message.body);
}

} // namespace poolscope::wire
