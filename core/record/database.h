// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/base/text.h"

#include <SQLiteCpp/Database.h>
#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

// What the files of this room share: opening, the checked reading of columns, sentences for errors.
namespace poolscope::record {

using Path = std::filesystem::path;

/// Thrown within the room where a file says what no Poolscope wrote; never leaves the room.
struct Damaged : std::runtime_error
{
    using std::runtime_error::runtime_error;
};
/// Thrown within the room with a finished sentence; never leaves the room.
struct Refused : std::exception
{
    explicit Refused(Error e)
        : error(std::move(e))
    {}
    const char* what() const noexcept override { return error.sentence.c_str(); }
    Error error;
};

/// The sentence for whatever was thrown. `doing` completes "… could not be": "written", "read".
Error explain(const std::exception& exception, const Path& file, std::string_view doing);

/// Runs `work` and turns what it throws into an Error.
template <class T>
Result<T> guarded(const Path& file, std::string_view doing, const std::function<Result<T>()>& work)
{
    try {
        return work();
    } catch (const std::exception& e) {
        return explain(e, file, doing);
    }
}

/// A path as it stands in a sentence: plain, on one line, quoted.
std::string quoted(const Path& file);
/// A new empty file that only its owner may read, whatever the umask. Throws Refused, of the file
/// that the user named where `file` only comes before that one.
void create_private(const Path& file, const Path& named = {});
/// Bytes on disk; 0 where there is no such file.
std::uint64_t size_on_disk(const Path& file) noexcept;
Path beside(const Path& file, std::string_view suffix);

/// Opens an existing recording for reading, after a look at what it is. Throws Refused and others.
std::unique_ptr<SQLite::Database> open_recording(const Path& file);

/// A prepared statement. Thinner than SQLite::Statement, whose every column counts a reference;
/// errors are thrown as SQLite::Exception all the same. Must not outlive its database.
class Query
{
public:
    Query(SQLite::Database& database, std::string_view sql);

    void bind(int index, std::int64_t value) { check(sqlite3_bind_int64(get(), index, value)); }
    /// The text stays the caller's, unchanged until the next step is over.
    void bind(int index, std::string_view text)
    {
        check(sqlite3_bind_text64(get(), index, text.data(), text.size(), SQLITE_STATIC,
                                  SQLITE_UTF8));
    }
    void bind_null(int index) { check(sqlite3_bind_null(get(), index)); }
    int parameters() const { return sqlite3_bind_parameter_count(get()); }
    /// True: a row stands ready. After the last one it stays false until reset.
    bool step();
    void reset() noexcept;
    /// One that answers no rows: ready again afterwards, even where it failed.
    void run();
    sqlite3_stmt* get() const { return statement_.get(); }

private:
    void check(int code) const
    {
        if (code != SQLITE_OK)
            fail(code);
    }
    [[noreturn]] void fail(int code) const;

    struct Finalize
    {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    bool done_ = false;
};

/// Checked reading of one row: a wrong type or an absurd value throws Damaged.
class Row
{
public:
    explicit Row(const Query& query)
        : statement_(query.get())
    {}
    bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t integer(int column) const
    {
        if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER)
            throw Damaged("a number is missing");
        return sqlite3_column_int64(statement_, column);
    }
    std::int64_t integer(int column, std::int64_t least, std::int64_t most) const;
    bool boolean(int column) const { return integer(column, 0, 1) != 0; }
    std::optional<std::int64_t> optional_integer(int column) const
    {
        if (null(column))
            return std::nullopt;
        return integer(column);
    }
    std::string text(int column) const;

private:
    sqlite3_stmt* statement_;
};

/// The only number that a query answers; nullopt where it is NULL or there is no row.
std::optional<std::int64_t> ask(SQLite::Database& database, std::string_view sql);

/// A difference that keeps every bit, whatever the values.
constexpr std::int64_t wrapped_difference(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapped_sum(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

} // namespace poolscope::record
