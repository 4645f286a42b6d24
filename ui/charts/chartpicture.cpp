// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/chartpicture.h"

#include "ui/charts/seriesstore.h"
#include "ui/charts/timeaxis.h"
#include "ui/models/translate.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QPainter>

#include <algorithm>

namespace poolscope {

namespace {

/// A dashed hairline whose dashes are whole pixels.
void paintDashes(QPainter& painter, double x1, double x2, double y, const QColor& colour)
{
    for (double x = x1; x < x2; x += 6)
        paintHLine(painter, x, std::min(x + 3.5, x2), y, 1, colour);
}

/// The lines; returns where the first one's name belongs, and what it says.
std::pair<QPointF, QString> paintLimits(QPainter& painter, const ChartPicture& p)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
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
        label.first = QPointF(left + theme.scaled(6), y - theme.scaled(5));
        label.second = reserved > 0 ? tr("max_connections %1, %2 reserved").arg(limit).arg(reserved)
                                    : tr("max_connections %1").arg(limit);
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

/// From the top of the stack down.
std::vector<ChartLabel> labelsOf(const ChartPicture& p, const SeriesPoint& point)
{
    std::vector<ChartLabel> labels;
    double below = 0;
    for (std::size_t i = 0; i < session_state_count; ++i) {
        const auto state = static_cast<SessionState>(i);
        const int value = point.counts[i];
        if (state != SessionState::unknown || value > 0)
            labels.push_back({[state](QPainter& painter, const QRectF& box) {
                                  paintState(painter, box, state, Theme::current().tokens());
                              },
                              state == SessionState::idle_in_transaction ? stateName(state)
                                                                         : stateShortName(state),
                              QString::number(value), p.y(below + value / 2.0)});
        below += value;
    }
    std::reverse(labels.begin(), labels.end());
    return labels;
}

/// Where the reserved slots begin: words keep clear of that line. 0 where there is none.
double reservedEdge(const ChartPicture& p)
{
    const SeriesPoint& last = p.series.points.back();
    return last.max_connections && last.reserved ? p.y(*last.max_connections - *last.reserved) : 0;
}

} // namespace

void paintGround(QPainter& painter, const ChartPicture& p, const QRectF& panel)
{
    const bool limited = p.shown && p.shown->max_connections;
    paintChartHead(painter, p, panel, tr("sessions by state"),
                   p.shown ? QString::number(total_of(*p.shown)) : QString(),
                   limited ? tr("of %1").arg(*p.shown->max_connections) : QString());
    if (p.empty())
        paintNoPoints(painter, p, panel);
    else
        paintGrid(painter, p, panel, valueStep(p.most),
                  [](double value) { return QString::number(value, 'f', 0); });
}

void paintAbove(QPainter& painter, const ChartPicture& p)
{
    const Tokens& t = Theme::current().tokens();
    if (!p.empty()) {
        paintHLine(painter, p.plot.left(), p.plot.right(), p.plot.bottom() - 0.5, 1, t.line2);
        const auto [at, name] = paintLimits(painter, p);
        paintGaps(painter, p, p.series.holes);
        painter.setFont(Theme::current().ui(11));
        painter.setPen(t.text);
        painter.drawText(at, name);
        paintEvents(painter, p, reservedEdge(p));
    }
    if (!p.empty()) // else there are words where they would stand
        paintVeil(painter, p);
    paintInstant(painter, p, p.shown || p.empty());
    if (p.shown)
        paintLabels(painter, p, labelsOf(p, *p.shown));
    if (!p.empty())
        paintPointers(painter, p);
}

} // namespace poolscope
