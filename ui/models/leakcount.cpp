// SPDX-License-Identifier: GPL-3.0-or-later
// How many leaks there are, whoever tells of them.
#include "ui/models/findings.h"
#include "ui/models/joined.h"

#include <algorithm>
#include <map>
#include <set>

namespace poolscope {

namespace {

/// Those that might serve a checkout which somebody else tells of.
std::vector<SessionKey> heldSessionsOf(const SessionStore& store)
{
    std::vector<SessionKey> sessions;
    for (const TargetSummary& target : store.targets()) {
        for (const SuspectedLeak& leak : target.suspects) {
            if (leak.kind == LeakKind::session && !leak.growth)
                sessions.push_back(leak.session);
        }
    }
    return sessions;
}

/// Suspected checkouts as poolers tell them.
std::vector<CheckoutKey> pooledOnes(const SessionStore& store)
{
    std::vector<CheckoutKey> pooled;
    for (const TargetSummary& target : store.targets()) {
        if (!is_pooler(target.info))
            continue;
        for (const Place& place : target.places) {
            for (const Holder& holder : place.holders) {
                if (holder.severity != LeakSeverity::none)
                    pooled.push_back(holder.checkout);
            }
        }
    }
    return pooled;
}

std::vector<CheckoutKey> clientsOf(const SessionStore& store,
                                   const std::vector<CheckoutKey>& pooled)
{
    std::vector<CheckoutKey> clients;
    for (const CheckoutKey& each : pooled) {
        const auto checkout = store.checkout(each);
        const auto port = checkout ? client_port_of(*checkout) : std::nullopt;
        if (!port)
            continue;
        const std::vector<CheckoutKey> from = store.checkoutsFrom(*port);
        clients.insert(clients.end(), from.begin(), from.end());
    }
    return clients;
}

/// Those of these that are suspected themselves.
std::set<CheckoutKey> suspectedOf(const SessionStore& store, const std::set<CheckoutKey>& wanted)
{
    std::set<CheckoutKey> found;
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places) {
            if (wanted.empty() || place.suspected == 0)
                continue;
            for (const Holder& holder : place.holders) {
                if (holder.severity != LeakSeverity::none && wanted.contains(holder.checkout))
                    found.insert(holder.checkout);
            }
        }
    }
    return found;
}

} // namespace

int leakCount(const SessionStore& store)
{
    const int all = suspectedCount(store.targets());
    const std::vector<SessionKey> sessions = heldSessionsOf(store);
    const std::vector<CheckoutKey> pooled = pooledOnes(store);
    if ((pooled.empty() && sessions.empty()) || store.targets().size() < 2 || !canJoin(store))
        return all;
    const std::vector<CheckoutKey> asked = clientsOf(store, pooled);
    auto links = linksAround(store, asked, sessions);
    if (!links)
        return all;
    std::map<CheckoutKey, CheckoutKey> clients; // by the pooler's checkout that serves them
    for (const CheckoutKey& each : asked) {
        const SessionLink* const link = links->session_of(each);
        if (link && link->through)
            clients.emplace(*link->through, each);
    }
    // Who tells of a leak that others tell of too, by its checkout nearest to the line of code.
    std::vector<CheckoutKey> told;
    for (const CheckoutKey& each : pooled) {
        if (const auto client = clients.find(each); client != clients.end())
            told.push_back(client->second);
    }
    for (const SessionKey& each : sessions) {
        const CheckoutLink* const link = links->checkout_of(each);
        if (!link)
            continue;
        const auto client = clients.find(link->checkout);
        told.push_back(client == clients.end() ? link->checkout : client->second);
    }
    std::set<CheckoutKey> counted = suspectedOf(store, {told.begin(), told.end()});
    const auto again = std::count_if(told.begin(), told.end(), [&](const CheckoutKey& each) {
        return !counted.insert(each).second;
    });
    return all - static_cast<int>(again);
}

} // namespace poolscope
