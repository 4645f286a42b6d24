// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace poolscope {

/// A file descriptor that closes itself.
class Descriptor
{
public:
    Descriptor() = default;
    explicit Descriptor(int fd)
        : fd_(fd)
    {}
    Descriptor(Descriptor&& other) noexcept
        : fd_(std::exchange(other.fd_, -1))
    {}
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { reset(); }
    void reset();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Where an agent listens.
struct Endpoint
{
    Descriptor socket;
    std::string address; ///< as an inspector writes it: "pool+unix:///…", "pool://127.0.0.1:7007"
    std::string path;    ///< of a Unix socket: to be removed at the end
    bool needs_token = false;
    std::optional<std::uint32_t> group; ///< whose members may attach too
};

struct EndpointOptions
{
    std::string listen; ///< as POOLSCOPE_LISTEN; empty: the first usable folder
    std::string name;
    std::string group; ///< of the operating system; empty: none
    bool has_token = false;
};

/// Opens the endpoint by the rules of sections 2 and 3 of PROTOCOL.md. An endpoint without a
/// socket: listening is switched off.
Result<Endpoint> open_endpoint(const EndpointOptions& options);

/// Whoever is at the other end of a Unix socket.
struct PeerIdentity
{
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    bool allowed = false;
};
PeerIdentity identify_peer(int socket, std::optional<std::uint32_t> group);

} // namespace poolscope
