// SPDX-License-Identifier: Apache-2.0
#include "core/pool/brieftable.h"

#include <algorithm>
#include <utility>

namespace poolscope::detail {

BriefTable::Place* BriefTable::place_of(StackId stack) noexcept
{
    constexpr std::size_t most_steps = 16;
    const std::uint64_t key = std::uint64_t{stack.value} + 1;
    if (last_->key_.load(std::memory_order_relaxed) == key)
        return last_;
    std::size_t at = static_cast<std::size_t>(key * 0x9E3779B97F4A7C15U >> 32U) % size;
    for (std::size_t step = 0; step < most_steps; ++step, at = (at + 1) % size) {
        Place& place = places_[at];
        const std::uint64_t there = place.key_.load(std::memory_order_relaxed);
        if (there == 0)
            place.key_.store(key, std::memory_order_release);
        if (there == 0 || there == key) {
            last_ = &place;
            return last_;
        }
    }
    return nullptr;
}

void BriefTable::add_measured(Place& place, std::uint64_t held, std::uint32_t weight) noexcept
{
    grow(place.total_, held * weight);
    // One that comes while the longest is being taken counts to what was taken.
    if (held > place.longest_.load(std::memory_order_relaxed))
        place.longest_.store(held, std::memory_order_relaxed);
    place.count_.store(place.count_.load(std::memory_order_relaxed) + weight,
                       std::memory_order_release);
}

std::vector<BriefTable::Taken> BriefTable::taken_now()
{
    const std::uint64_t all = count_.load(std::memory_order_relaxed);
    std::uint64_t rest = all - std::exchange(taken_, all); // still to be shared out
    std::vector<Taken> list;
    if (rest == 0)
        return list;
    struct Share
    {
        Place* place;
        std::uint64_t count;
    };
    std::vector<Share> shares;
    for (Place& place : places_) {
        const std::uint64_t count = place.count_.load(std::memory_order_acquire);
        if (count > place.shared_)
            shares.push_back({&place, count - place.shared_});
    }
    // A measured one stands for some that come later, or came before: then the sum rules, and the
    // place with the most waits, or is given too much, until the next time.
    std::ranges::sort(shares, {}, &Share::count);
    if (shares.empty())
        shares.push_back({latest_, 0});
    latest_ = shares.back().place;
    for (const auto& [place, count] : shares) {
        const std::uint64_t given = place == latest_ ? rest : std::min(count, rest);
        rest -= given;
        if (given == 0)
            continue;
        const std::uint64_t longest = place->longest_.exchange(0, std::memory_order_relaxed);
        const std::uint64_t pending =
            place->total_.load(std::memory_order_relaxed) - place->taken_total_;
        // What was measured for more than are told now is told with those: no mean above the
        // longest.
        const std::uint64_t total = longest > pending / given ? pending : given * longest;
        place->taken_total_ += total;
        const std::uint64_t key = place->key_.load(std::memory_order_acquire);
        place->shared_ += given;
        list.push_back({StackId{static_cast<std::uint32_t>(std::max<std::uint64_t>(key, 1) - 1)},
                        given, total, longest});
    }
    return list;
}

} // namespace poolscope::detail
