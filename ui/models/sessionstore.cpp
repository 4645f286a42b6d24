// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/sessionstore.h"

#include <algorithm>

namespace poolscope {

std::optional<Duration> staleness(const TargetSummary& target, Timestamp now)
{
    if (target.status.reach == Reach::up || !target.last_sample)
        return std::nullopt;
    return std::max(Duration{0}, now - *target.last_sample);
}

void SessionStore::apply(const Update& update)
{
    if (update.reset) {
        sessions_.clear();
        pids_.clear();
        checkouts_.clear();
        byServerPid_.clear();
    }
    for (const SessionKey& key : update.gone) {
        sessions_.erase(key);
        const auto found = pids_.find({key.target, key.pid});
        if (found != pids_.end() && found->second == key)
            pids_.erase(found);
    }
    for (const SessionRow& row : update.changed) {
        sessions_.insert_or_assign(row.session.key, row);
        pids_.insert_or_assign({row.session.key.target, row.session.key.pid}, row.session.key);
    }
    for (const CheckoutKey& key : update.checkouts_gone) {
        if (const auto found = checkouts_.find(key); found != checkouts_.end()) {
            unlink(*found->second);
            checkouts_.erase(found);
        }
    }
    for (const Checkout& checkout : update.checkouts) {
        auto& kept = checkouts_[checkout.key];
        if (kept && *kept == checkout) // several pages may tell of the same
            continue;
        const bool moved = !kept || kept->server_pid != checkout.server_pid;
        if (kept && moved)
            unlink(*kept);
        kept = std::make_shared<const Checkout>(checkout);
        if (moved && checkout.server_pid)
            byServerPid_.emplace(*checkout.server_pid, checkout.key);
    }
    targets_ = update.targets;
    now_ = update.now;
}

void SessionStore::unlink(const Checkout& checkout)
{
    if (checkout.server_pid)
        byServerPid_.erase({*checkout.server_pid, checkout.key});
}

std::vector<CheckoutKey> SessionStore::checkoutsOn(std::int64_t serverPid) const
{
    constexpr std::ptrdiff_t mostOfOneProcess = 16;
    std::vector<CheckoutKey> found;
    auto at = byServerPid_.lower_bound({serverPid, CheckoutKey{}});
    while (at != byServerPid_.end() && at->first == serverPid) {
        const TargetId target = at->second.target;
        std::ptrdiff_t ofTarget = 0;
        for (; at != byServerPid_.end() && at->first == serverPid && at->second.target == target;
             ++at) {
            if (++ofTarget > mostOfOneProcess) {
                found.erase(found.end() - mostOfOneProcess, found.end());
                at = byServerPid_.lower_bound({serverPid, {TargetId{target.value + 1}, {}}});
                break;
            }
            found.push_back(at->second);
        }
    }
    return found;
}

const SessionRow* SessionStore::find(const SessionKey& session) const
{
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? nullptr : &found->second;
}

const SessionRow* SessionStore::find(TargetId target, Pid pid) const
{
    const auto found = pids_.find({target, pid});
    return found == pids_.end() ? nullptr : find(found->second);
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
