// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/panel.h"

#include "ui/theme/theme.h"

#include <QPainter>

namespace poolscope {

Panel::Panel(QWidget* parent)
    : QFrame(parent)
{
    setContentsMargins(1, 1, 1, 1);
    connect(&Theme::current(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void Panel::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& t = Theme::current().tokens();
    painter.fillRect(rect(), t.line);
    painter.fillRect(rect().adjusted(1, 1, -1, -1), t.surface);
}

SectionHead::SectionHead(const QString& title, QWidget* parent)
    : QWidget(parent)
    , title_(title)
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(title);
    connect(&Theme::current(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void SectionHead::setTitle(const QString& title)
{
    title_ = title;
    setAccessibleName(title);
    update();
}

void SectionHead::setCaption(const QString& caption)
{
    caption_ = caption;
    setAccessibleDescription(caption);
    update();
}

QSize SectionHead::sizeHint() const
{
    return Theme::current().scaled(QSize(120, metrics::sectionHead));
}

void SectionHead::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    painter.fillRect(rect(), t.header);
    painter.fillRect(0, height() - 1, width(), 1, t.line);
    painter.fillRect(0, 0, width(), 1, t.line);

    const int pad = theme.scaled(metrics::panelPadding);
    const QRect inner = rect().adjusted(pad, 0, -pad, 0);
    const QFont small = theme.ui(11);
    const QFont strong = theme.ui(13, QFont::DemiBold);
    const int titleWidth = QFontMetrics(strong).horizontalAdvance(title_);
    painter.setFont(strong);
    painter.setPen(t.text);
    painter.drawText(inner, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine,
                     QFontMetrics(strong).elidedText(title_, Qt::ElideRight, inner.width()));
    const int room = inner.width() - titleWidth - theme.scaled(metrics::cellPadding);
    if (room < theme.scaled(24) || caption_.isEmpty())
        return;
    painter.setFont(small);
    painter.setPen(t.text2);
    painter.drawText(inner, Qt::AlignRight | Qt::AlignVCenter | Qt::TextSingleLine,
                     QFontMetrics(small).elidedText(caption_, Qt::ElideRight, room));
}

void setPadding(QFrame& frame, const QMargins& padding)
{
    const QSize least(padding.left() + padding.right() + 1, padding.top() + padding.bottom() + 1);
    frame.resize(frame.size().expandedTo(least));
    frame.setContentsMargins(padding);
}

void paintTitle(QPainter& painter, const QRectF& line, const QString& bold, const QString& rest)
{
    const Theme& theme = Theme::current();
    const QFont strong = theme.ui(13, QFont::DemiBold);
    const QFontMetricsF measure(strong);
    const QString name = measure.elidedText(bold, Qt::ElideRight, line.width() * 0.6);
    painter.setFont(strong);
    painter.setPen(theme.tokens().text);
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine, name);

    const QRectF after = line.adjusted(
        measure.horizontalAdvance(name) + theme.scaled(metrics::cellPadding), 0, 0, 0);
    const QFont plain = theme.ui();
    painter.setFont(plain);
    painter.setPen(theme.tokens().text2);
    painter.drawText(after, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine,
                     QFontMetricsF(plain).elidedText(rest, Qt::ElideRight, after.width()));
}

} // namespace poolscope
