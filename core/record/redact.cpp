// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/redact.h"

namespace poolscope {

namespace {

bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// Walks over one statement, from literal to literal.
class Redaction
{
public:
    Redaction(std::string_view in, SqlDialect dialect)
        : in_(in)
        , sure_(dialect == SqlDialect::postgresql)
    {
        out_.reserve(in.size());
    }

    std::string run()
    {
        while (at_ < in_.size())
            step();
        return std::move(out_);
    }

private:
    char peek(std::size_t ahead = 0) const
    {
        return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0';
    }

    void step()
    {
        const char c = peek();
        if (c == '\'' || (c == '"' && !sure_)) {
            skip_string(false);
        } else if (c == '"') {
            keep_quoted_name();
        } else if ((c == '-' && peek(1) == '-') || (c == '#' && !sure_)) {
            skip_line();
        } else if (!sure_ && ((c == '`' && holds("'\"", '`')) || (c == '[' && holds("'\"", ']')))) {
            give_up();
        } else if (c == '`' && !sure_) {
            keep_until('`');
        } else if (c == '/' && peek(1) == '*') {
            skip_comment();
        } else if (c == '$') {
            dollar();
        } else if (digit(c) || (c == '.' && digit(peek(1)))) {
            skip_number();
        } else if (word(c)) {
            keep_word();
        } else {
            last_is_escape_ = last_is_escape_ && c == ' ';
            out_ += c;
            ++at_;
        }
    }

    /// What follows may be read in two ways, of which one would show a text.
    void give_up()
    {
        out_ += '?';
        at_ = in_.size();
    }

    /// Whether one of these stands between here and that, or the end.
    bool holds(const char* any, char end) const
    {
        const std::size_t from = at_ + 1, to = std::min(in_.find(end, from), in_.size());
        return in_.substr(from, to - from).find_first_of(any) != std::string_view::npos;
    }

    /// At --, or #. A comment, unless the one is MySQL's minus minus, or the other an operator of
    /// PostgreSQL's: then a text, or a
    /// comment, that begins in this line may go on in the next.
    void skip_line()
    {
        const bool comment =
            sure_ || (peek() == '-' &&
                      (at_ + 2 >= in_.size() || in_[at_ + 2] == ' ' || in_[at_ + 2] == '\n'));
        if (!comment && holds("'\"$`/", '\n'))
            give_up();
        else
            at_ = std::min(in_.find('\n', at_), in_.size());
    }

    /// At the opening quote. A doubled quote is part of the string; a backslash escapes in E''.
    /// Elsewhere it may, by a setting of the server: \' ends what can be told apart, but for
    /// ESCAPE '\'.
    void skip_string(bool escapes)
    {
        out_ += '?';
        const char quote = in_[at_++];
        const bool escape_clause = last_is_escape_ && in_.substr(at_).starts_with("\\'");
        while (at_ < in_.size()) {
            if (peek() == '\\' && !escapes && !escape_clause && (!sure_ || peek(1) == quote))
                break;
            if ((escapes && peek() == '\\') || (peek() == quote && peek(1) == quote)) {
                at_ += 2;
            } else if (peek() == quote) {
                ++at_;
                return;
            } else {
                ++at_;
            }
        }
        at_ = in_.size();
    }

    void keep_quoted_name() { keep_until('"'); }

    void keep_until(char quote)
    {
        const std::size_t end = in_.find(quote, at_ + 1);
        if (end == std::string_view::npos) {
            // Cut off: it may as well be a text with a quote in it.
            out_ += '?';
            at_ = in_.size();
            return;
        }
        out_ += in_.substr(at_, end + 1 - at_);
        at_ = end + 1;
    }

    /// Comments nest. One space stays, so that words do not grow together.
    void skip_comment()
    {
        std::size_t depth = 0;
        while (at_ < in_.size()) {
            if (peek() == '/' && peek(1) == '*') {
                ++depth;
                at_ += 2;
            } else if (peek() == '*' && peek(1) == '/') {
                --depth;
                at_ += 2;
                if (depth == 0)
                    break;
            } else {
                ++at_;
            }
        }
        at_ = std::min(at_, in_.size());
        out_ += ' ';
    }

    /// $1 is a parameter and stays; $tag$…$tag$ is a string.
    void dollar()
    {
        if (digit(peek(1))) {
            out_ += '$';
            ++at_;
            while (digit(peek()))
                out_ += in_[at_++];
            return;
        }
        std::size_t end = at_ + 1;
        while (end < in_.size() && (word(in_[end]) || digit(in_[end])))
            ++end;
        if (end >= in_.size() || in_[end] != '$') {
            // Cut off in the tag, or no quote at all.
            if (end >= in_.size())
                at_ = end;
            else
                out_ += in_[at_++];
            return;
        }
        const std::string_view tag = in_.substr(at_, end + 1 - at_);
        const std::size_t close = in_.find(tag, end + 1);
        const std::size_t after = close == std::string_view::npos ? in_.size() : close + tag.size();
        // Or names with a $ in them, and what looks like the end stands in a string.
        if (!sure_ && in_.substr(at_, after - at_).find_first_of("'\"") != std::string_view::npos) {
            give_up();
            return;
        }
        out_ += '?';
        at_ = after;
    }

    /// 42, 4.2e-1, 0x2A, 1_000; takes letters that stick to it as well.
    void skip_number()
    {
        out_ += '?';
        while (at_ < in_.size()) {
            const char c = peek();
            const bool exponent = (c == '+' || c == '-') && at_ > 0 &&
                                  (in_[at_ - 1] == 'e' || in_[at_ - 1] == 'E') && digit(peek(1));
            if (!digit(c) && !word(c) && c != '.' && !exponent)
                return;
            ++at_;
        }
    }

    void keep_word()
    {
        const std::size_t begin = at_;
        while (word(peek()) || digit(peek()) || peek() == '$')
            ++at_;
        const std::string_view name = in_.substr(begin, at_ - begin);
        if (peek() == '\'' && name.size() == 1) {
            // E'', B'', X'', N'': the letter belongs to the literal.
            skip_string(name == "E" || name == "e");
            return;
        }
        out_ += name;
        last_is_escape_ = name == "ESCAPE" || name == "escape";
        if (peek() == '&' && peek(1) == '\'' && (name == "U" || name == "u")) {
            out_.pop_back();
            ++at_;
            skip_string(false);
        }
    }

    std::string_view in_;
    bool sure_;                   ///< that it is PostgreSQL's
    bool last_is_escape_ = false; ///< the last word was ESCAPE
    std::size_t at_ = 0;
    std::string out_;
};

} // namespace

std::string redact_statement(std::string_view statement)
{
    return redact_statement(statement, SqlDialect::postgresql);
}

std::string redact_statement(std::string_view statement, SqlDialect dialect)
{
    return Redaction{statement, dialect}.run();
}

} // namespace poolscope
