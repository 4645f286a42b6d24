// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/waitwords.h"

#include <optional>

namespace poolscope {

/// What would help a pool now, and how little that is where it is little: one of ten, or one whose
/// place the next takes. Null where nobody's end would help.
/// `blamed`: of slow statements.
std::optional<Relief> relief_of(const PoolCase& pool, const Verdict& verdict,
                                const BlamedStatement& blamed);

/// What ends the root of a tree, and whom that frees.
Relief relief_of(const DiagnosisInput& input, const TargetState& server, const BlockingTree& tree);

} // namespace poolscope
