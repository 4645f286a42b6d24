// SPDX-License-Identifier: Apache-2.0
#include "core/agent/fingerprint.h"

#include "core/wire/jsontext.h"
#include "core/wire/limits.h"

#include <algorithm>

namespace poolscope {

namespace {

constexpr auto npos = std::string_view::npos;

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_space(char c)
{
    return static_cast<unsigned char>(c) <= ' ';
}

bool is_word(char c)
{
    return c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80 || is_digit(c) ||
           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool all_word(std::string_view text)
{
    return std::ranges::all_of(text, is_word);
}

/// Something may begin in the text that reaches beyond it.
bool opens(std::string_view text)
{
    return text.find_first_of("'\"`$\\/#[-") != npos;
}

class Fingerprinter
{
public:
    Fingerprinter(std::string_view statement, Dialect dialect)
        : in_(statement)
        , dialect_(dialect)
    {}
    std::string text(bool cut)
    {
        while (at_ < in_.size() && out_.size() < wire::max_statement && step()) {
        }
        if (at_ < in_.size() || cut)
            out_ += "…";
        return std::move(out_);
    }

private:
    bool any() const { return dialect_ == Dialect::any; }
    bool postgresql() const { return dialect_ == Dialect::postgresql; }
    bool mysql() const { return dialect_ == Dialect::mysql; }
    std::string_view rest() const { return in_.substr(at_); }
    bool at_end() const { return at_ == in_.size(); }

    void put(std::string_view text)
    {
        if (space_ && !out_.empty())
            out_ += ' ';
        space_ = false;
        out_ += text;
    }

    /// Takes one piece; false where the rest is not to be trusted.
    bool step()
    {
        const std::string_view rest = this->rest();
        const char c = rest[0];
        if (is_space(c)) {
            space_ = true;
            ++at_;
            return true;
        }
        if (c == '#' && !postgresql()) // a comment; or an operator, or part of a name
            return mysql() && line_comment();
        if (rest.starts_with("--"))
            return dashes();
        if (rest.starts_with("/*"))
            return block_comment();
        if (c == '\'' || (c == '"' && !postgresql()))
            return literal(c, false);
        if (c == '"' || (c == '`' && !postgresql())) // an operator, for PostgreSQL
            return quoted_name(c);
        if (c == '[' && any()) { // a name in brackets may hold a quote
            const std::size_t end = rest.find(']');
            if (end == npos || opens(rest.substr(1, end - 1)))
                return false;
        }
        if (c == '$' && !mysql())
            return dollar();
        if (is_digit(c) || (c == '.' && rest.size() > 1 && is_digit(rest[1])))
            return number();
        if (is_word(c))
            return word();
        put(rest.substr(0, 1));
        ++at_;
        return true;
    }

    /// Without a space behind them they are no comment for MySQL.
    bool dashes()
    {
        const std::string_view rest = this->rest();
        if (postgresql() || rest.size() == 2 || is_space(rest[2]) || rest[2] == 0x7F)
            return line_comment();
        put("-");
        ++at_;
        return mysql();
    }

    bool quoted_name(char quote)
    {
        const std::string_view rest = this->rest();
        const std::size_t end = rest.find(quote, 1);
        if (end == npos)
            return false;
        const std::string_view name = rest.substr(1, end - 1);
        if (any() && (is_digit(rest[1]) || !all_word(name) || opens(name)))
            return false;
        put(rest.substr(0, end + 1));
        at_ += end + 1;
        return true;
    }

    /// PostgreSQL ends it at a carriage return too, others do not.
    bool line_comment()
    {
        space_ = true;
        const std::string_view rest = this->rest();
        const std::size_t end = rest.find_first_of(postgresql() ? "\r\n" : "\n");
        if (const std::size_t back = rest.find('\r');
            any() && back != npos && (end == npos || back + 1 != end))
            return false;
        at_ += end == npos ? rest.size() : end + 1;
        return true;
    }

    /// Nested ones end, for some servers, later than for others; "/*!" is a comment only for some.
    bool block_comment()
    {
        space_ = true;
        std::string_view inside = rest().substr(2);
        const std::size_t end = inside.find("*/");
        if (end == npos) {
            at_ = in_.size();
            return false;
        }
        if (inside.substr(0, end + 1).find("/*") != npos) // in "/*/*/" too
            return false;
        inside = inside.substr(0, end);
        const bool executed = inside.starts_with('!') || inside.starts_with("M!");
        if (!postgresql() && executed && opens(inside))
            return false;
        at_ += end + 4;
        return true;
    }

    /// A backslash before a quote means different things to different servers and settings
    /// (standard_conforming_strings, NO_BACKSLASH_ESCAPES): only where it certainly escapes the
    /// statement goes on behind.
    bool literal(char quote, bool escapes)
    {
        put("?");
        for (++at_; !at_end(); ++at_) {
            const char c = in_[at_];
            if (c == '\\' && at_ + 1 < in_.size()) {
                ++at_;
                if (in_[at_] == quote && !escapes)
                    return false;
            } else if (c == quote) {
                ++at_;
                if (at_end() || in_[at_] != quote)
                    return true;
            }
        }
        return true;
    }

    /// A parameter ($1) or a literal ($tag$…$tag$).
    bool dollar()
    {
        const std::string_view rest = this->rest();
        std::size_t size = 1;
        while (size < rest.size() && is_digit(rest[size]))
            ++size;
        const std::size_t end = rest.find('$', 1);
        const std::string_view behind = rest.substr(size);
        if (any() && size > 1 && behind.size() > 1 && behind[0] == '.' && is_digit(behind[1]))
            return false; // money
        if (size > 1 || end == npos || !all_word(rest.substr(1, end - 1))) {
            put(rest.substr(0, size));
            at_ += size;
            return true;
        }
        put("?");
        const std::string_view tag = rest.substr(0, end + 1);
        const std::size_t stop = rest.find(tag, tag.size());
        if (stop == npos || any())
            return false;
        at_ += stop + tag.size();
        return true;
    }

    /// With what is written to it. Whether "$" behind belongs to it is not the same everywhere.
    bool number()
    {
        put("?");
        while (!at_end() && ((is_word(in_[at_]) && in_[at_] != '$') || in_[at_] == '.')) {
            const bool exponent = in_[at_] == 'e' || in_[at_] == 'E';
            ++at_;
            if (exponent && at_ + 1 < in_.size() && (in_[at_] == '-' || in_[at_] == '+') &&
                is_digit(in_[at_ + 1]))
                ++at_;
        }
        return at_end() || in_[at_] != '$';
    }

    /// A name, a keyword or a parameter; a letter before a quote belongs to a literal (E'…').
    bool word()
    {
        const std::size_t from = at_;
        while (!at_end() && is_word(in_[at_]))
            ++at_;
        const std::string_view word = in_.substr(from, at_ - from);
        const bool quoted = !at_end() && in_[at_] == '\'';
        if (any() && (std::ranges::count(word, '$') > 1 ||
                      (quoted && (word.ends_with('q') || word.ends_with('Q')))))
            return false; // $tag$ right behind a name; Oracle's q'[…]'
        if (mysql() && word[0] == '$' && std::ranges::count(word, '$') > 1)
            return false; // a name, or $tag$ from MySQL 9.0 on
        if (quoted && word.size() == 1)
            return literal('\'', postgresql() && (word == "E" || word == "e"));
        put(word);
        return true;
    }

    std::string_view in_;
    std::size_t at_ = 0;
    std::string out_;
    Dialect dialect_;
    bool space_ = false;
};

/// As far as it is UTF-8. In other character sets the last byte of one may be a backslash or a
/// backquote that is none, which in UTF-8 it never is.
std::string_view trusted(std::string_view text)
{
    std::size_t size = 0;
    while (const std::size_t length = wire::utf8_length(text.substr(size)))
        size += length;
    return text.substr(0, size);
}

} // namespace

Dialect dialect_of(std::string_view database) noexcept
{
    if (database.starts_with("postgresql:") || database.starts_with("postgres:"))
        return Dialect::postgresql;
    if (database.starts_with("mysql:") || database.starts_with("mariadb:"))
        return Dialect::mysql;
    return Dialect::any;
}

std::string fingerprint(std::string_view statement, Dialect dialect)
{
    constexpr std::size_t most = 16U << 10U;
    std::string_view in = statement.substr(0, most);
    in = trusted(in.substr(0, in.find('\0'))); // which ends comments on some servers
    return Fingerprinter(in, dialect).text(in.size() < statement.size());
}

} // namespace poolscope
