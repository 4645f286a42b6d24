// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/glyphs.h"

#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

/// Maps the 12 px grid onto the box, its origin on a device pixel.
class Grid
{
public:
    Grid(QPainter& painter, const QRectF& box)
        : painter_(painter)
    {
        const double side = std::min(box.width(), box.height());
        const double ratio = painter.device()->devicePixelRatioF();
        painter_.save();
        painter_.setRenderHint(QPainter::Antialiasing);
        painter_.translate(snapped(box.center().x() - side / 2, ratio),
                           snapped(box.center().y() - side / 2, ratio));
        painter_.scale(side / 12, side / 12);
    }
    ~Grid() { painter_.restore(); }
    Grid(const Grid&) = delete;
    Grid& operator=(const Grid&) = delete;

private:
    QPainter& painter_;
};

QPen rounded(const QColor& colour, double width)
{
    return QPen(colour, width, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
}

QPolygonF octagon()
{
    constexpr double a = 0.5, b = 3.75, c = 8.25, d = 11.5;
    return QPolygonF({{b, a}, {c, a}, {d, b}, {d, c}, {c, d}, {b, d}, {a, c}, {a, b}});
}

QPolygonF triangle()
{
    return QPolygonF({{6, 1}, {11.5, 11}, {0.5, 11}});
}

/// Amber on white is too faint without an outline.
QPen amberEdge(const Tokens& t)
{
    return t.dark ? QPen(Qt::NoPen) : QPen(t.warn, 1, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
}

void exclamation(QPainter& painter, const QColor& colour, double top, double bottom)
{
    painter.setPen(rounded(colour, 1.5));
    painter.drawLine(QPointF(6, top), QPointF(6, bottom - 2.4));
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    painter.drawEllipse(QPointF(6, bottom), 0.9, 0.9);
}

void triangleGlyph(QPainter& painter, const Tokens& t, bool filledMark)
{
    painter.setPen(amberEdge(t));
    painter.setBrush(t.warnFill);
    painter.drawPolygon(triangle());
    if (filledMark)
        exclamation(painter, t.dark ? t.onAccent : t.text, 4.4, 9.4);
}

void octagonGlyph(QPainter& painter, const Tokens& t)
{
    painter.setPen(Qt::NoPen);
    painter.setBrush(t.critFill);
    painter.drawPolygon(octagon());
    exclamation(painter, t.onDanger, 3.2, 8.9);
}

void paintPill(QPainter& painter, const QRectF& box, int count, const QColor& ground,
               const QColor& ink)
{
    const Theme& theme = Theme::current();
    const QString text = count > 99 ? QStringLiteral("99+") : QString::number(count);
    const QFont font = theme.mono(11, QFont::DemiBold);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setFont(font);
    const double width = QFontMetricsF(font).horizontalAdvance(text) + theme.scaled(9);
    QRectF pill(0, 0, std::max<double>(width, theme.scaled(16)), theme.scaled(14));
    pill.moveCenter(box.center());
    painter.setPen(Qt::NoPen);
    painter.setBrush(ground);
    painter.drawRoundedRect(pill, theme.scaled(5), theme.scaled(5));
    painter.setPen(ink);
    painter.drawText(pill, Qt::AlignCenter, text);
    painter.restore();
}

QPixmap pixmapOf(int size, double ratio, const auto& paint)
{
    QPixmap pixmap(QSize(size, size) * ratio);
    pixmap.setDevicePixelRatio(ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paint(painter, QRectF(0, 0, size, size));
    return pixmap;
}

} // namespace

double snapped(double position, double ratio)
{
    return std::round(position * ratio) / ratio;
}

void paintHLine(QPainter& painter, double x1, double x2, double y, double width,
                const QColor& colour)
{
    const double ratio = painter.device()->devicePixelRatioF();
    const double thick = std::max(1.0, std::round(width * ratio)) / ratio;
    const double top = snapped(y - thick / 2, ratio);
    painter.fillRect(QRectF(snapped(x1, ratio), top, snapped(x2 - x1, ratio), thick), colour);
}

void paintVLine(QPainter& painter, double x, double y1, double y2, double width,
                const QColor& colour)
{
    const double ratio = painter.device()->devicePixelRatioF();
    const double thick = std::max(1.0, std::round(width * ratio)) / ratio;
    const double left = snapped(x - thick / 2, ratio);
    painter.fillRect(QRectF(left, snapped(y1, ratio), thick, snapped(y2 - y1, ratio)), colour);
}

void paintState(QPainter& painter, const QRectF& box, SessionState state, const Tokens& tokens)
{
    const Grid grid(painter, box);
    const QColor& colour = tokens.state(state);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    switch (state) {
    case SessionState::active:
        painter.drawEllipse(QPointF(6, 6), 4.5, 4.5);
        break;
    case SessionState::idle_in_transaction:
        painter.setPen(amberEdge(tokens));
        painter.drawPolygon(QPolygonF({{6, 1}, {11, 6}, {6, 11}, {1, 6}}));
        break;
    case SessionState::idle_in_transaction_aborted:
        painter.drawRect(QRectF(1.5, 1.5, 9, 9));
        painter.setPen(rounded(tokens.surface, 1.4));
        painter.drawLine(QPointF(4, 4), QPointF(8, 8));
        painter.drawLine(QPointF(8, 4), QPointF(4, 8));
        break;
    case SessionState::waiting:
        painter.drawRect(QRectF(2, 1.5, 3, 9));
        painter.drawRect(QRectF(7, 1.5, 3, 9));
        break;
    case SessionState::idle:
        painter.setPen(QPen(tokens.text3, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawEllipse(QPointF(6, 6), 3.75, 3.75);
        break;
    case SessionState::other:
        painter.drawRect(QRectF(1.5, 5, 9, 2));
        break;
    case SessionState::unknown:
        painter.setBrush(tokens.text3);
        for (const double x : {2.0, 6.0, 10.0})
            painter.drawEllipse(QPointF(x, 6), 1.1, 1.1);
        break;
    }
}

void paintSeverity(QPainter& painter, const QRectF& box, Severity severity, const Tokens& tokens)
{
    const Grid grid(painter, box);
    switch (severity) {
    case Severity::none:
        painter.setPen(rounded(tokens.text3, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawPolyline(QPolygonF({{2, 6.5}, {4.75, 9.25}, {10, 3.5}}));
        break;
    case Severity::info:
        painter.setPen(QPen(tokens.info, 1.25));
        painter.setBrush(Qt::NoBrush);
        painter.drawEllipse(QPointF(6, 6), 5, 5);
        painter.setPen(rounded(tokens.info, 1.4));
        painter.drawLine(QPointF(6, 5.8), QPointF(6, 8.6));
        painter.setPen(Qt::NoPen);
        painter.setBrush(tokens.info);
        painter.drawEllipse(QPointF(6, 3.5), 0.85, 0.85);
        break;
    case Severity::warning:
        triangleGlyph(painter, tokens, true);
        break;
    case Severity::critical:
        octagonGlyph(painter, tokens);
        break;
    }
}

int rankOf(MarkKind kind)
{
    switch (kind) {
    case MarkKind::critical:
        return 5;
    case MarkKind::warning:
        return 4;
    case MarkKind::source_down:
        return 3;
    case MarkKind::source_up:
        return 2;
    case MarkKind::action:
        return 1;
    case MarkKind::note:
        break;
    }
    return 0;
}

void paintMark(QPainter& painter, const QRectF& box, MarkKind kind, int count, const Tokens& tokens)
{
    if (count > 1) {
        const bool crit = kind == MarkKind::critical;
        const bool warn = kind == MarkKind::warning;
        paintPill(painter, box, count,
                  crit ? tokens.critFill : (warn ? tokens.warnFill : tokens.text2),
                  crit   ? tokens.onDanger
                  : warn ? (tokens.dark ? tokens.onAccent : tokens.text)
                         : tokens.sidebar);
        return;
    }
    const Grid grid(painter, box);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(rounded(tokens.text2, 1.3));
    switch (kind) {
    case MarkKind::critical:
        octagonGlyph(painter, tokens);
        break;
    case MarkKind::warning:
        triangleGlyph(painter, tokens, false);
        break;
    case MarkKind::source_up:
        painter.setBrush(tokens.sidebar);
        painter.drawEllipse(QPointF(6, 6), 3.75, 3.75);
        break;
    case MarkKind::source_down:
        painter.setBrush(tokens.sidebar);
        painter.drawEllipse(QPointF(6, 6), 3.75, 3.75);
        painter.drawLine(QPointF(2, 10), QPointF(10, 2));
        break;
    case MarkKind::note:
        painter.setBrush(tokens.surface);
        painter.drawPolygon(QPolygonF({{2, 1.5}, {10, 1.5}, {10, 7.5}, {7, 10.5}, {2, 10.5}}));
        painter.drawPolyline(QPolygonF({{10, 7.5}, {7, 7.5}, {7, 10.5}}));
        break;
    case MarkKind::action:
        painter.drawLine(QPointF(1.5, 6), QPointF(10, 6));
        painter.drawPolyline(QPolygonF({{6.75, 2.75}, {10, 6}, {6.75, 9.25}}));
        break;
    }
}

void paintHatch(QPainter& painter, const QRectF& area, const Tokens& tokens)
{
    painter.save();
    painter.setClipRect(area, Qt::IntersectClip);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(tokens.line2, 1));
    // Lines start at multiples of the step, so that a hatch does not swim when its area grows.
    constexpr double step = 6;
    const double height = area.height();
    const double first = std::floor((area.left() - height) / step) * step;
    for (double x = first; x < area.right(); x += step)
        painter.drawLine(QPointF(x, area.bottom()), QPointF(x + height, area.top()));
    painter.restore();
}

QPixmap statePixmap(SessionState state, int size, double ratio, const Tokens& tokens)
{
    return pixmapOf(size, ratio, [&](QPainter& painter, const QRectF& box) {
        paintState(painter, box, state, tokens);
    });
}

QPixmap severityPixmap(Severity severity, int size, double ratio, const Tokens& tokens)
{
    return pixmapOf(size, ratio, [&](QPainter& painter, const QRectF& box) {
        paintSeverity(painter, box, severity, tokens);
    });
}

QString severityName(Severity severity)
{
    switch (severity) {
    case Severity::info:
        return QCoreApplication::translate("Severity", "info");
    case Severity::warning:
        return QCoreApplication::translate("Severity", "warning");
    case Severity::critical:
        return QCoreApplication::translate("Severity", "critical");
    case Severity::none:
        break;
    }
    return QCoreApplication::translate("Severity", "fine");
}

QString markName(MarkKind kind)
{
    switch (kind) {
    case MarkKind::critical:
        return QCoreApplication::translate("Mark", "critical");
    case MarkKind::warning:
        return QCoreApplication::translate("Mark", "warning");
    case MarkKind::source_up:
        return QCoreApplication::translate("Mark", "source up");
    case MarkKind::source_down:
        return QCoreApplication::translate("Mark", "source down");
    case MarkKind::note:
        return QCoreApplication::translate("Mark", "note");
    case MarkKind::action:
        break;
    }
    return QCoreApplication::translate("Mark", "action");
}

} // namespace poolscope
