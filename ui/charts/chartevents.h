// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"

#include <QRectF>
#include <QString>

#include <cstddef>
#include <functional>
#include <vector>

class QPainter;

namespace poolscope {

struct TimePicture;

inline constexpr int runDistance = 48;         ///< px at 96 dpi; nearer onsets are one run
inline constexpr std::size_t mostEvents = 100; ///< lines in a chart

/// One dashed line across a chart: something that happened, or a run of the same thing, at the
/// instant of the first.
struct ChartEvent
{
    Timestamp time;
    MarkKind kind = MarkKind::note;
    int count = 1; ///< marks that stand behind it
    QString words; ///< one plain line, bounded
    friend bool operator==(const ChartEvent&, const ChartEvent&) = default;
};

/// The marks (ascending in time) within the range as lines that can be told apart. Onsets of the
/// same severity that follow each other within 48 px are one run: the first one's line, and how
/// many more. Of the other kinds, those within 12 px of the same kind merge. Where texts are larger
/// than designed, so are these distances. At most 100 lines. GUI thread.
std::vector<ChartEvent> chartEvents(const std::vector<Mark>& marks, Timestamp from, Timestamp to,
                                    const std::function<double(Timestamp)>& x);

/// The lines, and as many words as fit beside each other, the worst first, clear of a line at
/// `edge` and of what stands in `taken`.
void paintEvents(QPainter& painter, const TimePicture& picture, double edge,
                 const QRectF& taken = {});

} // namespace poolscope
