// SPDX-License-Identifier: Apache-2.0
#include "core/wire/jsonwriter.h"

#include "core/wire/jsontext.h"

#include <algorithm>
#include <charconv>

namespace poolscope::wire {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view ellipsis = "\xE2\x80\xA6";

bool plain(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

/// What stands in the line for a byte below 0x20, a quote or a backslash.
std::string_view escaped(char c, char (&buffer)[6])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    buffer[0] = '\\';
    buffer[1] = 'u';
    buffer[2] = buffer[3] = '0';
    buffer[4] = digits[byte >> 4U];
    buffer[5] = digits[byte & 15U];
    return {buffer, 6};
}

} // namespace

void JsonWriter::begin(std::string_view kind, std::uint64_t n)
{
    out_ += R"({"k":")";
    out_ += kind;
    out_ += R"(","n":)";
    integer(static_cast<std::int64_t>(n));
}

void JsonWriter::comma()
{
    const char last = out_.empty() ? '{' : out_.back();
    if (last != '{' && last != '[')
        out_ += ',';
}

void JsonWriter::key(std::string_view name)
{
    comma();
    out_ += '"';
    out_ += name;
    out_ += "\":";
}

void JsonWriter::quoted(std::string_view value, std::size_t max_bytes)
{
    out_ += '"';
    const std::size_t end = out_.size() + max_bytes;
    const std::size_t limit = end - ellipsis.size(); // "…" still fits behind what ends here
    std::size_t cut = out_.size();
    while (!value.empty()) {
        const std::size_t before = out_.size();
        std::size_t run = 0;
        while (run < value.size() && run < end - before && plain(value[run]))
            ++run;
        out_.append(value, 0, run);
        value.remove_prefix(run);
        if (before <= limit)
            cut = std::min(out_.size(), limit); // every place in a plain run is a boundary
        if (value.empty())
            break;
        char buffer[6];
        std::size_t used = utf8_length(value);
        std::string_view piece = value.substr(0, used);
        if (used == 0) {
            piece = replacement;
            used = 1;
        } else if (used == 1 && !plain(value.front()) && value.front() != '\x7F') {
            piece = escaped(value.front(), buffer);
        }
        if (out_.size() + piece.size() > end) {
            out_.resize(cut);
            out_ += ellipsis;
            break;
        }
        out_ += piece;
        value.remove_prefix(used);
        if (out_.size() <= limit)
            cut = out_.size();
    }
    out_ += '"';
}

void JsonWriter::integer(std::int64_t value)
{
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out_.append(buffer, end);
}

void JsonWriter::text(std::string_view name, std::string_view value, std::size_t max_bytes)
{
    key(name);
    quoted(value, max_bytes);
}

void JsonWriter::optional_text(std::string_view name, std::string_view value, std::size_t max_bytes)
{
    if (!value.empty())
        text(name, value, max_bytes);
}

void JsonWriter::number(std::string_view name, std::int64_t value)
{
    key(name);
    integer(value);
}

void JsonWriter::flag(std::string_view name, bool value)
{
    key(name);
    out_ += value ? "true" : "false";
}

void JsonWriter::null(std::string_view name)
{
    key(name);
    out_ += "null";
}

void JsonWriter::optional(std::string_view name, std::optional<std::int64_t> value)
{
    if (value)
        number(name, *value);
}

void JsonWriter::optional(std::string_view name, std::optional<Duration> value)
{
    if (value)
        number(name, to_us(*value));
}

void JsonWriter::optional(std::string_view name, std::optional<Timestamp> value)
{
    if (value)
        number(name, to_us(*value));
}

void JsonWriter::open_object(std::string_view name)
{
    key(name);
    out_ += '{';
}

void JsonWriter::open_array(std::string_view name)
{
    key(name);
    out_ += '[';
}

void JsonWriter::element_object()
{
    comma();
    out_ += '{';
}

void JsonWriter::element_text(std::string_view value, std::size_t max_bytes)
{
    comma();
    quoted(value, max_bytes);
}

void JsonWriter::member(std::string_view name, std::size_t max_name, std::string_view value,
                        std::size_t max_value)
{
    comma();
    quoted(name, max_name);
    out_ += ':';
    quoted(value, max_value);
}

} // namespace poolscope::wire
