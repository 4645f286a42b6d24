// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/overviewpage.h"

#include "ui/charts/statechart.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/views/answerpanel.h"
#include "ui/views/commandgate.h"
#include "ui/views/datatable.h"
#include "ui/views/rowdelegate.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>

#include <algorithm>

namespace poolscope {

namespace {
constexpr std::size_t mostCharts = 3;
}

OverviewPage::OverviewPage(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , servers_(makeServerModel(nullptr))
    , leaks_(makeLeakModel(nullptr))
{
    const int gap = Theme::current().scaled(metrics::panelGap);
    layout_->setSpacing(gap);
    panel_ = new AnswerPanel(this);
    layout_->addWidget(panel_);
    body_ = new QHBoxLayout;
    body_->setSpacing(gap);
    chartBox_ = new QVBoxLayout;
    chartBox_->setSpacing(gap);
    more_ = new QLabel(this);
    more_->setTextFormat(Qt::PlainText);
    more_->setProperty("role", QStringLiteral("caption"));
    more_->hide();
    chartBox_->addWidget(more_);
    body_->addLayout(chartBox_, 1);
    makeTables();
    layout_->addLayout(body_, 1);
    connect(panel_, &AnswerPanel::linkChosen, this,
            [this](const QString& page, const auto& session) {
                if (session)
                    context_.select(session);
                context_.navigate(page);
            });
    connect(panel_, &AnswerPanel::reliefWanted, this, [this] {
        if (answer_.session)
            command(ActionVerb::terminate, {*answer_.session});
    });
    ask_.setSingleShot(true);
    ask_.setInterval(50);
    connect(&ask_, &QTimer::timeout, this, &OverviewPage::askSeries);
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
}

QWidget* OverviewPage::tablePanel(const QString& title, const QString& caption, DataTable* table)
{
    auto* const panel = new Panel(side_);
    auto* const box = new QVBoxLayout(panel);
    box->setContentsMargins(1, 1, 1, 1);
    box->setSpacing(0);
    auto* const head = new SectionHead(title, panel);
    head->setCaption(caption);
    box->addWidget(head);
    table->setFrameShape(QFrame::NoFrame);
    table->setStyleSheet(QStringLiteral("QTreeView { border: none; }"));
    table->setRootIsDecorated(false);
    table->setIndentation(0);
    box->addWidget(table, 1);
    return panel;
}

void OverviewPage::makeTables()
{
    side_ = new QWidget(this);
    auto* const box = new QVBoxLayout(side_);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(Theme::current().scaled(metrics::panelGap));
    serverTable_ = new DataTable(QStringLiteral("overview-servers"), false, side_);
    serverTable_->setModel(servers_.get());
    serverTable_->rows().setGlyphColumns(-1, static_cast<int>(ServerColumn::server));
    serverTable_->setAccessibleName(tr("Servers, worst first"));
    serverTable_->setWidths({130, 92, 72, 60, 44});
    serverTable_->setSortingEnabled(false);
    serverTable_->restoreColumns(-1, Qt::AscendingOrder);
    leakTable_ = new DataTable(QStringLiteral("overview-leaks"), false, side_);
    leakTable_->setModel(leaks_.get());
    leakTable_->rows().setGlyphColumns(-1, static_cast<int>(LeakColumn::session));
    leakTable_->setAccessibleName(tr("Suspected leaks, worst first"));
    leakTable_->setWidths({226, 0, 84, 0, 60, 0, 0});
    leakTable_->setSortingEnabled(false);
    leakTable_->setAutomaticColumns([](int column, int) {
        return column == int(LeakColumn::session) || column == int(LeakColumn::oldest) ||
               column == int(LeakColumn::blocks);
    });
    leakTable_->restoreColumns(-1, Qt::AscendingOrder);
    box->addWidget(tablePanel(tr("Servers"), tr("worst first"), serverTable_), 1);
    box->addWidget(tablePanel(tr("Suspected leaks"), tr("worst first"), leakTable_), 1);
    body_->addWidget(side_);
    connect(leakTable_, &QTreeView::activated, this, [this](const QModelIndex&) {
        if (const auto key = leakTable_->currentKey()) {
            context_.select(*key);
            context_.navigate(QStringLiteral("leaks"));
        }
    });
    serveTable(leakTable_);
}

StateChart* OverviewPage::makeChart(TargetId target)
{
    auto* const chart = new StateChart(this);
    chart->setUtc(context_.utc());
    chart->setRange(context_.rangeFrom(), context_.rangeTo());
    connect(chart, &StateChart::rangeRequested, &context_, &ViewContext::setRange);
    connect(chart, &StateChart::rangeReset, &context_, &ViewContext::resetRange);
    connect(chart, &StateChart::hoverChanged, &context_, &ViewContext::setHover);
    connect(chart, &StateChart::seekRequested, &context_, &ViewContext::requestSeek);
    charts_[target] = chart;
    chartBox_->insertWidget(chartBox_->count() - 1, chart, 1);
    return chart;
}

void OverviewPage::updateCharts()
{
    std::vector<const TargetSummary*> wanted;
    for (const TargetSummary& target : store_->targets())
        wanted.push_back(&target);
    std::stable_sort(wanted.begin(), wanted.end(), [](const auto* a, const auto* b) {
        return usedShare(*a).value_or(-1) > usedShare(*b).value_or(-1);
    });
    // Those that have a chart keep it: charts do not change places while one looks at them.
    if (wanted.size() > mostCharts)
        std::stable_partition(wanted.begin(), wanted.end(),
                              [this](const auto* t) { return charts_.contains(t->info.id); });
    std::vector<TargetId> shown;
    bool fresh = false;
    for (const TargetSummary* target : wanted) {
        if (shown.size() == mostCharts)
            break;
        shown.push_back(target->info.id);
        const auto found = charts_.find(target->info.id);
        fresh = fresh || found == charts_.end();
        StateChart* const chart =
            found == charts_.end() ? makeChart(target->info.id) : found->second;
        chart->setTitle(Formatter::line(target->info.name, 100));
        chart->setCursor(transport_.mode == Mode::live ? std::nullopt
                                                       : std::optional(transport_.cursor));
    }
    std::erase_if(charts_, [&](const auto& entry) {
        const bool gone = std::find(shown.begin(), shown.end(), entry.first) == shown.end();
        if (gone)
            entry.second->deleteLater();
        return gone;
    });
    const auto left = wanted.size() - shown.size();
    more_->setVisible(left > 0);
    more_->setText(tr("%1 more servers are in the list at the right.").arg(left));
    if (fresh)
        ask_.start();
}

void OverviewPage::updateAnswer()
{
    answer_ = overviewAnswer(*store_);
    if (store_->targets().empty())
        answer_.sentence =
            tr("Nothing is attached. Attach to a server with Ctrl+T, or open a recording.");
    std::vector<AnswerPanel::Link> links;
    int suspects = 0, blocked = 0, open = 0;
    for (const TargetSummary& target : store_->targets()) {
        suspects += static_cast<int>(target.suspects.size());
        blocked += target.blocking.blocked;
        open += target.counts[0] + target.counts[1];
    }
    if (answer_.severity > 0) {
        if (suspects > 0)
            links.push_back(
                {suspects == 1 ? tr("1 suspected leak") : tr("%1 suspected leaks").arg(suspects),
                 QStringLiteral("leaks"), answer_.session});
        if (blocked > 0)
            links.push_back({tr("%1 wait for a lock").arg(Formatter::sessions(blocked)),
                             QStringLiteral("blocking"), answer_.session});
        if (open > 0)
            links.push_back({tr("%1 idle in a transaction").arg(Formatter::sessions(open)),
                             QStringLiteral("sessions"), answer_.session});
    }
    QString obstacle;
    if (answer_.session)
        obstacle = commandObstacle(ActionVerb::terminate, rowsOf({*answer_.session}), *store_,
                                   transport_, format());
    panel_->setAnswer(answer_, links, obstacle);
}

void OverviewPage::refresh(const Update& update)
{
    updateAnswer();
    servers_->replace(serverRows(*store_));
    leaks_->replace(leakRows(*store_, {}, false));
    if (update.reset) {
        for (const auto& [id, chart] : charts_)
            chart->clearPoints();
        ask_.start();
    }
    updateCharts();
    take(update.live_points, true);
}

void OverviewPage::take(const std::vector<TargetSeries>& series, bool live)
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
}

void OverviewPage::askSeries()
{
    if (!isVisible() || charts_.empty())
        return;
    std::size_t points = 0;
    for (const auto& [id, chart] : charts_)
        points = std::max(points, chart->wantedPoints());
    context_.workspace().series(context_.rangeFrom(), context_.rangeTo(), points,
                                [self = QPointer<OverviewPage>(this)](const auto& series) {
                                    if (self)
                                        self->take(series, false);
                                });
}

void OverviewPage::transportChanged()
{
    updateAnswer();
    for (const auto& [id, chart] : charts_)
        chart->setCursor(transport_.mode == Mode::live ? std::nullopt
                                                       : std::optional(transport_.cursor));
}

void OverviewPage::zoneChanged()
{
    for (const auto& [id, chart] : charts_)
        chart->setUtc(context_.utc());
}

void OverviewPage::showEvent(QShowEvent* event)
{
    BasePage::showEvent(event);
    ask_.start();
}

void OverviewPage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    const Theme& theme = Theme::current();
    side_->setFixedWidth(theme.scaled(width() >= theme.scaled(1800)  ? 560
                                      : width() < theme.scaled(1150) ? 340
                                                                     : 415));
    chartBox_->setDirection(width() >= theme.scaled(1800) ? QBoxLayout::LeftToRight
                                                          : QBoxLayout::TopToBottom);
}

bool OverviewPage::clearOne()
{
    if (context_.rangeFollows())
        return false;
    context_.resetRange();
    return true;
}

} // namespace poolscope
