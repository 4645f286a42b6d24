// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/poolspageboard.h"

#include "ui/models/formatter.h"
#include "ui/theme/theme.h"

#include <QBoxLayout>
#include <QPointer>

#include <algorithm>

namespace poolscope {

PoolBoard::PoolBoard(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : QWidget(parent)
    , context_(context)
    , store_(std::move(store))
    , transport_(context.workspace().transport())
    , points_(std::make_shared<PoolStore>())
    , use_(makeChart(PoolPlot::use))
    , times_(makeChart(PoolPlot::times))
{
    // Below each other: the same instant is at the same place in both.
    auto* const box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(Theme::current().scaled(metrics::panelGap));
    box->addWidget(use_, 3);
    box->addWidget(times_, 2);
    setMinimumHeight(Theme::current().scaled(metrics::chartMinimum));
    ask_.setSingleShot(true);
    ask_.setInterval(50);
    connect(&ask_, &QTimer::timeout, this, &PoolBoard::ask);
    connect(&context, &ViewContext::rangeChanged, this, [this](Timestamp from, Timestamp to) {
        use_->setRange(from, to);
        times_->setRange(from, to);
        // Following the live edge, points come by themselves.
        if ((transport_.mode != Mode::live || !context_.rangeFollows()) && !ask_.isActive())
            ask_.start();
    });
    connect(&context, &ViewContext::hoverChanged, this, [this](const auto& instant) {
        use_->setHover(instant);
        times_->setHover(instant);
    });
    connect(&context, &ViewContext::timeZoneChanged, this, [this](bool utc) {
        use_->setUtc(utc);
        times_->setUtc(utc);
    });
    connect(&context.workspace(), &Workspace::marksChanged, this, [this](const Marks& marks) {
        marks_ = *marks;
        giveMarks();
    });
    if (const Marks marks = context.workspace().marks())
        marks_ = *marks;
}

PoolChart* PoolBoard::makeChart(PoolPlot plots)
{
    auto* const chart = new PoolChart(plots, points_, this);
    chart->setUtc(context_.utc());
    chart->setRange(context_.rangeFrom(), context_.rangeTo());
    connect(chart, &TimeChart::rangeRequested, &context_, &ViewContext::setRange);
    connect(chart, &TimeChart::rangeReset, &context_, &ViewContext::resetRange);
    connect(chart, &TimeChart::hoverChanged, &context_, &ViewContext::setHover);
    connect(chart, &TimeChart::seekRequested, &context_, &ViewContext::requestSeek);
    return chart;
}

void PoolBoard::setPool(const std::optional<PoolKey>& pool)
{
    if (pool == pool_)
        return;
    pool_ = pool;
    points_->clear();
    giveMarks();
    give();
    ask_.start();
}

/// Where there is no room for two, the one that hurts: the figures of the other are in the table.
void PoolBoard::arrange()
{
    const int least = Theme::current().scaled(metrics::chartMinimum);
    times_->setVisible(!small_ && height() >= 2 * least + layout()->spacing());
}

void PoolBoard::setSmall(bool on)
{
    if (small_ == on)
        return;
    small_ = on;
    arrange();
}

void PoolBoard::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    arrange();
}

void PoolBoard::setTransport(const Transport& transport)
{
    transport_ = transport;
    give();
}

void PoolBoard::apply(const Update& update)
{
    if (update.reset) {
        points_->clear();
        ask_.start();
    }
    take(update.live_pool_points, true);
    give();
}

void PoolBoard::giveMarks()
{
    std::vector<Mark> own;
    std::copy_if(marks_.begin(), marks_.end(), std::back_inserter(own), [this](const Mark& mark) {
        return mark.target == TargetId{0} || (pool_ && mark.target == pool_->target);
    });
    use_->setMarks(own);
    times_->setMarks(std::move(own));
}

void PoolBoard::give()
{
    const bool live = transport_.mode == Mode::live;
    const TargetSummary* const target = pool_ ? store_->target(pool_->target) : nullptr;
    const bool stale = target && live && staleness(*target, store_->now());
    QString name = pool_ ? Formatter::line(pool_->pool.str(), 100) : QString();
    if (pool_ && name.isEmpty())
        name = tr("pool without a name");
    for (PoolChart* const chart : {use_, times_}) {
        chart->setTitle(name);
        chart->setCursor(live ? std::nullopt : std::optional(transport_.cursor));
        // Elsewhere what came after is known, and the gap is in the points.
        chart->setStale(stale ? target->last_sample : std::nullopt);
        chart->setUntil(live ? store_->now() : std::max(transport_.end, store_->now()));
        chart->pointsChanged();
    }
}

void PoolBoard::take(const std::vector<PoolSeries>& series, bool live)
{
    for (const PoolSeries& one : series) {
        if (!pool_ || one.target != pool_->target || one.pool != pool_->pool)
            continue;
        if (!live) {
            points_->merge(one.points);
            continue;
        }
        for (const PoolPoint& point : one.points)
            points_->append(point);
    }
    if (live)
        return;
    for (PoolChart* const chart : {use_, times_}) {
        chart->setEmptyWords(tr("nothing was observed in this range"));
        chart->pointsChanged();
    }
}

void PoolBoard::ask()
{
    if (!isVisible() || !pool_)
        return;
    context_.workspace().poolSeries(context_.rangeFrom(), context_.rangeTo(), use_->wantedPoints(),
                                    [self = QPointer<PoolBoard>(this)](const auto& series) {
                                        if (self)
                                            self->take(series, false);
                                    });
}

void PoolBoard::showEvent(QShowEvent* event)
{
    QWidget::showEvent(event);
    ask_.start();
}

} // namespace poolscope
