// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/arguments.h"

namespace poolscope {

/// Reads the alert rules that were given, else the user's own, if there are any. What is wrong with
/// single rules is said, and they are left out. False, and said why, where a file that was given
/// cannot be read.
bool loadAlertRules(Arguments& arguments);

} // namespace poolscope
