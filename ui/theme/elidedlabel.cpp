// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/elidedlabel.h"

#include "ui/theme/theme.h"
#include "ui/theme/tooltip.h"

#include <QHelpEvent>
#include <QPainter>
#include <QTextLayout>
#include <QToolTip>

#include <algorithm>

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

void ElidedLabel::setMostLines(int lines)
{
    mostLines_ = lines;
    update();
}

int ElidedLabel::linesAt(int width) const
{
    return std::max(1, int(wrapped(width).size()));
}

QStringList ElidedLabel::wrapped(int width, bool* cut) const
{
    const QFontMetrics metrics(font());
    const auto elided = [&](const QString& text, Qt::TextElideMode mode) {
        QString shown = metrics.elidedText(text, mode, width);
        if (cut)
            *cut = shown != text;
        return shown;
    };
    if (mostLines_ == 1 || metrics.horizontalAdvance(text_) <= width)
        return {elided(text_, elide_)};
    QTextLayout layout(text_, font());
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    layout.setTextOption(option);
    layout.beginLayout();
    QStringList lines;
    while (lines.size() + 1 < mostLines_) {
        QTextLine line = layout.createLine();
        if (!line.isValid())
            return lines;
        line.setLineWidth(width);
        lines << text_.mid(line.textStart(), line.textLength());
    }
    qsizetype behind = 0;
    for (const QString& line : std::as_const(lines))
        behind += line.size();
    if (behind < text_.size())
        lines << elided(text_.mid(behind), Qt::ElideRight);
    return lines;
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
    bool cut = false;
    wrapped(width(), &cut);
    QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(),
                       cut ? plainToolTip(text_) : QString(), this);
    return true;
}

void ElidedLabel::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    const Tokens& tokens = Theme::current().tokens();
    painter.setPen(isEnabled() ? inkOf(ink_, tokens) : tokens.text3);
    const QStringList lines = wrapped(width());
    const int flags = int(alignment_) | (mostLines_ == 1 ? int(Qt::TextSingleLine) : 0);
    painter.drawText(rect(), flags, lines.join(QLatin1Char('\n')));
}

} // namespace poolscope
