// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/detailhead.h"

#include "ui/models/formatter.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QPainter>

namespace poolscope {

DetailHead::DetailHead(QWidget* parent)
    : QWidget(parent)
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QSize DetailHead::sizeHint() const
{
    return Theme::current().scaled(QSize(200, 36));
}

void DetailHead::setSession(const QString& pid, SessionState state, const QString& words,
                            const QString& age, LeakSeverity severity)
{
    holder_ = false;
    subject_.reset();
    pid_ = pid;
    state_ = state;
    words_ = words;
    age_ = age;
    severity_ = severity;
    setAccessibleName(QStringLiteral("%1, %2, %3").arg(pid, words, age));
    update();
}

void DetailHead::setHolder(const QString& lead, LeakSeverity severity, const QString& words,
                           const QString& age)
{
    holder_ = true;
    subject_.reset();
    pid_ = lead;
    words_ = words;
    age_ = age;
    severity_ = severity;
    setAccessibleName(QStringLiteral("%1, %2, %3").arg(lead, words, age));
    setAccessibleDescription(severity == LeakSeverity::none ? QString()
                                                            : Formatter::severity(severity));
    update();
}

void DetailHead::setSubject(Severity severity, const QString& words)
{
    subject_ = severity;
    pid_.clear();
    words_ = words;
    age_.clear();
    severity_ = LeakSeverity::none;
    setAccessibleName(words);
    setAccessibleDescription(severityName(severity));
    update();
}

void DetailHead::setOld(bool old)
{
    if (old == old_)
        return;
    old_ = old;
    update();
}

void DetailHead::paintEvent(QPaintEvent*)
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    QPainter painter(this);
    const int pad = theme.scaled(metrics::panelPadding);
    QRect area = rect().adjusted(pad, 0, -pad, 0);
    const QFont strong = theme.mono(13, QFont::DemiBold);
    painter.setFont(strong);
    painter.setPen(old_                                  ? tokens.text3
                   : severity_ == LeakSeverity::critical ? tokens.crit
                   : severity_ == LeakSeverity::alert    ? tokens.warn
                                                         : tokens.text);
    painter.drawText(area, Qt::AlignRight | Qt::AlignVCenter, age_);
    area.setRight(area.right() - QFontMetrics(strong).horizontalAdvance(age_) - pad);
    painter.setPen(old_ ? tokens.text3 : tokens.text);
    painter.drawText(area, Qt::AlignLeft | Qt::AlignVCenter, pid_);
    if (!pid_.isEmpty())
        area.setLeft(area.left() + QFontMetrics(strong).horizontalAdvance(pid_) + pad);
    const int size = theme.scaled(metrics::glyph);
    painter.setOpacity(old_ ? metrics::oldGlyph : 1.0);
    const QRectF box(area.left(), (height() - size) / 2.0, size, size);
    if (subject_)
        paintSeverity(painter, box, *subject_, tokens);
    else if (holder_)
        paintSeverity(painter, box,
                      severity_ == LeakSeverity::critical ? Severity::critical
                      : severity_ == LeakSeverity::alert  ? Severity::warning
                                                          : Severity::none,
                      tokens);
    else
        paintState(painter, box, state_, tokens);
    area.setLeft(area.left() + size + theme.scaled(6));
    painter.setOpacity(1.0);
    const QFont plain = theme.ui(13);
    painter.setFont(plain);
    painter.drawText(area, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine,
                     QFontMetrics(plain).elidedText(words_, Qt::ElideRight, area.width()));
}

} // namespace poolscope
