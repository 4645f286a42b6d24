// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace poolscope {

/// Bytes that are kept of a statement's text.
inline constexpr std::size_t longest_pg_statement = std::size_t{64} * 1024;

/// Reads a binary result by column name. A value that is null, absent or of an unexpected size
/// reads as nullopt: nothing that a server sends makes it read past the value.
class PgRows
{
public:
    explicit PgRows(const pg_result* result)
        : result_(result)
    {}

    int count() const;
    int column(const char* name) const; ///< -1 if there is none
    std::optional<std::string_view> text(int row, int column) const;
    std::optional<bool> boolean(int row, int column) const;
    std::optional<std::int32_t> int4(int row, int column) const;
    std::optional<std::int64_t> int8(int row, int column) const;
    std::optional<std::uint32_t> oid(int row, int column) const;   ///< xid too
    std::optional<Timestamp> timestamp(int row, int column) const; ///< nullopt for infinity
    std::optional<std::string> address(int row, int column) const; ///< inet: "10.0.0.1", "::1"
    std::optional<std::vector<std::int32_t>> int4s(int row, int column) const; ///< int4[]

private:
    std::optional<std::string_view> bytes(int row, int column) const;
    const pg_result* result_;
};

/// "10.0.0.1:5432", "[::1]:5432", "local" for port -1; null where neither is reported.
Text client_text(const std::optional<std::string>& address, std::optional<std::int32_t> port);
/// The server's state and wait, as ours.
SessionState state_of(std::optional<std::string_view> state,
                      std::optional<std::string_view> wait_event_type);

/// One session of a poll. Names of user and database are not in it yet.
struct PgRow
{
    Session session;
    std::uint32_t user = 0;
    std::uint32_t database = 0;
    bool text_sent = false;
    bool blockers_sent = false;
};

/// One poll's answer.
struct PgPoll
{
    std::optional<Timestamp> clock;
    std::optional<std::uint64_t> next_xid;
    std::vector<std::int32_t> pids;   ///< of all backends, ascending
    std::vector<std::int32_t> others; ///< of them, seen to be the server's own housekeeping
    std::vector<PgRow> rows;          ///< sessions, ascending by pid
};

/// `texts` shares repeated names and statements. A result without `pids` lists every backend.
PgPoll read_poll(const pg_result* result, TargetId target, std::int32_t own_pid, TextPool& texts);

} // namespace poolscope
