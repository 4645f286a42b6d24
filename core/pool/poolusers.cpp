// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolusers.h"

#include <mutex>

namespace poolscope::detail {

PoolUsers::PoolUsers()
{
    others_.name = "(others)";
    others_.limited = false;
}

PoolUser& PoolUsers::of(std::string_view name)
{
    name = name.substr(0, longest_name);
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = users_.find(name); found != users_.end())
            return *found->second;
    }
    const std::unique_lock lock(mutex_);
    if (const auto found = users_.find(name); found != users_.end())
        return *found->second;
    if (users_.size() >= most_users)
        return others_;
    auto user = std::make_unique<PoolUser>();
    user->name = name;
    const std::string_view key = user->name;
    return *users_.emplace(key, std::move(user)).first->second;
}

} // namespace poolscope::detail
