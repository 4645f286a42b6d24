// SPDX-License-Identifier: Apache-2.0
#include "core/agent/endpoint.h"

#include "core/wire/places.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace poolscope {

namespace {

std::string reason_of(int error)
{
    return std::generic_category().message(error);
}

Error cannot_listen(const std::string& where, const std::string& why)
{
    return {"The agent cannot listen on " + where + ": " + why + ".", ""};
}

bool usable_folder(const wire::Place& place)
{
    struct stat info = {};
    if (lstat(place.folder.c_str(), &info) != 0 && place.create && errno == ENOENT)
        mkdir(place.folder.c_str(), 0700);
    // What is looked at is the folder itself, never what a link points to.
    if (lstat(place.folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
        return false;
    const bool ours = info.st_uid == geteuid();
    if (place.exact)
        return ours && (info.st_mode & 07777U) == 0700;
    return (ours || info.st_uid == 0) && (info.st_mode & S_IWOTH) == 0 &&
           access(place.folder.c_str(), W_OK | X_OK) == 0;
}

sockaddr_un unix_address(const std::string& path)
{
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), wire::max_socket_path));
    return address;
}

/// True where nobody listens behind a socket any more.
bool is_stale(const std::string& path)
{
    struct stat info = {};
    if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode) || info.st_uid != geteuid())
        return false;
    const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = unix_address(path);
    return probe &&
           connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
           errno == ECONNREFUSED;
}

int bind_unix(int fd, const std::string& path)
{
    const sockaddr_un address = unix_address(path);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    if (bind(fd, generic, sizeof address) == 0)
        return 0;
    if (errno != EADDRINUSE || !is_stale(path) || unlink(path.c_str()) != 0)
        return errno != 0 ? errno : EADDRINUSE;
    return bind(fd, generic, sizeof address) == 0 ? 0 : errno;
}

Result<Endpoint> listen_unix(const std::string& path, std::optional<std::uint32_t> group)
{
    Endpoint endpoint;
    endpoint.socket = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!endpoint.socket)
        return cannot_listen(path, reason_of(errno));
    if (const int error = bind_unix(endpoint.socket.get(), path); error != 0)
        return cannot_listen(path, reason_of(error));
    endpoint.path = path;
    // Nobody can connect before listen(), so the mode is right before anybody gets in.
    const bool modes = (!group || chown(path.c_str(), static_cast<uid_t>(-1), *group) == 0) &&
                       chmod(path.c_str(), group ? 0660 : 0600) == 0;
    if (!modes || listen(endpoint.socket.get(), 16) != 0) {
        const std::string why = reason_of(errno);
        unlink(path.c_str());
        return cannot_listen(path, why);
    }
    endpoint.address = "pool+unix://" + path;
    endpoint.group = group;
    return endpoint;
}

/// 127.0.0.0/8 and ::1; "localhost" is the first of these, whatever a resolver says.
socklen_t loopback_address(const std::string& host, std::uint16_t port, sockaddr_storage& storage)
{
    storage = {};
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &v4.sin_addr) == 1) {
        std::memcpy(&storage, &v4, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24U == 127 ? sizeof v4 : 0;
    }
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1 ||
        !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
        return 0;
    std::memcpy(&storage, &v6, sizeof v6);
    return sizeof v6;
}

std::uint16_t bound_port(int fd)
{
    sockaddr_storage storage = {};
    socklen_t size = sizeof storage;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return 0;
    sockaddr_in v4 = {};
    std::memcpy(&v4, &storage, sizeof v4); // the port is at the same place in both families
    return ntohs(v4.sin_port);
}

Result<Endpoint> listen_tcp(const wire::Listen& wanted, bool has_token)
{
    const std::string where = wanted.host + ":" + std::to_string(wanted.port);
    if (!has_token) {
        Error error = cannot_listen(where, "TCP needs a token");
        error.next_step = "Set POOLSCOPE_TOKEN, or listen on a Unix socket.";
        return error;
    }
    sockaddr_storage address = {};
    const socklen_t size = loopback_address(wanted.host, wanted.port, address);
    if (size == 0) {
        Error error = cannot_listen(where, "it is not a loopback address");
        error.next_step = "Listen on 127.0.0.1 or ::1, and attach from elsewhere with --ssh.";
        return error;
    }
    Endpoint endpoint;
    endpoint.socket =
        Descriptor(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!endpoint.socket ||
        setsockopt(endpoint.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(endpoint.socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        listen(endpoint.socket.get(), 16) != 0)
        return cannot_listen(where, reason_of(errno));
    const bool v6 = address.ss_family == AF_INET6;
    const std::string host = wanted.host == "localhost" ? "127.0.0.1" : wanted.host;
    endpoint.address = "pool://" + (v6 ? "[" + host + "]" : host) + ":" +
                       std::to_string(bound_port(endpoint.socket.get()));
    endpoint.needs_token = true;
    return endpoint;
}

Result<std::optional<std::uint32_t>> group_id(const std::string& name)
{
    if (name.empty())
        return std::optional<std::uint32_t>{};
    std::vector<char> buffer(16 * 1024);
    group entry = {};
    group* found = nullptr;
    if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr)
        return Error{"There is no group \"" + name + "\" that the agent's socket could belong to.",
                     ""};
    return std::optional<std::uint32_t>{entry.gr_gid};
}

Result<Endpoint> listen_anywhere(const EndpointOptions& options, std::optional<std::uint32_t> group)
{
    std::string tried;
    constexpr unsigned most_agents = 8; // of one process
    for (const wire::Place& place : wire::runtime_places(wire::environment_variable, geteuid())) {
        tried += (tried.empty() ? "" : ", ") + place.folder;
        if (!usable_folder(place))
            continue;
        for (unsigned index = 1; index <= most_agents; ++index) {
            const std::string path =
                place.folder + "/" + wire::socket_name(getpid(), options.name, index);
            if (path.size() > wire::max_socket_path)
                break;
            if (Result<Endpoint> opened = listen_unix(path, group))
                return opened;
        }
    }
    return Error{"The agent finds no folder for its socket. It tried: " + tried + ".",
                 "Set POOLSCOPE_LISTEN, or XDG_RUNTIME_DIR."};
}

} // namespace

void Descriptor::reset()
{
    if (fd_ >= 0)
        close(fd_);
    fd_ = -1;
}

Result<Endpoint> open_endpoint(const EndpointOptions& options)
{
    const std::string text =
        options.listen.empty() ? wire::environment_variable("POOLSCOPE_LISTEN") : options.listen;
    const wire::Listen wanted = wire::parse_listen(text);
    Result<std::optional<std::uint32_t>> group = group_id(options.group);
    if (!group)
        return group.error();
    switch (wanted.kind) {
    case wire::Listen::Kind::off:
        return Endpoint{};
    case wire::Listen::Kind::automatic:
        return listen_anywhere(options, group.value());
    case wire::Listen::Kind::unix_socket:
        return listen_unix(wanted.path, group.value());
    case wire::Listen::Kind::tcp:
        return listen_tcp(wanted, options.has_token);
    case wire::Listen::Kind::invalid:
        break;
    }
    return Error{"The agent cannot listen on \"" + text + "\".",
                 "Write /path, unix:/path, host:port or off."};
}

PeerIdentity identify_peer(int socket, std::optional<std::uint32_t> group)
{
    PeerIdentity identity;
    ucred credentials = {};
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return identity;
    identity.pid = credentials.pid;
    identity.uid = credentials.uid;
    identity.allowed = credentials.uid == geteuid() || credentials.uid == 0;
    if (identity.allowed || !group)
        return identity;
    std::array<gid_t, 1024> groups{};
    size = sizeof groups;
    std::size_t count = 0;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0)
        count = size / sizeof(gid_t);
    identity.allowed =
        credentials.gid == *group ||
        std::find(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(count), *group) !=
            groups.begin() + static_cast<std::ptrdiff_t>(count);
    return identity;
}

} // namespace poolscope
