// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

namespace poolscope {

Timestamp SystemClock::now() const
{
    return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

} // namespace poolscope
