// SPDX-License-Identifier: Apache-2.0
#include "core/wire/linereader.h"

#include "core/base/text.h"
#include "core/wire/jsontext.h"
#include "core/wire/limits.h"

#include <charconv>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace poolscope::wire {

namespace {

bool white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// True if all of it is printable ASCII without a backslash: what can be shown as it stands. Reads
/// up to reader_padding bytes behind the end.
bool printable(std::string_view text)
{
#if defined(__SSE2__)
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i del = _mm_set1_epi8('\x7F');
    const __m128i space = _mm_set1_epi8(' ');
    for (std::size_t i = 0; i < text.size(); i += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
        // Below a space by signed comparison: control characters, and all from 0x80.
        const __m128i bad =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, backslash), _mm_cmpeq_epi8(v, del)),
                         _mm_cmplt_epi8(v, space));
        unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
        if (text.size() - i < 16)
            mask &= (1U << (text.size() - i)) - 1U;
        if (mask != 0)
            return false;
    }
    return true;
#else
    for (const char c : text) {
        if (c < ' ' || c == '\\' || c == '\x7F')
            return false;
    }
    return true;
#endif
}

} // namespace

bool LineReader::take(char wanted)
{
    if (here() != wanted)
        return false;
    ++at_;
    return true;
}

/// The string here, between its quotes, and past it. It ends before the next entry of the index.
bool LineReader::raw_string(std::string_view& content)
{
    if (here() != '"')
        return false;
    const std::size_t first = *at_ + std::size_t{1};
    std::size_t last = next_place();
    while (last > first && white(base_[last - 1]))
        --last;
    if (last <= first || base_[last - 1] != '"')
        return false;
    content = {base_ + first, last - 1 - first};
    ++at_;
    return true;
}

/// What may be shown of a string; false where it is no JSON.
bool LineReader::clean(std::string_view raw, std::size_t limit, bool identity,
                       std::string_view& text)
{
    if (raw.size() <= limit && printable(raw)) {
        text = raw;
        return true;
    }
    std::string whole;
    if (!unescape(raw, whole))
        return false;
    if (whole.size() > limit)
        ++figures_.clipped;
    // What is replaced takes three bytes instead of one, and an identity is not cut for that.
    text = fields_.keep(plain_line(whole, identity ? 3 * limit : limit));
    return true;
}

/// The scalar here as it is written; empty where there is none.
std::string_view LineReader::scalar() const
{
    if (!more())
        return {};
    const std::size_t first = *at_;
    std::size_t last = next_place();
    while (last > first && white(base_[last - 1]))
        --last;
    return {base_ + first, last - first};
}

/// Past the value here, whatever it is; false where it is no JSON.
bool LineReader::skip()
{
    std::string_view content;
    const char first = here();
    if (first == '"')
        return raw_string(content);
    if (first != '{' && first != '[') {
        const std::string_view word = scalar();
        const bool known = word == "true" || word == "false" || word == "null" ||
                           (first >= '0' && first <= '9') || first == '-';
        ++at_;
        return known;
    }
    std::size_t depth = 0;
    do {
        const char c = here();
        if (!more())
            return false;
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= c == '}' || c == ']' ? 1 : 0;
        ++at_;
    } while (depth > 0);
    return true;
}

/// A value that is not what the field asks for: null says "absent", all else is counted.
bool LineReader::odd()
{
    if (scalar() != "null")
        ++figures_.odd_field;
    return more() && skip();
}

bool LineReader::text(std::size_t limit, bool identity, std::string_view& value, bool& usable)
{
    std::string_view raw;
    usable = false;
    if (here() != '"')
        return odd();
    if (!raw_string(raw))
        return false;
    // An identity that is cut could be taken for another one. Escaped it may be longer than it is.
    if (identity && (raw.empty() || raw.size() > limit)) {
        std::string whole;
        if (!unescape(raw, whole))
            return false;
        if (whole.empty() || whole.size() > limit) {
            ++figures_.odd_field;
            ++figures_.unnamed;
            return true;
        }
    }
    usable = true;
    return clean(raw, limit, identity, value);
}

bool LineReader::number(std::int64_t limit, std::int64_t& value, bool& usable)
{
    usable = false;
    const std::string_view word = scalar();
    if (word.empty() || (word.front() != '-' && (word.front() < '0' || word.front() > '9')))
        return odd();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value < 0 || value > limit ||
        (word.size() > 1 && word.front() == '0'))
        return odd();
    usable = true;
    ++at_;
    return true;
}

bool LineReader::boolean(bool& value, bool& usable)
{
    const std::string_view word = scalar();
    value = word == "true";
    usable = value || word == "false";
    if (!usable)
        return odd();
    ++at_;
    return true;
}

/// A text, or a number or boolean as it is written.
bool LineReader::any_text(std::size_t limit, std::string_view& value)
{
    const char first = here();
    bool usable = false;
    if (first == '"')
        return text(limit, false, value, usable);
    if (first == '{' || first == '[')
        return odd();
    const std::string_view word = scalar();
    if (word != "null" && !clean(word, limit, false, value))
        return false;
    return more() && skip();
}

bool LineReader::field(std::string_view name)
{
    Key key = key_of(name);
    if (key == Key::none && name.find('\\') != std::string_view::npos) {
        std::string plain;
        if (!unescape(name, plain))
            return false;
        key = key_of(plain);
    }
    if (key == Key::none)
        return more() && skip();
    fields_.unmark(key);
    const KeyEntry& entry = entry_of(key);
    bool usable = false;
    switch (entry.type) {
    case ValueType::text:
    case ValueType::identity: {
        std::string_view value;
        if (!text(static_cast<std::size_t>(entry.limit), entry.type == ValueType::identity, value,
                  usable))
            return false;
        if (usable)
            fields_.set(key, value);
        return true;
    }
    case ValueType::number: {
        std::int64_t value = 0;
        if (key == Key::max)
            fields_.unlimited = scalar() == "null";
        if (!number(entry.limit, value, usable))
            return false;
        if (usable)
            fields_.set(key, value);
        return true;
    }
    case ValueType::flag: {
        bool value = false;
        if (!boolean(value, usable))
            return false;
        if (usable)
            fields_.set(key, std::int64_t{value});
        return true;
    }
    case ValueType::special:
        return special(key);
    }
    return false;
}

LineVerdict LineReader::read(const char* base, const std::uint32_t*& at, std::size_t line_end)
{
    base_ = base;
    at_ = at;
    line_end_ = line_end;
    LineVerdict verdict = LineVerdict::fine;
    if (here() != '{')
        verdict = more() && skip() && !more() ? LineVerdict::not_object : LineVerdict::not_json;
    else if (!object([this](std::string_view name) { return field(name); }) || more())
        verdict = LineVerdict::not_json;
    at = at_;
    return verdict;
}

} // namespace poolscope::wire
