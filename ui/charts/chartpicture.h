// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/timepicture.h"

namespace poolscope {

/// What a state chart draws.
struct ChartPicture : TimePicture
{
    ReducedSeries series;
    std::optional<SeriesPoint> shown; ///< the values that head and labels give

    bool empty() const { return series.points.empty(); }
};

/// Beneath the areas: panel, head, grid, axis texts.
void paintGround(QPainter& painter, const ChartPicture& picture, const QRectF& panel);
/// Above the areas: gaps, limits, events, the veil over what lies after the cursor, labels, cursor,
/// hover.
void paintAbove(QPainter& painter, const ChartPicture& picture);

} // namespace poolscope
