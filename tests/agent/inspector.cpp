// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/agent/inspector.h"

#include "core/wire/encoder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace poolscope::test {

namespace {

constexpr std::string_view unix_scheme = "pool+unix://";

} // namespace

Inspector::Inspector(const std::string& address)
{
    int result = -1;
    if (address.starts_with(unix_scheme)) {
        sockaddr_un name = {};
        name.sun_family = AF_UNIX;
        const std::string path = address.substr(unix_scheme.size());
        std::memcpy(name.sun_path, path.data(), std::min(path.size(), sizeof name.sun_path - 1));
        socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        result = connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    } else {
        sockaddr_in name = {};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        name.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        result = connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    }
    if (result != 0)
        abort();
}

Inspector::~Inspector()
{
    abort();
}

void Inspector::abort()
{
    if (socket_ >= 0)
        close(socket_);
    socket_ = -1;
}

bool Inspector::pump()
{
    constexpr std::size_t most = 512 * 1024;
    for (std::size_t total = 0; total < most;) {
        const std::span<char> room = decoder.room();
        const ssize_t count =
            socket_ < 0 ? 0 : recv(socket_, room.data(), room.size(), MSG_DONTWAIT);
        if (count < 0)
            return errno == EAGAIN;
        if (count == 0)
            return false;
        total += static_cast<std::size_t>(count);
        decoder.commit(static_cast<std::size_t>(count), state);
        if (state.wants_resync() && asked_ != notes.hellos) {
            asked_ = notes.hellos; // once a picture
            ask(wire::Resync{});
        }
    }
    return true;
}

void Inspector::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0)
            return;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::size_t Inspector::offer(std::string_view bytes)
{
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

void Inspector::ask(const wire::Body& body)
{
    std::string line;
    wire::encode(line, {++number_, body});
    send(line);
}

std::size_t Inspector::count(std::string_view text) const
{
    return static_cast<std::size_t>(
        std::count_if(notes.said.begin(), notes.said.end(), [&](const std::string& said) {
            return said.find(text) != std::string::npos;
        }));
}

bool Inspector::knows_all_of(const Agent& agent) const
{
    return state.is_ready() && !state.wants_resync() &&
           state.last_number() == agent.figures().events;
}

std::string Inspector::describe() const
{
    const wire::PeerFigures& figures = state.figures();
    return std::to_string(state.open_checkouts()) + " open after event " +
           std::to_string(state.last_number()) + (state.is_ready() ? "" : ", not ready") +
           (state.wants_resync() ? ", wants a resync" : "") + "; " +
           std::to_string(figures.events) + " events, " + std::to_string(figures.gaps) +
           " gaps of " + std::to_string(figures.lost) + ", " + std::to_string(notes.hellos) +
           " pictures, " + std::to_string(figures.not_open) + " checkins of what was not open";
}

bool Inspector::hears(std::string_view text)
{
    pump();
    return count(text) > 0;
}

AgentOptions options_in(const std::string& folder)
{
    AgentOptions options;
    options.name = "test";
    options.listen = "unix:" + folder + "/agent.sock";
    options.drain_every = std::chrono::milliseconds(1);
    options.stats_every = std::chrono::milliseconds(50);
    return options;
}

} // namespace poolscope::test
