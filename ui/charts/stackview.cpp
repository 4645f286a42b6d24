// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/stackview.h"

#include "ui/theme/theme.h"

#include <QAreaSeries>
#include <QGraphicsLayout>
#include <QLineSeries>
#include <QPen>
#include <QValueAxis>

#include <algorithm>

namespace poolscope {

namespace {

constexpr std::size_t smoothPoints = 200;

} // namespace

StackView::StackView(QWidget* parent)
    : QChartView(parent)
    , time_(new QValueAxis(this))
    , value_(new QValueAxis(this))
{
    setFrameShape(QFrame::NoFrame);
    setRenderHint(QPainter::Antialiasing);
    setAttribute(Qt::WA_TransparentForMouseEvents);
    setFocusPolicy(Qt::NoFocus);
    setStyleSheet(QStringLiteral("background: transparent; border: none;"));
    setBackgroundBrush(Qt::NoBrush);
    viewport()->setAutoFillBackground(false);

    chart()->legend()->hide();
    chart()->setAnimationOptions(QChart::NoAnimation);
    chart()->setBackgroundVisible(false);
    chart()->setPlotAreaBackgroundVisible(false);
    chart()->setDropShadowEnabled(false);
    chart()->setMargins(QMargins());
    chart()->layout()->setContentsMargins(0, 0, 0, 0);
    time_->setVisible(false);
    value_->setVisible(false);
    chart()->addAxis(time_, Qt::AlignBottom);
    chart()->addAxis(value_, Qt::AlignLeft);

    // Every area reaches down to the axis and the lower ones are drawn over the higher ones: half
    // the edges, half the work for Qt Charts.
    for (std::size_t i = areas_.size(); i-- > 0;) {
        edges_[i] = new QLineSeries(this);
        areas_[i] = new QAreaSeries(edges_[i]);
        chart()->addSeries(areas_[i]);
        areas_[i]->attachAxis(time_);
        areas_[i]->attachAxis(value_);
    }
    connect(&Theme::current(), &Theme::changed, this, &StackView::recolour);
    recolour();
}

void StackView::recolour()
{
    const Tokens& t = Theme::current().tokens();
    for (std::size_t i = 0; i < areas_.size(); ++i)
        areas_[i]->setBrush(t.states[i]);
    outline();
}

// A line between the areas: cosmetic, a device pixel. Where points stand close it would only hatch
// them, for a fifth of the frame's time.
void StackView::outline()
{
    const QPen pen = dense_ ? QPen(Qt::NoPen) : QPen(Theme::current().tokens().surface, 0);
    for (QAreaSeries* area : areas_)
        area->setPen(pen);
}

void StackView::setPicture(const ReducedSeries& series, Timestamp from, Timestamp to, double top)
{
    const auto seconds = [from](Timestamp t) {
        return static_cast<double>(to_us(t - from)) / 1e6;
    };
    std::array<QList<QPointF>, session_state_count> lines;
    for (auto& line : lines)
        line.reserve(static_cast<qsizetype>(series.points.size()) +
                     2 * static_cast<qsizetype>(series.holes.size()));
    std::array<bool, session_state_count> used{};
    for (std::size_t i = 0; i < series.points.size(); ++i) {
        const SeriesPoint& point = series.points[i];
        const double x = seconds(point.time);
        if (i > 0 && point.gap_before) {
            // All edges fall to the axis and rise from it again: no area joins the two sides.
            const double end = seconds(series.points[i - 1].time);
            for (auto& line : lines) {
                line.append(QPointF(end, 0));
                line.append(QPointF(x, 0));
            }
        }
        double sum = 0;
        for (std::size_t s = 0; s < session_state_count; ++s) {
            sum += point.counts[s];
            used[s] = used[s] || point.counts[s] > 0;
            lines[s].append(QPointF(x, sum));
        }
    }
    time_->setRange(0, std::max(seconds(to), 1e-6));
    value_->setRange(0, std::max(top, 1e-6));
    for (std::size_t i = 0; i < areas_.size(); ++i) {
        // What never occurs costs nothing.
        edges_[i]->replace(used[i] ? lines[i] : QList<QPointF>());
        areas_[i]->setVisible(used[i]);
    }
    // Antialiasing of so many steep edges takes most of a frame, and a point a pixel shows none of
    // it.
    const bool dense = series.points.size() > smoothPoints;
    if (dense != dense_) {
        dense_ = dense;
        setRenderHint(QPainter::Antialiasing, !dense);
        outline();
    }
}

int StackView::pointCount() const
{
    qsizetype most = 0;
    for (const QLineSeries* edge : edges_)
        most = std::max<qsizetype>(most, edge->count());
    return static_cast<int>(most);
}

void StackView::resizeEvent(QResizeEvent* event)
{
    QChartView::resizeEvent(event);
    chart()->setPlotArea(QRectF(QPointF(), QSizeF(viewport()->size())));
}

} // namespace poolscope
