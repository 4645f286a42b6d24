// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/pool/connectionpool.h"
#include "core/pool/sqliteconnection.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace shop {

using Pool = poolscope::ConnectionPool<poolscope::SqliteConnection>;
using Connection = Pool::Guard;

/// Connections to the shop's database, as the shop wants them.
class ShopFactory : public poolscope::SqliteFactory
{
public:
    using SqliteFactory::SqliteFactory;
    poolscope::Result<poolscope::SqliteConnection> open();
};

/// A folder of its own with a small shop in a SQLite file; gone with this object.
class Database
{
public:
    /// Throws std::runtime_error with what went wrong.
    Database();
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    const std::string& file() const { return file_; }

private:
    std::string folder_;
    std::string file_;
    int lock_ = -1; ///< on the folder, which so is known to be in use
};

/// The customer whom a request is for, and what the shop knows of it.
struct Request
{
    std::string_view user;  ///< which part of the shop
    std::string_view route; ///< "/checkout"
    std::uint64_t number = 0;
};

/// Whose connection it is, for the pool.
poolscope::AcquireOptions options_of(const Request& request);

/// Runs one statement with one parameter; the first column of its first row, 0 if there is none.
/// Throws std::runtime_error.
std::int64_t run(Connection& connection, const char* sql, std::int64_t parameter = 0);

} // namespace shop
