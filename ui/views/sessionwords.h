// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"

#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace poolscope {

// What the details of a session and of a checkout both say of a server's session.

/// Its locks, a line a relation; says so where they were not read.
QString heldLocks(const SessionStore& store, const SessionKey& session);
/// Who waits for it and behind those, a sentence each; none where nobody does.
QStringList waitingWords(const SessionStore& store, const SessionRow& row);
/// "a prepared transaction" for pid 0, which is nobody's.
QString pidWords(Pid pid);

/// From a session that waits to the root of those it waits for, which is last. Empty where it
/// waits for nobody, or nobody knows for whom.
std::vector<SessionKey> chainToRoot(const SessionStore& store, const SessionKey& session);
/// The checkout at that root, where it is known.
std::optional<CheckoutKey> rootCheckout(const SessionStore& store, const SessionKey& session);

} // namespace poolscope
