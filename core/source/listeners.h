// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace poolscope {

/// Who is behind a Unix socket. Unknown: it cannot be told, so somebody may be.
enum class Listener { somebody, nobody, unknown };
/// Connects and leaves again, without waiting.
Listener listenerOf(const std::string& path);

/// True where it cannot be told.
bool processRuns(std::int64_t pid);

} // namespace poolscope
