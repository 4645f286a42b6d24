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

/// A number that only grows, until what counts begins anew.
class Counter
{
public:
    /// `counts`: what came since the last reading is of observed time within the range.
    void read(std::optional<std::uint64_t> value, bool counts)
    {
        if (value && last_ && counts) {
            told_ = true;
            if (*value >= *last_)
                sum_ += static_cast<double>(*value - *last_);
        }
        last_ = value;
    }
    /// It stands as it did, as of an instant that counts.
    void stands() { told_ = told_ || last_; }
    bool told() const { return told_; }
    double sum() const { return sum_; }

private:
    std::optional<std::uint64_t> last_;
    double sum_ = 0;
    bool told_ = false;
};

} // namespace poolscope::compare
