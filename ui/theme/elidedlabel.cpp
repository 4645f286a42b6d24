// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/elidedlabel.h"

#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

namespace poolscope {

namespace {

const QColor& inkOf(ElidedLabel::Ink ink, const Tokens& t)
{
    switch (ink) {
    case ElidedLabel::Ink::secondary:
        return t.text2;
    case ElidedLabel::Ink::caption:
        return t.text3;
    case ElidedLabel::Ink::warn:
        return t.warn;
    case ElidedLabel::Ink::crit:
        return t.crit;
    case ElidedLabel::Ink::info:
        return t.info;
    case ElidedLabel::Ink::text:
        break;
    }
    return t.text;
}

} // namespace

ElidedLabel::ElidedLabel(QWidget* parent)
    : QWidget(parent)
{
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    connect(&Theme::current(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void ElidedLabel::setText(const QString& text)
{
    if (text_ == text)
        return;
    text_ = text;
    setAccessibleName(text);
    updateGeometry();
    update();
}

void ElidedLabel::setInk(Ink ink)
{
    ink_ = ink;
    update();
}

void ElidedLabel::setElide(Qt::TextElideMode mode)
{
    elide_ = mode;
    update();
}

void ElidedLabel::setAlignment(Qt::Alignment alignment)
{
    alignment_ = alignment;
    update();
}

QSize ElidedLabel::sizeHint() const
{
    const QFontMetrics metrics(font());
    return QSize(metrics.horizontalAdvance(text_) + 1, metrics.height());
}

QSize ElidedLabel::minimumSizeHint() const
{
    const QFontMetrics metrics(font());
    return QSize(metrics.horizontalAdvance(QStringLiteral("mm…")), metrics.height());
}

bool ElidedLabel::event(QEvent* event)
{
    if (event->type() != QEvent::ToolTip || !toolTip().isEmpty())
        return QWidget::event(event);
    const bool cut = QFontMetrics(font()).horizontalAdvance(text_) > width();
    QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(),
                       cut ? plainToolTip(text_) : QString(), this);
    return true;
}

void ElidedLabel::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& tokens = Theme::current().tokens();
    painter.setPen(isEnabled() ? inkOf(ink_, tokens) : tokens.text3);
    const QString shown = QFontMetrics(font()).elidedText(text_, elide_, width());
    painter.drawText(rect(), int(alignment_) | Qt::TextSingleLine, shown);
}

} // namespace poolscope
