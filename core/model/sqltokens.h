// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace poolscope {

/// Whose way of writing a statement has. Where that is not known, "…" is a string as in MySQL, and
/// what can be read in two ways is one text to the end: what follows a backslash in a string, a
/// quote in brackets, or one after # or a -- that a word follows.
enum class SqlDialect : std::uint8_t {
    postgresql,
    unknown,
    mysql, ///< of MySQL and MariaDB, with the modes that they come with
};
/// By the kind of a target (TargetInfo::kind).
SqlDialect sql_dialect_of(std::string_view target_kind);

/// What a piece of a statement is.
enum class SqlPart : std::uint8_t {
    space,
    line_comment, ///< up to the end of its line, without that
    comment,      ///< /* … */
    word,         ///< a word of the language, or a name that needs no quotes
    name,         ///< a name in quotes: "…" of PostgreSQL, `…` of MySQL
    text,         ///< a string with all that belongs to it; also what is cut off, or in doubt
    number,
    parameter, ///< $1
    sign,      ///< any one other byte
};

struct SqlToken
{
    SqlPart part = SqlPart::sign;
    std::string_view text; ///< of the statement: never empty
};

/// Walks over a statement from piece to piece. All pieces together are the statement, byte for
/// byte, whatever it is. A view: the statement must outlive it.
class SqlTokens
{
public:
    /// `careful`: what a setting of PostgreSQL decides (standard_conforming_strings: whether \'
    /// ends a string) is in doubt, too; else it is taken to be at its default.
    SqlTokens(std::string_view statement, SqlDialect dialect, bool careful = false)
        : in_(statement)
        , dialect_(dialect)
        , careful_(careful)
    {}
    bool ended() const { return at_ >= in_.size(); }
    /// The next piece; not after the end.
    SqlToken next();

private:
    char peek(std::size_t ahead = 0) const
    {
        return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0';
    }
    bool is(SqlDialect dialect) const { return dialect_ == dialect; }
    bool holds(std::string_view any, char end) const;
    SqlPart rest();
    SqlPart space();
    SqlPart line_comment();
    SqlPart comment();
    SqlPart string(bool escapes);
    SqlPart quoted_name(char quote);
    SqlPart dollar();
    SqlPart number();
    SqlPart word();
    SqlPart piece();

    std::string_view in_;
    std::size_t at_ = 0;
    SqlDialect dialect_;
    bool careful_;
    bool after_escape_ = false; ///< nothing but spaces since the word ESCAPE
};

} // namespace poolscope
