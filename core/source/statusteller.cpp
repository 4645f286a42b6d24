// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/statusteller.h"

#include "core/base/clock.h"

#include <QRandomGenerator>

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {
constexpr std::chrono::milliseconds readableCountdown{5000};
} // namespace

void StatusTeller::status(Reach reach, const std::string& sentence, const std::string& nextStep,
                          std::optional<Milliseconds> retry)
{
    TargetStatus now{reach, sentence, nextStep, {}};
    if (retry)
        now.next_try = SystemClock{}.now() + *retry;
    if (told_) {
        TargetStatus same = *told_;
        same.next_try = now.next_try;
        if (same == now && (!retry || *retry < readableCountdown))
            return;
    }
    told_ = now;
    tell_(StatusChanged{now});
}

void StatusTeller::gap(const std::string& reason)
{
    if (std::exchange(sampled_, false))
        tell_(Gap{reason});
}

std::chrono::milliseconds retryWait(std::chrono::milliseconds first,
                                    std::chrono::milliseconds longest, int failures)
{
    const std::chrono::milliseconds wait = std::min(first * (1 << std::min(failures, 10)), longest);
    const double factor = 0.8 + 0.4 * QRandomGenerator::global()->generateDouble();
    return std::chrono::milliseconds{
        static_cast<std::int64_t>(static_cast<double>(wait.count()) * factor)};
}

} // namespace poolscope
