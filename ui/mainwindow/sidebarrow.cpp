// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/sidebarrow.h"

#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QPainter>

namespace poolscope {

namespace {

void paintGround(QPainter* painter, const QStyleOptionViewItem& option)
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    if (selected)
        painter->fillRect(option.rect, tokens.sel);
    else if (option.state.testFlag(QStyle::State_MouseOver))
        painter->fillRect(option.rect, tokens.hover);
    if (selected)
        painter->fillRect(
            QRect(option.rect.topLeft(), QSize(theme.scaled(3), option.rect.height())),
            tokens.accent);
    if (option.state.testFlag(QStyle::State_HasFocus) &&
        option.state.testFlag(QStyle::State_KeyboardFocusChange)) {
        painter->setPen(QPen(tokens.accent, 2));
        painter->drawRect(option.rect.adjusted(1, 1, -1, -1));
    }
}

} // namespace

SidebarRow::SidebarRow(bool twoLines, QObject* parent)
    : QStyledItemDelegate(parent)
    , twoLines_(twoLines)
{}

QSize SidebarRow::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const
{
    const Theme& theme = Theme::current();
    if (narrow_) {
        const bool value = !index.data(sidebarValueRole).toString().isEmpty();
        return {theme.scaled(56), theme.scaled(value ? 44 : 32)};
    }
    return {theme.scaled(120), theme.scaled(twoLines_ ? 40 : metrics::sidebarRow)};
}

void SidebarRow::paintNarrow(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    const bool trouble = index.data(sidebarTroubleRole).toBool();
    const int side = theme.scaled(metrics::icon);
    const QString value = index.data(sidebarValueRole).toString();
    const QRect& r = option.rect;
    const int top = value.isEmpty() ? r.top() + (r.height() - side) / 2 : r.top() + theme.scaled(6);
    const QIcon icon =
        themedIcon(index.data(sidebarIconRole).toString(), trouble ? tokens.crit : tokens.text);
    icon.paint(painter, QRect(r.left() + (r.width() - side) / 2, top, side, side));
    if (value.isEmpty())
        return;
    painter->setFont(theme.mono(11));
    painter->setPen(trouble ? tokens.crit : tokens.text2);
    const int gap = theme.scaled(2);
    const QRect below(r.left() + gap, top + side + gap, r.width() - 2 * gap,
                      r.bottom() - top - side);
    painter->drawText(below, Qt::AlignHCenter | Qt::AlignTop | Qt::TextSingleLine,
                      painter->fontMetrics().elidedText(value, Qt::ElideRight, below.width()));
}

void SidebarRow::paint(QPainter* painter, const QStyleOptionViewItem& option,
                       const QModelIndex& index) const
{
    painter->save();
    paintGround(painter, option);
    if (narrow_) {
        paintNarrow(painter, option, index);
        painter->restore();
        return;
    }
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    const bool trouble = index.data(sidebarTroubleRole).toBool();
    const QRect r = option.rect.adjusted(theme.scaled(12), 0, -theme.scaled(12), 0);
    const int side = theme.scaled(metrics::icon);
    const int line = twoLines_ ? theme.scaled(20) : r.height();
    const int top = r.top() + (twoLines_ ? theme.scaled(2) : 0);
    themedIcon(index.data(sidebarIconRole).toString(), trouble ? tokens.crit : tokens.text)
        .paint(painter, QRect(r.left(), top + (line - side) / 2, side, side));

    const QString value = index.data(sidebarValueRole).toString();
    const QFont mono = theme.mono(12);
    const int valueWidth = value.isEmpty() ? 0 : QFontMetrics(mono).horizontalAdvance(value);
    painter->setFont(mono);
    painter->setPen(tokens.text2);
    painter->drawText(QRect(r.right() - valueWidth, top, valueWidth + 1, line),
                      Qt::AlignRight | Qt::AlignVCenter | Qt::TextSingleLine, value);

    const int left = r.left() + side + theme.scaled(8);
    const QRect name(left, top, r.right() - left - valueWidth - theme.scaled(valueWidth ? 8 : 0),
                     line);
    painter->setFont(theme.ui(13, selected || twoLines_ ? QFont::DemiBold : QFont::Normal));
    painter->setPen(tokens.text);
    painter->drawText(
        name, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine,
        // Two servers of one host differ at the end.
        painter->fontMetrics().elidedText(
            index.data().toString(), twoLines_ ? Qt::ElideMiddle : Qt::ElideRight, name.width()));
    if (twoLines_) {
        const QRect second(left, top + line, r.right() - left, r.bottom() - top - line);
        painter->setFont(theme.ui(11));
        painter->setPen(trouble ? tokens.crit : tokens.captionOn(selected));
        painter->drawText(
            second, Qt::AlignLeft | Qt::AlignTop | Qt::TextSingleLine,
            painter->fontMetrics().elidedText(index.data(sidebarSecondRole).toString(),
                                              Qt::ElideRight, second.width()));
    }
    painter->restore();
}

} // namespace poolscope
