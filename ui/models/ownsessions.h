// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"

namespace poolscope {

/// Poolscope's own, also where another target of the same server shows it as anybody's.
bool isOwn(const SessionStore& store, const Session& session);

} // namespace poolscope
