// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/record/database.h"
#include "core/record/rows.h"
#include "core/record/schema.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace poolscope::record {

/// Rows of one of the two tables of sessions. They are the many, so that several go into a
/// statement: that spares SQLite part of its way.
class SessionInserts
{
public:
    SessionInserts(SQLite::Database& database, schema::Table table);
    void write(const std::vector<SessionRow>& rows);

private:
    struct Batch
    {
        Query statement;
        /// Of each of its rows, which columns are not null as bound last: those alone need a null.
        std::vector<std::uint32_t> bound;
    };
    void bind(Batch& batch, std::size_t slot, const SessionRow& row) const;

    int columns_;
    std::vector<Batch> batches_; ///< the largest first, the last takes a single row
};

/// Rows of any other table, several a statement where many come at once.
class PlainInserts
{
public:
    PlainInserts(SQLite::Database& database, schema::Table table);
    void write(const std::vector<const PlainRow*>& rows);

private:
    void bind(Query& statement, std::size_t slot, const PlainRow& row) const;

    int columns_;
    std::vector<Query> batches_; ///< the largest first, the last takes a single row
};

/// The prepared statements of a recording that is being written.
class Inserts
{
public:
    explicit Inserts(SQLite::Database& database);
    void begin() { begin_.run(); }
    void commit() { commit_.run(); }
    /// Between begin and commit. Throws SQLite::Exception; all is ready again after it.
    void write(const Pending& pending);

private:
    std::vector<PlainInserts> plain_;                                        ///< by table
    std::array<std::vector<const PlainRow*>, schema::table_count> by_table_; ///< of this write
    SessionInserts changes_;
    SessionInserts keyframe_sessions_;
    Query begin_;
    Query commit_;
    std::map<schema::Table, Query> used_; ///< of the tables that a ring forgets rows of
};

} // namespace poolscope::record
