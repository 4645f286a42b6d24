// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace poolscope {

/// An integer that cannot be mistaken for another kind of integer.
template <class Tag, class Rep>
struct Id
{
    Rep value{};
    constexpr Id() = default;
    constexpr explicit Id(Rep v)
        : value(v)
    {}
    friend constexpr auto operator<=>(Id, Id) = default;
};

/// A target, numbered by the capture in the order of attaching, from 1. 0 is "no target".
using TargetId = Id<struct TargetTag, std::uint32_t>;
/// A process or thread id on the server; unique only while that session lives.
using Pid = Id<struct PidTag, std::int64_t>;
/// The capture's own numbering of observations, from 1, without holes.
using SequenceNumber = Id<struct SequenceTag, std::uint64_t>;
/// One request to cancel or terminate, numbered within a capture from 1.
using ActionId = Id<struct ActionTag, std::uint64_t>;

} // namespace poolscope

template <class Tag, class Rep>
struct std::hash<poolscope::Id<Tag, Rep>>
{
    std::size_t operator()(poolscope::Id<Tag, Rep> id) const noexcept
    {
        return std::hash<Rep>{}(id.value);
    }
};
