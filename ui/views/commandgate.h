// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"

#include <QString>

#include <vector>

namespace poolscope {

/// Why a command cannot be given, as a sentence for the place where its button stands; empty where
/// it can. The server still has the last word.
QString commandObstacle(ActionVerb verb, const std::vector<SessionRow>& sessions,
                        const SessionStore& store, const Transport& transport,
                        const Formatter& format);

/// The same for taking connections back from their holders. Their process still has the last word.
QString reclaimObstacle(const std::vector<CheckoutKey>& checkouts, const SessionStore& store,
                        const Transport& transport, const Formatter& format);

/// What became of a command, in the words of the server or the process, and when; null: empty.
QString resultWords(const ActionRecord* action, Timestamp now, const Formatter& format);

/// Of several selected: without Poolscope's own, replication and the server's own workers, and
/// without those that something stands against while it does not against others. One that was
/// picked alone stays, so that the reason can be shown.
std::vector<SessionRow> commandable(const std::vector<SessionRow>& selected,
                                    const SessionStore& store);

} // namespace poolscope
