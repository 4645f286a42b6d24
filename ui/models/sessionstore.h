// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <map>
#include <memory>
#include <optional>
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
    // What names a pid or a port, ascending. A target that names one for more than 16 is not
    // believed: of it none, so that there are few.
    /// Sessions of that pid, whatever the server.
    std::vector<SessionKey> sessionsOn(std::int64_t serverPid) const;
    /// Sessions whose client comes from that port.
    std::vector<SessionKey> sessionsFrom(std::uint16_t port) const;
    /// Whose connections have that pid on some server.
    std::vector<CheckoutKey> checkoutsOn(std::int64_t serverPid) const;
    /// Whose connections come from that port.
    std::vector<CheckoutKey> checkoutsFrom(std::uint16_t port) const;
    /// Checkouts of poolers whose client comes from that port.
    std::vector<CheckoutKey> pooledFor(std::uint16_t clientPort) const;
    const std::vector<TargetSummary>& targets() const { return targets_; }
    const TargetSummary* target(TargetId id) const;
    /// What was asked for last of that session, or of that checkout; null where nothing was.
    const ActionRecord* lastAction(const SessionKey& session) const;
    const ActionRecord* lastAction(const CheckoutKey& checkout) const;
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
    /// For lookups by pid and port. Made at the first question after a reset, and kept up to date
    /// from then on: most of what is shown never asks.
    struct Index
    {
        std::set<std::pair<std::int64_t, CheckoutKey>> byServerPid;
        std::set<std::pair<std::uint16_t, CheckoutKey>> byLocalPort;
        std::set<std::pair<std::uint16_t, CheckoutKey>> byClientPort; ///< of poolers
        std::set<std::pair<std::uint16_t, SessionKey>> bySessionPort;
    };
    const Index& index() const;
    void link(Index& index, const Checkout& checkout) const;
    void unlink(Index& index, const Checkout& checkout) const;
    void drop(const SessionKey& key);
    void put(const SessionRow& row);
    void drop(const CheckoutKey& key);
    void put(const Checkout& checkout);

    struct HashOfCheckout
    {
        std::size_t operator()(const CheckoutKey& key) const noexcept
        {
            return std::hash<std::string>{}(key.id.str()) ^ (std::size_t{key.target.value} << 48);
        }
    };
    std::unordered_map<SessionKey, SessionRow> sessions_;
    std::map<std::pair<Pid, TargetId>, SessionKey> pids_;
    std::unordered_map<CheckoutKey, std::shared_ptr<const Checkout>, HashOfCheckout> checkouts_;
    mutable std::optional<Index> index_;
    std::set<TargetId> poolers_;
    std::vector<TargetSummary> targets_;
    std::shared_ptr<const std::vector<ActionRecord>> actions_;
    Timestamp now_;
};

} // namespace poolscope
