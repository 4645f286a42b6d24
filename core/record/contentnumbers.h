// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace poolscope::record {

/// What is stored once and referred to by number: a stack, a list of properties.
struct Numbered
{
    std::int64_t id = 0;
    std::int64_t used = 0;           ///< the span in which it was used last
    std::vector<std::int64_t> texts; ///< that its rows refer to
};
using NumberedRef = std::shared_ptr<Numbered>;

/// Numbers by content. Keeps those of late in memory: one that has not been seen for long may get a
/// second number.
template <class Key, class Hash, class Equal>
class ContentNumbers
{
public:
    /// Null where it has none yet, or had one too long ago.
    NumberedRef find(const Key& key)
    {
        if (const auto found = recent_.find(key); found != recent_.end())
            return found->second;
        if (const auto found = older_.find(key); found != older_.end())
            return insert(key, found->second);
        return {};
    }
    /// A new number.
    NumberedRef add(const Key& key)
    {
        auto made = std::make_shared<Numbered>();
        made->id = ++last_;
        return insert(key, made);
    }
    /// Those that were last used before that keyframe are going from the file.
    void forget_before(std::int64_t keyframe)
    {
        const auto old = [&](const auto& entry) {
            return entry.second->used < keyframe;
        };
        std::erase_if(recent_, old);
        std::erase_if(older_, old);
    }

private:
    static constexpr std::size_t most_recent = 8192;

    NumberedRef insert(const Key& key, NumberedRef numbered)
    {
        if (recent_.size() >= most_recent)
            older_ = std::exchange(recent_, {});
        return recent_.emplace(key, std::move(numbered)).first->second;
    }

    std::unordered_map<Key, NumberedRef, Hash, Equal> recent_, older_;
    std::int64_t last_ = 0;
};

} // namespace poolscope::record
