// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/statechart.h"

#include "ui/charts/stackview.h"
#include "ui/theme/tokens.h"

#include <algorithm>

namespace poolscope {

StateChart::StateChart(QWidget* parent)
    : TimeChart(parent)
    , view_(new StackView(this))
{
    begin();
    setAccessibleName(tr("Sessions by state over time"));
}

StateChart::~StateChart() = default;

void StateChart::mergePoints(const std::vector<SeriesPoint>& points)
{
    store_.merge(points);
    schedule();
}

void StateChart::appendPoints(const std::vector<SeriesPoint>& points)
{
    for (const SeriesPoint& point : points)
        store_.append(point);
    schedule();
}

void StateChart::clearPoints()
{
    store_.clear();
    schedule();
}

void StateChart::rebuild()
{
    picture_.series = reduce_series(store_.points(), picture_.from, picture_.to,
                                    static_cast<std::size_t>(std::max(1.0, picture_.plot.width())));
    double most = 4;
    for (const SeriesPoint& point : picture_.series.points) {
        most = std::max<double>(most, total_of(point));
        most = std::max<double>(most, point.max_connections.value_or(0));
    }
    picture_.most = most;
    view_->setPicture(picture_.series, picture_.from, picture_.to, picture_.top());
    picture_.events = chartEvents(marks(), picture_.from, picture_.to,
                                  [this](Timestamp t) { return picture_.x(t); });
}

void StateChart::chooseShown()
{
    const SeriesPoint* const point = point_at(store_.points(), picture_.shownAt);
    picture_.shown = point ? std::optional(*point) : std::nullopt;
}

QString StateChart::nameFor(const QString& title) const
{
    return tr("%1: sessions by state over time").arg(title);
}

QString StateChart::description() const
{
    if (!picture_.shown)
        return picture_.empty() ? picture_.emptyWords : tr("no sample");
    const SeriesPoint& point = *picture_.shown;
    QStringList parts;
    if (point.max_connections)
        parts << tr("%1 of %2 sessions").arg(total_of(point)).arg(*point.max_connections);
    else
        parts << tr("%1 sessions").arg(total_of(point));
    for (std::size_t i = 0; i < session_state_count; ++i)
        if (point.counts[i] > 0)
            parts << QStringLiteral("%1 %2")
                         .arg(stateName(static_cast<SessionState>(i)))
                         .arg(point.counts[i]);
    return (parts + eventWords()).join(QStringLiteral(", "));
}

void StateChart::paintBelow(QPainter& painter)
{
    paintGround(painter, picture_, rect());
}

void StateChart::paintOver(QPainter& painter)
{
    paintAbove(painter, picture_);
}

QString StateChart::widestValue() const
{
    const auto digits = QString::number(picture_.most, 'f', 0).size();
    return QString(std::max<qsizetype>({digits, axisDigits(), 2}), QLatin1Char('0'));
}

void StateChart::placed(const QRect& plot)
{
    view_->setGeometry(plot);
}

} // namespace poolscope
