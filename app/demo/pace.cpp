// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/pace.h"

namespace shop {

bool Pace::rest(Duration real_time)
{
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, real_time, [this] { return ending_; });
}

bool Pace::until(Duration script_time)
{
    std::unique_lock lock(mutex_);
    return !changed_.wait_until(lock, began_ + real(script_time), [this] { return ending_; });
}

void Pace::end()
{
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
}

bool Pace::ending() const
{
    const std::lock_guard lock(mutex_);
    return ending_;
}

} // namespace shop
