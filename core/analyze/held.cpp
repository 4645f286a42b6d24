// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/held.h"

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

/// Whether a sample still names a checkout.
bool names(const PoolSample& sample, const CheckoutKey& key)
{
    const auto found =
        std::lower_bound(sample.changed.begin(), sample.changed.end(), key,
                         [](const Checkout& c, const CheckoutKey& k) { return c.key < k; });
    return found != sample.changed.end() && found->key == key;
}

} // namespace

bool operator==(const HeldPlace& a, const HeldPlace& b)
{
    return a.target == b.target && a.pool == b.pool && same_stack(a.stack, b.stack) &&
           a.count == b.count && a.held == b.held;
}

HeldPlace& HeldFold::place(TargetId target, const Text& pool, const StackRef& stack)
{
    HeldPlace& place = places_[{target, pool, stack ? stack->fingerprint : 0}];
    place.target = target;
    place.pool = pool;
    place.stack = stack;
    return place;
}

void HeldFold::add(const TargetState& target, const Checkout& checkout, Timestamp returned)
{
    const Timestamp began = std::max(checkout.acquired, from_ + target.clock_offset);
    const Timestamp ended = std::min(returned, to_ + target.clock_offset);
    if (ended <= began)
        return;
    HeldPlace& where = place(target.info.id, checkout.pool, checkout.stack);
    ++where.count;
    where.held += ended - began;
}

void HeldFold::watch(const World& before, const Observation& observation)
{
    const auto* const sample = std::get_if<PoolSample>(&observation.what);
    const TargetState* const target = sample ? before.target(observation.target) : nullptr;
    if (!target || observation.time > to_)
        return;
    const auto& open = target->pools.checkouts;
    if (sample->full) {
        // What a picture does not name came back unseen: it was last known to be held at the sample
        // before.
        const Timestamp last = target->theirs(target->last_sample.value_or(observation.time));
        for (const auto& [id, checkout] : open) {
            if (!names(*sample, checkout.key))
                add(*target, checkout, last);
        }
    }
    for (const CheckoutEnd& end : sample->ended) {
        if (const auto found = open.find(end.id); found != open.end())
            add(*target, found->second, end.returned);
    }
    if (observation.time <= from_)
        return;
    for (const BriefHolds& brief : sample->brief) {
        HeldPlace& where = place(observation.target, brief.pool, brief.stack);
        where.count += brief.count;
        where.held += brief.held;
    }
}

std::vector<HeldPlace> HeldFold::finish(const World& at_the_end)
{
    for (const auto& [id, target] : at_the_end.targets()) {
        for (const auto& [key, checkout] : target.pools.checkouts)
            add(target, checkout, target.theirs(to_));
    }
    std::vector<HeldPlace> all;
    all.reserve(places_.size());
    for (auto& [key, where] : std::exchange(places_, {}))
        all.push_back(std::move(where));
    std::stable_sort(all.begin(), all.end(),
                     [](const HeldPlace& a, const HeldPlace& b) { return a.held > b.held; });
    return all;
}

} // namespace poolscope
