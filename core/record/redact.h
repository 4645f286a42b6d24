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
/// # begins a comment, and what follows a backslash in a string is redacted to the end: whether it
/// escapes depends on the server's mode.
enum class SqlDialect : std::uint8_t { postgresql, unknown };
std::string redact_statement(std::string_view statement, SqlDialect dialect);

} // namespace poolscope
