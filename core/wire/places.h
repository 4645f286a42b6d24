// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where agents listen (section 2 of PROTOCOL.md): names alone, nothing here touches a file. The
/// agent and the inspector's discovery share it.
namespace poolscope::wire {

/// One folder to look in, in order of preference.
struct Place
{
    std::string folder;
    bool create = false; ///< the agent makes it, with mode 0700, where its parent exists
    bool exact = false;  ///< must belong to the user and have mode 0700 exactly
    friend bool operator==(const Place&, const Place&) = default;
};

/// Looks a variable up in the environment; empty where it is not set.
using Environment = std::function<std::string(std::string_view)>;
/// The process's own.
std::string environment_variable(std::string_view name);

std::vector<Place> runtime_places(const Environment& environment, std::uint64_t uid);

/// "<pid>-<name>.sock"; from the second agent of a process on with "-2" and so on.
std::string socket_name(std::int64_t pid, std::string_view application, unsigned index);
/// The process id in such a name; nothing where it is none.
std::optional<std::int64_t> pid_of_socket(std::string_view file_name);

/// What POOLSCOPE_LISTEN, or an option, says.
struct Listen
{
    enum class Kind : std::uint8_t { automatic, off, unix_socket, tcp, invalid };
    Kind kind = Kind::automatic;
    std::string path; ///< unix_socket
    std::string host; ///< tcp: without brackets
    std::uint16_t port = 0;
    friend bool operator==(const Listen&, const Listen&) = default;
};
Listen parse_listen(std::string_view text);

/// sockaddr_un has 108 bytes, one of them for the end.
inline constexpr std::size_t max_socket_path = 107;

} // namespace poolscope::wire
