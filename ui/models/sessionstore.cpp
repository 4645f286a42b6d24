// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/sessionstore.h"

#include "core/analyze/links.h"

#include <algorithm>
#include <limits>

namespace poolscope {

std::optional<Duration> staleness(const TargetSummary& target, Timestamp now)
{
    if (target.status.reach == Reach::up || !target.last_sample)
        return std::nullopt;
    return std::max(Duration{0}, now - *target.last_sample);
}

namespace {

/// Those of `key` in an index, but for targets that name it too often.
template <class Key, class Owner>
std::vector<Owner> believed(const std::set<std::pair<Key, Owner>>& index, Key key,
                            TargetId (*targetOf)(const Owner&), Owner (*firstOf)(TargetId))
{
    constexpr std::ptrdiff_t mostOfOne = 16;
    std::vector<Owner> found;
    auto at = index.lower_bound({key, firstOf(TargetId{0})});
    while (at != index.end() && at->first == key) {
        const TargetId target = targetOf(at->second);
        std::ptrdiff_t ofTarget = 0;
        for (; at != index.end() && at->first == key && targetOf(at->second) == target; ++at) {
            if (++ofTarget > mostOfOne) {
                found.erase(found.end() - mostOfOne, found.end());
                at = index.lower_bound({key, firstOf(TargetId{target.value + 1})});
                break;
            }
            found.push_back(at->second);
        }
    }
    return found;
}

template <class Key>
std::vector<CheckoutKey> believed(const std::set<std::pair<Key, CheckoutKey>>& index, Key key)
{
    return believed<Key, CheckoutKey>(
        index, key, [](const CheckoutKey& owner) { return owner.target; },
        [](TargetId target) {
            return CheckoutKey{target, {}};
        });
}

template <class Key, class Owner>
void insert(std::set<std::pair<Key, Owner>>& index, const std::optional<Key>& key,
            const Owner& owner)
{
    if (key)
        index.emplace(*key, owner);
}

template <class Key, class Owner>
void erase(std::set<std::pair<Key, Owner>>& index, const std::optional<Key>& key,
           const Owner& owner)
{
    if (key)
        index.erase({*key, owner});
}

std::optional<std::int64_t> pidOf(const Checkout& checkout)
{
    return checkout.server_pid ? std::optional(*checkout.server_pid) : std::nullopt;
}

} // namespace

void SessionStore::apply(const Update& update)
{
    if (update.reset) {
        sessions_.clear();
        pids_.clear();
        checkouts_.clear();
        index_.reset();
    }
    poolers_.clear();
    for (const TargetSummary& target : update.targets) {
        if (is_pooler(target.info))
            poolers_.insert(target.info.id);
    }
    for (const SessionKey& key : update.gone)
        drop(key);
    for (const SessionRow& row : update.changed)
        put(row);
    for (const CheckoutKey& key : update.checkouts_gone)
        drop(key);
    for (const Checkout& checkout : update.checkouts)
        put(checkout);
    targets_ = update.targets;
    actions_ = update.actions;
    now_ = update.now;
}

void SessionStore::drop(const SessionKey& key)
{
    if (const auto found = sessions_.find(key); found != sessions_.end()) {
        if (index_)
            erase(index_->bySessionPort, client_port_of(found->second.session), key);
        sessions_.erase(found);
    }
    const auto pid = pids_.find({key.pid, key.target});
    if (pid != pids_.end() && pid->second == key)
        pids_.erase(pid);
}

void SessionStore::put(const SessionRow& row)
{
    const SessionKey& key = row.session.key;
    SessionRow& kept = sessions_[key];
    if (index_ && !(kept.session.client == row.session.client)) {
        erase(index_->bySessionPort, client_port_of(kept.session), key);
        insert(index_->bySessionPort, client_port_of(row.session), key);
    }
    kept = row;
    pids_.insert_or_assign({key.pid, key.target}, key);
}

void SessionStore::drop(const CheckoutKey& key)
{
    const auto found = checkouts_.find(key);
    if (found == checkouts_.end())
        return;
    if (index_)
        unlink(*index_, *found->second);
    checkouts_.erase(found);
}

void SessionStore::put(const Checkout& checkout)
{
    auto& kept = checkouts_[checkout.key];
    if (kept && *kept == checkout) // several pages may tell of the same
        return;
    const bool moved = !kept || kept->server_pid != checkout.server_pid ||
                       kept->local_port != checkout.local_port || kept->tags != checkout.tags;
    if (kept && moved && index_)
        unlink(*index_, *kept);
    kept = std::make_shared<const Checkout>(checkout);
    if (moved && index_)
        link(*index_, checkout);
}

void SessionStore::link(Index& index, const Checkout& checkout) const
{
    insert(index.byServerPid, pidOf(checkout), checkout.key);
    insert(index.byLocalPort, checkout.local_port, checkout.key);
    if (poolers_.contains(checkout.key.target))
        insert(index.byClientPort, client_port_of(checkout), checkout.key);
}

void SessionStore::unlink(Index& index, const Checkout& checkout) const
{
    erase(index.byServerPid, pidOf(checkout), checkout.key);
    erase(index.byLocalPort, checkout.local_port, checkout.key);
    erase(index.byClientPort, client_port_of(checkout), checkout.key);
}

const SessionStore::Index& SessionStore::index() const
{
    if (!index_) {
        index_.emplace();
        for (const auto& [key, checkout] : checkouts_)
            link(*index_, *checkout);
        for (const auto& [key, row] : sessions_)
            insert(index_->bySessionPort, client_port_of(row.session), key);
    }
    return *index_;
}

std::vector<SessionKey> SessionStore::sessionsOn(std::int64_t serverPid) const
{
    std::vector<SessionKey> found;
    for (auto at = pids_.lower_bound({Pid{serverPid}, TargetId{0}});
         at != pids_.end() && at->first.first.value == serverPid; ++at)
        found.push_back(at->second);
    return found;
}

std::vector<SessionKey> SessionStore::sessionsFrom(std::uint16_t port) const
{
    return believed<std::uint16_t, SessionKey>(
        index().bySessionPort, port, [](const SessionKey& owner) { return owner.target; },
        [](TargetId target) {
            return SessionKey{target, Pid{std::numeric_limits<std::int64_t>::min()},
                              Timestamp::min()};
        });
}

std::vector<CheckoutKey> SessionStore::checkoutsOn(std::int64_t serverPid) const
{
    return believed(index().byServerPid, serverPid);
}

std::vector<CheckoutKey> SessionStore::checkoutsFrom(std::uint16_t port) const
{
    return believed(index().byLocalPort, port);
}

std::vector<CheckoutKey> SessionStore::pooledFor(std::uint16_t clientPort) const
{
    return believed(index().byClientPort, clientPort);
}

const SessionRow* SessionStore::find(const SessionKey& session) const
{
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? nullptr : &found->second;
}

const SessionRow* SessionStore::find(TargetId target, Pid pid) const
{
    const auto found = pids_.find({pid, target});
    return found == pids_.end() ? nullptr : find(found->second);
}

const ActionRecord* SessionStore::lastAction(const SessionKey& session) const
{
    if (!actions_)
        return nullptr;
    const auto found =
        std::find_if(actions_->rbegin(), actions_->rend(), [&](const ActionRecord& action) {
            return action.verb != ActionVerb::reclaim && action.session == session;
        });
    return found == actions_->rend() ? nullptr : &*found;
}

const ActionRecord* SessionStore::lastAction(const CheckoutKey& checkout) const
{
    if (!actions_)
        return nullptr;
    const auto found =
        std::find_if(actions_->rbegin(), actions_->rend(), [&](const ActionRecord& action) {
            return action.verb == ActionVerb::reclaim && action.checkout == checkout;
        });
    return found == actions_->rend() ? nullptr : &*found;
}

std::shared_ptr<const Checkout> SessionStore::checkout(const CheckoutKey& key) const
{
    const auto found = checkouts_.find(key);
    return found == checkouts_.end() ? nullptr : found->second;
}

const Pool* SessionStore::pool(TargetId id, const Text& name) const
{
    const TargetSummary* const summary = target(id);
    if (!summary)
        return nullptr;
    const auto found = std::find_if(summary->pools.begin(), summary->pools.end(),
                                    [&](const Pool& pool) { return pool.name == name; });
    return found == summary->pools.end() ? nullptr : &*found;
}

const TargetSummary* SessionStore::target(TargetId id) const
{
    const auto found = std::find_if(targets_.begin(), targets_.end(),
                                    [id](const TargetSummary& t) { return t.info.id == id; });
    return found == targets_.end() ? nullptr : &*found;
}

Duration SessionStore::age(TargetId id, Timestamp since) const
{
    const TargetSummary* const summary = target(id);
    const Duration offset = summary ? summary->clock_offset : Duration{0};
    return std::max(Duration{0}, now_ + offset - since);
}

std::optional<Duration> SessionStore::staleness(TargetId id) const
{
    const TargetSummary* const summary = target(id);
    return summary ? poolscope::staleness(*summary, now_) : std::nullopt;
}

const SuspectedLeak* SessionStore::suspicion(const SessionKey& session) const
{
    const TargetSummary* const summary = target(session.target);
    if (!summary)
        return nullptr;
    const auto found =
        std::find_if(summary->suspects.begin(), summary->suspects.end(),
                     [&](const SuspectedLeak& leak) { return leak.session == session; });
    return found == summary->suspects.end() ? nullptr : &*found;
}

std::vector<std::string> SessionStore::evidence(const SessionKey& session) const
{
    const TargetSummary* const summary = target(session.target);
    const SuspectedLeak* const leak = suspicion(session);
    if (!summary || !leak)
        return {};
    const auto at = static_cast<std::size_t>(leak - summary->suspects.data());
    return at < summary->evidence.size() ? summary->evidence[at] : std::vector<std::string>{};
}

std::vector<SessionKey> SessionStore::waitingFor(const SessionKey& session) const
{
    std::vector<SessionKey> waiting;
    for (const auto& [key, row] : sessions_) {
        const std::vector<Pid>& blockers = row.session.blocked_by;
        if (key.target == session.target &&
            std::find(blockers.begin(), blockers.end(), session.pid) != blockers.end())
            waiting.push_back(key);
    }
    std::sort(waiting.begin(), waiting.end());
    return waiting;
}

} // namespace poolscope
