// SPDX-License-Identifier: Apache-2.0
#include "core/wire/places.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>

namespace poolscope::wire {

namespace {

bool number(std::string_view text, std::int64_t& value)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

bool absolute(std::string_view path)
{
    return path.starts_with('/');
}

} // namespace

std::string environment_variable(std::string_view name)
{
    const char* const value = std::getenv(std::string(name).c_str());
    return value != nullptr ? value : "";
}

std::vector<Place> runtime_places(const Environment& environment, std::uint64_t uid)
{
    std::vector<Place> places;
    // The XDG base directory specification: paths must be absolute, others are ignored.
    std::string runtime = environment("RUNTIME_DIRECTORY");
    runtime.resize(std::min(runtime.find(':'), runtime.size()));
    if (absolute(runtime))
        places.push_back({runtime, false, false});
    const std::string session = environment("XDG_RUNTIME_DIR");
    if (absolute(session))
        places.push_back({session + "/poolscope", true, false});
    places.push_back({"/run/poolscope", false, false});
    std::string temporary = environment("TMPDIR");
    if (!absolute(temporary)) {
        std::error_code error;
        temporary = std::filesystem::temp_directory_path(error).string();
    }
    while (temporary.size() > 1 && temporary.back() == '/')
        temporary.pop_back();
    if (absolute(temporary))
        places.push_back({temporary + "/poolscope-" + std::to_string(uid), true, true});
    return places;
}

std::string socket_name(std::int64_t pid, std::string_view application, unsigned index)
{
    constexpr std::size_t max_name = 32;
    std::string name;
    for (const char c : application.substr(0, max_name)) {
        const bool kept = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        name += kept ? c : '_';
    }
    if (name.empty())
        name = "pool";
    if (index > 1)
        name += "-" + std::to_string(index);
    return std::to_string(pid) + "-" + name + ".sock";
}

std::optional<std::int64_t> pid_of_socket(std::string_view file_name)
{
    const std::size_t dash = file_name.find('-');
    std::int64_t pid = 0;
    if (dash == std::string_view::npos || !file_name.ends_with(".sock") ||
        !number(file_name.substr(0, dash), pid) || pid <= 0)
        return std::nullopt;
    return pid;
}

Listen parse_listen(std::string_view text)
{
    using Kind = Listen::Kind;
    if (text.empty())
        return {};
    if (text == "off")
        return {Kind::off, {}, {}, 0};
    if (text.starts_with("unix:"))
        text.remove_prefix(5);
    if (absolute(text)) {
        const bool fits = text.size() <= max_socket_path;
        return {fits ? Kind::unix_socket : Kind::invalid, std::string(text), {}, 0};
    }
    if (text.starts_with("tcp:"))
        text.remove_prefix(4);
    const std::size_t colon = text.rfind(':');
    std::int64_t port = 0;
    if (colon == std::string_view::npos || colon == 0 || !number(text.substr(colon + 1), port) ||
        port < 0 || port > 65'535)
        return {Kind::invalid, {}, {}, 0};
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    return {Kind::tcp, {}, std::string(host), static_cast<std::uint16_t>(port)};
}

} // namespace poolscope::wire
