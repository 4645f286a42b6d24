// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QString>

class QPainter;
class QRect;

namespace poolscope {

enum class CellFont { ui, mono };

/// Draws one line of plain text in a cell with the painter's pen, and keeps it laid out: a table
/// draws the same few hundred texts again at every refresh, and to shape them costs more than to
/// draw them. `elide` cuts at the right; otherwise the text is drawn whole. GUI thread. Gives the
/// width of what was drawn.
int drawCellText(QPainter& painter, const QRect& area, const QString& text, CellFont kind,
                 QFont::Weight weight, bool right, bool elide);

/// The width that the whole text would take.
int cellTextWidth(const QString& text, CellFont kind, QFont::Weight weight);

} // namespace poolscope
