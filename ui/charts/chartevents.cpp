// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/chartevents.h"

#include "core/base/text.h"
#include "ui/charts/timepicture.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QPainter>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace poolscope {

namespace {

constexpr int mergeDistance = 12;
constexpr int rows = 3;
constexpr int leastWords = 120; ///< px; shorter they say nothing

bool isOnset(MarkKind kind)
{
    return kind == MarkKind::critical || kind == MarkKind::warning;
}

QString more(int n)
{
    return QCoreApplication::translate("StateChart", ", %1 more").arg(n);
}

const QColor& inkOf(MarkKind kind, const Tokens& t)
{
    switch (kind) {
    case MarkKind::critical:
    case MarkKind::source_down:
        return t.crit;
    case MarkKind::warning:
        return t.warn;
    default:
        return t.text2;
    }
}

/// The nearest lines of other events to both sides of `x`, but for those that stand with it.
std::pair<double, double> clearOf(const TimePicture& p, double x)
{
    const double together = Theme::current().scaled(6);
    double left = p.plot.left(), right = p.plot.right();
    for (const ChartEvent& event : p.events) {
        const double at = p.x(event.time);
        if (at > x + together)
            right = std::min(right, at);
        else if (at < x - together)
            left = std::max(left, at);
    }
    return {left, right};
}

void paintDashedLine(QPainter& painter, double x, double top, double bottom, const QColor& colour)
{
    // On a halo, so that a line shows on a band of nearly its own colour.
    const QColor& ground = Theme::current().tokens().surface;
    for (double y = top; y < bottom; y += 6) {
        paintVLine(painter, x, y, std::min(y + 3.5, bottom), 3, ground);
        paintVLine(painter, x, y, std::min(y + 3.5, bottom), 1, colour);
    }
}

} // namespace

std::vector<ChartEvent> chartEvents(const std::vector<Mark>& marks, Timestamp from, Timestamp to,
                                    const std::function<double(Timestamp)>& x)
{
    struct Run
    {
        std::size_t at;
        double last;
    };
    const Theme& theme = Theme::current();
    std::vector<ChartEvent> events;
    std::map<MarkKind, Run> runs;
    const auto first = std::lower_bound(marks.begin(), marks.end(), from,
                                        [](const Mark& m, Timestamp t) { return m.time < t; });
    for (auto mark = first; mark != marks.end() && mark->time <= to; ++mark) {
        const double at = x(mark->time);
        const double near = theme.scaled(isOnset(mark->kind) ? runDistance : mergeDistance);
        if (const auto run = runs.find(mark->kind);
            run != runs.end() && at - run->second.last < near) {
            run->second.last = at;
            ++events[run->second.at].count;
            continue;
        }
        if (events.size() == mostEvents)
            break;
        runs.insert_or_assign(mark->kind, Run{events.size(), at});
        events.push_back(
            {mark->time, mark->kind, 1, QString::fromStdString(plain_line(mark->sentence, 100))});
    }
    for (ChartEvent& event : events) {
        if (event.count > 1)
            event.words += more(event.count - 1);
    }
    return events;
}

void paintEvents(QPainter& painter, const TimePicture& p, double edge, const QRectF& occupied)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    std::vector<const ChartEvent*> worstFirst;
    for (const ChartEvent& event : p.events) {
        // Below the limit: its name stands above it.
        paintDashedLine(painter, p.x(event.time), p.y(p.most) + 2, p.plot.bottom(),
                        inkOf(event.kind, t));
        worstFirst.push_back(&event);
    }
    std::stable_sort(worstFirst.begin(), worstFirst.end(), [](const auto* a, const auto* b) {
        return rankOf(a->kind) > rankOf(b->kind);
    });
    const QFont font = theme.ui(11);
    const QFontMetricsF metrics(font);
    const double step = metrics.height() + theme.scaled(3);
    const double away = theme.scaled(3), pad = theme.scaled(4), around = 2 * pad;
    const double least = theme.scaled(leastWords);
    double top = p.y(p.most) + around;
    // Nor over the edge of the reserved slots, where that is near.
    if (edge > top - around && edge < top + 2 * step)
        top = edge + pad;
    const bool past = p.cursor && *p.cursor > p.from && *p.cursor < p.to;
    const double cursor = past ? p.x(*p.cursor) : p.plot.right();
    std::vector<QRectF> taken;
    if (!occupied.isEmpty())
        taken.push_back(occupied);
    painter.setFont(font);
    for (const ChartEvent* event : worstFirst) {
        const double x = p.x(event->time);
        const double most = std::min<double>(p.plot.width() * 0.6, theme.scaled(360));
        const double wanted = std::min(most, metrics.horizontalAdvance(event->words)) + around;
        // On its own side of the cursor, so that it is pale as a whole or not at all.
        const bool before = !past || x <= cursor;
        const auto free = [&](const QRectF& box) {
            return (before ? box.right() <= cursor : box.left() > cursor) &&
                   box.left() >= p.plot.left() && box.right() <= p.plot.right() &&
                   box.bottom() < p.plot.bottom() - pad &&
                   std::none_of(taken.begin(), taken.end(),
                                [&](const QRectF& other) { return other.intersects(box); });
        };
        // Rather between the lines of others, and cut for that, than across one of them.
        const auto [left, right] = clearOf(p, x);
        const double toRight = std::min(wanted, right - away - (x + away));
        const double toLeft = std::min(wanted, x - away - (left + away));
        std::optional<QRectF> place;
        const auto look = [&](double after, double ahead) {
            for (int row = 0; row < rows && !place; ++row) {
                const double y = top + row * step;
                for (const QRectF& box :
                     {QRectF(x + away, y, after, metrics.height() + 1),
                      QRectF(x - away - ahead, y, ahead, metrics.height() + 1)}) {
                    if (!place && box.width() >= std::min(wanted, least) && free(box))
                        place = box;
                }
            }
        };
        look(toRight >= wanted ? wanted : 0, toLeft >= wanted ? wanted : 0);
        if (!place)
            look(toRight, toLeft);
        if (!place)
            look(wanted, wanted);
        if (!place)
            continue;
        const QString words =
            metrics.elidedText(event->words, Qt::ElideRight, std::ceil(place->width() - around));
        taken.push_back(place->adjusted(-pad, 0, pad, 1));
        painter.fillRect(*place, t.surface);
        painter.setPen(inkOf(event->kind, t));
        painter.drawText(*place, Qt::AlignCenter | Qt::TextSingleLine, words);
    }
}

} // namespace poolscope
