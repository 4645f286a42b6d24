// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace poolscope::record {

/// Numbers for texts, given once each. Keeps the texts of late in memory: one that has not been
/// seen for long may get a second number.
class TextNumbers
{
public:
    struct Entry
    {
        std::int64_t id = 0;
        std::int64_t used = 0;
    };
    /// `added` tells that the number is new. The entry holds until the next call. `text` is not
    /// null.
    Entry& number(const Text& text, bool& added);
    /// Texts that were last used before that keyframe are going from the file.
    void forget_before(std::int64_t keyframe);

private:
    struct Key
    {
        Text text;
        bool operator==(const Key&) const = default;
    };
    struct Hash
    {
        std::size_t operator()(const Key& k) const noexcept
        {
            return std::hash<std::string>{}(k.text.str());
        }
    };
    using Table = std::unordered_map<Key, Entry, Hash>;
    /// A source gives one Text for equal strings, so that mostly the address tells which it is.
    struct Slot
    {
        Text text; ///< kept, so that its address stays its own
        Entry* entry = nullptr;
    };

    Entry& look_up(const Text& text, bool& added);
    Entry& insert(const Text& text, Entry entry);
    Slot& slot_of(const Text& text);

    Table recent_, older_;
    std::array<Slot, 4096> slots_; ///< into recent_
    std::size_t bytes_ = 0;
    std::int64_t last_ = 0;
};

} // namespace poolscope::record
