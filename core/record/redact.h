// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace poolscope {

/// "SELECT * FROM t WHERE id = 42 AND name = 'x'" -> "SELECT * FROM t WHERE id = ? AND name = ?".
/// Knows PostgreSQL's strings (E'', dollar quotes), comments (dropped), numbers; an unfinished
/// string is redacted to its end. When in doubt it redacts more.
std::string redact_statement(std::string_view statement);

/// Whose way of writing a statement has. Where that is not PostgreSQL, "…" is a string as in MySQL,
/// and what can be read in two ways is redacted to the end: what follows a backslash in a string, a
/// quote in brackets, or one after # or a -- that a word follows.
enum class SqlDialect : std::uint8_t { postgresql, unknown };
std::string redact_statement(std::string_view statement, SqlDialect dialect);

} // namespace poolscope
