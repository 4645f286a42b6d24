// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace poolscope {

/// Scheme, host, port and database of what an application calls its database (a URL, a libpq
/// connection string, a data source name): never a user, a password or a parameter. What it cannot
/// tell from one of those it leaves out; what is no address at all ("shop", a file) stays. Pure.
std::string database_address(std::string_view text);

} // namespace poolscope
