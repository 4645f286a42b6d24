// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHeaderView>

namespace poolscope {

/// The head of a DataTable. Its sort mark stands beside the column's name, on its inner side: at
/// the far edge of a wide column it would seem to belong to the neighbour.
class TableHead : public QHeaderView
{
    Q_OBJECT
public:
    explicit TableHead(QWidget* parent);

    /// Where the mark of a section is drawn; empty where the table is not sorted by it.
    QRect markRect(int section) const;

protected:
    void initStyleOptionForIndex(QStyleOptionHeader* option, int section) const override;
    void paintSection(QPainter* painter, const QRect& rect, int section) const override;

private:
    bool isSorted(int section) const;
    QRect markIn(const QRect& rect, int section) const;
};

} // namespace poolscope
