// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/chartevents.h"
#include "ui/charts/reduction.h"

#include <QRectF>
#include <QString>

#include <functional>
#include <optional>
#include <vector>

class QPainter;

namespace poolscope {

/// What every chart over time draws, and where: the one mapping between instants, values and
/// pixels.
struct TimePicture
{
    QString title;
    Timestamp from, to;
    std::optional<Timestamp> cursor;
    std::optional<Timestamp> hover;
    bool past = false; ///< the values shown are of an instant before the range's end
    Timestamp shownAt;
    bool utc = false;
    std::vector<ChartEvent> events;
    /// The last sample, where the target has not answered since: what is shown is old.
    std::optional<Timestamp> staleSince;
    QString emptyWords; ///< instead of a plot that has no points
    double most = 1;    ///< the greatest value to show
    double room = 24;   ///< px above it, where a limit has its name
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
    /// The cursor stands within the range and not at its end.
    bool cursorInside() const { return cursor && *cursor >= from && *cursor < to; }
};

/// The panel's ground, and its head: title, what it is, and a value of a limit at the right.
void paintChartHead(QPainter& painter, const TimePicture& picture, const QRectF& panel,
                    const QString& what, const QString& value, const QString& limit);
/// Instead of a plot.
void paintNoPoints(QPainter& painter, const TimePicture& picture, const QRectF& panel);
/// Lines from 0 up, `step` apart, with what `name` calls them; and the time axis.
void paintGrid(QPainter& painter, const TimePicture& picture, const QRectF& panel, double step,
               const std::function<QString(double)>& name);
/// Over the lines: nothing crosses a gap. Where the target does not answer, from there on.
void paintGaps(QPainter& painter, const TimePicture& picture, std::vector<Hole> holes);
/// What lies after the cursor is pale.
void paintVeil(QPainter& painter, const TimePicture& picture);
/// Of which instant the labels' values are, where that is past; and that there are none.
void paintInstant(QPainter& painter, const TimePicture& picture, bool observed);
/// Hover line, cursor and its time.
void paintPointers(QPainter& painter, const TimePicture& picture);
/// A range being dragged.
void paintSelection(QPainter& painter, const TimePicture& picture, double x1, double x2);

/// One direct label: the glyph is painted into the box it is given.
struct ChartLabel
{
    std::function<void(QPainter&, const QRectF&)> glyph;
    QString name;
    QString value;
    double wanted = 0; ///< y where it would like to stand
};
/// From the top down: each where it wants to stand, pushed apart; in the past in fixed rows.
void paintLabels(QPainter& painter, const TimePicture& picture,
                 const std::vector<ChartLabel>& labels);

/// Where labels that want to stand at `wanted` (ascending) stand when they are at least `step`
/// apart and within `top` and `bottom`.
std::vector<double> pushedApart(const std::vector<double>& wanted, double step, double top,
                                double bottom);

} // namespace poolscope
