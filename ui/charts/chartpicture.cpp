// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/chartpicture.h"

#include "ui/charts/seriesstore.h"
#include "ui/charts/timeaxis.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

QString words(const char* text)
{
    return QCoreApplication::translate("StateChart", text);
}

void paintHead(QPainter& painter, const ChartPicture& p)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QRectF line = p.head.adjusted(metrics::panelPadding, 0, -metrics::panelPadding, 0);
    double right = line.right();
    if (p.shown) {
        const QString count = QString::number(total_of(*p.shown));
        const QFont mono = theme.mono();
        if (p.shown->max_connections) {
            const QString limit = words("of %1").arg(*p.shown->max_connections);
            painter.setFont(theme.ui());
            painter.setPen(p.old() ? t.text3 : t.text2);
            painter.drawText(line, Qt::AlignRight | Qt::AlignVCenter, limit);
            right -= QFontMetricsF(theme.ui()).horizontalAdvance(limit) + metrics::cellPadding;
        }
        painter.setFont(mono);
        painter.setPen(p.old() ? t.text3 : t.text);
        painter.drawText(QRectF(line.left(), line.top(), right - line.left(), line.height()),
                         Qt::AlignRight | Qt::AlignVCenter, count);
        right -= QFontMetricsF(mono).horizontalAdvance(count) + metrics::cellPadding;
    }
    const QString rest =
        p.hover   ? words("sessions by state, values at the pointer")
        : p.past  ? words("sessions by state, values at the cursor")
        : p.old() ? words("sessions by state, as of %1").arg(clockText(*p.staleSince, p.utc, p.to))
                  : words("sessions by state");
    paintTitle(painter, QRectF(line.left(), line.top(), right - line.left(), line.height()),
               p.title, rest);
}

void paintGaps(QPainter& painter, const ChartPicture& p)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QFont font = theme.ui(11);
    const QFontMetricsF metrics(font);
    double named = p.plot.left();
    std::vector<Hole> holes = p.series.holes;
    const bool open = p.staleSince && *p.staleSince < p.to;
    if (open)
        holes.push_back({std::max(*p.staleSince, p.from), p.to});
    for (const Hole& hole : holes) {
        const double left = std::max(p.x(hole.from), p.plot.left());
        const double right = std::min(p.x(hole.to), p.plot.right());
        if (right - left < 0.5)
            continue;
        const QRectF area(left, p.plot.top(), right - left, p.plot.height());
        painter.fillRect(area, t.surface);
        paintHatch(painter, area, t);
        const bool lasts = open && &hole == &holes.back();
        const QString length = QString::fromStdString(
            format_duration_prose(hole.to - (lasts ? *p.staleSince : hole.from)));
        const QString name =
            lasts ? words("no answer for %1").arg(length) : words("gap %1").arg(length);
        const double width = metrics.horizontalAdvance(name) + 8;
        QRectF chip(area.center().x() - width / 2, area.center().y() - 9, width, 18);
        if (width + 4 > area.width()) {
            // Beside it, half way up: events have their words at the top, what hurts lies at the
            // bottom.
            const double beside = lasts ? left - width - 4 : std::max(right, named);
            if ((area.width() < 3 && !lasts) || beside + width > p.plot.right())
                continue;
            chip = QRectF(beside + 2, area.center().y() - 8, width, 16);
            named = chip.right() + 4;
        }
        painter.fillRect(chip, t.surface);
        painter.setFont(font);
        painter.setPen(t.text2);
        painter.drawText(chip, Qt::AlignCenter, name);
    }
}

/// A dashed hairline whose dashes are whole pixels.
void paintDashes(QPainter& painter, double x1, double x2, double y, const QColor& colour)
{
    for (double x = x1; x < x2; x += 6)
        paintHLine(painter, x, std::min(x + 3.5, x2), y, 1, colour);
}

/// The lines; returns where the first one's name belongs, and what it says.
std::pair<QPointF, QString> paintLimits(QPainter& painter, const ChartPicture& p)
{
    const Tokens& t = Theme::current().tokens();
    const auto& points = p.series.points;
    const SeriesPoint* run = nullptr;
    double left = p.plot.left();
    std::pair<QPointF, QString> label;
    const auto finish = [&](double right) {
        if (!run || !run->max_connections || right <= left)
            return;
        const int limit = *run->max_connections, reserved = run->reserved.value_or(0);
        const double y = p.y(limit);
        paintHLine(painter, left, right, y, 1.2, t.text);
        if (reserved > 0) {
            // Where a few slots are less than a pixel the edge still shows, just below the line.
            paintDashes(painter, left, right, std::max(p.y(limit - reserved), y + 3), t.text);
        }
        if (!label.second.isEmpty())
            return;
        label.first = QPointF(left + 6, y - 5);
        label.second = reserved > 0
                           ? words("max_connections %1, %2 reserved").arg(limit).arg(reserved)
                           : words("max_connections %1").arg(limit);
    };
    for (const SeriesPoint& point : points) {
        if (run && run->max_connections == point.max_connections && run->reserved == point.reserved)
            continue;
        const double x = std::clamp(p.x(point.time), p.plot.left(), p.plot.right());
        if (run) {
            finish(x);
            left = x;
        }
        run = &point;
    }
    finish(p.plot.right());
    return label;
}

struct Band
{
    SessionState state;
    int value;
    double middle; ///< y
};

/// In stacking order, bottom up.
std::vector<Band> bandsOf(const ChartPicture& p, const SeriesPoint& point)
{
    std::vector<Band> bands;
    double below = 0;
    for (std::size_t i = 0; i < session_state_count; ++i) {
        const auto state = static_cast<SessionState>(i);
        const int value = point.counts[i];
        if (state != SessionState::unknown || value > 0)
            bands.push_back({state, value, p.y(below + value / 2.0)});
        below += value;
    }
    return bands;
}

void paintLabel(QPainter& painter, const QRectF& column, const Band& band, double y, bool old)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QRectF row(column.left(), y - 8, column.width(), 16);
    paintState(painter, QRectF(row.left(), y - 6, 12, 12), band.state, t);
    painter.setFont(theme.ui(11));
    painter.setPen(old ? t.text3 : t.text2);
    const QString name = band.state == SessionState::idle_in_transaction
                             ? stateName(band.state)
                             : stateShortName(band.state);
    painter.drawText(row.adjusted(18, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, name);
    painter.setFont(theme.mono(12));
    painter.setPen(old ? t.text3 : t.text);
    painter.drawText(row, Qt::AlignRight | Qt::AlignVCenter, QString::number(band.value));
}

void paintLabels(QPainter& painter, const ChartPicture& p)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    if (p.past) {
        painter.setFont(theme.ui(11));
        painter.setPen(t.text3);
        const QRectF caption(p.labels.left(), p.labels.top(), p.labels.width(), 16);
        painter.drawText(caption, Qt::AlignLeft | Qt::AlignVCenter, words("at"));
        painter.setFont(theme.mono(11));
        painter.drawText(caption.adjusted(18, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                         clockText(p.shownAt, p.utc, p.to));
    }
    if (!p.shown) {
        if (p.past && !p.empty()) {
            painter.setFont(theme.ui(11));
            painter.drawText(QRectF(p.labels.left(), p.labels.top() + 20, p.labels.width(), 16),
                             Qt::AlignLeft | Qt::AlignVCenter, words("not observed"));
        }
        return;
    }
    const std::vector<Band> bands = bandsOf(p, *p.shown);
    if (p.past) {
        const double room = p.labels.height() - 24;
        const double step = std::clamp(room / static_cast<double>(bands.size()), 15.0, 20.0);
        double y = p.labels.top() + 26;
        for (auto band = bands.rbegin(); band != bands.rend(); ++band, y += step)
            paintLabel(painter, p.labels, *band, y, false);
        return;
    }
    std::vector<double> wanted;
    for (auto band = bands.rbegin(); band != bands.rend(); ++band)
        wanted.push_back(band->middle);
    const std::vector<double> placed =
        pushedApart(wanted, metrics::chartLabelStep, p.plot.top() + 8, p.plot.bottom() - 8);
    for (std::size_t i = 0; i < bands.size(); ++i)
        paintLabel(painter, p.labels, bands[bands.size() - 1 - i], placed[i], p.old());
}

void paintTimeChip(QPainter& painter, const ChartPicture& p, double x)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QFont font = theme.mono(11);
    const QString text = clockText(*p.cursor, p.utc);
    const double width = QFontMetricsF(font).horizontalAdvance(text) + 8;
    const double left =
        std::max(p.plot.left() - 40, std::min(x - width / 2, p.plot.right() - width + 4));
    const QRectF chip(std::round(left), p.plot.bottom() + 1, std::round(width), 17);
    painter.fillRect(chip, t.text);
    painter.setFont(font);
    painter.setPen(t.surface);
    painter.drawText(chip, Qt::AlignCenter, text);
}

} // namespace

Timestamp ChartPicture::instant(double px) const
{
    const double share = std::clamp((px - plot.left()) / plot.width(), 0.0, 1.0);
    return from +
           Duration(static_cast<std::int64_t>(share * static_cast<double>(to_us(to - from))));
}

double ChartPicture::top() const
{
    const double room = std::min(24.0, plot.height() / 4);
    return most * plot.height() / std::max(1.0, plot.height() - room);
}

void paintGround(QPainter& painter, const ChartPicture& p, const QRectF& panel)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    painter.fillRect(panel, t.line);
    painter.fillRect(panel.adjusted(1, 1, -1, -1), t.surface);
    paintHead(painter, p);

    const QFont font = theme.mono(11);
    painter.setFont(font);
    if (p.empty()) {
        painter.setFont(theme.ui());
        painter.setPen(t.text3);
        painter.drawText(p.plot.translated(panel.left() + metrics::panelPadding - p.plot.left(), 4),
                         Qt::AlignLeft | Qt::AlignTop, p.emptyWords);
        return;
    }
    painter.setFont(font);
    const double step = valueStep(p.most);
    for (double value = 0; value <= p.most + 0.001; value += step) {
        const double y = p.y(value);
        paintHLine(painter, p.plot.left(), p.plot.right(), y, 1, t.line);
        painter.setPen(t.text3);
        painter.drawText(QRectF(panel.left(), y - 8, p.plot.left() - panel.left() - 8, 16),
                         Qt::AlignRight | Qt::AlignVCenter, QString::number(value, 'f', 0));
    }
    const double chip = p.cursor && *p.cursor >= p.from && *p.cursor < p.to ? p.x(*p.cursor) : -1e6;
    for (const TimeTick& tick : timeTicks(p.from, p.to, p.plot.width(), 96, p.utc)) {
        const double x = p.x(tick.at);
        const double half = QFontMetricsF(font).horizontalAdvance(tick.label) / 2;
        if (x - half < p.plot.left() - 24 || x + half > p.plot.right() + 12 ||
            std::abs(x - chip) < half + 36)
            continue;
        paintVLine(painter, x, p.plot.bottom(), p.plot.bottom() + 4, 1, t.line2);
        painter.setPen(t.text3);
        painter.drawText(QRectF(x - half - 2, p.plot.bottom() + 4, 2 * half + 4, 16),
                         Qt::AlignCenter, tick.label);
    }
}

void paintAbove(QPainter& painter, const ChartPicture& p)
{
    const Tokens& t = Theme::current().tokens();
    if (!p.empty()) {
        paintHLine(painter, p.plot.left(), p.plot.right(), p.plot.bottom() - 0.5, 1, t.line2);
        const auto [at, name] = paintLimits(painter, p);
        paintGaps(painter, p); // over the lines: nothing crosses a gap
        painter.setFont(Theme::current().ui(11));
        painter.setPen(t.text);
        painter.drawText(at, name);
        paintEvents(painter, p);
    }
    const bool inside = p.cursor && *p.cursor >= p.from && *p.cursor < p.to;
    if (inside) {
        const double x = p.x(*p.cursor);
        QColor veil = t.surface;
        veil.setAlphaF(static_cast<float>(1 - metrics::afterCursor));
        painter.fillRect(QRectF(x, p.plot.top(), p.plot.right() - x, p.plot.height()), veil);
    }
    paintLabels(painter, p);
    if (p.hover && *p.hover >= p.from && *p.hover <= p.to)
        paintVLine(painter, p.x(*p.hover), p.plot.top(), p.plot.bottom(), 1, t.text3);
    if (inside) {
        const double x = p.x(*p.cursor);
        paintVLine(painter, x, p.plot.top(), p.plot.bottom() + 1, 1.5, t.text);
        paintTimeChip(painter, p, x);
    }
}

void paintSelection(QPainter& painter, const ChartPicture& p, double x1, double x2)
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
