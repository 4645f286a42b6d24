// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/inserts.h"

#include <fmt/format.h>

#include <array>

namespace poolscope::record {

namespace {

using schema::Table;

/// How many rows of sessions go into one statement: as many as are there, in such steps.
constexpr std::array<std::size_t, 6> rows_a_statement{32, 16, 8, 4, 2, 1};
constexpr std::array<std::size_t, 4> plain_rows_a_statement{8, 4, 2, 1};

std::string insert_into(Table table, std::size_t rows = 1)
{
    const schema::TableDefinition& d = schema::definition(table);
    std::string marks;
    for (int i = 0; i < d.columns; ++i)
        marks += i == 0 ? "?" : ",?";
    std::string sql = fmt::format("INSERT INTO \"{}\" VALUES ({})", d.name, marks);
    for (std::size_t i = 1; i < rows; ++i)
        sql += fmt::format(",({})", marks);
    return sql;
}

} // namespace

SessionInserts::SessionInserts(SQLite::Database& database, Table table)
    : columns_(schema::definition(table).columns)
{
    for (const std::size_t rows : rows_a_statement)
        batches_.push_back(
            {Query{database, insert_into(table, rows)}, std::vector<std::uint32_t>(rows)});
}

void SessionInserts::write(const std::vector<SessionRow>& rows)
{
    std::size_t next = 0;
    for (Batch& batch : batches_) {
        const std::size_t many = batch.bound.size();
        for (; rows.size() - next >= many; next += many) {
            for (std::size_t slot = 0; slot < many; ++slot)
                bind(batch, slot, rows[next + slot]);
            batch.statement.run();
        }
    }
}

void SessionInserts::bind(Batch& batch, std::size_t slot, const SessionRow& row) const
{
    const int first = static_cast<int>(slot) * columns_ + 1;
    std::uint32_t& bound = batch.bound[slot];
    batch.statement.bind(first, row.id);
    for (int i = 0; i + 1 < columns_; ++i) {
        const auto column = static_cast<SessionRow::Column>(i);
        if (row.has(column))
            batch.statement.bind(first + 1 + i, row.values[column]);
        else if ((bound >> i & 1U) != 0)
            batch.statement.bind_null(first + 1 + i);
        bound |= row.set & 1U << i;
    }
    bound = row.set;
}

PlainInserts::PlainInserts(SQLite::Database& database, Table table)
    : columns_(schema::definition(table).columns)
{
    for (const std::size_t rows : plain_rows_a_statement)
        batches_.emplace_back(database, insert_into(table, rows));
}

void PlainInserts::write(const std::vector<const PlainRow*>& rows)
{
    std::size_t next = 0;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
        const std::size_t many = plain_rows_a_statement.at(i);
        for (; rows.size() - next >= many; next += many) {
            for (std::size_t slot = 0; slot < many; ++slot)
                bind(batches_[i], slot, *rows[next + slot]);
            batches_[i].run();
        }
    }
}

void PlainInserts::bind(Query& statement, std::size_t slot, const PlainRow& row) const
{
    int index = static_cast<int>(slot) * columns_;
    for (const Value& value : row.values) {
        ++index;
        if (const auto* const number = std::get_if<std::int64_t>(&value))
            statement.bind(index, *number);
        else if (const auto* const string = std::get_if<std::string>(&value))
            statement.bind(index, *string);
        else if (const auto* const text = std::get_if<Text>(&value); text && !text->is_null())
            statement.bind(index, text->str());
        else
            statement.bind_null(index);
    }
}

Inserts::Inserts(SQLite::Database& database)
    : changes_(database, Table::session_change)
    , keyframe_sessions_(database, Table::keyframe_session)
    , begin_(database, "BEGIN IMMEDIATE")
    , commit_(database, "COMMIT")
{
    for (const Table table : schema::tables_with_use)
        used_.emplace(table, Query{database, fmt::format("UPDATE {} SET used = ? WHERE id = ?",
                                                         schema::definition(table).name)});
    for (std::size_t i = 0; i < schema::table_count; ++i)
        plain_.emplace_back(database, static_cast<Table>(i));
}

void Inserts::write(const Pending& pending)
{
    for (auto& rows : by_table_)
        rows.clear();
    for (const PlainRow& row : pending.plain)
        by_table_.at(static_cast<std::size_t>(row.table)).push_back(&row);
    for (std::size_t i = 0; i < schema::table_count; ++i)
        plain_[i].write(by_table_.at(i));
    changes_.write(pending.changes);
    keyframe_sessions_.write(pending.keyframe_sessions);
    for (const UsedMark& mark : pending.used) {
        Query& update = used_.at(mark.table);
        update.bind(1, mark.used);
        update.bind(2, mark.id);
        update.run();
    }
}

} // namespace poolscope::record
