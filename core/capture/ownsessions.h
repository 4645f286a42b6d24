// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "core/model/world.h"

#include <functional>
#include <vector>

namespace poolscope {

/// Who has that pid on that target now; null for nobody.
using SessionByPid = std::function<const SessionRow*(TargetId, Pid)>;

/// Poolscope's own, also where another target of the same server shows it as anybody's: each knows
/// the session of its own alone.
bool is_own(const Session& session, const std::vector<TargetSummary>& targets,
            const SessionByPid& find);
/// The same of a session of that world, by its name alone where it is gone.
bool is_own(const SessionKey& key, const World& world);

} // namespace poolscope
