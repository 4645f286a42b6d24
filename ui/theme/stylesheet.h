// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/theme/tokens.h"

#include <QString>

namespace poolscope {

/// Flattens Fusion's gradients. `scale` enlarges the few sizes it has to name.
QString styleSheetFor(const Tokens& tokens, double scale);

} // namespace poolscope
