// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/metricsboard.h"

#include "ui/models/targetkinds.h"
#include "ui/theme/panel.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/rowdelegate.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

MetricsBoard::MetricsBoard(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : QWidget(parent)
    , context_(context)
    , store_(std::move(store))
    , model_(makeMetricModel(nullptr))
    , table_(new DataTable(QStringLiteral("metrics"), false, this))
{
    auto* const box = new QVBoxLayout(this);
    box->setContentsMargins(0, 0, 0, 0);
    box->setSpacing(Theme::current().scaled(metrics::panelGap));
    table_->setModel(model_.get());
    table_->setAccessibleName(tr("Pools by their metrics"));
    table_->rows().setGlyphColumns(-1, static_cast<int>(MetricColumn::pool));
    table_->setWidths({260, 100, 70, 76, 96, 84, 84});
    table_->setElastic(static_cast<int>(MetricColumn::pool));
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    connect(table_, &QAbstractItemView::activated, this,
            [this] { context_.navigate(QStringLiteral("pools")); });
    box->addWidget(table_);
    box->addWidget(makeNextStep());
    box->addStretch(1);
    hide();
}

/// What to attach, so that a line of code stands where a number does.
QWidget* MetricsBoard::makeNextStep()
{
    const Theme& theme = Theme::current();
    const int pad = theme.scaled(metrics::panelPadding);
    auto* const panel = new Panel(this);
    auto* const box = new QVBoxLayout(panel);
    box->setContentsMargins(1, 1, 1, pad);
    box->setSpacing(theme.scaled(8));
    box->addWidget(new SectionHead(tr("To see who holds them"), panel));
    words_ = new QLabel(panel);
    words_->setTextFormat(Qt::PlainText);
    words_->setWordWrap(true);
    words_->setObjectName(QStringLiteral("metricsNext"));
    words_->setMaximumWidth(QFontMetrics(theme.ui()).averageCharWidth() * metrics::proseMeasure);
    words_->setContentsMargins(pad, 0, pad, 0);
    box->addWidget(words_);
    auto* const row = new QHBoxLayout;
    row->setContentsMargins(pad, 0, pad, 0);
    row->setSpacing(theme.scaled(8));
    instrument_ = new QPushButton(tr("Instrument a pool…"), panel);
    instrument_->setObjectName(QStringLiteral("metricsInstrument"));
    instrument_->setProperty("kind", QStringLiteral("primary"));
    instrument_->setToolTip(tr("Ctrl+Shift+T"));
    attach_ = new QPushButton(tr("Show on Pools"), panel);
    attach_->setObjectName(QStringLiteral("metricsPools"));
    row->addWidget(instrument_);
    row->addWidget(attach_);
    row->addStretch(1);
    box->addLayout(row);
    connect(instrument_, &QPushButton::clicked, &context_, &ViewContext::requestInstrument);
    connect(attach_, &QPushButton::clicked, this,
            [this] { context_.navigate(QStringLiteral("pools")); });
    return panel;
}

void MetricsBoard::refresh(const Transport& transport)
{
    const bool alone = metricsAlone(*store_);
    const bool replay = transport.mode == Mode::replay;
    setVisible(alone);
    if (!alone) {
        trends_.clear();
        askedAt_.reset();
        return;
    }
    ask(transport);
    model_->replace(metricRows(*store_, trends_));
    fitTable();
    instrument_->setVisible(!replay);
    const auto& targets = store_->targets();
    const bool server = std::any_of(targets.begin(), targets.end(),
                                    [](const TargetSummary& each) { return !tellsPools(each); });
    QString words =
        replay
            ? tr("This recording has no application's agent. With one attached, too, a recording "
                 "has each connection's line of code, who acquired it, and for how long.")
            : tr("An agent in the application tells for each connection the line of code that "
                 "acquired it, by whom and for how long: a few lines at the pool, then attach to "
                 "the process.");
    if (!replay && !server)
        words += tr(" The database's server, attached beside it, tells what those connections do "
                    "there.");
    words_->setText(words);
}

void MetricsBoard::fitTable()
{
    const int room = std::max(Theme::current().scaled(100), height() / 2);
    table_->setFixedHeight(std::clamp(table_->contentHeight(), Theme::current().scaled(72), room));
}

void MetricsBoard::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    fitTable();
}

/// A question of the recording, now and then: ten minutes do not change their slope in one second.
/// At rest in the past each instant has its own answer, however it was come to.
void MetricsBoard::ask(const Transport& transport)
{
    constexpr Duration often = std::chrono::seconds{5};
    constexpr std::size_t points = 120;
    const Timestamp now = store_->now();
    const bool flows = transport.mode == Mode::live || transport.playing;
    if (askedAt_ && (now < *askedAt_ || now - *askedAt_ > 2 * often))
        trends_.clear(); // those of another instant
    if (askedAt_ && (now == *askedAt_ || (flows && now > *askedAt_ && now - *askedAt_ < often)))
        return;
    askedAt_ = now;
    context_.workspace().poolSeries(
        now - trend_window, now, points,
        [self = QPointer<MetricsBoard>(this), now](const std::vector<PoolSeries>& series) {
            if (!self || self->askedAt_ != now)
                return; // meanwhile another one is looked at
            PoolTrends trends;
            for (const PoolSeries& one : series) {
                if (const auto trend = poolTrend(one.points, now))
                    trends[{one.target, one.pool}] = *trend;
            }
            self->trends_ = std::move(trends);
            self->model_->replace(metricRows(*self->store_, self->trends_));
            emit self->trendsChanged();
        });
}

} // namespace poolscope
