// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/poolpicture.h"

#include "ui/charts/timeaxis.h"
#include "ui/models/translate.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QPainter>

#include <algorithm>
#include <array>
#include <cmath>

namespace poolscope {

namespace {

QString durationName(double us)
{
    return us < 0.5 ? QStringLiteral("0") : durationText(Duration(static_cast<std::int64_t>(us)));
}

/// Pools have the colours of sessions that do the same: used works, pending waits, idle is free.
struct Line
{
    QString name;
    double PoolColumn::*value;
    std::optional<DurationSummary> PoolPoint::*time;
    std::optional<Duration> DurationSummary::*percentile;
    SessionState colour;
    bool dashed;
};

const std::array<Line, 4>& lines()
{
    static const std::array<Line, 4> all = {
        Line{tr("wait p99"), &PoolColumn::wait99, &PoolPoint::wait_time, &DurationSummary::p99,
             SessionState::waiting, false},
        Line{tr("wait p50"), &PoolColumn::wait50, &PoolPoint::wait_time, &DurationSummary::p50,
             SessionState::waiting, true},
        Line{tr("use p99"), &PoolColumn::use99, &PoolPoint::use_time, &DurationSummary::p99,
             SessionState::active, false},
        Line{tr("use p50"), &PoolColumn::use50, &PoolPoint::use_time, &DurationSummary::p50,
             SessionState::active, true}};
    return all;
}

/// Runs of columns that have the same value, one after the other; `paint` gets left, right, value.
template <typename Value, typename Paint>
void runs(const PoolPicture& p, const Value& value, const Paint& paint)
{
    const double left = p.plot.left();
    for (std::size_t i = 0; i < p.columns.size();) {
        const double at = value(p.columns[i]);
        std::size_t end = i + 1;
        while (end < p.columns.size() && value(p.columns[end]) == at)
            ++end;
        paint(left + static_cast<double>(i), left + static_cast<double>(end), at);
        i = end;
    }
}

/// From `low` to `high` of each column, whole pixels: steps stay sharp.
void paintBand(QPainter& painter, const PoolPicture& p, const QColor& colour,
               const std::function<std::pair<double, double>(const PoolColumn&)>& band)
{
    const double left = p.plot.left();
    for (std::size_t i = 0; i < p.columns.size();) {
        const std::pair<double, double> at = band(p.columns[i]);
        std::size_t end = i + 1;
        while (end < p.columns.size() && band(p.columns[end]) == at)
            ++end;
        const double high = std::round(p.y(at.second)), low = std::round(p.y(at.first));
        if (at.second > at.first && p.columns[i].seen)
            painter.fillRect(QRectF(left + static_cast<double>(i), high,
                                    static_cast<double>(end - i), low - high),
                             colour);
        i = end;
    }
}

double atLeast0(double value)
{
    return std::max(value, 0.0);
}

void paintUse(QPainter& painter, const PoolPicture& p)
{
    const Tokens& t = Theme::current().tokens();
    // What is idle lies behind what waits: both stand on what is used, and pending begins at the
    // limit only where nothing is idle.
    paintBand(painter, p, t.state(SessionState::idle), [](const PoolColumn& c) {
        return std::pair(atLeast0(c.used), atLeast0(c.used) + atLeast0(c.idle));
    });
    paintBand(painter, p, t.state(SessionState::waiting), [](const PoolColumn& c) {
        return std::pair(atLeast0(c.used), atLeast0(c.used) + atLeast0(c.pending));
    });
    paintBand(painter, p, t.state(SessionState::active),
              [](const PoolColumn& c) { return std::pair(0.0, atLeast0(c.used)); });
    // Areas that touch are parted by a pixel of the ground.
    runs(
        p,
        [](const PoolColumn& c) {
            return c.used > 0 && (c.idle > 0 || c.pending > 0) ? c.used : -1;
        },
        [&](double x1, double x2, double used) {
            if (used > 0)
                painter.fillRect(QRectF(x1, std::round(p.y(used)) - 1, x2 - x1, 1), t.surface);
        });
}

void paintTimes(QPainter& painter, const PoolPicture& p)
{
    const Tokens& t = Theme::current().tokens();
    for (const Line& line : lines()) {
        const QColor& colour = t.state(line.colour);
        std::optional<double> before;
        runs(
            p, [&](const PoolColumn& c) { return c.*line.value; },
            [&](double x1, double x2, double value) {
                if (value < 0) {
                    before.reset();
                    return;
                }
                const double y = std::round(p.y(value));
                const double thick = line.dashed ? 1 : 2;
                if (before)
                    painter.fillRect(
                        QRectF(x1, std::min(*before, y), thick, std::abs(*before - y) + thick),
                        colour);
                if (line.dashed) {
                    for (double x = x1; x < x2; x += 6)
                        painter.fillRect(QRectF(x, y, std::min(4.0, x2 - x), 1), colour);
                } else {
                    painter.fillRect(QRectF(x1, y - 1, x2 - x1, 2), colour);
                }
                before = y;
            });
    }
}

/// "max 20" above the first line; returns where.
std::pair<QPointF, QString> paintLimit(QPainter& painter, const PoolPicture& p)
{
    const Tokens& t = Theme::current().tokens();
    std::pair<QPointF, QString> label;
    runs(
        p, [](const PoolColumn& c) { return c.limit; },
        [&](double x1, double x2, double limit) {
            if (limit <= 0)
                return;
            paintHLine(painter, x1, x2, p.y(limit), 1.2, t.text);
            if (!label.second.isEmpty())
                return;
            label.second = tr("max %1").arg(limit, 0, 'f', 0);
            // Where the line begins late its name still ends within the plot.
            const Theme& theme = Theme::current();
            const QFontMetricsF metrics(theme.ui(11));
            const double in = theme.scaled(6);
            const double last = p.plot.right() - metrics.horizontalAdvance(label.second) - in;
            label.first = QPointF(std::min(x1 + in, last), p.y(limit) - theme.scaled(5));
        });
    return label;
}

std::vector<ChartLabel> useLabels(const PoolPicture& p, const PoolPoint& point)
{
    const auto glyph = [](SessionState state) {
        return [state](QPainter& painter, const QRectF& box) {
            paintState(painter, box, state, Theme::current().tokens());
        };
    };
    const auto value = [](const std::optional<std::int64_t>& n) {
        return n ? QString::number(*n) : tr("not reported");
    };
    const double used = point.used ? static_cast<double>(*point.used) : 0;
    const double idle = point.idle ? static_cast<double>(*point.idle) : 0;
    const double pending = point.pending ? static_cast<double>(*point.pending) : 0;
    return {{glyph(SessionState::waiting), tr("pending"), value(point.pending),
             p.y(used + pending / 2)},
            {glyph(SessionState::idle), tr("idle"), value(point.idle),
             p.y(used + std::max(pending, idle / 2))},
            {glyph(SessionState::active), tr("used"), value(point.used), p.y(used / 2)}};
}

std::vector<ChartLabel> timeLabels(const PoolPicture& p, const PoolPoint& point)
{
    std::vector<ChartLabel> labels;
    for (const Line& line : lines()) {
        const std::optional<DurationSummary>& time = point.*line.time;
        const std::optional<Duration> value = time ? (*time).*line.percentile : std::nullopt;
        const bool none = time && time->count == 0;
        const bool some = !none && value;
        const double us = some ? static_cast<double>(to_us(*value)) : 0;
        const SessionState state = line.colour;
        const bool dashed = line.dashed;
        labels.push_back({[state, dashed](QPainter& painter, const QRectF& box) {
                              const QColor& colour = Theme::current().tokens().state(state);
                              const double y = std::round(box.center().y());
                              if (!dashed) {
                                  painter.fillRect(QRectF(box.left(), y - 1, box.width(), 2),
                                                   colour);
                                  return;
                              }
                              const double dash = (box.width() - 2) / 2;
                              painter.fillRect(QRectF(box.left(), y, dash, 1), colour);
                              painter.fillRect(QRectF(box.right() - dash, y, dash, 1), colour);
                          },
                          line.name,
                          some   ? durationText(*value)
                          : none ? tr("none yet")
                                 : tr("not reported"),
                          p.y(us)});
    }
    std::stable_sort(labels.begin(), labels.end(),
                     [](const ChartLabel& a, const ChartLabel& b) { return a.wanted < b.wanted; });
    return labels;
}

} // namespace

bool PoolPicture::empty() const
{
    return std::none_of(columns.begin(), columns.end(),
                        [](const PoolColumn& column) { return column.seen; }) &&
           holes.empty();
}

void paintPoolBelow(QPainter& painter, const PoolPicture& p, const QRectF& panel)
{
    if (p.plots == PoolPlot::use) {
        const bool known = p.shown && p.shown->used;
        const bool limited = known && p.shown->max && *p.shown->max > 0;
        paintChartHead(painter, p, panel, tr("connections in use, callers pending"),
                       known ? QString::number(*p.shown->used) : QString(),
                       limited ? tr("of %1").arg(*p.shown->max) : QString());
    } else {
        paintChartHead(painter, p, panel, tr("wait and use times, since the pool was made"), {},
                       {});
    }
    if (p.empty()) {
        paintNoPoints(painter, p, panel);
        return;
    }
    if (p.plots == PoolPlot::use)
        paintGrid(painter, p, panel, valueStep(p.most),
                  [](double value) { return QString::number(value, 'f', 0); });
    else
        paintGrid(painter, p, panel, durationStep(p.most), durationName);
    p.plots == PoolPlot::use ? paintUse(painter, p) : paintTimes(painter, p);
}

void paintPoolAbove(QPainter& painter, const PoolPicture& p)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    if (!p.empty()) {
        paintHLine(painter, p.plot.left(), p.plot.right(), p.plot.bottom() - 0.5, 1, t.line2);
        const auto [at, name] = paintLimit(painter, p);
        paintGaps(painter, p, p.holes);
        if (p.plots == PoolPlot::use && !name.isEmpty()) {
            painter.setFont(theme.ui(11));
            painter.setPen(t.text);
            painter.drawText(at, name);
        }
        const QFontMetricsF metrics(theme.ui(11));
        const double pad = theme.scaled(4);
        paintEvents(painter, p, 0,
                    name.isEmpty()
                        ? QRectF()
                        : metrics.boundingRect(name).translated(at).adjusted(-pad, -1, pad, 1));
    }
    if (!p.empty()) // else there are words where they would stand
        paintVeil(painter, p);
    paintInstant(painter, p, p.shown || p.empty());
    if (p.shown)
        paintLabels(painter, p,
                    p.plots == PoolPlot::use ? useLabels(p, *p.shown) : timeLabels(p, *p.shown));
    if (!p.empty())
        paintPointers(painter, p);
}

} // namespace poolscope
