// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <map>
#include <memory>
#include <set>
#include <unordered_map>

namespace poolscope {

/// Since when, before `now`, the values of this target are old: it is not up, but was. Null where
/// they are fresh, and where there are none.
std::optional<Duration> staleness(const TargetSummary& target, Timestamp now);

/// The latest of everything, for lookups by key. Applying the same update twice changes nothing, so
/// that several pages may share one.
class SessionStore
{
public:
    void apply(const Update& update);

    const SessionRow* find(const SessionKey& session) const;
    /// Who has this pid on that target now; null for a prepared transaction (0).
    const SessionRow* find(TargetId target, Pid pid) const;
    const std::unordered_map<SessionKey, SessionRow>& sessions() const { return sessions_; }
    /// Null once it has come back.
    std::shared_ptr<const Checkout> checkout(const CheckoutKey& key) const;
    /// Whose connections have that pid on some server; ascending. A process that names it for more
    /// than 16 is not believed: of it none, so that there are few.
    std::vector<CheckoutKey> checkoutsOn(std::int64_t serverPid) const;
    const std::vector<TargetSummary>& targets() const { return targets_; }
    const TargetSummary* target(TargetId id) const;
    Timestamp now() const { return now_; }
    /// On the clock of that target's server; never negative.
    Duration age(TargetId target, Timestamp since) const;
    /// How old that target's values are, if they are old.
    std::optional<Duration> staleness(TargetId target) const;
    /// Its suspicion and evidence, if any.
    const SuspectedLeak* suspicion(const SessionKey& session) const;
    std::vector<std::string> evidence(const SessionKey& session) const;
    /// Who waits for this one, directly.
    std::vector<SessionKey> waitingFor(const SessionKey& session) const;
    /// As the process told of it last; null where it tells of none of that name.
    const Pool* pool(TargetId target, const Text& name) const;

private:
    void unlink(const Checkout& checkout);

    struct HashOfCheckout
    {
        std::size_t operator()(const CheckoutKey& key) const noexcept
        {
            return std::hash<std::string>{}(key.id.str()) ^ (std::size_t{key.target.value} << 48);
        }
    };
    std::unordered_map<SessionKey, SessionRow> sessions_;
    std::map<std::pair<TargetId, Pid>, SessionKey> pids_;
    std::unordered_map<CheckoutKey, std::shared_ptr<const Checkout>, HashOfCheckout> checkouts_;
    std::set<std::pair<std::int64_t, CheckoutKey>> byServerPid_; ///< of checkouts_
    std::vector<TargetSummary> targets_;
    Timestamp now_;
};

} // namespace poolscope
