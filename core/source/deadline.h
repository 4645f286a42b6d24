// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include <algorithm>
#include <chrono>
#include <optional>

namespace poolscope {

/// Lets a single-shot timer go off right after that instant, at once where it has passed; null: not
/// at all. In the timer's thread.
inline void armTimer(QTimer& timer, const std::optional<std::chrono::steady_clock::time_point>& at)
{
    using std::chrono::milliseconds;
    if (!at) {
        timer.stop();
        return;
    }
    const auto left =
        std::chrono::duration_cast<milliseconds>(*at - std::chrono::steady_clock::now());
    timer.start(std::max(milliseconds{1}, left + milliseconds{1}));
}

} // namespace poolscope
