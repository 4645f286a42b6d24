// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/json.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace poolscope {

void JsonWriter::separate()
{
    if (comma_)
        out_ += ',';
    comma_ = true;
}

void JsonWriter::open(char bracket)
{
    separate();
    out_ += bracket;
    comma_ = false;
}

void JsonWriter::close(char bracket)
{
    out_ += bracket;
    comma_ = true;
}

void JsonWriter::raw(std::string_view text)
{
    separate();
    out_ += text;
}

void JsonWriter::key(std::string_view name)
{
    value(name);
    out_ += ':';
    comma_ = false;
}

void JsonWriter::value(std::string_view text)
{
    separate();
    out_ += '"';
    for (const char c : text) {
        switch (c) {
        case '"':
            out_ += "\\\"";
            break;
        case '\\':
            out_ += "\\\\";
            break;
        case '\n':
            out_ += "\\n";
            break;
        case '\r':
            out_ += "\\r";
            break;
        case '\t':
            out_ += "\\t";
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                fmt::format_to(std::back_inserter(out_), "\\u{:04x}",
                               static_cast<unsigned>(static_cast<unsigned char>(c)));
            else
                out_ += c;
        }
    }
    out_ += '"';
}

void JsonWriter::value(double number)
{
    if (std::isfinite(number))
        raw(fmt::format("{}", number));
    else
        null();
}

void JsonWriter::value(const Text& text)
{
    if (text.is_null())
        null();
    else
        value(std::string_view{text.str()});
}

void write_stack(JsonWriter& json, const StackRef& stack)
{
    json.key("stack");
    if (!stack) {
        json.null();
        return;
    }
    json.begin_array();
    for (const StackLine& line : stack->lines) {
        json.begin_object();
        json.member("function", line.function);
        json.member("file", line.file);
        json.key("line");
        json.value(line.line > 0 ? std::optional{line.line} : std::nullopt);
        json.member("own", line.own);
        json.end_object();
    }
    json.end_array();
}

} // namespace poolscope
