// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/database.h"

#include "core/record/schema.h"

#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace poolscope::record {

namespace {

constexpr std::size_t longest_text = std::size_t{1} << 20;
constexpr int longest_value = 16 << 20;
constexpr int busy_timeout_ms = 2000;
/// The index of a log takes 32 KiB, which a disk with less left refuses as an error of its own.
constexpr std::uint64_t next_to_nothing = std::uint64_t{64} << 10;

bool no_room_for(const Path& file)
{
    struct statvfs disk
    {};
    std::error_code unknown;
    const Path folder = std::filesystem::absolute(file, unknown).parent_path();
    return ::statvfs(folder.c_str(), &disk) == 0 &&
           std::uint64_t{disk.f_bavail} * disk.f_frsize < next_to_nothing;
}

Error explain_sqlite(const SQLite::Exception& e, const Path& file, std::string_view doing)
{
    const std::string name = quoted(file);
    const auto could_not = [&](std::string_view cause) {
        return fmt::format("{} could not be {}: {}.", name, doing, cause);
    };
    const int code = e.getErrorCode();
    switch (code == SQLITE_IOERR && no_room_for(file) ? SQLITE_FULL : code) {
    case SQLITE_FULL:
        return {
            could_not("the disk is full"),
            "Free some space on that disk, or choose another folder. What was recorded before is "
            "safe."};
    case SQLITE_IOERR:
        return {could_not(fmt::format("the disk reports an error ({})", e.what())),
                "Check that the disk is there and has room, and that no quota and no limit on file "
                "sizes applies."};
    case SQLITE_READONLY:
        return {could_not("the file or its folder is read-only"),
                "Choose a folder that you may write to."};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return {could_not("it may not be opened"),
                "Check the permissions of the file and of its folder."};
    case SQLITE_NOTADB:
        return {fmt::format("{} is not a recording.", name),
                "Choose a file that Poolscope recorded; they usually end in .poolrec."};
    case SQLITE_CORRUPT:
        return {fmt::format("{} is damaged: {}.", name, e.what()),
                "Use another copy of it, if there is one."};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return {could_not("another program is using it"), "Close the other program and try again."};
    case SQLITE_NOMEM:
        return {could_not("there is not enough memory"), "Close other programs and try again."};
    default:
        return {could_not(e.what()), "Use another copy of the file, if there is one."};
    }
}

/// The first look, without opening the file ourselves: closing it again would drop the locks that
/// another connection of this process holds on it.
void look_at(const Path& file)
{
    struct stat what
    {};
    if (::stat(file.c_str(), &what) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            throw Refused({fmt::format("There is no file {}.", quoted(file)),
                           "Check the name and the folder."});
        throw Refused(
            {fmt::format("{} could not be opened: {}.", quoted(file), std::strerror(errno)),
             "Check the permissions of the file and of its folder."});
    }
    if (S_ISDIR(what.st_mode))
        throw Refused({fmt::format("{} is a folder, not a recording.", quoted(file)),
                       "Choose a file in it; recordings usually end in .poolrec."});
    if (!S_ISREG(what.st_mode))
        throw Refused({fmt::format("{} is not a file.", quoted(file)), "Choose a recording."});
    if (what.st_size == 0)
        throw Refused({fmt::format("{} is empty.", quoted(file)),
                       "Nothing was recorded into it. Choose another recording."});
}

void harden(SQLite::Database& database)
{
    sqlite3* const handle = database.getHandle();
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, longest_value);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    database.setBusyTimeout(busy_timeout_ms);
    database.exec("PRAGMA cell_size_check = ON");
    database.exec("PRAGMA mmap_size = 0");
}

/// Application, version, and that every table is the table that we made.
void check(SQLite::Database& database, const Path& file)
{
    if (ask(database, "PRAGMA application_id") != schema::application_id)
        throw Refused(
            {fmt::format("{} is a database of another program, not a recording.", quoted(file)),
             "Choose a file that Poolscope recorded; they usually end in .poolrec."});
    const std::int64_t version = ask(database, "PRAGMA user_version").value_or(0);
    if (version > schema::version)
        throw Refused(
            {fmt::format("{} was recorded by a newer Poolscope (format {}, this one reads "
                         "up to {}).",
                         quoted(file), version, schema::version),
             "Update Poolscope, then open it again."});
    if (version < 1)
        throw Damaged(fmt::format("its format is given as {}", version));

    // SQLite itself takes the end of a last page that is missing for zeros.
    const auto pages = ask(database, "PRAGMA page_count").value_or(0) *
                       ask(database, "PRAGMA page_size").value_or(0);
    if (size_on_disk(beside(file, "-wal")) == 0 &&
        size_on_disk(file) < static_cast<std::uint64_t>(pages))
        throw Damaged("it was cut off");

    Query made{database, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"};
    const auto expect = [&](std::string_view name, std::string_view sql) {
        made.bind(1, name);
        const bool there = made.step() && Row{made}.text(0) == sql;
        made.reset();
        if (!there)
            throw Damaged(fmt::format("its table \"{}\" is missing or was altered", name));
    };
    for (std::size_t i = 0; i < schema::table_count_of(version); ++i) {
        const auto& table = schema::definition(static_cast<schema::Table>(i));
        expect(table.name, table.sql);
    }
    expect("meta", schema::meta_sql);
}

std::string as_uri(const Path& file, std::string_view how)
{
    std::string uri = "file:";
    for (const char c : std::filesystem::absolute(file).string()) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-' || c == '_';
        if (plain)
            uri += c;
        else
            uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return fmt::format("{}?mode=ro&{}", uri, how);
}

} // namespace

std::string quoted(const Path& file)
{
    return fmt::format("\"{}\"", plain_line(file.string(), 1024));
}

Error explain(const std::exception& exception, const Path& file, std::string_view doing)
{
    if (const auto* const refused = dynamic_cast<const Refused*>(&exception))
        return refused->error;
    if (const auto* const sqlite = dynamic_cast<const SQLite::Exception*>(&exception))
        return explain_sqlite(*sqlite, file, doing);
    if (dynamic_cast<const Damaged*>(&exception))
        return {fmt::format("{} is damaged: {}.", quoted(file), exception.what()),
                "Use another copy of it, if there is one."};
    if (dynamic_cast<const std::bad_alloc*>(&exception))
        return {fmt::format("{} could not be {}: there is not enough memory.", quoted(file), doing),
                "Close other programs and try again."};
    return {fmt::format("{} could not be {}: {}.", quoted(file), doing, exception.what()), {}};
}

void create_private(const Path& file, const Path& named)
{
    const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ::fchmod(fd, 0600);
        ::close(fd);
        return;
    }
    const int cause = errno;
    const std::string name = quoted(named.empty() ? file : named);
    switch (cause) {
    case EEXIST:
    case ELOOP:
        throw Refused({fmt::format("{} exists already.", name), "Choose another name."});
    case ENOENT:
    case ENOTDIR:
        throw Refused({fmt::format("{} could not be created: its folder does not exist.", name),
                       "Create the folder first, or choose another one."});
    case EACCES:
    case EPERM:
    case EROFS:
        throw Refused({fmt::format("{} could not be created: its folder is read-only.", name),
                       "Choose a folder that you may write to."});
    case ENOSPC:
    case EDQUOT:
        throw Refused({fmt::format("{} could not be created: the disk is full.", name),
                       "Free some space on that disk, or choose another folder."});
    default:
        throw Refused({fmt::format("{} could not be created: {}.", name, std::strerror(cause)),
                       "Choose another folder or name."});
    }
}

std::uint64_t size_on_disk(const Path& file) noexcept
{
    struct stat what
    {};
    return ::stat(file.c_str(), &what) == 0 ? static_cast<std::uint64_t>(what.st_size) : 0;
}

Path beside(const Path& file, std::string_view suffix)
{
    Path other = file;
    other += suffix;
    return other;
}

std::unique_ptr<SQLite::Database> open_recording(const Path& file)
{
    look_at(file);
    const auto open = [&](const std::string& name, int flags, bool alone) {
        auto database = std::make_unique<SQLite::Database>(name, flags | SQLite::OPEN_READONLY |
                                                                     SQLite::OPEN_NOMUTEX);
        if (alone) {
            // Before anything is read: then the index of the log is made in our own memory.
            database->exec("PRAGMA locking_mode = EXCLUSIVE");
            sqlite3_db_config(database->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        }
        harden(*database);
        check(*database, file);
        return database;
    };
    try {
        return open(std::filesystem::absolute(file).string(), 0, false);
    } catch (const SQLite::Exception& e) {
        const int code = e.getErrorCode();
        if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY && code != SQLITE_IOERR)
            throw;
        // In a folder where nothing can be written, the index that a recording's readers and its
        // writer share cannot be made. Who writes would have made it: so nobody writes, and it can
        // be read without locks, with the log beside it if it was not closed.
        const bool log = size_on_disk(beside(file, "-wal")) != 0;
        return open(as_uri(file, log ? "vfs=unix-none" : "immutable=1"), SQLite::OPEN_URI, log);
    }
}

Query::Query(SQLite::Database& database, std::string_view sql)
{
    sqlite3_stmt* made = nullptr;
    const int code = sqlite3_prepare_v2(database.getHandle(), sql.data(),
                                        static_cast<int>(sql.size()), &made, nullptr);
    statement_.reset(made);
    if (code != SQLITE_OK)
        throw SQLite::Exception(database.getHandle(), code);
}

void Query::fail(int code) const
{
    throw SQLite::Exception(sqlite3_db_handle(get()), code);
}

bool Query::step()
{
    if (done_)
        return false;
    const int code = sqlite3_step(get());
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        fail(code);
    done_ = true;
    return false;
}

void Query::reset() noexcept
{
    // What it answers is the error of the step before, which was thrown then.
    static_cast<void>(sqlite3_reset(get()));
    done_ = false;
}

void Query::run()
{
    static_cast<void>(sqlite3_step(get()));
    done_ = false;
    check(sqlite3_reset(get()));
}

std::int64_t Row::integer(int column, std::int64_t least, std::int64_t most) const
{
    const std::int64_t value = integer(column);
    if (value < least || value > most)
        throw Damaged(fmt::format("a number is out of range ({})", value));
    return value;
}

std::string Row::text(int column) const
{
    if (sqlite3_column_type(statement_, column) != SQLITE_TEXT)
        throw Damaged("a text is missing");
    const auto* const bytes =
        reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!bytes)
        throw std::bad_alloc();
    return plain_text({bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))},
                      longest_text);
}

std::optional<std::int64_t> ask(SQLite::Database& database, std::string_view sql)
{
    Query query{database, sql};
    if (!query.step())
        return std::nullopt;
    return Row{query}.optional_integer(0);
}

} // namespace poolscope::record
