// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/timepicture.h"

#include "ui/charts/timeaxis.h"
#include "ui/models/translate.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"

#include <QPainter>

#include <algorithm>
#include <cmath>
#include <optional>

namespace poolscope {

namespace {

void paintTimeChip(QPainter& painter, const TimePicture& p, double x)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QFont font = theme.mono(11);
    const QString text = clockText(*p.cursor, p.utc);
    const double width = QFontMetricsF(font).horizontalAdvance(text) + theme.scaled(8);
    const double left = std::max(p.plot.left() - theme.scaled(40),
                                 std::min(x - width / 2, p.plot.right() - width + theme.scaled(4)));
    const QRectF chip(std::round(left), p.plot.bottom() + 1, std::round(width), theme.scaled(17));
    painter.fillRect(chip, t.text);
    painter.setFont(font);
    painter.setPen(t.surface);
    painter.drawText(chip, Qt::AlignCenter, text);
}

void paintLabel(QPainter& painter, const QRectF& column, const ChartLabel& label, double y,
                bool old)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const double tall = theme.scaled(16);
    const double side = theme.scaled(metrics::glyph);
    const QRectF row(column.left(), y - tall / 2, column.width(), tall);
    label.glyph(painter, QRectF(row.left(), y - side / 2, side, side));
    painter.setFont(theme.ui(11));
    painter.setPen(old ? t.text3 : t.text2);
    painter.drawText(row.adjusted(theme.scaled(18), 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     label.name);
    painter.setFont(theme.mono(12));
    painter.setPen(old ? t.text3 : t.text);
    painter.drawText(row, Qt::AlignRight | Qt::AlignVCenter, label.value);
}

} // namespace

Timestamp TimePicture::instant(double px) const
{
    const double share = std::clamp((px - plot.left()) / plot.width(), 0.0, 1.0);
    return from +
           Duration(static_cast<std::int64_t>(share * static_cast<double>(to_us(to - from))));
}

double TimePicture::top() const
{
    const double above = std::min(room, plot.height() / 4);
    return most * plot.height() / std::max(1.0, plot.height() - above);
}

void paintChartHead(QPainter& painter, const TimePicture& p, const QRectF& panel,
                    const QString& what, const QString& value, const QString& limit)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    painter.fillRect(panel, t.line);
    painter.fillRect(panel.adjusted(1, 1, -1, -1), t.surface);
    const double pad = theme.scaled(metrics::panelPadding);
    const double gap = theme.scaled(metrics::cellPadding);
    const QRectF line = p.head.adjusted(pad, 0, -pad, 0);
    double right = line.right();
    if (!limit.isEmpty()) {
        painter.setFont(theme.ui());
        painter.setPen(p.old() ? t.text3 : t.text2);
        painter.drawText(line, Qt::AlignRight | Qt::AlignVCenter, limit);
        right -= QFontMetricsF(theme.ui()).horizontalAdvance(limit) + gap;
    }
    if (!value.isEmpty()) {
        painter.setFont(theme.mono());
        painter.setPen(p.old() ? t.text3 : t.text);
        painter.drawText(QRectF(line.left(), line.top(), right - line.left(), line.height()),
                         Qt::AlignRight | Qt::AlignVCenter, value);
        right -= QFontMetricsF(theme.mono()).horizontalAdvance(value) + gap;
    }
    const QString rest = p.hover  ? tr("%1, values at the pointer").arg(what)
                         : p.past ? tr("%1, values at the cursor").arg(what)
                         : p.old()
                             ? tr("%1, as of %2").arg(what, clockText(*p.staleSince, p.utc, p.to))
                             : what;
    paintTitle(painter, QRectF(line.left(), line.top(), right - line.left(), line.height()),
               p.title, rest);
}

void paintNoPoints(QPainter& painter, const TimePicture& p, const QRectF& panel)
{
    const Theme& theme = Theme::current();
    painter.setFont(theme.ui());
    painter.setPen(theme.tokens().text3);
    painter.drawText(
        p.plot.translated(panel.left() + theme.scaled(metrics::panelPadding) - p.plot.left(),
                          theme.scaled(4)),
        Qt::AlignLeft | Qt::AlignTop, p.emptyWords);
}

void paintGrid(QPainter& painter, const TimePicture& p, const QRectF& panel, double step,
               const std::function<QString(double)>& name)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QFont font = theme.mono(11);
    const QFontMetricsF wide(font);
    const double tall = theme.scaled(16);
    const double gap = theme.scaled(8);
    painter.setFont(font);
    for (double value = 0; value <= p.most + 0.001; value += step) {
        const double y = p.y(value);
        paintHLine(painter, p.plot.left(), p.plot.right(), y, 1, t.line);
        painter.setPen(t.text3);
        painter.drawText(
            QRectF(panel.left(), y - tall / 2, p.plot.left() - panel.left() - gap, tall),
            Qt::AlignRight | Qt::AlignVCenter, name(value));
    }
    const double chip = p.cursorInside() ? p.x(*p.cursor) : -1e6;
    for (const TimeTick& tick : timeTicks(p.from, p.to, p.plot.width(), theme.scaled(96), p.utc)) {
        const double x = p.x(tick.at);
        const double half = wide.horizontalAdvance(tick.label) / 2;
        if (x - half < p.plot.left() - theme.scaled(24) ||
            x + half > p.plot.right() + theme.scaled(12) ||
            std::abs(x - chip) < half + theme.scaled(36))
            continue;
        paintVLine(painter, x, p.plot.bottom(), p.plot.bottom() + theme.scaled(4), 1, t.line2);
        painter.setPen(t.text3);
        painter.drawText(
            QRectF(x - half - 2, p.plot.bottom() + theme.scaled(4), 2 * half + 4, tall),
            Qt::AlignCenter, tick.label);
    }
}

namespace {

struct Gap
{
    QRectF area;
    QString name;
    bool lasts; ///< up to the right edge of what is known
};

std::vector<Gap> gapsOf(const TimePicture& p, std::vector<Hole> holes)
{
    const bool open = p.staleSince && *p.staleSince < p.to;
    if (open)
        holes.push_back({std::max(*p.staleSince, p.from), p.to});
    std::vector<Gap> gaps;
    for (const Hole& hole : holes) {
        const double left = std::max(p.x(hole.from), p.plot.left());
        const double right = std::min(p.x(hole.to), p.plot.right());
        if (right - left < 0.5)
            continue;
        const bool lasts = open && &hole == &holes.back();
        const QString length = QString::fromStdString(
            format_duration_prose(hole.to - (lasts ? *p.staleSince : hole.from)));
        gaps.push_back({QRectF(left, p.plot.top(), right - left, p.plot.height()),
                        lasts ? tr("no answer for %1").arg(length) : tr("gap %1").arg(length),
                        lasts});
    }
    return gaps;
}

/// Where the gap's length stands: in it, else beside it, half way up: events have their words at
/// the top, what hurts lies at the bottom. Null where it would lie over another one.
std::optional<QRectF> placeOfName(const TimePicture& p, const std::vector<Gap>& gaps,
                                  const Gap& gap, double width, const std::vector<QRectF>& taken)
{
    const Theme& theme = Theme::current();
    const double middle = gap.area.center().y();
    const double within = theme.scaled(18), beside = theme.scaled(16);
    if (width + theme.scaled(4) <= gap.area.width())
        return QRectF(gap.area.center().x() - width / 2, middle - within / 2, width, within);
    if (gap.area.width() < 3 && !gap.lasts)
        return {};
    const double away = theme.scaled(2);
    const double left = gap.lasts ? gap.area.left() - width - away : gap.area.right() + away;
    const QRectF box(left, middle - beside / 2, width, beside);
    const auto over = [&](const QRectF& other) {
        return other.intersects(box);
    };
    const bool free =
        box.left() >= p.plot.left() && box.right() <= p.plot.right() &&
        std::none_of(taken.begin(), taken.end(), over) &&
        std::none_of(gaps.begin(), gaps.end(), [&](const Gap& other) { return over(other.area); });
    return free ? std::optional(box) : std::nullopt;
}

} // namespace

void paintGaps(QPainter& painter, const TimePicture& p, std::vector<Hole> holes)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QFont font = theme.ui(11);
    const QFontMetricsF metrics(font);
    const double around = theme.scaled(8);
    const std::vector<Gap> gaps = gapsOf(p, std::move(holes));
    for (const Gap& gap : gaps) {
        painter.fillRect(gap.area, t.surface);
        paintHatch(painter, gap.area, t);
    }
    painter.setFont(font);
    std::vector<QRectF> taken;
    for (const Gap& gap : gaps) {
        const auto place =
            placeOfName(p, gaps, gap, metrics.horizontalAdvance(gap.name) + around, taken);
        if (!place)
            continue;
        taken.push_back(*place);
        painter.fillRect(*place, t.surface);
        painter.setPen(t.text2);
        painter.drawText(*place, Qt::AlignCenter, gap.name);
    }
}

void paintVeil(QPainter& painter, const TimePicture& p)
{
    if (!p.cursorInside())
        return;
    const double x = p.x(*p.cursor);
    QColor veil = Theme::current().tokens().surface;
    veil.setAlphaF(static_cast<float>(1 - metrics::afterCursor));
    painter.fillRect(QRectF(x, p.plot.top(), p.plot.right() - x, p.plot.height()), veil);
}

void paintInstant(QPainter& painter, const TimePicture& p, bool observed)
{
    if (!p.past)
        return;
    const Theme& theme = Theme::current();
    painter.setFont(theme.ui(11));
    painter.setPen(theme.tokens().text3);
    const QRectF caption(p.labels.left(), p.labels.top(), p.labels.width(), theme.scaled(16));
    painter.drawText(caption, Qt::AlignLeft | Qt::AlignVCenter, tr("at"));
    painter.setFont(theme.mono(11));
    painter.drawText(caption.adjusted(theme.scaled(18), 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     clockText(p.shownAt, p.utc, p.to));
    if (observed)
        return;
    painter.setFont(theme.ui(11));
    painter.drawText(caption.translated(0, theme.scaled(20)), Qt::AlignLeft | Qt::AlignVCenter,
                     tr("not observed"));
}

void paintLabels(QPainter& painter, const TimePicture& p, const std::vector<ChartLabel>& labels)
{
    if (labels.empty())
        return;
    const Theme& theme = Theme::current();
    const double least = theme.scaled(metrics::chartLabelStep);
    if (p.past) {
        const double room = p.labels.height() - theme.scaled(24);
        const double step =
            std::clamp<double>(room / static_cast<double>(labels.size()), least, theme.scaled(20));
        double y = p.labels.top() + theme.scaled(26);
        for (const ChartLabel& label : labels) {
            paintLabel(painter, p.labels, label, y, false);
            y += step;
        }
        return;
    }
    std::vector<double> wanted;
    for (const ChartLabel& label : labels)
        wanted.push_back(label.wanted);
    const double half = theme.scaled(8);
    const std::vector<double> placed =
        pushedApart(wanted, least, p.plot.top() + half, p.plot.bottom() - half);
    for (std::size_t i = 0; i < labels.size(); ++i)
        paintLabel(painter, p.labels, labels[i], placed[i], p.old());
}

void paintPointers(QPainter& painter, const TimePicture& p)
{
    const Tokens& t = Theme::current().tokens();
    if (p.hover && *p.hover >= p.from && *p.hover <= p.to)
        paintVLine(painter, p.x(*p.hover), p.plot.top(), p.plot.bottom(), 1, t.text3);
    if (!p.cursorInside())
        return;
    const double x = p.x(*p.cursor);
    paintVLine(painter, x, p.plot.top(), p.plot.bottom() + 1, 1.5, t.text);
    paintTimeChip(painter, p, x);
}

void paintSelection(QPainter& painter, const TimePicture& p, double x1, double x2)
{
    const Tokens& t = Theme::current().tokens();
    const auto [left, right] = std::minmax(x1, x2);
    QColor ground = t.accent;
    ground.setAlphaF(0.14F);
    painter.fillRect(QRectF(left, p.plot.top(), right - left, p.plot.height()), ground);
    paintVLine(painter, left, p.plot.top(), p.plot.bottom(), 1, t.accent);
    paintVLine(painter, right, p.plot.top(), p.plot.bottom(), 1, t.accent);
}

std::vector<double> pushedApart(const std::vector<double>& wanted, double step, double top,
                                double bottom)
{
    std::vector<double> placed(wanted.size());
    double limit = bottom;
    for (std::size_t i = wanted.size(); i-- > 0;) {
        placed[i] = std::min(wanted[i], limit);
        limit = placed[i] - step;
    }
    double least = top;
    for (double& y : placed) {
        y = std::max(y, least);
        least = y + step;
    }
    return placed;
}

} // namespace poolscope
