// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolusers.h"

#include <functional>
#include <memory>
#include <utility>

namespace poolscope::detail {

PoolUsers::PoolUsers()
{
    others_.name = "(others)";
    others_.limited = false;
}

PoolUsers::~PoolUsers()
{
    for (const std::atomic<PoolUser*>& bucket : buckets_) {
        PoolUser* user = bucket.load(std::memory_order_relaxed);
        while (user)
            delete std::exchange(user, user->next);
    }
}

/// Pairs with the release in of(): what is reached through a bucket was whole before it was there,
/// and does not change (but for what is atomic, or has a mutex of its own).
PoolUser* PoolUsers::find(std::string_view name, std::size_t hash) const noexcept
{
    PoolUser* user = buckets_[hash % bucket_count].load(std::memory_order_acquire);
    while (user && (user->hash != hash || user->name != name))
        user = user->next;
    return user;
}

PoolUser& PoolUsers::of(std::string_view name)
{
    name = name.substr(0, longest_name);
    const std::size_t hash = std::hash<std::string_view>()(name);
    if (PoolUser* const known = find(name, hash))
        return *known;
    // Set after the last name was added: who sees it and looks again finds each name there is.
    if (full_.load(std::memory_order_acquire)) {
        PoolUser* const known = find(name, hash);
        return known ? *known : others_;
    }
    const std::lock_guard lock(mutex_);
    if (PoolUser* const known = find(name, hash))
        return *known;
    if (count_ >= most_users)
        return others_;
    auto user = std::make_unique<PoolUser>();
    user->name = name;
    user->hash = hash;
    std::atomic<PoolUser*>& bucket = buckets_[hash % bucket_count];
    user->next = bucket.load(std::memory_order_relaxed);
    PoolUser& added = *user;
    bucket.store(user.release(), std::memory_order_release);
    if (++count_ == most_users)
        full_.store(true, std::memory_order_release);
    return added;
}

} // namespace poolscope::detail
