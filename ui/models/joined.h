// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/links.h"
#include "ui/models/sessionstore.h"

#include <QString>

#include <map>

namespace poolscope {

// What pools call a checkout and servers call a session, joined as core/analyze/links does it for
// all others. Links over everything cost n log n; these ask of the store only what can bear on the
// answer, so that a view may ask for what it shows at each update. Nothing where what it takes is
// more than anything honest would be.

/// Null where no attached server has it. See SessionLink for none, and for several.
std::optional<SessionLink> sessionLink(const SessionStore& store, const CheckoutKey& checkout);
/// Of the application where it is attached, else of the pooler.
std::optional<CheckoutLink> checkoutLink(const SessionStore& store, const SessionKey& session);

/// Of a session that no checkout is joined to: the first checkout that might be its own, but as
/// well another session's. Null where there is none.
std::optional<SessionLink> ambiguousLink(const SessionStore& store, const SessionKey& session);

/// The one session that it must be.
std::optional<SessionKey> sessionOf(const SessionStore& store, const CheckoutKey& checkout);
/// The other way round.
std::optional<CheckoutKey> checkoutOf(const SessionStore& store, const SessionKey& session);

/// To be asked of many at once: for these it answers as Links over everything would. Nothing where
/// what they take is more than anything honest would be.
std::optional<Links> linksAround(const SessionStore& store,
                                 const std::vector<CheckoutKey>& checkouts,
                                 const std::vector<SessionKey>& sessions);

/// The servers' own processes or connection numbers: what a driver was told by a pooler is a number
/// that the pooler made up.
class ServerPids
{
public:
    /// Of these, asked for all at once. `store` outlives it, and does not change meanwhile.
    ServerPids(const SessionStore& store, const std::vector<CheckoutKey>& checkouts);
    /// Null where it is not known.
    std::optional<std::int64_t> of(const Checkout& checkout);

private:
    const SessionStore& store_;
    std::optional<Links> links_;
};

/// For checkouts whose sessions others wait for: how many, directly or not. Of the roots of all
/// that wait, so that it costs nothing where nobody does.
std::map<CheckoutKey, std::int32_t> blockingCheckouts(const SessionStore& store);

/// How many sessions wait behind those of a place.
std::int64_t waitingBehind(const SessionStore& store, const Place& place);

/// "by server pid", "by client port", "through PgBouncer"
QString joinWords(JoinedBy by);
/// Of several: "4711 on shop-db, 90 on other-db"; at most eight.
QString candidateWords(const SessionStore& store, const std::vector<SessionKey>& sessions);

/// Something that could name a session's checkout is attached.
bool canJoin(const SessionStore& store);

} // namespace poolscope
