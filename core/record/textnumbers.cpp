// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/textnumbers.h"

#include <bit>
#include <utility>

namespace poolscope::record {

namespace {
constexpr std::size_t most_recent_texts = 65536;
constexpr std::size_t most_recent_bytes = std::size_t{16} << 20;
} // namespace

TextNumbers::Slot& TextNumbers::slot_of(const Text& text)
{
    // Multiplied by 2^64 over the golden ratio, the upper bits are well mixed (Knuth, TAOCP 6.4).
    constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;
    static_assert(std::has_single_bit(std::tuple_size_v<decltype(slots_)>));
    constexpr int shift = 64 - std::countr_zero(std::tuple_size_v<decltype(slots_)>);
    return slots_[reinterpret_cast<std::uintptr_t>(text.identity()) * factor >> shift];
}

TextNumbers::Entry& TextNumbers::number(const Text& text, bool& added)
{
    added = false;
    Slot& slot = slot_of(text);
    if (slot.entry && slot.text.identity() == text.identity())
        return *slot.entry;
    Entry& entry = look_up(text, added);
    slot = {text, &entry};
    return entry;
}

TextNumbers::Entry& TextNumbers::look_up(const Text& text, bool& added)
{
    const Key key{text};
    if (const auto found = recent_.find(key); found != recent_.end())
        return found->second;
    if (const auto found = older_.find(key); found != older_.end())
        return insert(text, found->second);
    added = true;
    return insert(text, Entry{++last_, 0});
}

TextNumbers::Entry& TextNumbers::insert(const Text& text, Entry entry)
{
    if (recent_.size() >= most_recent_texts || bytes_ >= most_recent_bytes) {
        slots_.fill({});
        older_ = std::exchange(recent_, {});
        bytes_ = 0;
    }
    bytes_ += text.str().size();
    return recent_.emplace(Key{text}, entry).first->second;
}

void TextNumbers::forget_before(std::int64_t keyframe)
{
    const auto old = [&](const auto& entry) {
        return entry.second.used < keyframe;
    };
    slots_.fill({});
    std::erase_if(recent_, old);
    std::erase_if(older_, old);
}

} // namespace poolscope::record
