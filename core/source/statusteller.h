// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace poolscope {

/// How a source tells how it stands with its target, so that none repeats itself: what it said
/// last, and whether there is a sample that a gap can come after. One thread.
class StatusTeller
{
public:
    using Milliseconds = std::chrono::milliseconds;

    /// `tell` takes every fact to the capture, or drops it where the source was stopped.
    explicit StatusTeller(std::function<void(const Fact&)> tell)
        : tell_(std::move(tell))
    {}

    /// The next status is told whatever it is.
    void begin() { told_.reset(); }
    /// The same again is not told, unless it brings another next try that is far enough away for a
    /// countdown to be read.
    void status(Reach reach, const std::string& sentence, const std::string& nextStep = {},
                std::optional<Milliseconds> retry = {});
    /// A sample is about to be told.
    void sampling() { sampled_ = true; }
    bool hasSampled() const { return sampled_; }
    void forgetSample() { sampled_ = false; }
    /// Told where a sample came since the gap before.
    void gap(const std::string& reason);

private:
    std::function<void(const Fact&)> tell_;
    std::optional<TargetStatus> told_;
    bool sampled_ = false;
};

/// How long to wait after so many failures in a row: twice as long each time, and a fifth more or
/// less, so that many who lost one server do not come back at once.
std::chrono::milliseconds retryWait(std::chrono::milliseconds first,
                                    std::chrono::milliseconds longest, int failures);

} // namespace poolscope
