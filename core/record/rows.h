// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/slimoptional.h"
#include "core/base/text.h"
#include "core/base/time.h"
#include "core/model/session.h"
#include "core/record/database.h"
#include "core/record/schema.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

// Rows on their way into a recording, and sessions on their way out of it.
namespace poolscope::record {

/// A session as a row: session_change, or keyframe_session with two columns more.
struct SessionRow
{
    enum Column : std::uint8_t {
        session,
        state, ///< null: gone; -1: gone because a full sample, or its pid's next owner, says so
        application,
        statement,
        wait_event,
        blocked_by,
        state_age,
        transaction_lead,
        statement_lead,
        xid,
        xmin,
        target, ///< from here on in keyframes alone
        locks,
        column_count,
    };
    static constexpr std::int64_t implied_departure = -1;

    std::int64_t id = 0;
    std::array<std::int64_t, column_count> values{};
    std::uint32_t set = 0; ///< which are not null

    void put(Column column, std::int64_t value)
    {
        values[column] = value;
        set |= 1U << column;
    }
    bool has(Column column) const { return (set >> column & 1U) != 0; }
};

/// A row of any other table.
using Value = std::variant<std::monostate, std::int64_t, std::string, Text>;
struct PlainRow
{
    schema::Table table;
    std::vector<Value> values;
};

template <class T>
Value optional_value(const std::optional<T>& value)
{
    return value ? Value{static_cast<std::int64_t>(*value)} : Value{};
}
inline Value optional_value(const std::optional<Timestamp>& value)
{
    return value ? Value{to_us(*value)} : Value{};
}
inline Value optional_value(const SlimOptional<std::int64_t>& value)
{
    return value ? Value{*value} : Value{};
}
inline std::int64_t number_of(TargetId id)
{
    return static_cast<std::int64_t>(id.value);
}
inline std::int64_t number_of(SequenceNumber sequence)
{
    return static_cast<std::int64_t>(sequence.value);
}

/// "used since keyframe": only a ring keeps these up to date.
struct UsedMark
{
    schema::Table table; ///< one that has a column `used`
    std::int64_t id = 0;
    std::int64_t used = 0;
};

/// What is to be written in the next commit; survives a failed one.
struct Pending
{
    std::vector<PlainRow> plain;
    std::vector<SessionRow> changes;
    std::vector<SessionRow> keyframe_sessions;
    std::vector<UsedMark> used;
    bool keyframe = false; ///< holds at least one

    std::size_t rows() const { return plain.size() + changes.size() + keyframe_sessions.size(); }
    void clear();
};

/// What never or rarely changes of a session.
struct SessionIdentity
{
    SessionKey key;
    Text user, database, client, backend_type;
    bool own = false;
};

/// Texts and sessions of a recording by their numbers, with a bounded memory.
class Lookup
{
public:
    explicit Lookup(SQLite::Database& database);
    Text text(std::int64_t id);
    Text optional_text(const Row& row, int column);
    std::string lock_text(const Row& row, int column);
    const SessionIdentity& session(std::int64_t id);
    /// The session of a row whose columns begin with `id, session, state, …`; `server_now` is what
    /// the ages in it count from.
    Session whole_session(const Row& row, Timestamp server_now);

private:
    Query text_query_;
    Query session_query_;
    std::unordered_map<std::int64_t, Text> texts_;
    std::size_t text_bytes_ = 0;
    std::unordered_map<std::int64_t, SessionIdentity> sessions_;
};

/// A line a word, and back; null for none.
Value word_list(const std::vector<std::string>& words);
std::vector<std::string> parse_word_list(const std::string& text);

/// "12,34,0" and back.
std::string pid_list(const std::vector<Pid>& pids);
std::vector<Pid> parse_pid_list(const std::string& text);

} // namespace poolscope::record
