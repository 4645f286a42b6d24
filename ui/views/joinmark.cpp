// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/joinmark.h"

#include "ui/models/joined.h"
#include "ui/theme/theme.h"

#include <QPainter>

namespace poolscope {

JoinMark::JoinMark(QWidget* parent)
    : QWidget(parent)
{
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    connect(&Theme::current(), &Theme::changed, this, qOverload<>(&QWidget::update));
}

void JoinMark::setJoin(JoinedBy by)
{
    set(by == JoinedBy::server_pid    ? Qt::SolidLine
        : by == JoinedBy::client_port ? Qt::DashLine
                                      : Qt::DotLine,
        tr("joined %1").arg(joinWords(by)));
}

void JoinMark::setAmbiguous(JoinedBy by, std::size_t candidates)
{
    set(Qt::DashDotLine, tr("%1 candidates %2?").arg(candidates).arg(joinWords(by)));
}

void JoinMark::setNone(const QString& words)
{
    set(Qt::NoPen, words);
}

void JoinMark::set(Qt::PenStyle style, const QString& words)
{
    if (style == style_ && words == words_)
        return;
    style_ = style;
    words_ = words;
    setAccessibleName(words);
    update();
}

QSize JoinMark::sizeHint() const
{
    return {Theme::current().scaled(120), Theme::current().scaled(16)};
}

void JoinMark::paintEvent(QPaintEvent*)
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    QPainter painter(this);
    QRect area = rect();
    if (style_ != Qt::NoPen) {
        const int length = theme.scaled(28);
        const double y = area.center().y() + 0.5;
        painter.setPen(QPen(tokens.accent, theme.scaled(2), style_, Qt::FlatCap));
        painter.drawLine(QPointF(0, y), QPointF(length, y));
        area.setLeft(length + theme.scaled(metrics::cellPadding));
    }
    const QFont font = theme.ui();
    painter.setFont(font);
    painter.setPen(style_ == Qt::NoPen ? tokens.text3 : tokens.text);
    painter.drawText(area, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
                     QFontMetrics(font).elidedText(words_, Qt::ElideRight, area.width()));
}

} // namespace poolscope
