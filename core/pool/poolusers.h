// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace poolscope::detail {

/// Somebody who acquires from one pool.
struct PoolUser
{
    std::string name;
    std::atomic<std::uint32_t> active{0}; ///< checked out; counted only where there is a limit
    std::uint32_t added = 0;              ///< connections brought along; under the pool's mutex
    bool limited = true;

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
/// entry, which no limit applies to. Thread-safe.
class PoolUsers
{
public:
    static constexpr std::size_t longest_name = 128;
    static constexpr std::size_t most_users = 65'536;

    PoolUsers();
    /// Throws std::bad_alloc.
    PoolUser& of(std::string_view name);

private:
    std::shared_mutex mutex_;
    PoolUser others_;
    std::unordered_map<std::string_view, std::unique_ptr<PoolUser>> users_;
};

} // namespace poolscope::detail
