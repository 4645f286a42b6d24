// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/pastlane.h"

#include "ui/charts/timeaxis.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

constexpr int barHeight = 14;

} // namespace

PastLane::PastLane(QWidget* parent)
    : QWidget(parent)
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Past of this session"));
    connect(&Theme::current(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void PastLane::setSpans(std::vector<Span> spans, Timestamp from, Timestamp to)
{
    spans_ = std::move(spans);
    from_ = from;
    to_ = to;
    describe();
    update();
}

void PastLane::setMoments(std::vector<Moment> moments)
{
    moments_ = std::move(moments);
    describe();
    update();
}

void PastLane::setNames(std::map<SessionState, QString> names)
{
    names_ = std::move(names);
}

QString PastLane::nameOf(SessionState state) const
{
    const auto own = names_.find(state);
    return own == names_.end() ? stateName(state) : own->second;
}

void PastLane::describe()
{
    QStringList words;
    if (!spans_.empty() && spans_.back().state)
        words << tr("%1 since %2")
                     .arg(nameOf(*spans_.back().state), clockText(spans_.back().from, utc_));
    for (const Moment& moment : moments_)
        words << tr("%1 at %2").arg(moment.words, clockText(moment.at, utc_));
    setAccessibleDescription(words.join(QStringLiteral(", ")));
}

void PastLane::setUtc(bool utc)
{
    utc_ = utc;
    update();
}

QSize PastLane::sizeHint() const
{
    return Theme::current().scaled(QSize(240, barHeight + 20));
}

QSize PastLane::minimumSizeHint() const
{
    return QSize(Theme::current().scaled(120), sizeHint().height());
}

double PastLane::x(Timestamp t) const
{
    if (to_ <= from_)
        return 0;
    const double share =
        static_cast<double>(to_us(t - from_)) / static_cast<double>(to_us(to_ - from_));
    return std::clamp(share, 0.0, 1.0) * width();
}

const PastLane::Span* PastLane::spanAt(double px) const
{
    const Span* found = nullptr;
    for (const Span& span : spans_)
        if (x(span.from) <= px)
            found = &span;
    return found;
}

bool PastLane::event(QEvent* event)
{
    if (event->type() != QEvent::ToolTip)
        return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const Span* span = spanAt(help->pos().x());
    QString text;
    if (span)
        text = tr("%1 since %2")
                   .arg(span->state ? nameOf(*span->state) : tr("not there"),
                        clockText(span->from, utc_, to_));
    for (const Moment& moment : moments_) {
        if (std::abs(x(moment.at) - help->pos().x()) <= Theme::current().scaled(4))
            text = tr("%1 at %2").arg(moment.words, clockText(moment.at, utc_, to_));
    }
    QToolTip::showText(help->globalPos(), text, this);
    return true;
}

void PastLane::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    if (spans_.empty() || to_ <= from_) {
        painter.setFont(theme.ui(11));
        painter.setPen(t.text3);
        painter.drawText(rect(), Qt::AlignLeft | Qt::AlignTop, tr("nothing recorded of it yet"));
        return;
    }
    const double ratio = devicePixelRatioF();
    const double height = theme.scaled(barHeight);
    painter.fillRect(QRectF(0, 0, width(), height), t.header);
    for (std::size_t i = 0; i < spans_.size(); ++i) {
        if (!spans_[i].state)
            continue;
        const bool last = i + 1 == spans_.size();
        const double left = snapped(x(spans_[i].from), ratio);
        const double right = snapped(last ? width() : x(spans_[i + 1].from), ratio);
        // A state shorter than a pixel still shows, but never over the one that lasts.
        const double wide = std::max(right - left, last ? 2 / ratio : 1 / ratio);
        painter.fillRect(QRectF(std::min(left, width() - wide), 0, wide, height),
                         t.state(*spans_[i].state));
        if (!last && right - left > 3)
            painter.fillRect(QRectF(right - 1 / ratio, 0, 1 / ratio, height), t.surface);
    }
    paintMoments(painter);
    paintTimes(painter);
}

void PastLane::paintMoments(QPainter& painter) const
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const double height = theme.scaled(barHeight) + 2;
    for (const Moment& moment : moments_) {
        const double at = std::clamp(x(moment.at), 1.0, width() - 2.0);
        // On a halo, so that it shows on a state of nearly its own colour.
        paintVLine(painter, at, 0, height, 4, t.surface);
        paintVLine(painter, at, 0, height, 2, t.text);
    }
}

void PastLane::paintTimes(QPainter& painter) const
{
    const Theme& theme = Theme::current();
    const QFont font = theme.mono(11);
    const QFontMetricsF metrics(font);
    painter.setFont(font);
    painter.setPen(theme.tokens().text2);
    const double top = theme.scaled(barHeight + 3);
    const double tall = theme.scaled(15), gap = theme.scaled(8);
    const auto draw = [&](double left, const QString& text) {
        painter.drawText(QRectF(left, top, metrics.horizontalAdvance(text) + 1, tall),
                         Qt::AlignLeft | Qt::AlignVCenter, text);
    };
    const QString start = clockText(from_, utc_), end = clockText(to_, utc_);
    const double endLeft = width() - metrics.horizontalAdvance(end);
    const double startRight = metrics.horizontalAdvance(start);
    if (startRight + gap < endLeft)
        draw(0, start);
    draw(endLeft, end);
    const QString since = clockText(spans_.back().from, utc_);
    const double wide = metrics.horizontalAdvance(since);
    const double least = startRight + gap, most = endLeft - gap - wide;
    const double wanted = x(spans_.back().from) - wide / 2;
    if (least <= most && spans_.back().from > from_ && since != start)
        draw(std::clamp(wanted, least, most), since);
}

} // namespace poolscope
