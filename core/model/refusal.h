// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/target.h"

#include <cstdint>

namespace poolscope {

/// Why a server turns new connections away itself: not the network, nor the login.
enum class Refusal : std::uint8_t {
    none,
    full,      ///< none of its slots is free, or none of the user's, role's or database's
    clients,   ///< a pooler takes no more clients
    not_ready, ///< it is starting, recovering or stopping
};

/// By the kind of failure that a source tells in its status: by its own words, which are in every
/// recording, never by the server's, nor by a name. Also of a server that answers, while it counts
/// connections of others that it refused. Words that core/source changes are changed here, too:
/// tests of the sources hold them together.
Refusal refusal_of(const TargetStatus& status);

} // namespace poolscope
