// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/checktext.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace poolscope {

namespace {

constexpr std::string_view blanks = " \t\f";

Error config_error(int line, std::string_view what)
{
    return {fmt::format("line {}: {}", line, what), {}};
}

std::optional<Error> too_long(std::string_view text)
{
    if (text.size() > longest_config_text)
        return Error{"line 1: the file is larger than 1 MiB; that is no configuration", {}};
    if (text.find('\0') != std::string_view::npos)
        return Error{"line 1: it is no text", {}};
    return std::nullopt;
}

/// Lines without their ends, one after the other.
class ConfigLines
{
public:
    explicit ConfigLines(std::string_view text)
        : rest_(text)
    {
        if (rest_.starts_with("\xEF\xBB\xBF"))
            rest_.remove_prefix(3);
    }
    bool next(std::string_view& line)
    {
        if (rest_.empty())
            return false;
        const std::size_t end = rest_.find('\n');
        line = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        ++number_;
        return true;
    }
    int number() const { return number_; }

private:
    std::string_view rest_;
    int number_ = 0;
};

std::string_view without_blanks(std::string_view text)
{
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void append_utf8(std::string& to, std::uint32_t code)
{
    if (code < 0x80) {
        to += static_cast<char>(code);
    } else if (code < 0x800) {
        to += static_cast<char>(0xC0 | code >> 6);
        to += static_cast<char>(0x80 | (code & 0x3F));
    } else {
        to += static_cast<char>(0xE0 | code >> 12);
        to += static_cast<char>(0x80 | (code >> 6 & 0x3F));
        to += static_cast<char>(0x80 | (code & 0x3F));
    }
}

/// Of \uXXXX, at its digits.
std::optional<std::uint32_t> hex_code(std::string_view digits)
{
    std::uint32_t code = 0;
    if (digits.size() < 4)
        return std::nullopt;
    for (const char c : digits.substr(0, 4)) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return std::nullopt;
        code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    return code;
}

/// The text behind escapes; null where one is broken. A half of a surrogate pair becomes U+FFFD
/// later, when it is shown.
std::optional<std::string> without_escapes(std::string_view text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            plain += text[i];
            continue;
        }
        const char escaped = text[++i];
        if (escaped == 'u') {
            const auto code = hex_code(text.substr(i + 1));
            if (!code)
                return std::nullopt;
            append_utf8(plain, *code);
            i += 4;
        } else {
            plain += escaped == 't'   ? '\t'
                     : escaped == 'n' ? '\n'
                     : escaped == 'r' ? '\r'
                     : escaped == 'f' ? '\f'
                                      : escaped;
        }
    }
    return plain;
}

bool is_continued(std::string_view line)
{
    const std::size_t last = line.find_last_not_of('\\');
    const std::size_t slashes = line.size() - (last == std::string_view::npos ? 0 : last + 1);
    return slashes % 2 == 1;
}

/// Where the key ends: at the first '=', ':' or blank that is not escaped.
std::size_t end_of_key(std::string_view line)
{
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\')
            ++i;
        else if (line[i] == '=' || line[i] == ':' || blanks.find(line[i]) != std::string_view::npos)
            return i;
    }
    return line.size();
}

} // namespace

Result<ConfigText> read_properties(std::string_view text)
{
    if (auto trouble = too_long(text))
        return *trouble;
    ConfigText read;
    ConfigLines lines{text};
    for (std::string_view line; lines.next(line);) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty() || line.front() == '#' || line.front() == '!')
            continue;
        const int number = lines.number();
        std::string whole{line};
        for (bool continued = is_continued(line); continued;) {
            whole.pop_back();
            std::string_view more;
            if (!lines.next(more))
                break;
            more.remove_prefix(std::min(more.find_first_not_of(blanks), more.size()));
            whole += more;
            continued = is_continued(more); // each line for itself, as Java reads it
        }
        const std::size_t end = end_of_key(whole);
        std::string_view value = std::string_view{whole}.substr(end);
        value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        if (!value.empty() && (value.front() == '=' || value.front() == ':'))
            value.remove_prefix(1);
        value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        const auto key = without_escapes(std::string_view{whole}.substr(0, end));
        const auto plain = without_escapes(value);
        if (!key || !plain)
            return config_error(number, "\\u is not followed by four hexadecimal digits");
        if (read.entries.size() >= most_config_entries)
            return config_error(number, "there are too many settings");
        read.entries.push_back({{}, *key, std::string(without_blanks(*plain)), number, true});
    }
    return read;
}

namespace {

/// A value of YAML: in quotes, or plain up to a comment. Not readable: anything else.
void read_yaml_value(std::string_view text, ConfigEntry& entry)
{
    text = without_blanks(text);
    entry.value = text;
    if (text.empty())
        return;
    const char first = text.front();
    if (first == '\'' || first == '"') {
        const std::size_t end = text.find(first, 1);
        const bool odd = end == std::string_view::npos ||
                         text.substr(1, end - 1).find('\\') != std::string_view::npos;
        const std::string_view after = odd ? "" : without_blanks(text.substr(end + 1));
        entry.readable = !odd && (after.empty() || after.front() == '#');
        if (entry.readable)
            entry.value = text.substr(1, end - 1);
        return;
    }
    if (std::string_view{"{[&*|>!%@`"}.find(first) != std::string_view::npos) {
        entry.readable = false;
        return;
    }
    const std::size_t comment = text.find(" #");
    entry.value = first == '#' ? std::string_view{} : without_blanks(text.substr(0, comment));
}

/// "key: value"; null where it is none.
std::optional<std::size_t> colon_of(std::string_view line)
{
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == ':' && (i + 1 == line.size() || line[i + 1] == ' '))
            return i;
    }
    return std::nullopt;
}

class SimpleYaml
{
public:
    Result<ConfigText> read(std::string_view text)
    {
        ConfigLines lines{text};
        for (std::string_view line; lines.next(line);) {
            const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
            std::string_view content = line.substr(indent);
            if (content.empty() || content.front() == '#')
                continue;
            if (block_ && indent > *block_)
                continue;
            block_.reset();
            if (content.front() == '\t')
                return config_error(lines.number(), "it is indented by a tab");
            if (content == "---" || content.starts_with("--- ") || content == "...") {
                if (read_.entries.empty())
                    continue;
                read_.notes.push_back(fmt::format(
                    "line {}: a second document begins; it is not read", lines.number()));
                break;
            }
            if (auto trouble = take(content, indent, lines.number()))
                return *trouble;
        }
        return std::move(read_);
    }

private:
    std::optional<Error> take(std::string_view content, std::size_t indent, int line)
    {
        while (content.starts_with("- ") || content == "-") {
            open(indent, "[]");
            content.remove_prefix(1);
            const std::size_t blank = std::min(content.find_first_not_of(' '), content.size());
            content.remove_prefix(blank);
            indent += 1 + blank;
        }
        if (content.empty())
            return std::nullopt;
        const auto colon = colon_of(content);
        if (!colon) {
            if (!parents_.empty() && parents_.back().name == "[]")
                return std::nullopt; // an item of a list
            return config_error(line, "it is no \"key: value\"");
        }
        std::string_view key = without_blanks(content.substr(0, *colon));
        if (key.size() > 1 && (key.front() == '"' || key.front() == '\'') &&
            key.back() == key.front())
            key = key.substr(1, key.size() - 2);
        close(indent);
        ConfigEntry entry{{}, path() + std::string(key), {}, line, true};
        read_yaml_value(content.substr(*colon + 1), entry);
        const std::string_view value = without_blanks(content.substr(*colon + 1));
        if (!value.empty() && (value.front() == '|' || value.front() == '>'))
            block_ = indent;
        if (parents_.size() > 64 || read_.entries.size() >= most_config_entries ||
            entry.key.size() > 4096)
            return config_error(line, "there are too many settings, or they go too deep");
        if (entry.value.empty())
            parents_.push_back({indent, std::string(key)});
        else
            read_.entries.push_back(std::move(entry));
        return std::nullopt;
    }
    void close(std::size_t indent)
    {
        while (!parents_.empty() && parents_.back().indent >= indent)
            parents_.pop_back();
    }
    void open(std::size_t indent, std::string name)
    {
        // A list may stand at its parent's own indentation.
        while (!parents_.empty() &&
               (parents_.back().indent > indent ||
                (parents_.back().indent == indent && parents_.back().name == "[]")))
            parents_.pop_back();
        if (parents_.size() <= 64)
            parents_.push_back({indent, std::move(name)});
    }
    std::string path() const
    {
        std::string path;
        for (const Parent& each : parents_)
            path += each.name + '.';
        return path;
    }

    struct Parent
    {
        std::size_t indent = 0;
        std::string name;
    };
    ConfigText read_;
    std::vector<Parent> parents_;
    std::optional<std::size_t> block_; ///< deeper lines are one text
};

} // namespace

Result<ConfigText> read_simple_yaml(std::string_view text)
{
    if (auto trouble = too_long(text))
        return *trouble;
    return SimpleYaml{}.read(text);
}

Result<ConfigText> read_ini(std::string_view text)
{
    if (auto trouble = too_long(text))
        return *trouble;
    ConfigText read;
    ConfigLines lines{text};
    std::string section;
    for (std::string_view line; lines.next(line);) {
        line = without_blanks(line);
        if (line.empty() || line.front() == ';' || line.front() == '#')
            continue;
        if (line.starts_with("%include")) {
            read.notes.push_back(
                fmt::format("line {}: another file is included; it is not read", lines.number()));
            continue;
        }
        if (line.front() == '[') {
            if (line.back() != ']')
                return config_error(lines.number(), "the section's name does not end in ]");
            section = line.substr(1, line.size() - 2);
            continue;
        }
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos)
            return config_error(lines.number(), "it is no \"name = value\"");
        if (read.entries.size() >= most_config_entries)
            return config_error(lines.number(), "there are too many settings");
        read.entries.push_back({section, std::string(without_blanks(line.substr(0, equals))),
                                std::string(without_blanks(line.substr(equals + 1))),
                                lines.number(), true});
    }
    return read;
}

} // namespace poolscope
