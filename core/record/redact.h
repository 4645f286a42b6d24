// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/sqltokens.h"

#include <string>
#include <string_view>

namespace poolscope {

/// "SELECT * FROM t WHERE id = 42 AND name = 'x'" -> "SELECT * FROM t WHERE id = ? AND name = ?".
/// Knows PostgreSQL's strings (E'', dollar quotes), comments (dropped), numbers; an unfinished
/// string is redacted to its end. When in doubt it redacts more.
std::string redact_statement(std::string_view statement);

/// Of another dialect; what agents tell may be of any. Of MySQL's SqlDialect::unknown hides more,
/// as it depends on no mode of the server.
std::string redact_statement(std::string_view statement, SqlDialect dialect);

} // namespace poolscope
