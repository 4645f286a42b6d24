// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/comparerows.h"
#include "ui/views/rowdelegate.h"

namespace poolscope {

/// Cells of a comparison: as everywhere, and in the last column a mark before the words of what
/// changed. It is of no colour of its own: more is neither good nor bad.
class ChangeDelegate : public RowDelegate
{
    Q_OBJECT
public:
    /// Both outlive it.
    ChangeDelegate(const compare::Comparison& comparison, const TreeModel& model, QObject* parent);

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    /// An arrow up or down, a plus, a minus, on the grid of 12 px of all glyphs.
    static void paintMoved(QPainter& painter, const QRectF& box, Moved moved);

private:
    const compare::Comparison& comparison_;
    const TreeModel& model_;
};

} // namespace poolscope
