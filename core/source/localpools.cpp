// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/localpools.h"

#include "core/base/text.h"

#include <QFile>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <set>
#include <tuple>

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace poolscope {

namespace {

constexpr std::size_t mostPools = 1000;
constexpr std::size_t mostEntries = 10'000; ///< of one folder

class Descriptor
{
public:
    explicit Descriptor(int fd)
        : fd_(fd)
    {}
    ~Descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

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

enum class Listener { somebody, nobody, unknown };

Listener listenerOf(const std::string& path)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() > wire::max_socket_path)
        return Listener::unknown;
    std::memcpy(address.sun_path, path.data(), path.size());
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.get() < 0)
        return Listener::unknown;
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return Listener::somebody;
    if (errno == EAGAIN) // too many wait there already: a process that is stopped
        return Listener::somebody;
    return errno == ECONNREFUSED ? Listener::nobody : Listener::unknown;
}

bool runs(std::int64_t pid)
{
    return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
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
        if (info.st_uid == ::geteuid() && !runs(*pid))
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
