// SPDX-License-Identifier: Apache-2.0
#include "core/pool/circuitbreaker.h"

#include <algorithm>

namespace poolscope {

std::string_view name_of(CircuitState state)
{
    switch (state) {
    case CircuitState::closed:
        return "closed";
    case CircuitState::open:
        return "open";
    case CircuitState::half_open:
        return "half-open";
    }
    return "";
}

CircuitBreaker::CircuitBreaker(const CircuitBreakerConfig& config)
    : config_(config)
    , open_for_(std::clamp(config.open_for, Duration{0}, longest_setting))
    , part_ticks_(std::max<std::int64_t>(
          1,
          ticks_in(std::clamp(config.window, Duration{0}, longest_setting)) / std::int64_t{parts}))
{}

std::int64_t CircuitBreaker::number_at(Ticks now) const
{
    return now.value / part_ticks_;
}

CircuitBreaker::Part& CircuitBreaker::part_at(Ticks now)
{
    const std::int64_t number = number_at(now);
    Part& part = window_[static_cast<std::size_t>(number) % parts];
    if (part.number != number)
        part = {number, 0, 0};
    return part;
}

CircuitBreaker::Sum CircuitBreaker::sum_at(Ticks now) const
{
    const std::int64_t newest = number_at(now);
    Sum sum;
    for (const Part& part : window_) {
        if (part.number > newest - std::int64_t{parts} && part.number <= newest) {
            sum.calls += part.calls;
            sum.failures += part.failures;
        }
    }
    return sum;
}

CircuitState CircuitBreaker::state_at(Ticks now) const
{
    if (!tripped_)
        return CircuitState::closed;
    // Far in the future: the counter has begun anew, and nobody knows when it was.
    const Duration since = between(opened_, now);
    const bool open = since < open_for_ && since > -std::chrono::seconds{1};
    return open ? CircuitState::open : CircuitState::half_open;
}

void CircuitBreaker::open(Ticks now)
{
    tripped_ = true;
    opened_ = now;
    probing_ = 0;
    succeeded_ = 0;
    window_.fill({});
    ++times_opened_;
}

bool CircuitBreaker::allow(Ticks now)
{
    if (!config_.enabled)
        return true;
    const std::lock_guard lock(mutex_);
    switch (state_at(now)) {
    case CircuitState::closed:
        return true;
    case CircuitState::open:
        return false;
    case CircuitState::half_open:
        if (probing_ + succeeded_ >= config_.probes)
            return false;
        ++probing_;
        return true;
    }
    return false;
}

void CircuitBreaker::succeeded(Ticks now)
{
    const std::lock_guard lock(mutex_);
    if (!tripped_) {
        ++part_at(now).calls;
        return;
    }
    // One that was let through before the circuit opened says nothing about now.
    if (probing_ == 0)
        return;
    --probing_;
    if (++succeeded_ >= config_.probes) {
        tripped_ = false;
        window_.fill({});
    }
}

void CircuitBreaker::failed(Ticks now)
{
    if (!config_.enabled)
        return;
    const std::lock_guard lock(mutex_);
    if (tripped_) {
        if (probing_ > 0)
            open(now);
        return;
    }
    Part& part = part_at(now);
    ++part.calls;
    ++part.failures;
    const Sum sum = sum_at(now);
    if (sum.calls >= config_.minimum_calls &&
        static_cast<double>(sum.failures) >= config_.failure_rate * static_cast<double>(sum.calls))
        open(now);
}

void CircuitBreaker::forgotten()
{
    const std::lock_guard lock(mutex_);
    if (probing_ > 0)
        --probing_;
}

CircuitState CircuitBreaker::state(Ticks now) const
{
    const std::lock_guard lock(mutex_);
    return state_at(now);
}

Duration CircuitBreaker::refuses_for(Ticks now) const
{
    const std::lock_guard lock(mutex_);
    if (state_at(now) != CircuitState::open)
        return Duration{0};
    return open_for_ - std::max(Duration{0}, between(opened_, now));
}

double CircuitBreaker::failure_rate(Ticks now) const
{
    const std::lock_guard lock(mutex_);
    const Sum sum = sum_at(now);
    return sum.calls == 0 ? 0.0 : static_cast<double>(sum.failures) / sum.calls;
}

std::uint64_t CircuitBreaker::times_opened() const
{
    const std::lock_guard lock(mutex_);
    return times_opened_;
}

} // namespace poolscope
