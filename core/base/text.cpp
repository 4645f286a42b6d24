// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.h"

#include <algorithm>
#include <cstdint>

namespace poolscope {

const std::string& Text::str() const
{
    static const std::string none;
    return shared_ != nullptr ? shared_->text : none;
}

Text::Shared* Text::make(std::string text)
{
    return new Shared{1, std::move(text)};
}

void Text::drop(Shared* shared) noexcept
{
    delete shared;
}

Text TextPool::intern(std::string_view text)
{
    if (const auto found = texts_.find(text); found != texts_.end())
        return *found;
    if (texts_.size() >= sweep_at_) {
        std::erase_if(texts_, [](const Text& kept) { return kept.use_count() == 1; });
        sweep_at_ = std::max<std::size_t>(4096, texts_.size() * 2);
    }
    return *texts_.emplace(std::string{text}).first;
}

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::string_view ellipsis = "\xE2\x80\xA6";

/// Length of the valid UTF-8 sequence at the front and its code point, or 0.
std::size_t decode(std::string_view s, std::uint32_t& code)
{
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(s[i]);
    };
    const unsigned char lead = byte(0);
    if (lead < 0x80) {
        code = lead;
        return 1;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || s.size() < length)
        return 0;
    code = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
        code = (code << 6) | (byte(i) & 0x3FU);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    return length;
}

/// Characters that change how their neighbours read without being seen.
bool deceptive(std::uint32_t c)
{
    return (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

std::string clean(std::string_view in, std::size_t max_bytes, bool one_line)
{
    std::string out;
    out.reserve(std::min(in.size(), max_bytes));
    while (!in.empty()) {
        std::uint32_t code = 0;
        const std::size_t length = decode(in, code);
        const bool space = code == '\n' || code == '\t' || code == '\r';
        std::string_view piece = in.substr(0, length);
        if (length == 0 || deceptive(code) || (code < 0x20 && !space))
            piece = replacement;
        else if (space && (one_line || code == '\r'))
            piece = " ";
        if (out.size() + piece.size() > max_bytes) {
            out += ellipsis;
            break;
        }
        out += piece;
        in.remove_prefix(std::max<std::size_t>(1, length));
    }
    return out;
}

} // namespace

std::string plain_text(std::string_view untrusted, std::size_t max_bytes)
{
    return clean(untrusted, max_bytes, false);
}

std::string plain_line(std::string_view untrusted, std::size_t max_bytes)
{
    return clean(untrusted, max_bytes, true);
}

} // namespace poolscope
