// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/timelinerow.h"

#include "ui/charts/timelinestrip.h"
#include "ui/charts/transportpanel.h"
#include "ui/theme/theme.h"

#include <QCoreApplication>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPointer>
#include <QResizeEvent>

#include <algorithm>

namespace poolscope {

TimelineRow::TimelineRow(Workspace& workspace, ViewContext& context, QWidget* parent)
    : QWidget(parent)
    , workspace_(workspace)
    , context_(context)
    , panel_(new TransportPanel(this))
    , strip_(new TimelineStrip(this))
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(panel_);
    layout->addWidget(strip_, 1);
    setFixedHeight(Theme::current().scaled(metrics::stripHeight));
    strip_->setAccessibleName(tr("Timeline"));
    wireStrip();

    connect(panel_, &TransportPanel::markRequested, &workspace_, &Workspace::jumpToMark);
    connect(panel_, &TransportPanel::playRequested, this, &TimelineRow::playPause);
    connect(panel_, &TransportPanel::speedChosen, &workspace_, &Workspace::setSpeed);
    connect(panel_, &TransportPanel::noteRequested, this, &TimelineRow::noteRequested);
    connect(panel_, &TransportPanel::liveRequested, &workspace_, &Workspace::goLive);
    connect(&workspace_, &Workspace::marksChanged, this,
            [this](const Marks& marks) { strip_->setMarks(*marks); });
    connect(&context_, &ViewContext::rangeChanged, strip_, &TimelineStrip::setRange);
    connect(&context_, &ViewContext::hoverChanged, strip_, &TimelineStrip::setHover);
    connect(&context_, &ViewContext::timeZoneChanged, this, [this](bool utc) {
        strip_->setUtc(utc);
        panel_->setClock(transport_.cursor, utc);
    });
    ask_.setSingleShot(true);
    ask_.setInterval(150);
    connect(&ask_, &QTimer::timeout, this, &TimelineRow::askSeries);
    panel_->setShows(TransportPanel::Shows::nothing);
    if (const Marks marks = workspace_.marks())
        strip_->setMarks(*marks);
}

void TimelineRow::wireStrip()
{
    connect(strip_, &TimelineStrip::seekRequested, &workspace_, &Workspace::seek);
    connect(strip_, &TimelineStrip::hoverChanged, &context_, &ViewContext::setHover);
    connect(strip_, &TimelineStrip::stepRequested, &workspace_, &Workspace::step);
    connect(strip_, &TimelineStrip::jumpRequested, this, [this](int seconds) {
        workspace_.seek(std::clamp(transport_.cursor + std::chrono::seconds{seconds},
                                   transport_.start, transport_.end));
    });
    connect(strip_, &TimelineStrip::markRequested, &workspace_, &Workspace::jumpToMark);
    connect(strip_, &TimelineStrip::startRequested, this,
            [this] { workspace_.seek(transport_.start); });
    connect(strip_, &TimelineStrip::liveRequested, &workspace_, &Workspace::goLive);
    connect(strip_, &TimelineStrip::speedRequested, this, &TimelineRow::changeSpeed);
    connect(strip_, &TimelineStrip::zoomRequested, this, &TimelineRow::zoom);
}

bool TimelineRow::serve(const QKeyEvent& event)
{
    switch (event.key()) {
    case Qt::Key_Left:
    case Qt::Key_Right:
    case Qt::Key_Home:
    case Qt::Key_End:
    case Qt::Key_Plus:
    case Qt::Key_Equal:
    case Qt::Key_Minus:
        break;
    default:
        return false;
    }
    if (transport_.mode == Mode::empty)
        return false;
    QKeyEvent again(event.type(), event.key(), event.modifiers(), event.text());
    QCoreApplication::sendEvent(strip_, &again);
    return true;
}

void TimelineRow::playPause()
{
    if (transport_.mode == Mode::live)
        workspace_.pause();
    else if (transport_.mode != Mode::empty)
        workspace_.play(!transport_.playing);
}

void TimelineRow::changeSpeed(int direction)
{
    const int speed = direction > 0 ? transport_.speed * 2 : transport_.speed / 2;
    workspace_.setSpeed(std::clamp(speed, 1, 64));
}

void TimelineRow::zoom(int direction)
{
    const Duration whole = context_.rangeTo() - context_.rangeFrom();
    const Duration wanted =
        std::clamp<Duration>(direction > 0 ? whole / 2 : whole * 2, std::chrono::seconds{10},
                             std::chrono::hours{24 * 7});
    context_.setRange(context_.rangeTo() - wanted, context_.rangeTo());
}

void TimelineRow::setTransport(const Transport& transport)
{
    const bool other = transport.start != transport_.start || transport.mode != transport_.mode;
    const auto captures = [](const Transport& t) {
        return t.mode == Mode::live || t.mode == Mode::paused;
    };
    // A capture's beginning moves on, too; its targets stay. A recording's have the same ids as
    // those of whatever is captured next.
    const bool foreign = captures(transport) ? !captures(transport_) : other;
    transport_ = transport;
    strip_->setEmptyWords(transport.mode == Mode::empty
                              ? tr("The timeline starts with the first target.")
                              : tr("waiting for the first sample"));
    using Shows = TransportPanel::Shows;
    panel_->setShows(transport.mode == Mode::live     ? Shows::live
                     : transport.mode == Mode::paused ? Shows::paused
                     : transport.mode == Mode::replay ? Shows::replay
                                                      : Shows::nothing);
    panel_->setPlaying(transport.mode == Mode::live || transport.playing);
    panel_->setSpeed(transport.speed);
    panel_->setClock(transport.cursor, context_.utc());
    strip_->setBounds(transport.start, transport.end, captures(transport));
    strip_->setCursor(transport.cursor);
    if (foreign) {
        strip_->clearSeries();
        ++question_; // what is still to be answered was asked of the other
        ask_.stop();
        answered_ = true;
    }
    if (other && transport.mode != Mode::empty && transport.end > transport.start) {
        answered_ = false;
        ask_.start();
    }
}

void TimelineRow::apply(const Update& update)
{
    if (!update.live_points.empty())
        strip_->appendSeries(update.live_points);
    if (!update.live_pool_points.empty())
        strip_->appendPools(update.live_pool_points);
}

void TimelineRow::askSeries()
{
    const std::uint64_t mine = ++question_;
    workspace_.series(
        transport_.start, transport_.end, strip_->wantedPoints(),
        [self = QPointer<TimelineRow>(this), mine](const std::vector<TargetSeries>& series) {
            if (!self || self->question_ != mine)
                return;
            self->answered_ = true;
            self->strip_->mergeSeries(series);
        });
    workspace_.poolSeries(
        transport_.start, transport_.end, strip_->wantedPoints(),
        [self = QPointer<TimelineRow>(this), mine](const std::vector<PoolSeries>& series) {
            if (self && self->question_ == mine)
                self->strip_->mergePools(series);
        });
}

void TimelineRow::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    if (transport_.mode == Mode::replay && event->size().width() > event->oldSize().width())
        ask_.start();
}

} // namespace poolscope
