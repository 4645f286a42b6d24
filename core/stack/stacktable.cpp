// SPDX-License-Identifier: Apache-2.0
#include "core/stack/stacktable.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

namespace poolscope {

struct StackTable::Entry
{
    std::uint64_t hash = 0;
    std::vector<std::uintptr_t> addresses;
    std::atomic<std::uint32_t> id{0};
};

namespace {

/// Two independent lanes, so that the multiplications overlap.
std::uint64_t hash_of(std::span<const std::uintptr_t> addresses) noexcept
{
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;
    std::uint64_t a = addresses.size() * odd;
    std::uint64_t b = ~a;
    std::size_t i = 0;
    for (; i + 1 < addresses.size(); i += 2) {
        a = std::rotl((a ^ addresses[i]) * odd, 29);
        b = std::rotl((b ^ addresses[i + 1]) * odd, 31);
    }
    if (i < addresses.size())
        a = std::rotl((a ^ addresses[i]) * odd, 29);
    a = (a ^ std::rotl(b, 32)) * odd;
    return a ^ (a >> 32U);
}

} // namespace

StackTable::StackTable(std::uint32_t capacity)
    : capacity_(std::max(capacity, 1U))
    , mask_(std::bit_ceil(std::size_t{capacity_} * 2) - 1)
    , buckets_(new std::atomic<Entry*>[mask_ + 1] {})
    , by_id_(new std::atomic<Entry*>[capacity_] {})
{}

StackTable::~StackTable()
{
    for (std::size_t i = 0; i <= mask_; ++i)
        delete buckets_[i].load();
}

StackTable& StackTable::process()
{
    static auto* const table = new StackTable(65'536); // ids are looked up until the very end
    return *table;
}

StackId StackTable::intern(std::span<const std::uintptr_t> addresses) noexcept
{
    if (addresses.empty())
        return {};
    const std::uint64_t hash = hash_of(addresses);
    std::size_t bucket = hash & mask_;
    for (;;) {
        Entry* entry = buckets_[bucket].load(std::memory_order_acquire);
        if (!entry)
            entry = insert(hash, addresses, bucket);
        if (!entry)
            return {};
        if (entry->hash == hash && std::ranges::equal(entry->addresses, addresses)) {
            // Another thread may have put it there and be about to number it.
            std::uint32_t id = entry->id.load(std::memory_order_acquire);
            while (id == 0)
                id = entry->id.load(std::memory_order_acquire);
            return StackId{id};
        }
        bucket = (bucket + 1) & mask_;
    }
}

/// What is in the bucket afterwards: the new entry, or the one that came before it. Null: full.
StackTable::Entry* StackTable::insert(std::uint64_t hash, std::span<const std::uintptr_t> addresses,
                                      std::size_t bucket) noexcept
{
    // A number is reserved first: what is in a bucket always has, or is about to get, one.
    std::uint32_t taken = taken_.load(std::memory_order_relaxed);
    do {
        if (taken >= capacity_) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return nullptr;
        }
    } while (!taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));

    std::unique_ptr<Entry> fresh;
    try {
        fresh = std::make_unique<Entry>();
        fresh->hash = hash;
        fresh->addresses.assign(addresses.begin(), addresses.end());
    } catch (const std::bad_alloc&) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return nullptr; // the number is lost: the table is smaller by one
    }
    Entry* const mine = fresh.get();
    Entry* there = nullptr;
    if (buckets_[bucket].compare_exchange_strong(there, mine, std::memory_order_acq_rel,
                                                 std::memory_order_acquire)) {
        by_id_[taken].store(mine, std::memory_order_release);
        mine->id.store(taken + 1, std::memory_order_release);
        return fresh.release();
    }
    // Somebody was faster. Give the number back if it is still the last, else it stays empty.
    std::uint32_t last = taken + 1;
    taken_.compare_exchange_strong(last, taken, std::memory_order_relaxed);
    return there;
}

std::span<const std::uintptr_t> StackTable::addresses(StackId id) const noexcept
{
    if (id.value == 0 || id.value > capacity_)
        return {};
    const Entry* entry = by_id_[id.value - 1].load(std::memory_order_acquire);
    return entry ? std::span<const std::uintptr_t>(entry->addresses)
                 : std::span<const std::uintptr_t>();
}

std::uint32_t StackTable::size() const noexcept
{
    return taken_.load(std::memory_order_relaxed);
}

} // namespace poolscope
