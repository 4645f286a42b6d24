// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/target.h"

#include <string>
#include <string_view>

// What is told of sentences that came from outside, where no name may be in them: words of our own
// for the kind of trouble, never any of theirs.
namespace poolscope::report {

/// Also keeps apart what is found by a status: see core/model/refusal.h and is_detached().
std::string told_of(const TargetStatus& status);
std::string told_of_gap(std::string_view reason);
/// Of what an action was on, only its state and for how long: "idle in transaction for 6 min 12 s".
std::string told_of_action(std::string_view sentence);

} // namespace poolscope::report
