// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/newfile.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace poolscope::report {

namespace {

constexpr int most_attempts = 100;

Error not_written(const std::string& path, int cause)
{
    if (cause == EEXIST)
        return {plain_line(path, 400) + " exists already, and is not overwritten.",
                "Choose another name."};
    return {
        fmt::format("{} could not be written: {}.", plain_line(path, 400), std::strerror(cause)),
        cause == ENOENT ? "Create its folder first, or choose another one."
                        : "Choose another name or folder."};
}

bool write_all(int fd, std::string_view content)
{
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t written = ::write(fd, content.data() + done, content.size() - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        done += static_cast<std::size_t>(written);
    }
    return ::fsync(fd) == 0 || errno == EINVAL;
}

/// 0, or why not.
int rename_new(const std::string& from, const std::string& to)
{
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    // A file system that cannot promise it.
    struct stat existing
    {};
    if (::lstat(to.c_str(), &existing) == 0)
        return EEXIST;
    return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

} // namespace

Result<Done> write_new_file(const std::string& path, std::string_view content)
{
    struct stat existing
    {};
    if (::lstat(path.c_str(), &existing) == 0)
        return not_written(path, EEXIST);
    const std::filesystem::path target{path};
    std::string part;
    int fd = -1;
    // A process that was killed may have left one of the same number behind.
    for (int attempt = 0; fd < 0 && attempt < most_attempts; ++attempt) {
        part = (target.parent_path() /
                fmt::format(".{}.{}.{}.part", target.filename().string(), ::getpid(), attempt))
                   .string();
        fd = ::open(part.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return not_written(errno == EEXIST ? part : path, errno);
    errno = 0;
    int cause = write_all(fd, content) ? 0 : errno != 0 ? errno : EIO;
    if (::close(fd) != 0 && cause == 0)
        cause = errno;
    if (cause == 0)
        cause = rename_new(part, path);
    if (cause == 0)
        return Done{};
    ::unlink(part.c_str());
    return not_written(path, cause);
}

} // namespace poolscope::report
