// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/updatebuilder.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace poolscope {

namespace {

/// A report of locks stands until the next, which comes only for who blocks somebody. Who is in no
/// transaction any more holds nothing that PostgreSQL frees with it: advisory locks alone outlast
/// one.
std::map<Pid, std::vector<Lock>> heldNow(const TargetState& target)
{
    std::map<Pid, std::vector<Lock>> held = target.locks;
    if (target.info.kind != "postgresql")
        return held;
    for (auto& [pid, locks] : held) {
        const auto holder = target.sessions.find(pid);
        if (holder != target.sessions.end() && holder->second.state == SessionState::idle)
            std::erase_if(locks, [](const Lock& lock) { return lock.type != "advisory"; });
    }
    std::erase_if(held, [](const auto& report) { return report.second.empty(); });
    return held;
}

std::set<TargetId> detachedOf(const World& world)
{
    const auto& targets = world.targets();
    const bool any = std::any_of(targets.begin(), targets.end(), [](const auto& entry) {
        return !is_detached(entry.second.status);
    });
    std::set<TargetId> detached;
    for (auto at = targets.begin(); at != targets.end(); ++at) {
        if (!is_detached(at->second.status))
            continue;
        const bool again = std::any_of(std::next(at), targets.end(), [&](const auto& later) {
            return later.second.info.url == at->second.info.url;
        });
        if (any || again)
            detached.insert(at->first);
    }
    return detached;
}

} // namespace

void UpdateBuilder::add(const WorldDelta& delta)
{
    dirty_ = true;
    touched_.insert(delta.changed.begin(), delta.changed.end());
    touched_.insert(delta.gone.begin(), delta.gone.end());
    touched_checkouts_.insert(delta.checkouts_changed.begin(), delta.checkouts_changed.end());
    touched_checkouts_.insert(delta.checkouts_gone.begin(), delta.checkouts_gone.end());
    if (delta.actions)
        actions_.reset();
    if (delta.notes)
        notes_.reset();
}

void UpdateBuilder::add(TargetId target, const SeriesPoint& point)
{
    dirty_ = true;
    points_[target].push_back(point);
}

void UpdateBuilder::add(TargetId target, const Text& pool, const PoolPoint& point)
{
    dirty_ = true;
    pool_points_[{target, pool}].push_back(point);
}

UpdatePtr UpdateBuilder::build(const Analysis& analysis)
{
    const World& world = analysis.world();
    auto update = std::make_shared<Update>();
    update->reset = reset_;
    update->now = world.now();
    leave_out(world);
    collect_rows(analysis, *update);
    collect_checkouts(world, *update);
    for (const auto& [id, target] : world.targets()) {
        if (!left_out_.contains(id))
            update->targets.push_back(summarise(analysis, target));
    }
    for (auto& [id, points] : points_)
        update->live_points.push_back({id, std::move(points)});
    for (auto& [key, points] : pool_points_)
        update->live_pool_points.push_back({key.first, key.second, std::move(points)});
    if (reset_ || !actions_)
        actions_ = std::make_shared<const std::vector<ActionRecord>>(world.actions());
    if (reset_ || !notes_)
        notes_ = std::make_shared<const std::vector<NoteRecord>>(world.notes());
    update->actions = actions_;
    update->notes = notes_;
    points_.clear();
    pool_points_.clear();
    touched_.clear();
    touched_checkouts_.clear();
    reset_ = false;
    dirty_ = false;
    return update;
}

/// Who comes or goes takes its sessions and checkouts along.
void UpdateBuilder::leave_out(const World& world)
{
    std::set<TargetId> now = detachedOf(world);
    if (now == left_out_)
        return;
    for (const auto& [id, target] : world.targets()) {
        if (now.contains(id) == left_out_.contains(id))
            continue;
        for (const auto& [pid, session] : target.sessions)
            touched_.insert(session.key);
        for (const auto& [checkout, its] : target.pools.checkouts)
            touched_checkouts_.insert(its.key);
    }
    left_out_ = std::move(now);
}

void UpdateBuilder::collect_rows(const Analysis& analysis, Update& update)
{
    const World& world = analysis.world();
    const auto blocks_of = [&](const SessionKey& key) {
        const auto& blocks = analysis.findings(key.target).blocking.blocks;
        const auto found = blocks.find(key.pid);
        return found == blocks.end() ? 0 : found->second;
    };
    if (reset_) {
        sent_.clear();
        for (const auto& [id, target] : world.targets()) {
            if (left_out_.contains(id))
                continue;
            for (const auto& [pid, session] : target.sessions) {
                update.changed.push_back({session, blocks_of(session.key)});
                sent_.insert(session.key);
            }
        }
    } else {
        // A session also changes by who waits behind it.
        for (const auto& [id, target] : world.targets()) {
            const auto& now = analysis.findings(id).blocking.blocks;
            const auto& before = blocks_[id];
            const auto touch = [this, &sessions = target.sessions](Pid pid) {
                if (const auto found = sessions.find(pid); found != sessions.end())
                    touched_.insert(found->second.key);
            };
            for (const auto& [pid, count] : now) {
                const auto known = before.find(pid);
                if (known == before.end() || known->second != count)
                    touch(pid);
            }
            for (const auto& [pid, count] : before) {
                if (!now.contains(pid))
                    touch(pid);
            }
        }
        for (const SessionKey& key : touched_) {
            const Session* const session =
                left_out_.contains(key.target) ? nullptr : world.session(key);
            if (session) {
                update.changed.push_back({*session, blocks_of(key)});
                sent_.insert(key);
            } else if (sent_.erase(key) > 0) {
                update.gone.push_back(key);
            }
        }
    }
    blocks_.clear();
    for (const auto& [id, target] : world.targets())
        blocks_[id] = analysis.findings(id).blocking.blocks;
}

void UpdateBuilder::collect_checkouts(const World& world, Update& update)
{
    if (reset_) {
        sent_checkouts_.clear();
        for (const auto& [target, state] : world.targets()) {
            if (left_out_.contains(target))
                continue;
            for (const auto& [id, checkout] : state.pools.checkouts) {
                update.checkouts.push_back(checkout);
                sent_checkouts_.insert(sent_checkouts_.end(), checkout.key);
            }
        }
        return;
    }
    for (const CheckoutKey& key : touched_checkouts_) {
        const Checkout* const checkout =
            left_out_.contains(key.target) ? nullptr : world.checkout(key);
        if (checkout) {
            update.checkouts.push_back(*checkout);
            sent_checkouts_.insert(key);
        } else if (sent_checkouts_.erase(key) > 0) {
            update.checkouts_gone.push_back(key);
        }
    }
}

TargetSummary UpdateBuilder::summarise(const Analysis& analysis, const TargetState& target) const
{
    const World& world = analysis.world();
    const TargetFindings& findings = analysis.findings(target.info.id);
    TargetSummary summary;
    summary.info = target.info;
    summary.status = target.status;
    summary.facts = target.facts;
    summary.settings = target.settings;
    summary.counts = target.counts;
    summary.clock_offset = target.clock_offset;
    summary.poll_cost = target.poll_cost;
    summary.next_xid = target.next_xid;
    summary.last_sample = target.last_sample;
    summary.gap = target.gap_since_sample;
    summary.locks = heldNow(target);
    summary.thresholds = world.thresholds(target.info.id);
    summary.blocking = findings.blocking;
    summary.suspects = analysis.suspects(target.info.id);
    for (const SuspectedLeak& leak : summary.suspects)
        summary.evidence.push_back(evidence_of(leak, target, summary.thresholds, world.now()));
    summary.agent = target.pools.agent;
    for (const auto& [name, pool] : target.pools.pools)
        summary.pools.push_back(pool);
    summary.places = findings.places;
    summary.statements = findings.statements;
    for (const StatementLeak& leak : findings.statements)
        summary.statement_evidence.push_back(evidence_of(leak));
    for (const Diagnosis& diagnosis : analysis.diagnoses()) {
        if (diagnosis.target == target.info.id)
            summary.diagnoses.push_back(diagnosis);
    }
    for (const Alert& alert : analysis.alerts()) {
        if (alert.target == target.info.id)
            summary.alerts.push_back(alert);
    }
    const auto& lost = analysis.disagreements().lost;
    if (const auto found = lost.find(target.info.id); found != lost.end())
        summary.lost_connections = found->second;
    summary.judging = judging_of(world, target.info.id);
    summary.lost = target.pools.lost;
    summary.unreadable = target.pools.unreadable;
    return summary;
}

} // namespace poolscope
