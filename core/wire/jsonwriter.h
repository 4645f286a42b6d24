// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace poolscope::wire {

/// Appends one flat JSON object and its newline to a buffer that the caller uses again, so that
/// nothing is allocated once it has grown. What it writes is valid JSON and UTF-8 whatever it is
/// given: bytes that are no UTF-8 become U+FFFD, control characters are escaped.
class JsonWriter
{
public:
    explicit JsonWriter(std::string& out)
        : out_(out)
    {}

    /// `{"k":KIND,"n":N`; the kind is one of this library's own words.
    void begin(std::string_view kind, std::uint64_t n);
    void end() { out_ += "}\n"; }

    /// Keys are this library's own words, and never need escaping.
    void key(std::string_view name);
    /// At most `max_bytes` of what stands in the line between the quotes, cut at a character, "…"
    /// included. So a line's length is bounded whatever the text holds.
    void text(std::string_view name, std::string_view value, std::size_t max_bytes);
    /// Nothing where the text is empty.
    void optional_text(std::string_view name, std::string_view value, std::size_t max_bytes);
    void number(std::string_view name, std::int64_t value);
    void flag(std::string_view name, bool value);
    void null(std::string_view name);
    void time(std::string_view name, Timestamp value) { number(name, to_us(value)); }

    void optional(std::string_view name, std::optional<std::int64_t> value);
    void optional(std::string_view name, std::optional<Duration> value);
    void optional(std::string_view name, std::optional<Timestamp> value);

    void open_object(std::string_view name);
    void open_array(std::string_view name);
    /// An element of an array.
    void element_object();
    void element_text(std::string_view value, std::size_t max_bytes);
    /// A member whose name is text from outside.
    void member(std::string_view name, std::size_t max_name, std::string_view value,
                std::size_t max_value);
    void close_object() { out_ += '}'; }
    void close_array() { out_ += ']'; }

private:
    void comma();
    void quoted(std::string_view value, std::size_t max_bytes);
    void integer(std::int64_t value);
    std::string& out_;
};

} // namespace poolscope::wire
