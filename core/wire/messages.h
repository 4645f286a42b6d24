// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

/// The lines of the agent protocol as plain values. Texts and lists are views: of whoever encodes,
/// or of the decoder, until its next message. An empty text and an empty optional are "not
/// reported". resources/protocol/PROTOCOL.md says what each field means.
namespace poolscope::wire {

struct Pair
{
    std::string_view name;
    std::string_view value;
    friend bool operator==(const Pair&, const Pair&) = default;
};

struct FrameView
{
    std::string_view function;
    std::string_view file;
    std::int64_t line = 0; ///< 0: not known
    bool own = false;
    friend bool operator==(const FrameView&, const FrameView&) = default;
};

struct PoolInfo
{
    std::string_view pool;
    std::string_view kind;
    std::string_view database;
    std::span<const Pair> config;
};

struct Hello
{
    std::uint64_t version = 1;
    Timestamp now;
    std::string_view agent;
    std::string_view agent_version;
    std::string_view language;
    std::string_view process;
    std::optional<std::int64_t> pid;
    std::string_view host;
    std::optional<Timestamp> started;
    std::span<const std::string_view> can;
    std::span<const PoolInfo> pools;
};

struct Stack
{
    std::string_view id;
    std::span<const FrameView> frames;
};

struct Open
{
    std::string_view pool;
    std::string_view connection;
    Timestamp time;
    std::optional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
};

struct Close
{
    std::string_view pool;
    std::string_view connection;
    Timestamp time;
    std::string_view reason;
};

struct Wait
{
    std::string_view pool;
    Timestamp time;
    std::int64_t pending = 0;
};

struct Checkout
{
    std::string_view pool;
    std::string_view id;
    Timestamp time;
    std::string_view connection;
    std::optional<Duration> wait;
    std::string_view by;
    std::string_view thread;
    std::string_view stack;            ///< the id of one
    std::span<const FrameView> frames; ///< instead of the id
    std::optional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
    std::span<const Pair> tags;
    std::string_view trace_id;
    std::optional<Duration> expected;
    bool open = false; ///< part of a picture
    std::optional<Timestamp> beat;
    std::optional<bool> busy;
};

struct Use
{
    std::string_view pool;
    std::string_view id;
    Timestamp time;
    bool busy = false;
    std::string_view statement;
};

struct Beat
{
    std::string_view pool;
    std::string_view id;
    Timestamp time;
    std::optional<Duration> expected{}; ///< in all, since it was lent; null: as it was
};

struct Checkin
{
    std::string_view pool;
    std::string_view id;
    Timestamp time;
    std::string_view connection;
};

/// Checkouts of one place that came back before they were told one by one.
struct Brief
{
    std::string_view pool;
    Timestamp time;
    std::int64_t count = 0;
    std::string_view stack;            ///< the id of one
    std::span<const FrameView> frames; ///< instead of the id
    std::optional<Duration> total;     ///< that they were held
    std::optional<Duration> longest;
};

struct Timeout
{
    std::string_view pool;
    Timestamp time;
    std::optional<Duration> wait;
    std::string_view by;
    std::string_view thread;
    std::string_view stack;
    std::span<const FrameView> frames;
    std::span<const Pair> tags;
    std::string_view trace_id;
    std::string_view reason;
};

struct Health
{
    std::string_view pool;
    Timestamp time;
    std::string_view connection;
    std::string_view status;
    std::string_view why;
};

struct Leak
{
    std::string_view pool;
    std::string_view id;
    Timestamp time;
    std::string_view severity;
};

/// Each part is reported or not on its own.
struct Figures
{
    std::optional<std::int64_t> count;
    std::optional<Duration> total;
    std::optional<Duration> p50;
    std::optional<Duration> p99;
    friend bool operator==(const Figures&, const Figures&) = default;
};

struct Stats
{
    std::string_view pool;
    Timestamp time;
    std::optional<std::int64_t> used;
    std::optional<std::int64_t> idle;
    std::optional<std::int64_t> opening;
    std::optional<std::int64_t> total;
    std::optional<std::int64_t> max;
    bool unlimited = false; ///< "max": null
    std::optional<std::int64_t> idle_min;
    std::optional<std::int64_t> idle_max;
    std::optional<std::int64_t> pending;
    std::optional<std::int64_t> timeouts;
    std::optional<Figures> wait_time;
    std::optional<Figures> use_time;
    std::optional<Figures> create_time;
    std::optional<std::int64_t> leaks;
    std::optional<std::int64_t> tracked;
    std::string_view circuit;
    std::string_view health;
};

/// Prepared statements of one place that are open: a state, no event.
struct Prepared
{
    std::string_view pool;
    Timestamp time;
    std::int64_t count = 0;
    std::string_view stack;            ///< the id of one
    std::span<const FrameView> frames; ///< instead of the id
    std::optional<Timestamp> oldest;
    std::optional<std::int64_t> distinct;
    std::string_view statement;
};

struct Lost
{
    std::int64_t count = 0;
};

struct Ready
{};

struct Pong
{
    std::int64_t of = 0;
    Timestamp now;
};

struct Outcome
{
    std::int64_t of = 0;
    bool ok = false;
    std::string_view why;
};

struct Challenge
{
    std::uint64_t version = 1;
    std::string_view nonce;
};

/// From an inspector.
struct Auth
{
    std::string_view mac;
};
struct Ping
{};
struct Resync
{};
/// What it would rather be told.
struct Want
{
    bool brief = false; ///< sums in the place of short checkouts
};
struct Reclaim
{
    std::string_view id;
    std::string_view pool;
};

using Body = std::variant<Hello, Challenge, Stack, Open, Close, Wait, Checkout, Use, Beat, Checkin,
                          Brief, Timeout, Health, Leak, Stats, Prepared, Lost, Ready, Pong, Outcome,
                          Auth, Ping, Resync, Want, Reclaim>;

struct Message
{
    std::uint64_t n = 0;
    Body body;
};

/// True for what takes a number of its own: open, close, wait, checkout, use, beat, checkin, brief,
/// timeout, health, leak. (A checkout with `open` is part of a picture and does not.)
bool is_event(const Body& body);

} // namespace poolscope::wire
