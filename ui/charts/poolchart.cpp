// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/poolchart.h"

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

double mostOf(const PoolColumn& c, PoolPlot plots)
{
    if (plots == PoolPlot::times)
        return std::max({c.wait50, c.wait99, c.use50, c.use99});
    const double used = std::max(c.used, 0.0);
    return std::max({c.limit, used + std::max(c.pending, 0.0), used + std::max(c.idle, 0.0)});
}

QString inWords(const std::optional<DurationSummary>& time)
{
    if (!time || (!time->p50 && !time->p99))
        return PoolChart::tr("not reported");
    const auto said = [](const std::optional<Duration>& percentile) {
        return percentile ? QString::fromStdString(format_duration_prose(*percentile))
                          : PoolChart::tr("not reported");
    };
    return PoolChart::tr("p50 %1, p99 %2").arg(said(time->p50), said(time->p99));
}

} // namespace

PoolChart::PoolChart(PoolPlot plots, std::shared_ptr<const PoolStore> points, QWidget* parent)
    : TimeChart(parent)
    , points_(std::move(points))
{
    picture_.plots = plots;
    begin();
    setAccessibleName(nameFor({}));
}

void PoolChart::setUntil(Timestamp until)
{
    if (until == until_)
        return;
    until_ = until;
    schedule();
}

void PoolChart::rebuild()
{
    PoolPicture& p = picture_;
    const std::vector<PoolPoint>& points = points_->points();
    p.columns = poolColumns(points, p.from, p.to, until_,
                            static_cast<std::size_t>(std::max(1.0, std::floor(p.plot.width()))));
    p.holes = poolHoles(points, p.from, p.to);
    double most = p.plots == PoolPlot::use ? 4 : 1000;
    for (const PoolColumn& column : p.columns)
        most = std::max(most, mostOf(column, p.plots));
    p.most = most;
    p.events = timeoutEvents(points, p.from, p.to, [this](Timestamp t) { return picture_.x(t); });
    if (p.plots != PoolPlot::use)
        return;
    // What happened to the process; leaks have their own page.
    std::vector<Mark> others;
    std::copy_if(marks().begin(), marks().end(), std::back_inserter(others), [](const Mark& mark) {
        return mark.kind != MarkKind::critical && mark.kind != MarkKind::warning;
    });
    const auto more =
        chartEvents(others, p.from, p.to, [this](Timestamp t) { return picture_.x(t); });
    p.events.insert(p.events.end(), more.begin(), more.end());
}

void PoolChart::chooseShown()
{
    // The range may end after what is known.
    const Timestamp at = picture_.past ? picture_.shownAt : std::min(picture_.shownAt, until_);
    const PoolPoint* const point = poolPointAt(points_->points(), at, until_);
    picture_.shown = point ? std::optional(*point) : std::nullopt;
}

QString PoolChart::nameFor(const QString& title) const
{
    return picture_.plots == PoolPlot::use
               ? tr("Pool %1: connections in use and callers pending over time").arg(title)
               : tr("Pool %1: wait and use times").arg(title);
}

QString PoolChart::description() const
{
    if (!picture_.shown)
        return picture_.empty() ? picture_.emptyWords : tr("not observed");
    const PoolPoint& point = *picture_.shown;
    QStringList parts;
    if (picture_.plots == PoolPlot::times) {
        parts << tr("wait %1").arg(inWords(point.wait_time))
              << tr("use %1").arg(inWords(point.use_time));
    } else {
        const auto count = [](const std::optional<std::int64_t>& n) {
            return n ? QString::number(*n) : tr("not reported");
        };
        parts << (point.max && *point.max > 0
                      ? tr("%1 of %2 in use").arg(count(point.used)).arg(*point.max)
                      : tr("%1 in use").arg(count(point.used)))
              << tr("idle %1").arg(count(point.idle)) << tr("pending %1").arg(count(point.pending));
    }
    return (parts + eventWords()).join(QStringLiteral(", "));
}

void PoolChart::paintBelow(QPainter& painter)
{
    paintPoolBelow(painter, picture_, rect());
}

void PoolChart::paintOver(QPainter& painter)
{
    paintPoolAbove(painter, picture_);
}

/// The same for both, so that their instants stand below each other; unless it is told what stands
/// beside it.
QString PoolChart::widestValue() const
{
    const auto digits = QString::number(picture_.most, 'f', 0).size();
    return picture_.plots == PoolPlot::times
               ? QStringLiteral("000.0 ms")
               : QString(std::max<qsizetype>(digits, axisDigits() > 0 ? axisDigits() : 8),
                         QLatin1Char('0'));
}

} // namespace poolscope
