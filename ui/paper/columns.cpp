// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/columns.h"

#include <algorithm>
#include <numeric>

namespace poolscope::paper {

namespace {
constexpr qreal most_word = px(110); ///< a longer word is broken
constexpr qreal least_text = px(64); ///< a shorter one is not broken at its hyphens either
} // namespace

void Columns::hold(std::size_t column, const Passage& cell, bool head)
{
    if (column >= least_.size()) {
        least_.resize(column + 1);
        natural_.resize(column + 1);
    }
    const qreal natural = cell.naturalWidth() + 2 * cell_padding;
    const bool fixed = head || !cell.wraps();
    const qreal least = fixed ? natural
                              : std::max(std::min(cell.leastWidth(), most_word),
                                         std::min(cell.naturalWidth(), least_text)) +
                                    2 * cell_padding;
    least_[column] = std::max(least_[column], least);
    natural_[column] = std::max(natural_[column], natural);
}

std::vector<qreal> Columns::widths(qreal all) const
{
    std::vector<qreal> widths = least_;
    const qreal least = std::accumulate(least_.begin(), least_.end(), 0.0);
    qreal wanted = 0;
    for (std::size_t i = 0; i < least_.size(); ++i)
        wanted += natural_[i] - least_[i];
    const qreal free = all - least;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (free < 0)
            widths[i] *= all / least;
        else if (wanted > 0)
            widths[i] += (natural_[i] - least_[i]) * free / wanted;
        else
            widths[i] += free / static_cast<qreal>(widths.size());
    }
    return widths;
}

} // namespace poolscope::paper
