// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/pagetitle.h"

#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"

#include <QPainter>

namespace poolscope {

PageTitle::PageTitle(QWidget* parent)
    : QWidget(parent)
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void PageTitle::setAnswer(int severity, const QString& sentence, const QString& rest, bool quiet)
{
    severity_ = severity;
    sentence_ = sentence;
    rest_ = rest;
    quiet_ = quiet;
    faint_ = false;
    setAccessibleName(rest.isEmpty() ? sentence : sentence + QStringLiteral(", ") + rest);
    update();
}

void PageTitle::setWaiting(const QString& words, bool sentence)
{
    setAnswer(0, words, {}, true);
    faint_ = !sentence;
}

QSize PageTitle::sizeHint() const
{
    return Theme::current().scaled(QSize(200, 24));
}

void PageTitle::paintEvent(QPaintEvent*)
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    QPainter painter(this);
    int x = 0;
    if (!quiet_ && severity_ > 0) {
        const int size = theme.scaled(16);
        paintSeverity(painter, QRectF(0, (height() - size) / 2.0, size, size),
                      severity_ == 2 ? Severity::critical : Severity::warning, tokens);
        x = size + theme.scaled(8);
    }
    const auto write = [&](const QString& text, const QFont& font, const QColor& colour) {
        const QFontMetrics fm(font);
        const QString shown = fm.elidedText(text, Qt::ElideRight, width() - x);
        painter.setFont(font);
        painter.setPen(colour);
        painter.drawText(QRect(x, 0, width() - x, height()), Qt::AlignVCenter | Qt::TextSingleLine,
                         shown);
        x += fm.horizontalAdvance(shown) + theme.scaled(10);
    };
    if (quiet_)
        write(sentence_, theme.ui(13), faint_ ? tokens.text3 : tokens.text2);
    else
        write(sentence_, theme.ui(15, QFont::DemiBold), tokens.text);
    write(rest_, theme.ui(13), tokens.text2);
}

} // namespace poolscope
