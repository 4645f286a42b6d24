// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <string>

namespace poolscope {

/// Writes a whole new file that only its owner may read: under another name first, so that nobody
/// sees half of it, and never over an existing one.
Result<Done> writeNewFile(const std::string& path, const std::string& content);

} // namespace poolscope
