// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStyledItemDelegate>

namespace poolscope {

/// Paints the cells of every table: state and severity glyphs with their words, numbers in the
/// monospace font, hairlines between rows. Text is never interpreted.
class RowDelegate : public QStyledItemDelegate
{
    Q_OBJECT
public:
    explicit RowDelegate(QObject* parent = nullptr);
    /// Where the glyphs stand; -1 for nowhere.
    void setGlyphColumns(int state, int severity);

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    /// A row that is a group's head, across the whole width.
    static void paintGroup(QPainter& painter, const QRect& row, const QModelIndex& index,
                           bool expanded, bool selected);
    static void paintChevron(QPainter& painter, const QRect& box, bool expanded);

private:
    int stateColumn_ = -1;
    int severityColumn_ = -1;
};

} // namespace poolscope
