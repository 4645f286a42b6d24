// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/pool/poolslot.h"

#include <memory>
#include <string>

struct sqlite3;

namespace poolscope {

/// A SQLite connection. Moves; one thread at a time.
class SqliteConnection
{
public:
    explicit SqliteConnection(sqlite3* connection) noexcept
        : connection_(connection)
    {}
    /// For SQLite's own functions; stays this object's. Not to be closed by others.
    sqlite3* native() const noexcept { return connection_.get(); }

private:
    struct Close
    {
        void operator()(sqlite3* connection) const noexcept;
    };
    std::unique_ptr<sqlite3, Close> connection_;
};

/// Opens SQLite connections for ConnectionPool<SqliteConnection>.
class SqliteFactory
{
public:
    static constexpr bool has_server = false;
    /// `file`: a path, or a "file:" URI, so that several connections can share one in memory. Made
    /// if it is not there, but for `read_only`. `busy`: how long a statement waits for another
    /// connection's lock.
    explicit SqliteFactory(std::string file, Duration busy = std::chrono::seconds{5},
                           bool read_only = false);

    Result<SqliteConnection> open();
    bool validate(SqliteConnection& connection);
    /// Resets statements that are in the middle of their rows, and rolls back what was left open.
    bool reset(SqliteConnection& connection);
    void close(SqliteConnection& connection);
    ConnectionMetadata describe(SqliteConnection& connection);
    /// The statement that runs now fails with SQLITE_INTERRUPT. Where none runs nothing happens: a
    /// reclaimed connection works until it comes back, as SQLite has no session that could be
    /// ended.
    void interrupt(SqliteConnection& connection);

private:
    std::string file_;
    Duration busy_;
    bool read_only_;
};

} // namespace poolscope
