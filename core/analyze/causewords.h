// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/diagnosis.h"

#include <string_view>

namespace poolscope {

/// A cause as people call it: "lock pile-up", "pool bypassed".
std::string_view in_words(Cause cause);
/// The same by its JSON name; another name as it is.
std::string_view cause_in_words(std::string_view name);

} // namespace poolscope
