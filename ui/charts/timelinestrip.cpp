// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/timelinestrip.h"

#include "ui/charts/timeaxis.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

constexpr int margin = 16;
constexpr int groupDistance = 12;
constexpr std::size_t mostPoints = 4'000; ///< a target

} // namespace

TimelineStrip::TimelineStrip(QWidget* parent)
    : QWidget(parent)
{
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Timeline"));
    build_.setSingleShot(true);
    build_.setInterval(0);
    connect(&build_, &QTimer::timeout, this, &TimelineStrip::rebuild);
    connect(&Theme::current(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void TimelineStrip::setUtc(bool utc)
{
    utc_ = utc;
    update();
}

void TimelineStrip::setEmptyWords(const QString& words)
{
    if (words == emptyWords_)
        return;
    emptyWords_ = words;
    update();
}

void TimelineStrip::setBounds(Timestamp start, Timestamp end, bool live)
{
    if (start == start_ && end == end_ && live == live_)
        return;
    start_ = start;
    end_ = std::max(start, end);
    live_ = live;
    schedule();
}

void TimelineStrip::mergeSeries(const std::vector<TargetSeries>& series)
{
    for (const TargetSeries& one : series)
        stores_.try_emplace(one.target, mostPoints).first->second.merge(one.points);
    schedule();
}

void TimelineStrip::appendSeries(const std::vector<TargetSeries>& series)
{
    for (const TargetSeries& one : series) {
        SeriesStore& store = stores_.try_emplace(one.target, mostPoints).first->second;
        for (const SeriesPoint& point : one.points)
            store.append(point);
    }
    schedule();
}

void TimelineStrip::mergePools(const std::vector<PoolSeries>& series)
{
    for (const PoolSeries& one : series)
        pools_.try_emplace({one.target, one.pool}, mostPoints).first->second.merge(one.points);
    schedule();
}

void TimelineStrip::appendPools(const std::vector<PoolSeries>& series)
{
    for (const PoolSeries& one : series) {
        PoolStore& store = pools_.try_emplace({one.target, one.pool}, mostPoints).first->second;
        for (const PoolPoint& point : one.points)
            store.append(point);
    }
    schedule();
}

void TimelineStrip::clearSeries()
{
    stores_.clear();
    pools_.clear();
    schedule();
}

void TimelineStrip::setMarks(const std::vector<Mark>& marks)
{
    marks_ = marks;
    std::stable_sort(marks_.begin(), marks_.end(),
                     [](const Mark& a, const Mark& b) { return a.time < b.time; });
    schedule();
}

void TimelineStrip::setRange(Timestamp from, Timestamp to)
{
    from_ = from;
    to_ = to;
    update();
}

void TimelineStrip::setCursor(Timestamp cursor)
{
    cursor_ = cursor;
    setAccessibleDescription(tr("cursor at %1").arg(clockText(cursor, utc_)));
    update();
}

void TimelineStrip::setHover(const std::optional<Timestamp>& hover)
{
    if (hover_ == hover)
        return;
    hover_ = hover;
    update();
}

std::size_t TimelineStrip::wantedPoints() const
{
    return static_cast<std::size_t>(std::clamp(lane().width(), 100.0, mostPoints / 2.0));
}

QRectF TimelineStrip::lane() const
{
    const int side = Theme::current().scaled(margin);
    return QRectF(side, 2, std::max(1, width() - 2 * side), height() - 2);
}

double TimelineStrip::x(Timestamp t) const
{
    const QRectF area = lane();
    if (end_ <= start_)
        return area.right();
    return area.left() + area.width() * static_cast<double>(to_us(t - start_)) /
                             static_cast<double>(to_us(end_ - start_));
}

Timestamp TimelineStrip::instant(double px) const
{
    const QRectF area = lane();
    const double share = std::clamp((px - area.left()) / area.width(), 0.0, 1.0);
    return start_ +
           Duration(static_cast<std::int64_t>(share * static_cast<double>(to_us(end_ - start_))));
}

double TimelineStrip::shareAt(double px) const
{
    const auto column = static_cast<std::ptrdiff_t>(px - lane().left());
    if (column < 0 || column >= static_cast<std::ptrdiff_t>(columns_.size()))
        return -1;
    return columns_[static_cast<std::size_t>(column)];
}

void TimelineStrip::flush()
{
    build_.stop();
    rebuild();
}

QSize TimelineStrip::sizeHint() const
{
    return Theme::current().scaled(QSize(600, metrics::stripHeight));
}

QSize TimelineStrip::minimumSizeHint() const
{
    return Theme::current().scaled(QSize(200, metrics::stripHeight));
}

void TimelineStrip::schedule()
{
    if (isVisible() && !build_.isActive())
        build_.start();
}

void TimelineStrip::showEvent(QShowEvent*)
{
    flush();
}

void TimelineStrip::resizeEvent(QResizeEvent*)
{
    flush();
}

void TimelineStrip::groupMarks()
{
    const double near = Theme::current().scaled(groupDistance);
    groups_.clear();
    for (const Mark& mark : marks_) {
        if (mark.time < start_ || mark.time > end_)
            continue;
        const double at = x(mark.time);
        const bool merge = !groups_.empty() && at - x(groups_.back().marks.back().time) < near &&
                           at - x(groups_.back().marks.front().time) < 4 * near;
        if (!merge)
            groups_.push_back({at, mark.kind, {}});
        MarkGroup& group = groups_.back();
        group.marks.push_back(mark);
        group.x = (x(group.marks.front().time) + at) / 2;
        if (rankOf(mark.kind) > rankOf(group.worst))
            group.worst = mark.kind;
    }
    partGroups();
}

/// A count is wider than a glyph: what would cover its neighbour becomes one with it.
void TimelineStrip::partGroups()
{
    const Theme& theme = Theme::current();
    const auto half = [&theme](const MarkGroup& group) {
        return theme.scaled(group.marks.size() > 99  ? 15
                            : group.marks.size() > 9 ? 11
                            : group.marks.size() > 1 ? 8
                                                     : 6);
    };
    std::vector<MarkGroup> apart;
    for (MarkGroup& group : groups_) {
        if (apart.empty() || group.x - apart.back().x >= half(apart.back()) + half(group)) {
            apart.push_back(std::move(group));
            continue;
        }
        MarkGroup& before = apart.back();
        if (rankOf(group.worst) > rankOf(before.worst))
            before.worst = group.worst;
        before.marks.insert(before.marks.end(), group.marks.begin(), group.marks.end());
        before.x = (x(before.marks.front().time) + x(before.marks.back().time)) / 2;
    }
    groups_ = std::move(apart);
}

QString TimelineStrip::toolTipAt(const QPointF& at) const
{
    const Theme& theme = Theme::current();
    if (at.y() > theme.scaled(metrics::marksLane + 6))
        return {};
    const auto hit = std::find_if(groups_.begin(), groups_.end(), [&](const MarkGroup& group) {
        return std::abs(group.x - at.x()) <= theme.scaled(9);
    });
    if (hit == groups_.end())
        return {};
    QStringList lines;
    constexpr std::size_t most = 8;
    for (std::size_t i = 0; i < hit->marks.size() && i < most; ++i) {
        const Mark& mark = hit->marks[i];
        lines << tr("%1 %2: %3")
                     .arg(clockText(mark.time, utc_, end_), markName(mark.kind),
                          QString::fromStdString(plain_line(mark.sentence, 200)));
    }
    if (hit->marks.size() > most)
        lines << tr("and %1 more").arg(hit->marks.size() - most);
    return lines.join(QLatin1Char('\n'));
}

bool TimelineStrip::event(QEvent* event)
{
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QToolTip::showText(help->globalPos(), plainToolTip(toolTipAt(help->pos())), this);
    return true;
}

void TimelineStrip::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton || end_ <= start_)
        return;
    // On a mark the cursor goes to it, not to the pixel beside it.
    const Theme& theme = Theme::current();
    if (event->position().y() <= theme.scaled(metrics::marksLane + 4))
        for (const MarkGroup& group : groups_)
            if (std::abs(group.x - event->position().x()) <= theme.scaled(7)) {
                emit seekRequested(group.marks.front().time);
                return;
            }
    emit seekRequested(instant(event->position().x()));
}

void TimelineStrip::mouseMoveEvent(QMouseEvent* event)
{
    if (end_ <= start_)
        return;
    const Timestamp at = instant(event->position().x());
    if (event->buttons() & Qt::LeftButton) {
        emit seekRequested(at);
        return;
    }
    setHover(at);
    emit hoverChanged(hover_);
}

void TimelineStrip::leaveEvent(QEvent*)
{
    setHover(std::nullopt);
    emit hoverChanged(hover_);
}

void TimelineStrip::wheelEvent(QWheelEvent* event)
{
    // A touchpad tells many small steps; a notch of a wheel is 120.
    constexpr int notch = 120;
    turned_ += event->angleDelta().y();
    for (; std::abs(turned_) >= notch; turned_ -= turned_ > 0 ? notch : -notch)
        emit zoomRequested(turned_ > 0 ? 1 : -1);
    event->accept();
}

void TimelineStrip::keyPressEvent(QKeyEvent* event)
{
    const bool control = event->modifiers() & Qt::ControlModifier;
    const bool shift = event->modifiers() & Qt::ShiftModifier;
    switch (event->key()) {
    case Qt::Key_Left:
    case Qt::Key_Right: {
        const bool forward = event->key() == Qt::Key_Right;
        if (control)
            emit markRequested(forward);
        else if (shift)
            emit jumpRequested(forward ? 10 : -10);
        else
            emit stepRequested(forward);
        break;
    }
    case Qt::Key_Home:
        emit startRequested();
        break;
    case Qt::Key_End:
        emit liveRequested();
        break;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
    case Qt::Key_Minus: {
        const int direction = event->key() == Qt::Key_Minus ? -1 : 1;
        if (control)
            emit zoomRequested(direction);
        else
            emit speedRequested(direction);
        break;
    }
    default:
        QWidget::keyPressEvent(event);
    }
}

void TimelineStrip::focusInEvent(QFocusEvent*)
{
    update();
}

void TimelineStrip::focusOutEvent(QFocusEvent*)
{
    update();
}

} // namespace poolscope
