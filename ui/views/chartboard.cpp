// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/chartboard.h"

#include "ui/charts/statechart.h"
#include "ui/models/findings.h"
#include "ui/models/poolshare.h"
#include "ui/theme/theme.h"
#include "ui/views/linkbutton.h"
#include "ui/views/process.h"

#include <QBoxLayout>
#include <QPointer>

#include <algorithm>

namespace poolscope {

ChartBoard::ChartBoard(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : QWidget(parent)
    , context_(context)
    , store_(std::move(store))
    , transport_(context.workspace().transport())
    , box_(new QBoxLayout(QBoxLayout::TopToBottom))
    , more_(new LinkButton(this))
{
    const int gap = Theme::current().scaled(metrics::panelGap);
    auto* const outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->setSpacing(Theme::current().scaled(8));
    box_->setSpacing(gap);
    outer->addLayout(box_, 1);
    more_->setObjectName(QStringLiteral("moreCharts"));
    more_->hide();
    connect(more_, &QPushButton::clicked, this, &ChartBoard::moreWanted);
    outer->addWidget(more_, 0, Qt::AlignLeft);
    ask_.setSingleShot(true);
    ask_.setInterval(50);
    connect(&ask_, &QTimer::timeout, this, &ChartBoard::ask);
    connect(&context, &ViewContext::rangeChanged, this, [this](Timestamp from, Timestamp to) {
        for (const auto& [id, chart] : charts_)
            chart->setRange(from, to);
        // Following the live edge, points come by themselves.
        if ((transport_.mode != Mode::live || !context_.rangeFollows()) && !ask_.isActive())
            ask_.start();
    });
    connect(&context, &ViewContext::hoverChanged, this, [this](const auto& instant) {
        for (const auto& [id, chart] : charts_)
            chart->setHover(instant);
    });
    connect(&context, &ViewContext::timeZoneChanged, this, [this](bool utc) {
        for (const auto& [id, chart] : charts_)
            chart->setUtc(utc);
    });
    connect(&context.workspace(), &Workspace::marksChanged, this,
            [this](const Marks& marks) { setMarks(*marks); });
    if (const Marks marks = context.workspace().marks())
        marks_ = *marks;
}

void ChartBoard::setMost(std::size_t most)
{
    if (most == most_)
        return;
    most_ = most;
    choose();
}

void ChartBoard::setSideBySide(bool on)
{
    box_->setDirection(on ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
}

void ChartBoard::setAxisDigits(int digits)
{
    axisDigits_ = digits;
    for (const auto& [id, chart] : charts_)
        chart->setAxisDigits(digits);
}

void ChartBoard::setFirst(const std::optional<TargetId>& target)
{
    if (target == first_)
        return;
    first_ = target;
    choose();
}

void ChartBoard::setMarks(const std::vector<Mark>& marks)
{
    marks_ = marks;
    for (const auto& [id, chart] : charts_)
        giveMarks(id, *chart);
}

void ChartBoard::giveMarks(TargetId target, StateChart& chart)
{
    std::vector<Mark> own;
    for (const Mark& mark : marks_) {
        if (mark.target == target || mark.target == TargetId{0})
            own.push_back(mark);
    }
    chart.setMarks(std::move(own));
}

StateChart* ChartBoard::makeChart(TargetId target)
{
    auto* const chart = new StateChart(this);
    chart->setUtc(context_.utc());
    chart->setAxisDigits(axisDigits_);
    chart->setRange(context_.rangeFrom(), context_.rangeTo());
    connect(chart, &StateChart::rangeRequested, &context_, &ViewContext::setRange);
    connect(chart, &StateChart::rangeReset, &context_, &ViewContext::resetRange);
    connect(chart, &StateChart::hoverChanged, &context_, &ViewContext::setHover);
    connect(chart, &StateChart::seekRequested, &context_, &ViewContext::requestSeek);
    charts_[target] = chart;
    giveMarks(target, *chart);
    return chart;
}

void ChartBoard::apply(const Update& update, const QString& waiting)
{
    waiting_ = waiting;
    if (update.reset) {
        for (const auto& [id, chart] : charts_) {
            chart->clearPoints();
            chart->setEmptyWords({});
        }
        ask_.start();
    }
    choose();
    take(update.live_points, true);
}

void ChartBoard::choose()
{
    std::vector<const TargetSummary*> wanted;
    for (const TargetSummary& target : store_->targets()) {
        if (!isProcess(target)) // pools have charts of their own
            wanted.push_back(&target);
    }
    // One that never answered has nothing to show beside those that did: its row says so.
    const bool sampled = std::any_of(wanted.begin(), wanted.end(),
                                     [](const auto* t) { return t->last_sample.has_value(); });
    if (sampled)
        std::erase_if(wanted, [](const auto* t) { return !t->last_sample; });
    std::stable_sort(wanted.begin(), wanted.end(), [](const auto* a, const auto* b) {
        return usedShare(*a).value_or(-1) > usedShare(*b).value_or(-1);
    });
    // Those that have a chart keep it: charts do not change places while one looks at them.
    if (wanted.size() > most_)
        std::stable_partition(wanted.begin(), wanted.end(),
                              [this](const auto* t) { return charts_.contains(t->info.id); });
    std::stable_partition(wanted.begin(), wanted.end(),
                          [this](const auto* t) { return t->info.id == first_; });
    std::vector<TargetId> shown;
    bool fresh = false;
    for (const TargetSummary* target : wanted) {
        if (shown.size() == most_)
            break;
        shown.push_back(target->info.id);
        const auto found = charts_.find(target->info.id);
        fresh = fresh || found == charts_.end();
        fill(*target, found == charts_.end() ? *makeChart(target->info.id) : *found->second);
    }
    arrange(shown);
    const auto left = wanted.size() - shown.size();
    more_->setVisible(left > 0);
    more_->setWords(left == 1 ? tr("1 more server %1").arg(elsewhere_)
                              : tr("%1 more servers %2").arg(left).arg(elsewhere_));
    if (fresh)
        ask_.start();
}

void ChartBoard::arrange(const std::vector<TargetId>& shown)
{
    std::erase_if(charts_, [&](const auto& entry) {
        const bool gone = std::find(shown.begin(), shown.end(), entry.first) == shown.end();
        if (gone) {
            box_->removeWidget(entry.second);
            entry.second->hide();
            entry.second->deleteLater();
        }
        return gone;
    });
    for (const TargetId id : shown) {
        if (box_->indexOf(charts_.at(id)) < 0)
            box_->addWidget(charts_.at(id), 1);
    }
}

void ChartBoard::fill(const TargetSummary& target, StateChart& chart)
{
    const bool live = transport_.mode == Mode::live;
    chart.setTitle(Formatter::line(target.info.name, 100));
    chart.setCursor(live ? std::nullopt : std::optional(transport_.cursor));
    // Elsewhere what came after is known, and the gap is in the points.
    chart.setStale(live && staleness(target, store_->now()) ? target.last_sample : std::nullopt);
    if (!target.last_sample) // whose it is stands above it already
        chart.setEmptyWords(live && charts_.size() > 1 ? tr("waiting for the first sample")
                                                       : waiting_);
}

void ChartBoard::setTransport(const Transport& transport)
{
    transport_ = transport;
    choose();
}

void ChartBoard::take(const std::vector<TargetSeries>& series, bool live)
{
    for (const TargetSeries& one : series) {
        const auto found = charts_.find(one.target);
        if (found == charts_.end())
            continue;
        if (live)
            found->second->appendPoints(one.points);
        else
            found->second->mergePoints(one.points);
    }
    if (live)
        return;
    for (const auto& [id, chart] : charts_) {
        const TargetSummary* const target = store_->target(id);
        if (target && target->last_sample)
            chart->setEmptyWords(tr("nothing was observed in this range"));
    }
    emit answered();
}

std::optional<Timestamp> ChartBoard::lastWaiter(Timestamp now) const
{
    std::optional<Timestamp> last;
    for (const auto& [id, chart] : charts_) {
        const std::vector<SeriesPoint>& points = chart->store().points();
        const auto end =
            std::upper_bound(points.begin(), points.end(), now,
                             [](Timestamp t, const SeriesPoint& point) { return t < point.time; });
        const auto found =
            std::find_if(std::make_reverse_iterator(end), points.rend(), [](const SeriesPoint& p) {
                return p.counts.at(static_cast<std::size_t>(SessionState::waiting)) > 0;
            });
        if (found != points.rend())
            last = last ? std::max(*last, found->time) : found->time;
    }
    return last;
}

void ChartBoard::ask()
{
    if (!isVisible() || charts_.empty())
        return;
    std::size_t points = 0;
    for (const auto& [id, chart] : charts_)
        points = std::max(points, chart->wantedPoints());
    context_.workspace().series(context_.rangeFrom(), context_.rangeTo(), points,
                                [self = QPointer<ChartBoard>(this)](const auto& series) {
                                    if (self)
                                        self->take(series, false);
                                });
}

void ChartBoard::showEvent(QShowEvent* event)
{
    QWidget::showEvent(event);
    ask_.start();
}

} // namespace poolscope
