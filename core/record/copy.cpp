// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/database.h"
#include "core/record/reader.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace poolscope {

namespace {

using record::beside;
using record::Path;
using record::quoted;
using record::Refused;

constexpr int pages_a_step = 512;

/// A new file beside the destination, gone again unless it was kept.
class TemporaryFile
{
public:
    explicit TemporaryFile(const Path& destination)
    {
        for (int attempt = 0;; ++attempt) {
            path_ =
                destination.parent_path() /
                fmt::format(".{}.{}-{}.part", destination.filename().string(), ::getpid(), attempt);
            std::error_code ignored;
            if (std::filesystem::exists(std::filesystem::symlink_status(path_, ignored)) &&
                attempt < 100)
                continue;
            record::create_private(path_, destination);
            return;
        }
    }
    ~TemporaryFile()
    {
        std::error_code ignored;
        for (const std::string_view suffix : {"", "-wal", "-shm", "-journal"})
            std::filesystem::remove(beside(path_, suffix), ignored);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const Path& path() const { return path_; }

private:
    Path path_;
};

/// Onto the disk, not only into the system's memory.
void flush_to_disk(const Path& path)
{
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool done = fd >= 0 && ::fsync(fd) == 0;
    const int cause = errno;
    if (fd >= 0)
        ::close(fd);
    if (!done && cause != EINVAL)
        throw Refused(
            {fmt::format("{} could not be written: {}.", quoted(path), std::strerror(cause)),
             "Check the disk, or choose another folder."});
}

void check_destination(const Path& from, const Path& to)
{
    std::error_code ignored;
    if (to.filename().empty() || std::filesystem::is_directory(to, ignored))
        throw Refused({fmt::format("{} is a folder.", quoted(to)), "Give the copy a name."});
    if (std::filesystem::equivalent(from, to, ignored))
        throw Refused({fmt::format("{} is the recording itself.", quoted(to)),
                       "Choose another name for the copy."});
    // A log beside an older file of that name would be taken for the new file's own.
    if (record::size_on_disk(beside(to, "-wal")) != 0)
        throw Refused(
            {fmt::format("{} is a recording that is still open, or was not closed.", quoted(to)),
             "Choose another name for the copy."});
}

/// False where `progress` stopped it.
bool copy_pages(SQLite::Database& source, SQLite::Database& target,
                const std::function<bool(double)>& progress)
{
    SQLite::Backup backup{target, source};
    for (;;) {
        const int state = backup.executeStep(pages_a_step);
        const int total = std::max(1, backup.getTotalPageCount());
        const double done = 1.0 - static_cast<double>(backup.getRemainingPageCount()) / total;
        if (progress && !progress(state == SQLITE_DONE ? 1.0 : std::min(done, 0.99)))
            return false;
        if (state == SQLITE_DONE)
            return true;
        if (state != SQLITE_OK)
            throw SQLite::Exception("another program is using it", state);
    }
}

bool copy(const Path& from, const Path& to, const std::function<bool(double)>& progress)
{
    const auto source = record::open_recording(from);
    check_destination(from, to);
    const TemporaryFile temporary{std::filesystem::absolute(to)};
    try {
        // An open reading transaction holds the moment fast, so that a recording that grows does
        // not make the copy begin again every second.
        source->exec("BEGIN");
        static_cast<void>(record::ask(*source, "SELECT count(*) FROM meta"));
        {
            SQLite::Database target{temporary.path().string(), SQLite::OPEN_READWRITE};
            target.exec("PRAGMA synchronous = OFF");
            if (!copy_pages(*source, target, progress))
                return false;
            target.exec("PRAGMA journal_mode = DELETE");
            target.exec("UPDATE meta SET value = 1 WHERE key = 'complete'");
        }
        flush_to_disk(temporary.path());
    } catch (const SQLite::Exception& e) {
        throw Refused(record::explain(e, to, "written"));
    }
    std::error_code error;
    std::filesystem::rename(temporary.path(), to, error);
    if (error)
        throw Refused({fmt::format("{} could not be written: {}.", quoted(to), error.message()),
                       "Choose another name or folder."});
    flush_to_disk(std::filesystem::absolute(to).parent_path());
    return true;
}

} // namespace

Result<Done> save_recording(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::function<bool(double)>& progress)
{
    return record::guarded<Done>(to, "saved", [&]() -> Result<Done> {
        try {
            if (copy(from, to, progress))
                return Done{};
        } catch (const record::Damaged& e) {
            return record::explain(e, from, "read");
        } catch (const SQLite::Exception& e) {
            return record::explain(e, from, "read");
        }
        return Error{"Saving was stopped; nothing was written.", {}};
    });
}

} // namespace poolscope
