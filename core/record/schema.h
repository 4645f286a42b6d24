// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

// The tables of a recording. FORMAT.md beside this file explains every column to a person.
namespace poolscope::schema {

inline constexpr std::int32_t application_id = 0x50534350; ///< "PSCP"
inline constexpr std::int32_t version = 5;

/// Rows that belong to an observation or keyframe are numbered sequence * 2^20 + position, so that
/// the primary key alone finds and orders them, without a second index.
inline constexpr int position_bits = 20;
inline constexpr std::int64_t position_mask = (std::int64_t{1} << position_bits) - 1;
inline constexpr std::uint64_t last_sequence = std::uint64_t{1} << 42;

constexpr std::int64_t row_id(std::uint64_t sequence, std::size_t position)
{
    return static_cast<std::int64_t>((sequence << position_bits) | position);
}
constexpr std::uint64_t sequence_of(std::int64_t row)
{
    return static_cast<std::uint64_t>(row) >> position_bits;
}

enum class Table : std::uint8_t {
    target,
    status,
    facts,
    sample,
    session_change,
    session,
    text,
    lock_report,
    lock,
    gap,
    action,
    note,
    threshold,
    tick,
    minute,
    keyframe,
    keyframe_target,
    keyframe_session,
    // Since version 2.
    agent,
    pool_sample,
    reclaim,
    pool,
    connection_change,
    connection_close,
    checkout,
    checkout_change,
    checkout_end,
    brief_hold,
    acquire_timeout,
    stack,
    stack_line,
    property_list,
    property,
    pool_minute,
    keyframe_process,
    keyframe_pool,
    keyframe_connection,
    keyframe_checkout,
    // Since version 3.
    prepared,
    keyframe_prepared,
    threshold_choice,
    // Since version 4.
    settings,
    setting,
    keyframe_settings,
    alert_rules,
    alert_answer,
    // Since version 5.
    note_about,
};
inline constexpr std::size_t table_count = 47;

struct TableDefinition
{
    std::string_view name;
    int columns = 0;
    std::string_view sql; ///< as SQLite keeps it; a file with another one is not ours
};
const TableDefinition& definition(Table table);
/// How many tables, of those above, a recording of that version has.
constexpr std::size_t table_count_of(std::int64_t of_version)
{
    return of_version < 2   ? static_cast<std::size_t>(Table::agent)
           : of_version < 3 ? static_cast<std::size_t>(Table::prepared)
           : of_version < 4 ? static_cast<std::size_t>(Table::settings)
           : of_version < 5 ? static_cast<std::size_t>(Table::note_about)
                            : table_count;
}

/// The tables that hold one row an observation, keyed by its sequence number.
inline constexpr std::array observation_tables{
    Table::target,       Table::status,
    Table::facts,        Table::sample,
    Table::lock_report,  Table::gap,
    Table::action,       Table::note,
    Table::threshold,    Table::tick,
    Table::agent,        Table::pool_sample,
    Table::reclaim,      Table::threshold_choice,
    Table::settings,     Table::alert_rules,
    Table::alert_answer, Table::note_about,
};
/// Those of them that a recording of that version has.
constexpr std::span<const Table> observation_tables_of(std::int64_t of_version)
{
    return std::span{observation_tables}.first(of_version < 2   ? 10
                                               : of_version < 3 ? 13
                                               : of_version < 4 ? 14
                                               : of_version < 5 ? 17
                                                                : observation_tables.size());
}

/// Those whose rows are used again and again, and say when last.
inline constexpr std::array tables_with_use{Table::text, Table::session, Table::checkout,
                                            Table::stack, Table::property_list};

/// Everything else that a new recording needs: meta, names of states, views.
const std::vector<std::string_view>& other_statements();
/// Only a ring forgets texts and sessions, so only a ring pays for finding the oldest.
const std::vector<std::string_view>& ring_statements();
/// The names of `meta` and `state_name` with their SQL, checked like the tables.
inline constexpr std::string_view meta_sql =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID";

} // namespace poolscope::schema
