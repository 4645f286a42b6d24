// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/sqltokens.h"

#include <algorithm>

namespace poolscope {

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

} // namespace

SqlDialect sql_dialect_of(std::string_view target_kind)
{
    return target_kind == "postgresql" ? SqlDialect::postgresql
           : target_kind == "mysql"    ? SqlDialect::mysql
                                       : SqlDialect::unknown;
}

SqlToken SqlTokens::next()
{
    const std::size_t begin = at_;
    const SqlPart part = piece();
    const std::string_view text = in_.substr(begin, at_ - begin);
    if (part == SqlPart::word)
        after_escape_ = text == "ESCAPE" || text == "escape";
    else
        after_escape_ = after_escape_ && part == SqlPart::space &&
                        text.find_first_not_of(' ') == std::string_view::npos;
    return {part, text};
}

SqlPart SqlTokens::piece()
{
    const char c = peek();
    if (is_space(c))
        return space();
    if (c == '\'')
        return string(is(SqlDialect::mysql));
    if (c == '"')
        return is(SqlDialect::postgresql) ? quoted_name(c) : string(is(SqlDialect::mysql));
    if ((c == '-' && peek(1) == '-') || (c == '#' && !is(SqlDialect::postgresql)))
        return line_comment();
    if (c == '`' && !is(SqlDialect::postgresql))
        return is(SqlDialect::unknown) && holds("'\"", '`') ? rest() : quoted_name(c);
    if (c == '[' && is(SqlDialect::unknown) && holds("'\"", ']'))
        return rest();
    if (c == '/' && peek(1) == '*')
        return comment();
    if (c == '$' && !is(SqlDialect::mysql))
        return dollar();
    if (is_digit(c) || (c == '.' && is_digit(peek(1))))
        return number();
    if (begins_word(c) || c == '$')
        return word();
    ++at_;
    return SqlPart::sign;
}

/// What follows may be read in two ways, of which one would show a text.
SqlPart SqlTokens::rest()
{
    at_ = in_.size();
    return SqlPart::text;
}

/// Whether one of these stands between here and that, or the end.
bool SqlTokens::holds(std::string_view any, char end) const
{
    const std::size_t from = at_ + 1, to = std::min(in_.find(end, from), in_.size());
    return in_.substr(from, to - from).find_first_of(any) != std::string_view::npos;
}

SqlPart SqlTokens::space()
{
    while (at_ < in_.size() && is_space(peek()))
        ++at_;
    return SqlPart::space;
}

/// At --, or #. MySQL's -- wants a space behind it, else it is minus minus; PostgreSQL's # is an
/// operator. Where it is not known whose it is, a text or a comment that begins in this line may go
/// on in the next.
SqlPart SqlTokens::line_comment()
{
    const char after = peek(2);
    const bool spaced =
        at_ + 2 >= in_.size() || (is(SqlDialect::mysql) ? static_cast<unsigned char>(after) <= ' '
                                                        : after == ' ' || after == '\n');
    if (is(SqlDialect::mysql) && peek() == '-' && !spaced) {
        ++at_;
        return SqlPart::sign;
    }
    const bool sure = !is(SqlDialect::unknown) || (peek() == '-' && spaced);
    if (!sure && holds("'\"$`/", '\n'))
        return rest();
    at_ = std::min(in_.find('\n', at_), in_.size());
    return SqlPart::line_comment;
}

/// Comments nest, but for MySQL's.
SqlPart SqlTokens::comment()
{
    const bool nests = !is(SqlDialect::mysql);
    std::size_t depth = 0;
    while (at_ < in_.size()) {
        if (peek() == '/' && peek(1) == '*' && (nests || depth == 0)) {
            ++depth;
            at_ += 2;
        } else if (peek() == '*' && peek(1) == '/') {
            at_ += 2;
            if (--depth == 0)
                break;
        } else {
            ++at_;
        }
    }
    at_ = std::min(at_, in_.size());
    return SqlPart::comment;
}

/// At the opening quote. A doubled quote is part of the string; a backslash escapes in E'' and in
/// MySQL. Elsewhere it may, by a setting of the server: \' ends what can be told apart, but for
/// ESCAPE '\'.
SqlPart SqlTokens::string(bool escapes)
{
    const bool doubts = !escapes && (careful_ || is(SqlDialect::unknown));
    const bool clause = after_escape_ && in_.substr(at_ + 1).starts_with("\\'");
    const char quote = in_[at_++];
    while (at_ < in_.size()) {
        if (peek() == '\\' && doubts && !clause && (is(SqlDialect::unknown) || peek(1) == quote))
            return rest();
        if ((escapes && peek() == '\\') || (peek() == quote && peek(1) == quote)) {
            at_ += 2;
        } else if (in_[at_++] == quote) {
            return SqlPart::text;
        }
    }
    return rest();
}

/// One that is cut off may as well be a text with a quote in it.
SqlPart SqlTokens::quoted_name(char quote)
{
    const std::size_t end = in_.find(quote, at_ + 1);
    if (end == std::string_view::npos)
        return rest();
    at_ = end + 1;
    return SqlPart::name;
}

/// $1 is a parameter; $tag$…$tag$ is a string.
SqlPart SqlTokens::dollar()
{
    std::size_t end = at_ + 1;
    if (is_digit(peek(1))) {
        while (end < in_.size() && is_digit(in_[end]))
            ++end;
        at_ = end;
        return SqlPart::parameter;
    }
    while (end < in_.size() && (begins_word(in_[end]) || is_digit(in_[end])))
        ++end;
    if (end >= in_.size())
        return rest(); // cut off in the tag
    if (in_[end] != '$') {
        ++at_;
        return SqlPart::sign;
    }
    const std::string_view tag = in_.substr(at_, end + 1 - at_);
    const std::size_t close = in_.find(tag, end + 1);
    const std::size_t after = close == std::string_view::npos ? in_.size() : close + tag.size();
    // Or names with a $ in them, and what looks like the end stands in a string.
    if (is(SqlDialect::unknown) &&
        in_.substr(at_, after - at_).find_first_of("'\"") != std::string_view::npos)
        return rest();
    at_ = after;
    return SqlPart::text;
}

/// 42, 4.2e-1, 0x2A, 1_000; takes letters that stick to it as well.
SqlPart SqlTokens::number()
{
    while (at_ < in_.size()) {
        const char c = peek();
        const bool exponent = (c == '+' || c == '-') && at_ > 0 &&
                              (in_[at_ - 1] == 'e' || in_[at_ - 1] == 'E') && is_digit(peek(1));
        if (!is_digit(c) && !begins_word(c) && c != '.' && !exponent)
            break;
        ++at_;
    }
    return SqlPart::number;
}

SqlPart SqlTokens::word()
{
    const std::size_t begin = at_;
    while (begins_word(peek()) || is_digit(peek()) || peek() == '$')
        ++at_;
    if (at_ - begin != 1)
        return SqlPart::word;
    // E'', B'', X'', N'', U&'': the letter belongs to the literal.
    const char letter = in_[begin];
    if (peek() == '\'')
        return string(letter == 'E' || letter == 'e' || is(SqlDialect::mysql));
    if (peek() == '&' && peek(1) == '\'' && (letter == 'U' || letter == 'u')) {
        ++at_;
        return string(is(SqlDialect::mysql));
    }
    return SqlPart::word;
}

} // namespace poolscope
