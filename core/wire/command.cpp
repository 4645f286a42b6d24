// SPDX-License-Identifier: Apache-2.0
#include "core/wire/command.h"

#include "core/wire/jsontext.h"
#include "core/wire/limits.h"

#include <charconv>

namespace poolscope::wire {

namespace {

/// Walks over a line from left to right.
class Scanner
{
public:
    explicit Scanner(std::string_view line)
        : rest_(line)
    {}

    bool take(char wanted)
    {
        skip_space();
        if (rest_.empty() || rest_.front() != wanted)
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool at_end()
    {
        skip_space();
        return rest_.empty();
    }
    char next()
    {
        skip_space();
        return rest_.empty() ? '\0' : rest_.front();
    }

    bool string(std::string& out)
    {
        if (!take('"'))
            return false;
        std::size_t length = 0;
        while (length < rest_.size() && rest_[length] != '"') {
            if (static_cast<unsigned char>(rest_[length]) < 0x20)
                return false;
            length += rest_[length] == '\\' ? 2 : 1;
        }
        if (length >= rest_.size())
            return false;
        out.clear();
        const bool fine = unescape(rest_.substr(0, length), out);
        rest_.remove_prefix(length + 1);
        return fine;
    }

    /// Numbers, true, false, null: as they are written.
    std::string_view word()
    {
        skip_space();
        const std::size_t length = std::min(rest_.find_first_of(" \t\r\n,:\"{}[]"), rest_.size());
        const std::string_view found = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return found;
    }

    /// Past a value, whatever it is.
    bool skip()
    {
        std::string unused;
        const char first = next();
        if (first == '"')
            return string(unused);
        if (first != '{' && first != '[')
            return !word().empty();
        std::size_t depth = 0;
        do {
            const char c = next();
            if (c == '\0')
                return false;
            if (c == '"') {
                if (!string(unused))
                    return false;
                continue;
            }
            depth += c == '{' || c == '[' ? 1 : 0;
            depth -= c == '}' || c == ']' ? 1 : 0;
            rest_.remove_prefix(1);
        } while (depth > 0);
        return true;
    }

private:
    void skip_space()
    {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' ||
                                  rest_.front() == '\r' || rest_.front() == '\n'))
            rest_.remove_prefix(1);
    }
    std::string_view rest_;
};

bool read_number(std::string_view word, std::uint64_t& number)
{
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    return !word.empty() && error == std::errc{} && end == word.data() + word.size() &&
           number <= static_cast<std::uint64_t>(max_number);
}

bool read_member(Scanner& scanner, const std::string& name, Command& command, bool& numbered)
{
    std::string* const text = name == "k"      ? &command.kind
                              : name == "id"   ? &command.id
                              : name == "pool" ? &command.pool
                              : name == "mac"  ? &command.mac
                                               : nullptr;
    if (text != nullptr && scanner.next() == '"')
        return scanner.string(*text) && text->size() <= max_id;
    if (name == "brief" && std::string_view("\"{[").find(scanner.next()) == std::string::npos) {
        const std::string_view word = scanner.word();
        command.brief = word == "true";
        return !word.empty();
    }
    if (name == "n") {
        numbered = read_number(scanner.word(), command.n);
        return numbered;
    }
    return scanner.skip();
}

} // namespace

bool read_command(std::string_view line, Command& command)
{
    command = {};
    if (line.size() > max_line || !valid_utf8(line))
        return false;
    Scanner scanner(line);
    bool numbered = false;
    if (!scanner.take('{'))
        return false;
    if (!scanner.take('}')) {
        std::string name;
        do {
            if (!scanner.string(name) || !scanner.take(':') ||
                !read_member(scanner, name, command, numbered))
                return false;
        } while (scanner.take(','));
        if (!scanner.take('}'))
            return false;
    }
    return scanner.at_end() && numbered && !command.kind.empty();
}

} // namespace poolscope::wire
