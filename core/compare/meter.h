// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace poolscope::compare {

/// A number that stands until it changes, over a clock that only runs while it is observed.
class Meter
{
public:
    /// From `clock` (seconds observed so far) on it is that; null: not told. `within`: the instant
    /// itself is one that counts, so that its peak does.
    void set(std::optional<double> value, double clock, bool within)
    {
        settle(clock);
        value_ = value;
        if (within && value_)
            peak_ = std::max(peak_.value_or(*value_), *value_);
    }
    void add(double by, double clock, bool within)
    {
        set(std::max(0.0, value_.value_or(0) + by), clock, within);
    }
    void settle(double clock)
    {
        if (value_ && clock > at_) {
            area_ += *value_ * (clock - at_);
            time_ += clock - at_;
            peak_ = std::max(peak_.value_or(*value_), *value_);
        }
        at_ = std::max(at_, clock);
    }

    double area() const { return area_; }
    /// For how long it was told.
    double time() const { return time_; }
    std::optional<double> mean() const
    {
        return time_ > 0 ? std::optional(area_ / time_) : std::nullopt;
    }
    std::optional<double> peak() const { return time_ > 0 ? peak_ : std::nullopt; }
    std::optional<double> value() const { return value_; }

private:
    std::optional<double> value_;
    std::optional<double> peak_;
    double at_ = 0;
    double area_ = 0;
    double time_ = 0;
};

/// A number that only grows, until what counts begins anew, over the same clock.
class Counter
{
public:
    /// Whether it counts less than at the last reading.
    bool fell(std::optional<std::uint64_t> value) const
    {
        return value && last_ && *value < *last_;
    }
    /// `stretch`: how much of the time up to `clock` is since the reading before, 0 where that is
    /// no observed time within the range, and what came in it does not count. `anew`: it began
    /// again in that stretch, of which nothing is known then: neither what came nor the time.
    void read(std::optional<std::uint64_t> value, double clock, double stretch, bool anew)
    {
        if (last_) {
            time_ += std::max(0.0, clock - at_ - (anew ? stretch : 0));
            if (value && !anew && stretch > 0) {
                told_ = true;
                sum_ += static_cast<double>(*value - *last_);
            }
        }
        at_ = clock;
        last_ = value;
    }
    /// It stands as it did, up to an instant that counts.
    void stands(double clock)
    {
        if (!last_)
            return;
        told_ = true;
        time_ += std::max(0.0, clock - at_);
        at_ = clock;
    }
    bool told() const { return told_; }
    double sum() const { return sum_; }
    /// Seconds that it was told for.
    double time() const { return time_; }

private:
    std::optional<std::uint64_t> last_;
    double at_ = 0;
    double sum_ = 0;
    double time_ = 0;
    bool told_ = false;
};

} // namespace poolscope::compare
