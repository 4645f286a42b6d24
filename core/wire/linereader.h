// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/wire/decoder.h"
#include "core/wire/fields.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace poolscope::wire {

enum class LineVerdict : std::uint8_t { fine, not_json, not_object };

/// How many bytes behind the end of a line may be read (not used): 16 bytes are looked at together.
inline constexpr std::size_t reader_padding = 16;

/// Takes one line apart, on the structural index that simdjson made of it: the places of { } [ ] :
/// , and of the first character of each string and scalar, outside strings. (simdjson has checked
/// the UTF-8, and that no control character stands in a string.) What no field needs is only
/// checked to be well nested. No recursion, no allocation for plain ASCII.
class LineReader
{
public:
    LineReader(Fields& fields, DecoderFigures& figures)
        : fields_(fields)
        , figures_(figures)
    {}
    /// `at` points to the places in `base`, rising, of the first of this line and all behind it;
    /// at least two that are not below `line_end` follow. Moves `at` past what it read.
    LineVerdict read(const char* base, const std::uint32_t*& at, std::size_t line_end);

private:
    bool more() const { return *at_ < line_end_; }
    char here() const { return more() ? base_[*at_] : '\0'; }
    std::size_t next_place() const { return std::min<std::size_t>(at_[1], line_end_); }
    bool take(char wanted);
    template <class OnField>
    bool object(OnField&& on_field);
    template <class OnElement>
    bool array(OnElement&& on_element);

    bool raw_string(std::string_view& content);
    bool clean(std::string_view raw, std::size_t limit, bool identity, std::string_view& text);
    std::string_view scalar() const;
    bool skip();
    bool field(std::string_view name);
    bool special(Key key);
    bool text(std::size_t limit, bool identity, std::string_view& value, bool& usable);
    bool number(std::int64_t limit, std::int64_t& value, bool& usable);
    bool boolean(bool& value, bool& usable);
    bool any_text(std::size_t limit, std::string_view& value);
    bool odd();
    bool frames();
    bool pairs(std::vector<Pair>& list, std::size_t first, std::size_t most, std::size_t name_limit,
               std::size_t value_limit);
    bool abilities();
    bool pools();
    bool pool(PoolInfo& info, std::size_t& config_first);
    bool figures(Figures& figures);

    Fields& fields_;
    DecoderFigures& figures_;
    const char* base_ = nullptr;
    const std::uint32_t* at_ = nullptr;
    std::size_t line_end_ = 0;
};

template <class OnField>
bool LineReader::object(OnField&& on_field)
{
    if (!take('{'))
        return false;
    if (take('}'))
        return true;
    for (;;) {
        std::string_view name;
        if (!raw_string(name) || !take(':') || !on_field(name))
            return false;
        if (take('}'))
            return true;
        if (!take(','))
            return false;
    }
}

template <class OnElement>
bool LineReader::array(OnElement&& on_element)
{
    if (!take('['))
        return false;
    if (take(']'))
        return true;
    for (;;) {
        if (!on_element())
            return false;
        if (take(']'))
            return true;
        if (!take(','))
            return false;
    }
}

} // namespace poolscope::wire
