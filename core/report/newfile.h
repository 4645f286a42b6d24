// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>

namespace poolscope::report {

/// Writes a whole new file that only its owner may read: under another name first, so that nobody
/// sees half of it, and never over an existing one.
Result<Done> write_new_file(const std::string& path, std::string_view content);

} // namespace poolscope::report
