// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/paper/passage.h"

#include <vector>

namespace poolscope::paper {

inline constexpr qreal cell_padding = px(8); ///< left and right of a cell's text

/// How wide a table's columns are, by what they hold.
class Columns
{
public:
    void hold(std::size_t column, const Passage& cell, bool head);
    /// As many as there are columns; together as wide as that.
    std::vector<qreal> widths(qreal all) const;

private:
    std::vector<qreal> least_;
    std::vector<qreal> natural_;
};

} // namespace poolscope::paper
