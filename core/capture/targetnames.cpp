// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/targetnames.h"

#include <algorithm>
#include <string_view>

namespace poolscope {

namespace {

/// Of a URL or a conninfo; empty where it names none, or several.
std::string_view port_in(std::string_view url)
{
    std::string_view port;
    if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
        url.remove_prefix(scheme + 3);
        url = url.substr(0, url.find_first_of("/?#"));
        if (const std::size_t user = url.rfind('@'); user != std::string_view::npos)
            url.remove_prefix(user + 1);
        if (url.find(',') != std::string_view::npos)
            return {};
        const std::size_t colon = url.rfind(':');
        const std::size_t bracket = url.rfind(']'); // of an IPv6 address
        if (colon == std::string_view::npos ||
            (bracket != std::string_view::npos && colon < bracket))
            return {};
        port = url.substr(colon + 1);
    } else if (const std::size_t at = url.find("port="); at != std::string_view::npos) {
        port = url.substr(at + 5);
        port = port.substr(0, port.find(' '));
    }
    constexpr std::size_t digits = 5;
    const bool plain =
        !port.empty() && port.size() <= digits &&
        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    return plain ? port : std::string_view{};
}

} // namespace

std::string distinct_name(const TargetInfo& target, const std::set<std::string>& taken)
{
    if (!taken.contains(target.name))
        return target.name;
    if (const std::string_view port = port_in(target.url); !port.empty()) {
        std::string name = target.name;
        const std::string more = ":" + std::string(port);
        if (name.find(more) == std::string::npos)
            name.insert(std::min(name.find('/'), name.size()), more);
        if (!taken.contains(name))
            return name;
    }
    for (int number = 2;; ++number) {
        std::string name = target.name + " (" + std::to_string(number) + ")";
        if (!taken.contains(name))
            return name;
    }
}

} // namespace poolscope
