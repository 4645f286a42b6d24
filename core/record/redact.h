// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace poolscope {

/// "SELECT * FROM t WHERE id = 42 AND name = 'x'" -> "SELECT * FROM t WHERE id = ? AND name = ?".
/// Knows PostgreSQL's strings (E'', dollar quotes), comments (dropped), numbers; an unfinished
/// string is redacted to its end. When in doubt it redacts more.
std::string redact_statement(std::string_view statement);

} // namespace poolscope
