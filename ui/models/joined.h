// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"

namespace poolscope {

/// The session of a checkout's connection, by what its process tells of it: the server pid, and
/// the port it comes from where both sides know that. Null where no attached server has it, and
/// where several might: a wrong one would be worse than none.
std::optional<SessionKey> sessionOf(const SessionStore& store, const Checkout& checkout);
/// The other way round.
std::optional<CheckoutKey> checkoutOf(const SessionStore& store, const SessionKey& session);

} // namespace poolscope
