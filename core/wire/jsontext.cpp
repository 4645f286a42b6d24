// SPDX-License-Identifier: Apache-2.0
#include "core/wire/jsontext.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace poolscope::wire {

namespace {

bool hex4(std::string_view digits, std::uint32_t& code)
{
    if (digits.size() < 4)
        return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, code, 16);
    return error == std::errc{} && end == digits.data() + 4;
}

void append_utf8(std::string& out, std::uint32_t code)
{
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0U | code >> 6U);
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0U | code >> 12U);
        out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else {
        out += static_cast<char>(0xF0U | code >> 18U);
        out += static_cast<char>(0x80U | (code >> 12U & 0x3FU));
        out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    }
}

/// The code point of "\uXXXX", at raw[0] == 'u', and how many bytes it took; a half of a surrogate
/// pair alone is U+FFFD.
bool unicode_escape(std::string_view raw, std::uint32_t& code, std::size_t& used)
{
    if (!hex4(raw.substr(1), code))
        return false;
    used = 5;
    if (code < 0xD800 || code > 0xDFFF)
        return true;
    std::uint32_t low = 0;
    if (code < 0xDC00 && raw.substr(5).starts_with("\\u") && hex4(raw.substr(7), low) &&
        low >= 0xDC00 && low <= 0xDFFF) {
        code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        used = 11;
    } else {
        code = 0xFFFD;
    }
    return true;
}

} // namespace

std::size_t utf8_length(std::string_view text) noexcept
{
    if (text.empty())
        return 0;
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(text[i]);
    };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80)
            return 0;
    }
    // Overlong, surrogates, beyond U+10FFFF: RFC 3629, section 4.
    const unsigned char second = byte(1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
        return 0;
    return length;
}

bool valid_utf8(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

bool unescape(std::string_view raw, std::string& out)
{
    out.reserve(out.size() + raw.size());
    while (!raw.empty()) {
        const std::size_t run = std::min(raw.find('\\'), raw.size());
        out.append(raw, 0, run);
        raw.remove_prefix(run);
        if (raw.empty())
            return true;
        if (raw.size() < 2)
            return false;
        raw.remove_prefix(1);
        constexpr std::string_view from = "\"\\/bfnrt";
        constexpr std::string_view to = "\"\\/\b\f\n\r\t";
        std::size_t used = 1;
        if (raw.front() == 'u') {
            std::uint32_t code = 0;
            if (!unicode_escape(raw, code, used))
                return false;
            append_utf8(out, code);
        } else {
            const std::size_t index = from.find(raw.front());
            if (index == std::string_view::npos)
                return false;
            out += to[index];
        }
        raw.remove_prefix(used);
    }
    return true;
}

} // namespace poolscope::wire
