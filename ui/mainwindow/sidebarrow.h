// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStyledItemDelegate>

namespace poolscope {

/// What the rows of the sidebar carry.
enum SidebarRole {
    sidebarIdRole = Qt::UserRole, ///< page name or target number
    sidebarIconRole,
    sidebarValueRole,  ///< the count, or used/max
    sidebarSecondRole, ///< the second line of a target
    sidebarTroubleRole,
    sidebarDetachedRole,
    sidebarUrlRole,
};

/// Draws pages on one line and targets on two; narrow, the icon with the count under it.
class SidebarRow : public QStyledItemDelegate
{
    Q_OBJECT
public:
    SidebarRow(bool twoLines, QObject* parent);
    void setNarrow(bool narrow) { narrow_ = narrow; }

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

private:
    void paintNarrow(QPainter* painter, const QStyleOptionViewItem& option,
                     const QModelIndex& index) const;
    bool twoLines_;
    bool narrow_ = false;
};

} // namespace poolscope
