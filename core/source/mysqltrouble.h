// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgtrouble.h"

#include <string>
#include <string_view>

namespace poolscope {

/// What the library or the server said of a failure.
struct MySqlError
{
    unsigned int number =
        0; ///< below 2000 and from 3000 on: the server's; 2000-2999: the library's
    std::string sqlstate;
    std::string words;
    int system = 0; ///< errno of the failed call, where there was one
};

/// Whether the other side went away in the middle of TLS, which the library tells in the same
/// number as TLS that cannot be.
bool mysql_was_cut(const MySqlError& error);

/// From a failed attempt to connect.
PgTrouble mysql_connect_trouble(const MySqlError& error, const PgWhom& whom);

/// The library's number of an error where a way to log in is not among those that it may use.
inline constexpr unsigned int mysql_login_not_allowed = 5010;

/// It offered no TLS, and asks for the password in a way that is safe with TLS alone.
PgTrouble mysql_stripped_trouble(const PgWhom& whom);

/// From a server's words at any later moment.
PgTrouble mysql_server_trouble(const MySqlError& error, const PgWhom& whom);

/// The connection ended under way: cut, or closed by the server with such an error.
PgTrouble mysql_loss_trouble(const MySqlError& error, const PgWhom& whom);

/// A table that is not there, or not for us: by the server's number of an error.
bool mysql_is_closed(unsigned int error);

/// "`dba`@`10.%`", from CURRENT_USER()'s dba@10.%.
std::string mysql_account(std::string_view current_user);

} // namespace poolscope
