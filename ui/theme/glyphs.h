// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/tokens.h"

#include "core/model/series.h"

#include <QPixmap>
#include <QRectF>

class QPainter;

namespace poolscope {

/// "none" is the grey tick: fine is never green.
enum class Severity { none, info, warning, critical };

/// All glyphs are drawn on a 12 px grid, centred in `box` and scaled to its shorter side, so that
/// the same call is sharp at every device pixel ratio.
void paintState(QPainter& painter, const QRectF& box, SessionState state, const Tokens& tokens);
void paintSeverity(QPainter& painter, const QRectF& box, Severity severity, const Tokens& tokens);
/// A mark of the timeline. With a count above 1 it becomes a pill with that number in the kind's
/// colour, which may be wider than the box.
void paintMark(QPainter& painter, const QRectF& box, MarkKind kind, int count,
               const Tokens& tokens);
/// Diagonal lines: nothing was observed here.
void paintHatch(QPainter& painter, const QRectF& area, const Tokens& tokens);

/// For places that take an icon only. `size` in px, without the ratio.
QPixmap statePixmap(SessionState state, int size, double ratio, const Tokens& tokens);
QPixmap severityPixmap(Severity severity, int size, double ratio, const Tokens& tokens);

/// What a glyph says, for assistive technology.
QString severityName(Severity severity);
QString markName(MarkKind kind);

/// Worse kinds win where marks are merged.
int rankOf(MarkKind kind);

/// The nearest position at which an edge falls between device pixels.
double snapped(double position, double ratio);
/// A horizontal or vertical line as a filled rectangle whose edges are snapped: never blurred.
void paintHLine(QPainter& painter, double x1, double x2, double y, double width,
                const QColor& colour);
void paintVLine(QPainter& painter, double x, double y1, double y2, double width,
                const QColor& colour);

} // namespace poolscope
