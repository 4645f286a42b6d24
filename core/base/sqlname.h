// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace poolscope {

/// A name as standard SQL and PostgreSQL have it whatever it is, also a word of the language: shop
/// is "shop", a"b is "a""b". The text itself is taken as it is: plain_line() comes before.
std::string sql_name(std::string_view name);

} // namespace poolscope
