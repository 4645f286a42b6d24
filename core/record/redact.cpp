// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/redact.h"

namespace poolscope {

std::string redact_statement(std::string_view statement)
{
    return redact_statement(statement, SqlDialect::postgresql);
}

std::string redact_statement(std::string_view statement, SqlDialect dialect)
{
    std::string out;
    out.reserve(statement.size());
    SqlTokens tokens{statement, dialect, true};
    while (!tokens.ended()) {
        const SqlToken token = tokens.next();
        switch (token.part) {
        case SqlPart::line_comment:
            break;
        case SqlPart::comment: // so that words do not grow together
            out += ' ';
            break;
        case SqlPart::text:
        case SqlPart::number:
            out += '?';
            break;
        case SqlPart::space:
        case SqlPart::word:
        case SqlPart::name:
        case SqlPart::parameter:
        case SqlPart::sign:
            out += token.text;
            break;
        }
    }
    return out;
}

} // namespace poolscope
