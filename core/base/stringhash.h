// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace poolscope {

/// Lets a table of strings be asked with any text, without making a string of it. Not noexcept: the
/// standard library then keeps hashes in its tables, and spares itself most of them.
struct StringHash
{
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const
    {
        return std::hash<std::string_view>{}(text);
    }
};

template <class T>
using StringTable = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

} // namespace poolscope
