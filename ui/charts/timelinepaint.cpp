// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/timeaxis.h"
#include "ui/charts/timelinestrip.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

double axisHeight()
{
    return Theme::current().scaled(18);
}

double curveTop()
{
    return Theme::current().scaled(metrics::marksLane + 8);
}

double curveBottom(int height)
{
    return height - axisHeight();
}

} // namespace

void TimelineStrip::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& t = Theme::current().tokens();
    painter.fillRect(rect(), t.sidebar);
    paintHLine(painter, 0, width(), 0.5, 1, t.line);
    if (end_ <= start_) {
        painter.setFont(Theme::current().ui());
        painter.setPen(t.text3);
        painter.drawText(lane(), Qt::AlignLeft | Qt::AlignVCenter, emptyWords_);
        return;
    }
    if (to_ > from_) {
        const double left = std::clamp(x(from_), 0.0, double(width()));
        const double right = std::clamp(x(to_), 0.0, double(width()));
        painter.fillRect(QRectF(std::round(left), 1, std::max(2.0, std::round(right - left)),
                                height() - axisHeight()),
                         t.sel);
    }
    const QRectF area = lane();
    for (double at = area.left(); at < area.right(); at += 6)
        paintHLine(painter, at, std::min(at + 3, area.right()), curveTop(), 1, t.line2);
    paintCurve(painter);
    paintHoles(painter);
    paintAxis(painter);
    if (hover_)
        paintVLine(painter, x(*hover_), 1, curveBottom(height()), 1, t.text3);
    paintMarks(painter);
    paintPin(painter);
    if (hasFocus()) {
        for (int i = 0; i < 2; ++i) {
            painter.setPen(QPen(t.accent, 1));
            painter.drawRect(rect().adjusted(i, i, -1 - i, -1 - i));
        }
    }
}

void TimelineStrip::paintCurve(QPainter& painter) const
{
    const Tokens& t = Theme::current().tokens();
    const double left = lane().left();
    const double bottom = curveBottom(height());
    const double tall = bottom - curveTop();
    QColor fill = t.state(SessionState::active);
    fill.setAlphaF(t.dark ? 0.38F : 0.30F);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const auto draw = [&](std::size_t first, std::size_t last) {
        QPolygonF line;
        for (std::size_t c = first; c <= last; ++c)
            line << QPointF(left + static_cast<double>(c),
                            bottom - tall * std::min(columns_[c], 1.1));
        if (first == last)
            line << line.last() + QPointF(1, 0);
        QPolygonF area = line;
        area << QPointF(line.last().x(), bottom) << QPointF(line.first().x(), bottom);
        painter.setPen(Qt::NoPen);
        painter.setBrush(fill);
        painter.drawPolygon(area);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(t.state(SessionState::active), 1.25));
        painter.drawPolyline(line);
    };
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        if (columns_[c] < 0)
            continue;
        const std::size_t first = c;
        while (c + 1 < columns_.size() && columns_[c + 1] >= 0)
            ++c;
        draw(first, c);
    }
    painter.restore();
}

void TimelineStrip::paintHoles(QPainter& painter) const
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QFont font = theme.ui(11);
    const double top = curveTop() - theme.scaled(6);
    for (const Hole& hole : holes_) {
        const double left = std::max(x(hole.from), lane().left());
        const double right = std::min(x(hole.to), lane().right());
        if (right - left < 1)
            continue;
        const QRectF area(left, top, right - left, curveBottom(height()) - top);
        paintHatch(painter, area, t);
        const QString name =
            tr("gap %1").arg(QString::fromStdString(format_duration_prose(hole.to - hole.from)));
        const double wide = QFontMetricsF(font).horizontalAdvance(name);
        const bool roomAfter = area.width() >= 8 && right + theme.scaled(6) + wide < lane().right();
        if (!roomAfter)
            continue;
        painter.setFont(font);
        painter.setPen(t.text2);
        painter.drawText(QPointF(right + theme.scaled(4), curveTop() + theme.scaled(9)), name);
    }
}

void TimelineStrip::paintAxis(QPainter& painter) const
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const double bottom = curveBottom(height());
    paintHLine(painter, lane().left(), lane().right(), bottom, 1, t.line2);
    const QFont font = theme.mono(11);
    const QFontMetricsF metrics(font);
    painter.setFont(font);
    painter.setPen(t.text3);
    const double mark = theme.scaled(3), tall = axisHeight() - theme.scaled(4);
    for (const TimeTick& tick : timeTicks(start_, end_, lane().width(), theme.scaled(110), utc_)) {
        const double wide = metrics.horizontalAdvance(tick.label);
        const double at = x(tick.at);
        if (at - wide / 2 < 2 || at + wide / 2 > width() - 2)
            continue;
        paintVLine(painter, at, bottom, bottom + mark, 1, t.line2);
        painter.drawText(QRectF(at - wide / 2 - 1, bottom + mark, wide + 2, tall), Qt::AlignCenter,
                         tick.label);
    }
}

void TimelineStrip::paintMarks(QPainter& painter) const
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const double top = theme.scaled(metrics::marksLane), bottom = curveBottom(height());
    for (const MarkGroup& group : groups_)
        paintVLine(painter, group.x, top, bottom, 1, t.line2);
    const double side = theme.scaled(metrics::glyph);
    for (const MarkGroup& group : groups_) {
        const QRectF box(std::round(group.x) - side / 2, theme.scaled(5), side, side);
        paintMark(painter, box, group.worst, static_cast<int>(group.marks.size()), t);
    }
}

void TimelineStrip::paintPin(QPainter& painter) const
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const double bottom = curveBottom(height());
    if (live_ && cursor_ < end_)
        paintVLine(painter, x(end_), 1, bottom, 1, t.accent);
    const double ratio = devicePixelRatioF();
    const double at = snapped(std::clamp(x(cursor_), lane().left(), lane().right()), ratio);
    paintVLine(painter, at, 2, bottom, 1.5, t.text);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(t.sidebar, 1));
    painter.setBrush(t.text);
    const double half = theme.scaled(5), shoulder = theme.scaled(7), tip = theme.scaled(12);
    painter.drawPolygon(QPolygonF(
        {{at - half, 1}, {at + half, 1}, {at + half, shoulder}, {at, tip}, {at - half, shoulder}}));
    painter.restore();
}

} // namespace poolscope
