// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace poolscope::detail {

/// Somebody who acquires from one pool.
struct PoolUser
{
    std::string name;
    std::atomic<std::uint32_t> active{0}; ///< checked out; counted only where there is a limit
    std::uint32_t added = 0;              ///< connections brought along; under the pool's mutex
    bool limited = true;
    std::size_t hash = 0;     ///< of the name
    PoolUser* next = nullptr; ///< in the same bucket of PoolUsers, older

    /// One more, if there may be. `limit` 0: always, uncounted.
    bool enter(std::uint32_t limit) noexcept
    {
        if (limit == 0 || !limited)
            return true;
        if (active.fetch_add(1) < limit)
            return true;
        active.fetch_sub(1);
        return false;
    }
    void leave(std::uint32_t limit) noexcept
    {
        if (limit != 0 && limited)
            active.fetch_sub(1);
    }
};

/// The users of one pool, by name; kept for the pool's life, so that a slot can point at one. A
/// name is cut at 128 bytes. The first 65,536 names are told apart; those after that share one
/// entry, which no limit applies to. Thread-safe: who is known is found without a lock, whoever is
/// being added meanwhile. As nobody is ever removed, a user that a reader has come to stays, and
/// with it all that are behind it.
class PoolUsers
{
public:
    static constexpr std::size_t longest_name = 128;
    static constexpr std::size_t most_users = 65'536;

    PoolUsers();
    ~PoolUsers();
    PoolUsers(const PoolUsers&) = delete;
    PoolUsers& operator=(const PoolUsers&) = delete;
    /// Throws std::bad_alloc. A lock is taken only to add a name.
    PoolUser& of(std::string_view name);

private:
    /// At most 16 users to a bucket on average.
    static constexpr std::size_t bucket_count = 4096;

    PoolUser* find(std::string_view name, std::size_t hash) const noexcept;

    /// The newest user of each bucket: stored with release, once its user is whole.
    std::array<std::atomic<PoolUser*>, bucket_count> buckets_{};
    std::atomic<bool> full_{false}; ///< no name is added any more
    PoolUser others_;
    std::mutex mutex_;      ///< of adding
    std::size_t count_ = 0; ///< under it
};

} // namespace poolscope::detail
