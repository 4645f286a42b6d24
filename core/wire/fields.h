// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/wire/messages.h"

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope::wire {

/// Every key of the protocol, of all kinds together. Texts first, then numbers, then the rest: the
/// order is that of the table in fields.cpp.
enum class Key : std::uint8_t {
    k,
    pool,
    id,
    conn,
    by,
    thread,
    stack,
    trace_id,
    reason,
    statement,
    status,
    why,
    severity,
    circuit,
    health,
    agent,
    agent_version,
    language,
    process,
    host,
    nonce,
    mac,
    n,
    t,
    now,
    v,
    pid,
    started,
    server_pid,
    local_port,
    pending,
    wait_us,
    expected_us,
    total_us,
    max_us,
    beat,
    oldest,
    distinct,
    used,
    idle,
    opening,
    total,
    max,
    idle_min,
    idle_max,
    timeouts,
    leaks,
    tracked,
    count,
    of,
    open,
    busy,
    ok,
    frames,
    tags,
    can,
    pools,
    wait_time,
    use_time,
    create_time,
    none, ///< a key of the future
};

enum class ValueType : std::uint8_t { text, identity, number, flag, special };

struct KeyEntry
{
    std::string_view name;
    ValueType type;
    std::int64_t limit; ///< bytes of a text, or the largest number
};

Key key_of(std::string_view name) noexcept;
const KeyEntry& entry_of(Key key) noexcept;

/// One line, taken apart: the values of all keys that were there. Reused from line to line; what is
/// not marked as present is left over from another line.
class Fields
{
public:
    void clear()
    {
        present_ = 0;
        unlimited = false;
        kept_used_ = 0;
    }
    bool has(Key key) const { return (present_ >> static_cast<unsigned>(key) & 1U) != 0; }
    void mark(Key key) { present_ |= std::uint64_t{1} << static_cast<unsigned>(key); }
    void unmark(Key key) { present_ &= ~(std::uint64_t{1} << static_cast<unsigned>(key)); }

    /// Empty where absent.
    std::string_view text(Key key) const
    {
        return has(key) ? texts_[slot(key)] : std::string_view{};
    }
    std::optional<std::int64_t> number(Key key) const
    {
        return has(key) ? std::optional(numbers_[slot(key)]) : std::nullopt;
    }
    std::optional<bool> flag(Key key) const
    {
        return has(key) ? std::optional(numbers_[slot(key)] != 0) : std::nullopt;
    }
    void set(Key key, std::string_view text)
    {
        texts_[slot(key)] = text;
        mark(key);
    }
    void set(Key key, std::int64_t number)
    {
        numbers_[slot(key)] = number;
        mark(key);
    }
    /// Keeps a text that is not in the line as it is; until clear().
    std::string_view keep(std::string text);

    // The lists; valid where their key is marked.
    std::vector<FrameView> frames;
    std::vector<Pair> tags;
    std::vector<std::string_view> can;
    std::vector<PoolInfo> pools;
    std::vector<Pair> config; ///< of all pools, one behind the other
    std::array<Figures, 3> figures;
    bool unlimited = false; ///< "max": null

private:
    static std::size_t slot(Key key) { return static_cast<std::size_t>(key); }

    std::uint64_t present_ = 0;
    std::array<std::string_view, 64> texts_;
    std::array<std::int64_t, 64> numbers_{};
    std::deque<std::string> kept_;
    std::size_t kept_used_ = 0;
};

enum class Assembled : std::uint8_t { message, unknown_kind, no_kind, no_number, bad_field };

/// Makes the message of a line's fields. The views stay those of `fields`.
Assembled assemble(const Fields& fields, Message& message);

} // namespace poolscope::wire
