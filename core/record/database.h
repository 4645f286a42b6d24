// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/base/text.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

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
/// A new empty file that only its owner may read, whatever the umask. Throws Refused.
void create_private(const Path& file);
/// Bytes on disk; 0 where there is no such file.
std::uint64_t size_on_disk(const Path& file) noexcept;
Path beside(const Path& file, std::string_view suffix);

/// Opens an existing recording for reading, after a look at what it is. Throws Refused and others.
std::unique_ptr<SQLite::Database> open_recording(const Path& file);

/// Checked reading of one row: a wrong type or an absurd value throws Damaged.
class Row
{
public:
    explicit Row(SQLite::Statement& statement)
        : statement_(statement)
    {}
    bool null(int column) const;
    std::int64_t integer(int column) const;
    std::int64_t integer(int column, std::int64_t least, std::int64_t most) const;
    bool boolean(int column) const { return integer(column, 0, 1) != 0; }
    std::optional<std::int64_t> optional_integer(int column) const;
    std::string text(int column) const;

private:
    SQLite::Statement& statement_;
};

/// The only number that a query answers; nullopt where it is NULL or there is no row.
std::optional<std::int64_t> ask(SQLite::Database& database, const std::string& sql);

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
