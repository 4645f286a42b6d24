// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/stack/frame.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

namespace poolscope {

/// Gives equal stacks one id, for the life of the process. Looking up a known stack takes no lock
/// and allocates nothing; a new one is copied once. Bounded: once `capacity` stacks are known, new
/// ones get no id and are counted. Thread-safe.
class StackTable
{
public:
    explicit StackTable(std::uint32_t capacity);
    ~StackTable();
    StackTable(const StackTable&) = delete;
    StackTable& operator=(const StackTable&) = delete;

    /// The one of this process, with room for 65,536 stacks.
    static StackTable& process();

    /// The id of these return addresses; 0 for none, or where the table is full.
    StackId intern(std::span<const std::uintptr_t> addresses) noexcept;
    /// Valid for the life of the table; empty for an id that it never gave.
    std::span<const std::uintptr_t> addresses(StackId id) const noexcept;
    std::uint32_t size() const noexcept;
    std::uint32_t capacity() const noexcept { return capacity_; }
    /// How often a stack found no room.
    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    struct Entry;
    Entry* insert(std::uint64_t hash, std::span<const std::uintptr_t> addresses,
                  std::size_t bucket) noexcept;

    std::uint32_t capacity_;
    std::size_t mask_;
    std::unique_ptr<std::atomic<Entry*>[]> buckets_;
    std::unique_ptr<std::atomic<Entry*>[]> by_id_; ///< by id - 1
    std::atomic<std::uint32_t> taken_{0};
    std::atomic<std::uint64_t> dropped_{0};
};

} // namespace poolscope
