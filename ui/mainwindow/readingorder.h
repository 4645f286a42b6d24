// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>

class QWidget;

namespace poolscope {

/// All visible and enabled widgets below `parent` that Tab stops at, as one reads: what stands
/// above comes first, of what stands side by side the left, and what stands in one widget stays
/// together.
QList<QWidget*> tabStops(const QWidget& parent);

} // namespace poolscope
