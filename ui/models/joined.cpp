// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/joined.h"

#include <charconv>

namespace poolscope {

namespace {

/// Of "10.20.4.17:51422"; null for a Unix socket, and where it is not reported.
std::optional<std::uint16_t> portOf(const std::string& client)
{
    const std::size_t colon = client.rfind(':');
    std::uint16_t port = 0;
    if (colon == std::string::npos)
        return std::nullopt;
    const char* const end = client.data() + client.size();
    const auto [read, error] = std::from_chars(client.data() + colon + 1, end, port);
    return error == std::errc{} && read == end ? std::optional(port) : std::nullopt;
}

/// On the capture's clock.
Timestamp here(const SessionStore& store, TargetId target, Timestamp there)
{
    const TargetSummary* const summary = store.target(target);
    return summary ? there - summary->clock_offset : there;
}

bool fits(const SessionStore& store, const Checkout& checkout, const Session& session)
{
    constexpr Duration clocksMayDiffer = std::chrono::seconds{1};
    if (!checkout.server_pid || *checkout.server_pid != session.key.pid.value || session.own)
        return false;
    // A session is there before its connection is lent; a later one has the same pid by chance.
    if (here(store, session.key.target, session.key.started) >
        here(store, checkout.key.target, checkout.acquired) + clocksMayDiffer)
        return false;
    if (session.client.empty() || !checkout.local_port)
        return true;
    // Of another server's session with the same pid the port is another one, too.
    return portOf(session.client.str()) == checkout.local_port;
}

} // namespace

std::optional<SessionKey> sessionOf(const SessionStore& store, const Checkout& checkout)
{
    if (!checkout.server_pid)
        return std::nullopt;
    std::optional<SessionKey> found;
    for (const TargetSummary& target : store.targets()) {
        const SessionRow* const row = store.find(target.info.id, Pid{*checkout.server_pid});
        if (!row || !fits(store, checkout, row->session))
            continue;
        if (found)
            return std::nullopt;
        found = row->session.key;
    }
    return found;
}

std::optional<CheckoutKey> checkoutOf(const SessionStore& store, const SessionKey& session)
{
    const SessionRow* const row = store.find(session);
    if (!row)
        return std::nullopt;
    std::optional<CheckoutKey> found;
    for (const CheckoutKey& key : store.checkoutsOn(session.pid.value)) {
        const auto checkout = store.checkout(key);
        // Only what leads back to this session: another server may have the pid, too.
        if (!checkout || !fits(store, *checkout, row->session) ||
            sessionOf(store, *checkout) != session)
            continue;
        if (found)
            return std::nullopt;
        found = key;
    }
    return found;
}

} // namespace poolscope
