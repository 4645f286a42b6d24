// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <condition_variable>
#include <mutex>

namespace shop {

using poolscope::Duration;

/// The demo's time: how fast its script goes, and the end of every wait. Thread-safe.
class Pace
{
public:
    explicit Pace(unsigned speed)
        : speed_(speed)
        , began_(std::chrono::steady_clock::now())
    {}

    /// How long the script's `time` really takes.
    Duration real(Duration time) const { return time / speed_; }
    /// Both false as soon as the demo ends.
    bool rest(Duration real_time);
    bool until(Duration script_time); ///< since the beginning

    void end();
    bool ending() const;

private:
    unsigned speed_;
    std::chrono::steady_clock::time_point began_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool ending_ = false;
};

} // namespace shop
