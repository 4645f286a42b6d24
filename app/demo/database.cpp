// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/database.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <stdlib.h> // mkdtemp
#include <sys/file.h>
#include <unistd.h>

namespace shop {

namespace {

constexpr const char* schema = R"(
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT, price INTEGER, stock INTEGER);
CREATE TABLE orders(id INTEGER PRIMARY KEY, product INTEGER, customer INTEGER, paid INTEGER);
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT, visits INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO products SELECT i, 'Product ' || i, 100 + i * 7 % 9900, 1000 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO customers SELECT i, 'Customer ' || i, 0 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO orders SELECT i, 1 + i % 2000, 1 + i % 500, 1 FROM n;
COMMIT;
)";

struct Finalise
{
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

} // namespace

poolscope::Result<poolscope::SqliteConnection> ShopFactory::open()
{
    auto opened = SqliteFactory::open();
    // Nothing here must outlive the process: no waiting for the disk.
    if (opened)
        sqlite3_exec(opened.value().native(), "PRAGMA synchronous = OFF", nullptr, nullptr,
                     nullptr);
    return opened;
}

Database::Database()
{
    // Named so that the next Poolscope clears it away where this process is killed.
    const std::string name = "poolscope-" + std::to_string(getpid()) + "-XXXXXX";
    folder_ = (std::filesystem::temp_directory_path() / name).string();
    if (!mkdtemp(folder_.data()))
        throw std::runtime_error("there is no room for a temporary folder");
    lock_ = open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ >= 0)
        flock(lock_, LOCK_SH | LOCK_NB);
    file_ = folder_ + "/shop.db";
    ShopFactory factory(file_);
    const auto opened = factory.open();
    if (!opened)
        throw std::runtime_error(opened.error().sentence);
    sqlite3* const native = opened.value().native();
    if (sqlite3_exec(native, schema, nullptr, nullptr, nullptr) != SQLITE_OK)
        throw std::runtime_error(sqlite3_errmsg(native));
}

Database::~Database()
{
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
    if (lock_ >= 0)
        ::close(lock_);
}

poolscope::AcquireOptions options_of(const Request& request)
{
    std::array<char, 40> trace{};
    const std::uint64_t mixed = request.number * 0x9E3779B97F4A7C15U;
    std::snprintf(trace.data(), trace.size(), "%032" PRIx64, mixed);
    poolscope::AcquireOptions options;
    options.user = request.user;
    options.tags = {{"request", "req-" + std::to_string(request.number)},
                    {"route", std::string(request.route)}};
    options.trace_id = trace.data();
    return options;
}

std::int64_t run(Connection& connection, const char* sql, std::int64_t parameter)
{
    sqlite3* const native = connection->native();
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(native, sql, -1, &prepared, nullptr) != SQLITE_OK)
        throw std::runtime_error(sqlite3_errmsg(native));
    const std::unique_ptr<sqlite3_stmt, Finalise> statement(prepared);
    sqlite3_bind_int64(prepared, 1, parameter);
    connection.begin_statement(sql);
    std::int64_t first = 0;
    bool any = false;
    int status = sqlite3_step(prepared);
    for (; status == SQLITE_ROW; status = sqlite3_step(prepared)) {
        if (!any)
            first = sqlite3_column_int64(prepared, 0);
        any = true;
    }
    connection.end_statement();
    if (status != SQLITE_DONE)
        throw std::runtime_error(sqlite3_errmsg(native));
    return first;
}

} // namespace shop
