// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"

#include <optional>

namespace poolscope {

/// Where a session stands in the forest of those who wait.
struct BlockingPlace
{
    const BlockingNode* node = nullptr;   ///< valid until the store takes an update
    const BlockingNode* parent = nullptr; ///< whom it waits for; null for a root
    int ahead = 0;                        ///< how many stand before it in the same queue
};

/// Nullopt for one that neither waits nor is waited for.
std::optional<BlockingPlace> blockingPlace(const SessionStore& store, const SessionKey& session);

} // namespace poolscope
