// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pools.h"

namespace poolscope {

namespace {

/// Drops from a map what an ascending list does not name; `dropped` hears of each key.
template <class Map, class List, class KeyOf, class Dropped>
void keep_only(Map& map, const List& list, KeyOf key_of, Dropped dropped)
{
    auto named = list.begin();
    for (auto it = map.begin(); it != map.end();) {
        while (named != list.end() && key_of(*named) < it->first)
            ++named;
        if (named != list.end() && !(it->first < key_of(*named))) {
            ++it;
        } else {
            dropped(it->first);
            it = map.erase(it);
        }
    }
}

} // namespace

Pools::Delta Pools::apply(const PoolSample& sample)
{
    Delta delta;
    if (sample.full) {
        keep_only(
            pools, sample.pools, [](const Pool& p) { return p.name; }, [](const Text&) {});
        keep_only(
            connections, sample.opened, [](const PoolConnection& c) { return c.key; },
            [](const ConnectionKey&) {});
        keep_only(
            checkouts, sample.changed, [](const Checkout& c) { return c.key.id; },
            [&](const Text& id) { delta.gone.push_back(id); });
    }
    if (sample.full)
        prepared.clear();
    for (const PreparedStatements& of : sample.prepared) {
        prepared.erase(key_of(of));
        if (of.open > 0)
            prepared.emplace(key_of(of), of);
    }
    for (const Pool& pool : sample.pools)
        pools[pool.name] = pool;
    for (const ConnectionKey& key : sample.closed)
        unmatched += connections.erase(key) == 0 ? 1 : 0;
    for (const PoolConnection& connection : sample.opened)
        connections[connection.key] = connection;
    for (const CheckoutEnd& end : sample.ended) {
        if (checkouts.erase(end.id) != 0)
            delta.gone.push_back(end.id);
        else
            ++unmatched;
    }
    for (const Checkout& checkout : sample.changed) {
        const auto [it, fresh] = checkouts.try_emplace(checkout.key.id, checkout);
        if (!fresh) {
            if (it->second == checkout)
                continue;
            it->second = checkout;
        }
        delta.changed.push_back(checkout.key.id);
    }
    lost += sample.lost;
    unreadable += sample.unreadable;
    return delta;
}

PoolSample picture_of(const Pools& pools, Duration clock_offset)
{
    PoolSample picture;
    picture.full = true;
    picture.clock_offset = clock_offset;
    for (const auto& [name, pool] : pools.pools)
        picture.pools.push_back(pool);
    for (const auto& [key, connection] : pools.connections)
        picture.opened.push_back(connection);
    for (const auto& [id, checkout] : pools.checkouts)
        picture.changed.push_back(checkout);
    for (const auto& [key, prepared] : pools.prepared)
        picture.prepared.push_back(prepared);
    return picture;
}

} // namespace poolscope
