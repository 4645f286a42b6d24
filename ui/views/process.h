// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

namespace poolscope {

/// An instrumented process: it knows pools and checkouts, and nothing of a server's sessions. Known
/// from the first moment, before anything answered.
inline bool isProcess(const TargetSummary& target)
{
    return target.agent || target.info.kind == "pool" || target.info.kind == "demo";
}

} // namespace poolscope
