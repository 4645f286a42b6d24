// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/paper/element.h"
#include "ui/paper/printstyle.h"

#include <QRectF>

class QPainter;

namespace poolscope::paper {

/// The size that an svg element gives itself, in its own pixels.
QSizeF sizeOf(const Element& svg);
/// Draws it as vectors, as large as the target is wide. Knows what reports draw: lines, boxes,
/// circles, straight paths, texts, and the hatched ground of gaps.
void draw(QPainter& painter, const Element& svg, const PrintStyle& style, const QRectF& target);

} // namespace poolscope::paper
