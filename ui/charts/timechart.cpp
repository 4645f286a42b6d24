// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/timechart.h"

#include "ui/charts/timeaxis.h"
#include "ui/theme/theme.h"

#include <QMouseEvent>
#include <QPainter>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

constexpr auto shortestRange = std::chrono::seconds(5);
constexpr auto longestRange = std::chrono::days(31);
constexpr double dragDistance = 4;
constexpr int clickDelay = 250; ///< ms: shorter than a double click may take, long for a hand

} // namespace

TimeChart::TimeChart(QWidget* parent)
    : QWidget(parent)
    , overlay_(new QWidget(this))
{
    overlay_->setMouseTracking(true);
    overlay_->installEventFilter(this);
    build_.setSingleShot(true);
    build_.setInterval(0);
    click_.setSingleShot(true);
    click_.setInterval(clickDelay);
    connect(&build_, &QTimer::timeout, this, &TimeChart::flush);
    connect(&click_, &QTimer::timeout, this, [this] { emit seekRequested(clicked_); });
    connect(&Theme::current(), &Theme::changed, this, [this] {
        layOut();
        flush();
    });
}

void TimeChart::begin()
{
    frame().to = frame().from + std::chrono::minutes(15);
    frame().emptyWords = tr("waiting for the first sample");
    overlay_->raise();
}

void TimeChart::setTitle(const QString& title)
{
    frame().title = title;
    setAccessibleName(nameFor(title));
    update();
}

void TimeChart::setUtc(bool utc)
{
    frame().utc = utc;
    update();
    overlay_->update();
}

void TimeChart::setRange(Timestamp from, Timestamp to)
{
    if (to <= from || (from == frame().from && to == frame().to))
        return;
    frame().from = from;
    frame().to = to;
    schedule();
}

void TimeChart::setCursor(const std::optional<Timestamp>& cursor)
{
    frame().cursor = cursor;
    schedule();
}

void TimeChart::setMarks(std::vector<Mark> marks)
{
    std::stable_sort(marks.begin(), marks.end(),
                     [](const Mark& a, const Mark& b) { return a.time < b.time; });
    if (marks == marks_)
        return;
    marks_ = std::move(marks);
    schedule();
}

void TimeChart::setStale(const std::optional<Timestamp>& lastSample)
{
    if (frame().staleSince == lastSample)
        return;
    frame().staleSince = lastSample;
    schedule();
}

void TimeChart::setEmptyWords(const QString& words)
{
    if (frame().emptyWords == words)
        return;
    frame().emptyWords = words;
    update();
}

void TimeChart::setAxisDigits(int digits)
{
    if (digits == axisDigits_)
        return;
    axisDigits_ = digits;
    layOut();
    schedule();
}

void TimeChart::setHover(const std::optional<Timestamp>& hover)
{
    if (frame().hover == hover)
        return;
    frame().hover = hover;
    chooseInstant();
    update(frame().head.toAlignedRect());
    overlay_->update();
}

std::size_t TimeChart::wantedPoints() const
{
    return 2 * std::clamp<std::size_t>(static_cast<std::size_t>(frame().plot.width()), 100,
                                       most_columns);
}

void TimeChart::flush()
{
    build_.stop();
    rebuild();
    if (frame().most != laidOutFor_) {
        layOut();
        rebuild(); // the plot may be narrower or wider now
    }
    chooseInstant();
    setAccessibleDescription(description());
    update();
    overlay_->update();
}

QSize TimeChart::sizeHint() const
{
    return Theme::current().scaled(QSize(640, 280));
}

QSize TimeChart::minimumSizeHint() const
{
    return Theme::current().scaled(QSize(360, metrics::chartMinimum));
}

void TimeChart::schedule()
{
    if (isVisible() && !build_.isActive())
        build_.start();
}

void TimeChart::showEvent(QShowEvent*)
{
    flush();
}

void TimeChart::resizeEvent(QResizeEvent*)
{
    overlay_->setGeometry(rect());
    layOut();
    flush();
}

void TimeChart::layOut()
{
    const Theme& theme = Theme::current();
    TimePicture& p = frame();
    laidOutFor_ = p.most;
    p.room = theme.scaled(24);
    const double head = theme.scaled(metrics::panelHead);
    const QRectF inside = QRectF(rect()).adjusted(1, 1, -1, -1);
    const double gutter = theme.scaled(12) + theme.scaled(8) +
                          std::ceil(QFontMetricsF(theme.mono(11)).horizontalAdvance(widestValue()));
    const double labels = theme.scaled(metrics::chartLabels);
    p.head = QRectF(inside.left(), inside.top(), inside.width(), head);
    const QRect plot = QRectF(inside.left() + gutter, inside.top() + head,
                              std::max(1.0, inside.width() - gutter - labels),
                              std::max(1.0, inside.height() - head - theme.scaled(26)))
                           .toRect();
    p.plot = plot;
    const double beside = theme.scaled(12), above = theme.scaled(4);
    p.labels = QRectF(plot.right() + 1 + beside, plot.top() + above,
                      labels - beside - theme.scaled(metrics::panelPadding), plot.height() - above);
    placed(plot);
    overlay_->raise();
}

void TimeChart::chooseInstant()
{
    TimePicture& p = frame();
    const auto within = [&](const std::optional<Timestamp>& t) {
        return t && *t >= p.from && *t <= p.to;
    };
    p.past = true;
    if (within(p.hover)) {
        p.shownAt = *p.hover;
    } else if (within(p.cursor) && *p.cursor < p.to) {
        p.shownAt = *p.cursor;
    } else {
        p.past = false;
        p.shownAt = p.to;
    }
    chooseShown();
}

QStringList TimeChart::eventWords() const
{
    constexpr std::size_t mostTold = 5;
    QStringList parts;
    const TimePicture& p = frame();
    for (std::size_t i = 0; i < p.events.size() && i < mostTold; ++i)
        parts << tr("%1: %2").arg(clockText(p.events[i].time, p.utc, p.to), p.events[i].words);
    return parts;
}

void TimeChart::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintBelow(painter);
}

bool TimeChart::overPlot(const QPointF& at) const
{
    return frame().plot.contains(at);
}

bool TimeChart::eventFilter(QObject* watched, QEvent* event)
{
    if (watched != overlay_)
        return QWidget::eventFilter(watched, event);
    switch (event->type()) {
    case QEvent::Paint: {
        QPainter painter(overlay_);
        paintOver(painter);
        if (pressed_ && dragged_)
            paintSelection(painter, frame(), *pressed_, *dragged_);
        return true;
    }
    case QEvent::MouseButtonPress: {
        auto* mouse = static_cast<QMouseEvent*>(event);
        if (mouse->button() == Qt::LeftButton && overPlot(mouse->position()))
            press(mouse->position());
        return true;
    }
    case QEvent::MouseMove:
        move(static_cast<QMouseEvent*>(event)->position());
        return true;
    case QEvent::MouseButtonRelease:
        if (static_cast<QMouseEvent*>(event)->button() == Qt::LeftButton)
            release(static_cast<QMouseEvent*>(event)->position());
        return true;
    case QEvent::MouseButtonDblClick:
        click_.stop();
        pressed_.reset();
        dragged_.reset();
        emit rangeReset();
        return true;
    case QEvent::Leave:
        hoverAt(std::nullopt);
        return true;
    case QEvent::Wheel: {
        auto* wheel = static_cast<QWheelEvent*>(event);
        if (!overPlot(wheel->position()) || wheel->angleDelta().y() == 0)
            return false;
        zoom(wheel->position(), wheel->angleDelta().y() / 120.0);
        wheel->accept();
        return true;
    }
    default:
        return false;
    }
}

void TimeChart::press(const QPointF& at)
{
    pressed_ = at.x();
    dragged_.reset();
}

void TimeChart::move(const QPointF& at)
{
    if (pressed_) {
        const double x = std::clamp(at.x(), frame().plot.left(), frame().plot.right());
        if (dragged_ || std::abs(x - *pressed_) >= dragDistance) {
            dragged_ = x;
            overlay_->update();
        }
    }
    hoverAt(overPlot(at) ? std::optional(frame().instant(at.x())) : std::nullopt);
}

void TimeChart::release(const QPointF& at)
{
    if (!pressed_)
        return;
    const double start = *pressed_;
    const std::optional<double> end = dragged_;
    pressed_.reset();
    dragged_.reset();
    overlay_->update();
    if (!end) {
        clicked_ = frame().instant(at.x());
        click_.start();
        return;
    }
    const auto [left, right] = std::minmax(start, *end);
    const Timestamp from = frame().instant(left);
    const Timestamp to = frame().instant(right);
    if (to - from >= std::chrono::seconds(1))
        emit rangeRequested(from, to);
}

void TimeChart::zoom(const QPointF& at, double steps)
{
    const double factor = std::pow(0.8, std::clamp(steps, -10.0, 10.0));
    const Duration span = frame().to - frame().from;
    const Duration wanted = std::clamp<Duration>(
        Duration(static_cast<std::int64_t>(static_cast<double>(to_us(span)) * factor)),
        shortestRange, longestRange);
    if (wanted == span)
        return;
    const double share = (at.x() - frame().plot.left()) / frame().plot.width();
    const Timestamp fixed = frame().instant(at.x());
    const Timestamp from =
        fixed - Duration(static_cast<std::int64_t>(static_cast<double>(to_us(wanted)) * share));
    emit rangeRequested(from, from + wanted);
}

void TimeChart::hoverAt(const std::optional<Timestamp>& instant)
{
    if (frame().hover == instant)
        return;
    setHover(instant);
    emit hoverChanged(instant);
}

} // namespace poolscope
