// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/tablehead.h"

#include "ui/theme/theme.h"

#include <QFontMetrics>
#include <QPainter>
#include <QStyleOptionHeader>

#include <algorithm>

namespace poolscope {

TableHead::TableHead(QWidget* parent)
    : QHeaderView(Qt::Horizontal, parent)
{
    setSectionsClickable(true);
    setHighlightSections(false);
    setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
}

bool TableHead::isSorted(int section) const
{
    return isSortIndicatorShown() && sortIndicatorSection() == section;
}

void TableHead::initStyleOptionForIndex(QStyleOptionHeader* option, int section) const
{
    QHeaderView::initStyleOptionForIndex(option, section);
    option->sortIndicator = QStyleOptionHeader::None; // drawn below
}

QRect TableHead::markIn(const QRect& rect, int section) const
{
    const Theme& theme = Theme::current();
    // As the style sheet sets a section's name.
    QFont name = font();
    name.setPixelSize(theme.scaled(11));
    name.setWeight(QFont::DemiBold);
    const QString text = model()->headerData(section, orientation()).toString();
    const int width = QFontMetrics(name).horizontalAdvance(text);
    const int side = theme.scaled(7);
    const int gap = theme.scaled(4);
    QStyleOptionHeaderV2 option;
    initStyleOption(&option);
    option.rect = rect;
    initStyleOptionForIndex(&option, section);
    const QRect label = style()->subElementRect(QStyle::SE_HeaderLabel, &option, this);
    const int x = option.textAlignment.testFlag(Qt::AlignRight)
                      ? std::max(rect.left() + 1, label.right() - width - gap - side)
                      : std::min(label.left() + width + gap, rect.right() - side);
    return {x, rect.center().y() - side / 2, side, side};
}

QRect TableHead::markRect(int section) const
{
    if (!isSorted(section))
        return {};
    return markIn({sectionViewportPosition(section), 0, sectionSize(section), height()}, section);
}

void TableHead::paintSection(QPainter* painter, const QRect& rect, int section) const
{
    painter->save();
    QHeaderView::paintSection(painter, rect, section);
    painter->restore();
    if (!isSorted(section))
        return;
    const QRectF at = markIn(rect, section);
    const double rim = at.height() / 4;
    const bool up = sortIndicatorOrder() == Qt::AscendingOrder;
    const double tip = up ? at.top() + rim / 2 : at.bottom() - rim / 2;
    const double base = up ? at.bottom() - rim : at.top() + rim;
    const QPointF triangle[] = {{at.left(), base}, {at.right(), base}, {at.center().x(), tip}};
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(Qt::NoPen);
    painter->setBrush(Theme::current().tokens().text2);
    painter->drawConvexPolygon(triangle, 3);
    painter->restore();
}

} // namespace poolscope
