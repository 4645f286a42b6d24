// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event/poolevent.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// A pool event as bytes in the ring. Texts are cut at the protocol's limits; never longer than
/// EventRing::max_record. An event without texts and stack takes 40 bytes: with the ring's own 8
/// one cache line.
class EventRecord
{
public:
    EventRecord(std::uint32_t pool, const PoolEvent& event) noexcept;
    std::size_t size() const noexcept { return size_; }
    /// Writes size() bytes.
    void write(std::byte* to) const noexcept;

private:
    std::uint32_t pool_;
    const PoolEvent& event_;
    bool details_;
    std::size_t size_;
};

/// What read() gives back; views into the record, tags into `tags`.
struct ReadEvent
{
    std::uint32_t pool = 0;
    PoolEvent event;
    std::vector<Tag> tags;
};
void read_record(std::span<const std::byte> record, ReadEvent& out);

} // namespace poolscope
