// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/statechart.h"

#include "ui/charts/stackview.h"
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

StateChart::StateChart(QWidget* parent)
    : QWidget(parent)
    , view_(new StackView(this))
    , overlay_(new QWidget(this))
{
    picture_.to = picture_.from + std::chrono::minutes(15);
    overlay_->setMouseTracking(true);
    overlay_->installEventFilter(this);
    build_.setSingleShot(true);
    build_.setInterval(0);
    click_.setSingleShot(true);
    click_.setInterval(clickDelay);
    connect(&build_, &QTimer::timeout, this, &StateChart::rebuild);
    connect(&click_, &QTimer::timeout, this, [this] { emit seekRequested(clicked_); });
    connect(&Theme::current(), &Theme::changed, this, [this] {
        layOut();
        update();
        overlay_->update();
    });
    picture_.emptyWords = tr("waiting for the first sample");
    setAccessibleName(tr("Sessions by state over time"));
}

StateChart::~StateChart() = default;

void StateChart::setTitle(const QString& target)
{
    picture_.title = target;
    setAccessibleName(tr("%1: sessions by state over time").arg(target));
    update();
}

void StateChart::setUtc(bool utc)
{
    picture_.utc = utc;
    update();
    overlay_->update();
}

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

void StateChart::setRange(Timestamp from, Timestamp to)
{
    if (to <= from || (from == picture_.from && to == picture_.to))
        return;
    picture_.from = from;
    picture_.to = to;
    schedule();
}

void StateChart::setCursor(const std::optional<Timestamp>& cursor)
{
    picture_.cursor = cursor;
    schedule();
}

void StateChart::setMarks(std::vector<Mark> marks)
{
    std::stable_sort(marks.begin(), marks.end(),
                     [](const Mark& a, const Mark& b) { return a.time < b.time; });
    if (marks == marks_)
        return;
    marks_ = std::move(marks);
    schedule();
}

void StateChart::setStale(const std::optional<Timestamp>& lastSample)
{
    if (picture_.staleSince == lastSample)
        return;
    picture_.staleSince = lastSample;
    schedule();
}

void StateChart::setEmptyWords(const QString& words)
{
    if (picture_.emptyWords == words)
        return;
    picture_.emptyWords = words;
    update();
}

void StateChart::setHover(const std::optional<Timestamp>& hover)
{
    if (picture_.hover == hover)
        return;
    picture_.hover = hover;
    chooseShown();
    update(picture_.head.toAlignedRect());
    overlay_->update();
}

std::size_t StateChart::wantedPoints() const
{
    return 2 * std::clamp<std::size_t>(static_cast<std::size_t>(picture_.plot.width()), 100,
                                       most_columns);
}

void StateChart::flush()
{
    build_.stop();
    rebuild();
}

QSize StateChart::sizeHint() const
{
    return QSize(640, 280);
}

QSize StateChart::minimumSizeHint() const
{
    return QSize(360, metrics::chartMinimum);
}

void StateChart::schedule()
{
    if (isVisible() && !build_.isActive())
        build_.start();
}

void StateChart::showEvent(QShowEvent*)
{
    flush();
}

void StateChart::resizeEvent(QResizeEvent*)
{
    overlay_->setGeometry(rect());
    layOut();
    flush();
}

void StateChart::layOut()
{
    const Theme& theme = Theme::current();
    const double head = theme.scaled(metrics::panelHead);
    const QRectF inside = QRectF(rect()).adjusted(1, 1, -1, -1);
    const int digits = static_cast<int>(QString::number(picture_.most, 'f', 0).size());
    const double gutter =
        12 + 8 +
        std::ceil(QFontMetricsF(theme.mono(11)).horizontalAdvance(QLatin1Char('0')) *
                  std::max(digits, 2));
    const double labels = theme.scaled(metrics::chartLabels);
    picture_.head = QRectF(inside.left(), inside.top(), inside.width(), head);
    const QRect plot = QRectF(inside.left() + gutter, inside.top() + head,
                              std::max(1.0, inside.width() - gutter - labels),
                              std::max(1.0, inside.height() - head - 26))
                           .toRect();
    picture_.plot = plot;
    picture_.labels = QRectF(plot.right() + 1 + 12, plot.top() + 4,
                             labels - 12 - metrics::panelPadding, plot.height() - 4);
    view_->setGeometry(plot);
    overlay_->raise();
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
    if (most != picture_.most) {
        picture_.most = most;
        layOut();
    }
    view_->setPicture(picture_.series, picture_.from, picture_.to, picture_.top());
    chooseEvents();
    chooseShown();
    describe();
    update();
    overlay_->update();
}

void StateChart::chooseEvents()
{
    picture_.events = chartEvents(marks_, picture_.from, picture_.to,
                                  [this](Timestamp t) { return picture_.x(t); });
}

void StateChart::chooseShown()
{
    ChartPicture& p = picture_;
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
    const SeriesPoint* point = point_at(store_.points(), p.shownAt);
    p.shown = point ? std::optional(*point) : std::nullopt;
}

void StateChart::describe()
{
    if (!picture_.shown) {
        setAccessibleDescription(picture_.empty() ? picture_.emptyWords : tr("no sample"));
        return;
    }
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
    constexpr std::size_t mostTold = 5;
    for (const ChartEvent& event : picture_.events) {
        if (&event - picture_.events.data() == mostTold)
            break;
        parts << tr("%1: %2").arg(clockText(event.time, picture_.utc, picture_.to), event.words);
    }
    setAccessibleDescription(parts.join(QStringLiteral(", ")));
}

void StateChart::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintGround(painter, picture_, rect());
}

void StateChart::paintOverlay()
{
    QPainter painter(overlay_);
    paintAbove(painter, picture_);
    if (pressed_ && dragged_)
        paintSelection(painter, picture_, *pressed_, *dragged_);
}

bool StateChart::overPlot(const QPointF& at) const
{
    return picture_.plot.contains(at);
}

bool StateChart::eventFilter(QObject* watched, QEvent* event)
{
    if (watched != overlay_)
        return QWidget::eventFilter(watched, event);
    switch (event->type()) {
    case QEvent::Paint:
        paintOverlay();
        return true;
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

void StateChart::press(const QPointF& at)
{
    pressed_ = at.x();
    dragged_.reset();
}

void StateChart::move(const QPointF& at)
{
    if (pressed_) {
        const double x = std::clamp(at.x(), picture_.plot.left(), picture_.plot.right());
        if (dragged_ || std::abs(x - *pressed_) >= dragDistance) {
            dragged_ = x;
            overlay_->update();
        }
    }
    hoverAt(overPlot(at) ? std::optional(picture_.instant(at.x())) : std::nullopt);
}

void StateChart::release(const QPointF& at)
{
    if (!pressed_)
        return;
    const double start = *pressed_;
    const std::optional<double> end = dragged_;
    pressed_.reset();
    dragged_.reset();
    overlay_->update();
    if (!end) {
        clicked_ = picture_.instant(at.x());
        click_.start();
        return;
    }
    const auto [left, right] = std::minmax(start, *end);
    const Timestamp from = picture_.instant(left);
    const Timestamp to = picture_.instant(right);
    if (to - from >= std::chrono::seconds(1))
        emit rangeRequested(from, to);
}

void StateChart::zoom(const QPointF& at, double steps)
{
    const double factor = std::pow(0.8, std::clamp(steps, -10.0, 10.0));
    const Duration span = picture_.to - picture_.from;
    const Duration wanted = std::clamp<Duration>(
        Duration(static_cast<std::int64_t>(static_cast<double>(to_us(span)) * factor)),
        shortestRange, longestRange);
    if (wanted == span)
        return;
    const double share = (at.x() - picture_.plot.left()) / picture_.plot.width();
    const Timestamp fixed = picture_.instant(at.x());
    const Timestamp from =
        fixed - Duration(static_cast<std::int64_t>(static_cast<double>(to_us(wanted)) * share));
    emit rangeRequested(from, from + wanted);
}

void StateChart::hoverAt(const std::optional<Timestamp>& instant)
{
    if (picture_.hover == instant)
        return;
    setHover(instant);
    emit hoverChanged(instant);
}

} // namespace poolscope
