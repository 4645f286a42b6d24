// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/changedelegate.h"

#include "ui/theme/theme.h"

#include <QPainter>

namespace poolscope {

ChangeDelegate::ChangeDelegate(const compare::Comparison& comparison, const TreeModel& model,
                               QObject* parent)
    : RowDelegate(parent)
    , comparison_(comparison)
    , model_(model)
{}

void ChangeDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                           const QModelIndex& index) const
{
    const TreeNode* const node = model_.node(index);
    if (index.column() != static_cast<int>(CompareColumn::change) || !node || node->group) {
        RowDelegate::paint(painter, option, index);
        return;
    }
    const Theme& theme = Theme::current();
    const int pad = theme.scaled(metrics::cellPadding);
    const int size = theme.scaled(metrics::glyph);
    if (option.state.testFlag(QStyle::State_Selected))
        painter->fillRect(option.rect, theme.tokens().sel);
    const compare::Change* const change = changeOf(comparison_, node->id);
    if (const auto moved = change ? movedOf(*change) : std::nullopt)
        paintMoved(*painter,
                   QRectF(option.rect.left() + pad, option.rect.center().y() - size / 2.0 + 0.5,
                          size, size),
                   *moved);
    // Their words begin below each other, with a mark or without.
    QStyleOptionViewItem words = option;
    words.rect.setLeft(option.rect.left() + size + theme.scaled(6));
    RowDelegate::paint(painter, words, index);
}

void ChangeDelegate::paintMoved(QPainter& painter, const QRectF& box, Moved moved)
{
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.translate(box.topLeft());
    painter.scale(box.width() / 12, box.height() / 12);
    painter.setPen(
        QPen(Theme::current().tokens().text, 1.75, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter.setBrush(Qt::NoBrush);
    switch (moved) {
    case Moved::rose:
        painter.drawLine(QPointF(6, 10.5), QPointF(6, 2));
        painter.drawPolyline(QPolygonF({{2.5, 5.5}, {6, 2}, {9.5, 5.5}}));
        break;
    case Moved::fell:
        painter.drawLine(QPointF(6, 1.5), QPointF(6, 10));
        painter.drawPolyline(QPolygonF({{2.5, 6.5}, {6, 10}, {9.5, 6.5}}));
        break;
    case Moved::appeared:
        painter.drawLine(QPointF(6, 2), QPointF(6, 10));
        painter.drawLine(QPointF(2, 6), QPointF(10, 6));
        break;
    case Moved::gone:
        painter.drawLine(QPointF(2, 6), QPointF(10, 6));
        break;
    }
    painter.restore();
}

} // namespace poolscope
