// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace poolscope {

/// Text from outside for a tooltip. QToolTip guesses whether its text is rich; this leaves nothing
/// to guess: every character is shown as it is, at most 2,000 of them.
QString plainToolTip(const QString& text);

} // namespace poolscope
