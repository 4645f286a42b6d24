// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/localpools.h"

#include "core/base/text.h"
#include "core/source/listeners.h"

#include <QFile>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <tuple>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace poolscope {

namespace {

constexpr std::size_t mostPools = 1000;
constexpr std::size_t mostEntries = 10'000; ///< of one folder

/// The rules by which an agent uses a folder; judged on what was opened, never on what a link may
/// point to a moment later.
bool isSafe(int folder, const wire::Place& place)
{
    struct stat info = {};
    if (::fstat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return false;
    const bool ours = info.st_uid == ::geteuid();
    if (place.exact)
        return ours && (info.st_mode & 07777U) == 0700;
    return (ours || info.st_uid == 0) && (info.st_mode & S_IWOTH) == 0;
}

/// One entry of a folder that is safe.
void look(int folder, const std::string& where, const std::string& file,
          std::vector<LocalPool>& found)
{
    const auto pid = wire::pid_of_socket(file);
    struct stat info = {};
    if (!pid || ::fstatat(folder, file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISSOCK(info.st_mode))
        return;
    const std::string path = where + "/" + file;
    const Listener listener = listenerOf(path);
    if (listener == Listener::nobody) {
        if (info.st_uid == ::geteuid() && !processRuns(*pid))
            ::unlinkat(folder, file.c_str(), 0);
        return;
    }
    if (listener != Listener::somebody)
        return;
    const std::size_t dash = file.find('-') + 1;
    const std::string name = file.substr(dash, file.size() - dash - std::strlen(".sock"));
    found.push_back({QString::fromStdString(plain_line(name, 64)), *pid,
                     QStringLiteral("pool+unix://") + QFile::decodeName(path.c_str())});
}

void lookIn(const wire::Place& place, std::vector<LocalPool>& found)
{
    const int fd = ::open(place.folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (!isSafe(fd, place)) {
        ::close(fd);
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd), &::closedir);
    if (!folder) {
        ::close(fd);
        return;
    }
    std::size_t entries = 0;
    while (const dirent* const entry = ::readdir(folder.get())) {
        if (++entries > mostEntries || found.size() >= mostPools)
            return;
        look(fd, place.folder, entry->d_name, found);
    }
}

} // namespace

std::vector<LocalPool> localPools()
{
    return localPoolsIn(wire::runtime_places(wire::environment_variable, ::geteuid()));
}

std::vector<LocalPool> localPoolsIn(const std::vector<wire::Place>& places)
{
    std::vector<LocalPool> found;
    std::set<std::string> seen;
    for (const wire::Place& place : places) {
        if (seen.insert(place.folder).second)
            lookIn(place, found);
    }
    std::sort(found.begin(), found.end(), [](const LocalPool& a, const LocalPool& b) {
        return std::tie(a.name, a.pid, a.url) < std::tie(b.name, b.pid, b.url);
    });
    return found;
}

} // namespace poolscope
