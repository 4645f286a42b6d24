// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/chartevents.h"
#include "ui/charts/reduction.h"

#include <QRectF>
#include <QString>

#include <optional>
#include <vector>

class QPainter;

namespace poolscope {

/// What a state chart draws, and where: the one mapping between instants, counts and pixels.
struct ChartPicture
{
    QString title;
    ReducedSeries series;
    Timestamp from, to;
    std::optional<Timestamp> cursor;
    std::optional<Timestamp> hover;
    std::optional<SeriesPoint> shown; ///< the values that head and labels give
    bool past = false;                ///< they are of an instant before the range's end
    Timestamp shownAt;
    bool utc = false;
    std::vector<ChartEvent> events;
    /// The last sample, where the server has not answered since: what is shown is old.
    std::optional<Timestamp> staleSince;
    QString emptyWords; ///< instead of a plot that has no points
    double most = 1;    ///< the greatest value to show: limit or total
    QRectF plot;
    QRectF head;
    QRectF labels;

    double x(Timestamp t) const
    {
        return plot.left() + plot.width() * static_cast<double>(to_us(t - from)) /
                                 static_cast<double>(to_us(to - from));
    }
    Timestamp instant(double px) const;
    double y(double value) const { return plot.bottom() - plot.height() * value / top(); }
    /// The value at the plot's upper edge: room for a limit's name above its line.
    double top() const;
    /// The values in head and labels are those of the last sample, and that is past.
    bool old() const { return staleSince && !past; }
    bool empty() const { return series.points.empty(); }
};

/// Beneath the areas: panel, head, grid, axis texts.
void paintGround(QPainter& painter, const ChartPicture& picture, const QRectF& panel);
/// Above the areas: gaps, limits, events, the veil over what lies after the cursor, labels, cursor,
/// hover.
void paintAbove(QPainter& painter, const ChartPicture& picture);
/// A range being dragged.
void paintSelection(QPainter& painter, const ChartPicture& picture, double x1, double x2);

/// Where labels that want to stand at `wanted` (ascending) stand when they are at least `step`
/// apart and within `top` and `bottom`.
std::vector<double> pushedApart(const std::vector<double>& wanted, double step, double top,
                                double bottom);

} // namespace poolscope
