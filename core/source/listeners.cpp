// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/listeners.h"

#include "core/wire/places.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace poolscope {

Listener listenerOf(const std::string& path)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() > wire::max_socket_path)
        return Listener::unknown;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return Listener::unknown;
    const bool taken =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int error = errno;
    ::close(probe);
    if (taken || error == EAGAIN) // too many wait there already: a process that is stopped
        return Listener::somebody;
    return error == ECONNREFUSED ? Listener::nobody : Listener::unknown;
}

bool processRuns(std::int64_t pid)
{
    return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
}

} // namespace poolscope
