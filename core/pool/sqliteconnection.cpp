// SPDX-License-Identifier: Apache-2.0
#include "core/pool/sqliteconnection.h"

#include "core/base/text.h"

#include <algorithm>
#include <climits>
#include <sqlite3.h>

namespace poolscope {

void SqliteConnection::Close::operator()(sqlite3* connection) const noexcept
{
    // "_v2": with a statement that nobody finalised it closes when that goes.
    sqlite3_close_v2(connection);
}

SqliteFactory::SqliteFactory(std::string file, Duration busy, bool read_only)
    : file_(std::move(file))
    , busy_(busy)
    , read_only_(read_only)
{}

Result<SqliteConnection> SqliteFactory::open()
{
    const int mode = read_only_ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* handle = nullptr;
    const int status = sqlite3_open_v2(file_.c_str(), &handle,
                                       mode | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, nullptr);
    SqliteConnection connection(handle);
    if (status != SQLITE_OK)
        return Error{plain_line(handle ? sqlite3_errmsg(handle) : sqlite3_errstr(status), 512), ""};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(busy_).count();
    sqlite3_busy_timeout(handle, static_cast<int>(std::clamp<std::int64_t>(ms, 0, INT_MAX)));
    return connection;
}

bool SqliteFactory::validate(SqliteConnection& connection)
{
    // Reads the schema's version: fails where the file is gone or broken.
    return sqlite3_exec(connection.native(), "PRAGMA schema_version", nullptr, nullptr, nullptr) ==
           SQLITE_OK;
}

bool SqliteFactory::reset(SqliteConnection& connection)
{
    sqlite3* const native = connection.native();
    for (sqlite3_stmt* statement = sqlite3_next_stmt(native, nullptr); statement;
         statement = sqlite3_next_stmt(native, statement)) {
        if (sqlite3_stmt_busy(statement))
            sqlite3_reset(statement);
    }
    return sqlite3_get_autocommit(native) != 0 ||
           sqlite3_exec(native, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK;
}

void SqliteFactory::close(SqliteConnection& connection)
{
    connection = SqliteConnection(nullptr);
}

ConnectionMetadata SqliteFactory::describe(SqliteConnection& /*connection*/)
{
    ConnectionMetadata metadata;
    metadata.database = plain_line(file_, 512);
    metadata.protocol = "sqlite";
    return metadata;
}

void SqliteFactory::interrupt(SqliteConnection& connection)
{
    sqlite3_interrupt(connection.native());
}

} // namespace poolscope
