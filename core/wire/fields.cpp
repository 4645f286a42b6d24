// SPDX-License-Identifier: Apache-2.0
#include "core/wire/fields.h"

#include "core/wire/limits.h"

namespace poolscope::wire {

namespace {

constexpr std::int64_t bytes(std::size_t count)
{
    return static_cast<std::int64_t>(count);
}

constexpr KeyEntry text(std::string_view name, std::size_t limit)
{
    return {name, ValueType::text, bytes(limit)};
}
constexpr KeyEntry identity(std::string_view name)
{
    return {name, ValueType::identity, bytes(max_id)};
}
constexpr KeyEntry number(std::string_view name, std::int64_t limit = max_number)
{
    return {name, ValueType::number, limit};
}
constexpr KeyEntry flag(std::string_view name)
{
    return {name, ValueType::flag, 1};
}
constexpr KeyEntry special(std::string_view name)
{
    return {name, ValueType::special, 0};
}

constexpr std::array entries = {
    text("k", max_word),
    identity("pool"),
    identity("id"),
    identity("conn"),
    text("by", max_by),
    text("thread", max_thread),
    identity("stack"),
    text("trace_id", max_trace_id),
    text("reason", max_why),
    text("statement", max_statement),
    text("status", max_word),
    text("why", max_why),
    text("severity", max_word),
    text("circuit", max_word),
    text("health", max_word),
    text("agent", max_by),
    text("agent_version", max_word),
    text("language", max_word),
    text("process", max_by),
    text("host", max_host),
    identity("nonce"),
    identity("mac"),
    number("n"),
    number("t"),
    number("now"),
    number("v"),
    number("pid"),
    number("started"),
    number("server_pid"),
    number("local_port", 65'535),
    number("pending"),
    number("wait_us"),
    number("expected_us"),
    number("total_us"),
    number("max_us"),
    number("beat"),
    number("oldest"),
    number("distinct"),
    number("used"),
    number("idle"),
    number("opening"),
    number("total"),
    number("max"),
    number("idle_min"),
    number("idle_max"),
    number("timeouts"),
    number("leaks"),
    number("tracked"),
    number("count"),
    number("of"),
    flag("open"),
    flag("busy"),
    flag("ok"),
    special("frames"),
    special("tags"),
    special("can"),
    special("pools"),
    special("wait_time"),
    special("use_time"),
    special("create_time"),
};
static_assert(entries.size() == static_cast<std::size_t>(Key::none));
static_assert(entries[static_cast<std::size_t>(Key::mac)].name == "mac");
static_assert(entries[static_cast<std::size_t>(Key::of)].name == "of");
static_assert(entries[static_cast<std::size_t>(Key::ok)].name == "ok");

/// Spreads the keys over the table without a collision of more than a few; checked at compile time.
constexpr std::size_t table_size = 256;
constexpr std::size_t spread(std::string_view name)
{
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    const auto middle = static_cast<unsigned char>(name[name.size() / 2]);
    return (first * 7U + last * 31U + middle * 59U + name.size() * 13U) % table_size;
}

constexpr std::array<Key, table_size> make_table()
{
    std::array<Key, table_size> table{};
    table.fill(Key::none);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::size_t place = spread(entries[i].name);
        while (table[place] != Key::none)
            place = (place + 1) % table_size;
        table[place] = static_cast<Key>(i);
    }
    return table;
}
constexpr auto table = make_table();

} // namespace

Key key_of(std::string_view name) noexcept
{
    if (name.empty() || name.size() > max_word)
        return Key::none;
    std::size_t place = spread(name);
    while (table[place] != Key::none) {
        if (entries[static_cast<std::size_t>(table[place])].name == name)
            return table[place];
        place = (place + 1) % table_size;
    }
    return Key::none;
}

const KeyEntry& entry_of(Key key) noexcept
{
    return entries[static_cast<std::size_t>(key)];
}

std::string_view Fields::keep(std::string text)
{
    if (kept_used_ == kept_.size())
        kept_.emplace_back();
    std::string& place = kept_[kept_used_++];
    place = std::move(text);
    return place;
}

} // namespace poolscope::wire
