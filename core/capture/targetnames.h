// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/target.h"

#include <set>
#include <string>

namespace poolscope {

/// The target's name, told from those that are taken: by its port where that tells it
/// ("db1:5433/shop"), else by a number ("db1/shop (2)"). Two servers under one name would invite to
/// end a session of the wrong one.
std::string distinct_name(const TargetInfo& target, const std::set<std::string>& taken);

} // namespace poolscope
