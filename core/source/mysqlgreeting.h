// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace poolscope {

/// What the beginning of a server's first packet tells before anybody logs in.
struct MySqlGreeting
{
    /// Bytes that must be there before more can be told; 0: all is told.
    std::size_t needs = 0;
    /// It is a greeting of protocol version 10. An error, or what another protocol begins with, is
    /// none: the library says what is wrong with it.
    bool greets = false;
    bool offers_tls = false;
};

/// `bytes`: what has come so far, from the first packet's header on.
MySqlGreeting read_mysql_greeting(std::span<const unsigned char> bytes);

/// More than any server's greeting takes up to where it says whether it offers TLS.
inline constexpr std::size_t mysql_longest_greeting = 512;

} // namespace poolscope
