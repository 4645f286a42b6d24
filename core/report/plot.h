// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/report/svg.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope::report {

/// The frame of one chart: where an instant and a count lie, and what is drawn around the data.
class Plot
{
public:
    static constexpr double width = 720;
    static constexpr double labels = 530; ///< of those beside a plot: where they begin

    /// From its left to its right end; below `top`.
    Plot(const Axis& axis, double left, double right, double top, double height);

    double x(Timestamp at) const;
    double y(double count) const;
    /// The top of the scale: a round number at or above it.
    void scale_to(double most);
    double left() const { return left_; }
    double right() const { return right_; }
    double top() const { return top_; }
    double bottom() const { return top_ + height_; }

    std::string begin(double height, const std::string& title) const;
    std::string counts_and_lines() const;
    std::string instants() const;
    /// Hatched, where nothing was seen of a target; of all where it is 0.
    std::string gaps(TargetId target) const;
    std::string moment_line() const;

private:
    const Axis& axis_;
    double left_;
    double right_;
    double top_;
    double height_;
    double most_ = 1;
    double step_ = 1;
};

/// "12.3", never "-0": short and the same everywhere.
std::string coordinate(double value);

} // namespace poolscope::report
