// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/mainwindow/keychain.h"

#include <memory>

namespace poolscope {

/// The secret service or the wallet of the user's desktop, through QtKeychain. Null where
/// Poolscope was built without it. Never falls back to a file of its own.
std::shared_ptr<Keychain> makeDesktopKeychain();

} // namespace poolscope
