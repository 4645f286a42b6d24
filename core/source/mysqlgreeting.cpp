// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlgreeting.h"

#include <algorithm>

namespace poolscope {

MySqlGreeting read_mysql_greeting(std::span<const unsigned char> bytes)
{
    constexpr std::size_t header = 4;      // length and number of the packet
    constexpr std::size_t after_text = 13; // session's id, 8 bytes of the challenge, a zero
    constexpr unsigned char protocol = 10;
    constexpr unsigned int tls = 0x0800; // CLIENT_SSL
    MySqlGreeting greeting;
    if (bytes.size() <= header) {
        greeting.needs = header + 1;
        return greeting;
    }
    const std::size_t length =
        bytes[0] + (std::size_t{bytes[1]} << 8U) + (std::size_t{bytes[2]} << 16U);
    if (bytes[header] != protocol)
        return greeting;
    // The version, ended by a zero, within the packet and our bound.
    const std::size_t last = std::min(header + length, mysql_longest_greeting);
    const auto from = bytes.begin() + header + 1;
    const auto to = bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), last));
    const auto zero = std::find(from, std::max(from, to), 0);
    const auto text_end = static_cast<std::size_t>(zero - bytes.begin());
    const std::size_t flags = text_end + 1 + after_text;
    if (zero == std::max(from, to)) {
        if (bytes.size() < last)
            greeting.needs = bytes.size() + 1;
        return greeting;
    }
    if (flags + 2 > last)
        return greeting;
    if (bytes.size() < flags + 2) {
        greeting.needs = flags + 2;
        return greeting;
    }
    greeting.greets = true;
    greeting.offers_tls =
        ((bytes[flags] | static_cast<unsigned int>(bytes[flags + 1]) << 8U) & tls) != 0;
    return greeting;
}

} // namespace poolscope
