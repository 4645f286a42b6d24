// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QIcon>
#include <QString>

namespace poolscope {

/// The icon :/icons/NAME.svg in the theme's text colour, drawn anew at each size and device pixel
/// ratio; it follows a change of theme by itself. Empty where there is no such icon.
QIcon themedIcon(const QString& name);
/// The same in one colour (a token), which it keeps.
QIcon themedIcon(const QString& name, const QColor& colour);
/// The application's own icon, in its own colours.
QIcon applicationIcon();

} // namespace poolscope
