// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/confirmreclaimdialog.h"
#include "ui/models/placewords.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

using PoolKey = std::pair<TargetId, Text>;

std::map<PoolKey, std::int64_t> poolsOf(const ReclaimPlan& plan)
{
    std::map<PoolKey, std::int64_t> pools;
    for (const ReclaimPlan::Hit& hit : plan.hits)
        ++pools[{hit.checkout.key.target, hit.checkout.pool}];
    return pools;
}

QString placeOf(const Checkout& checkout)
{
    const StackLine* const line = acquiring_line(checkout.stack.get());
    if (!line)
        return tr("no stack was taken");
    if (line->file.empty())
        return Formatter::line(line->function.str(), 200);
    return fileAndLine(Formatter::line(line->file.str(), 400), line->line);
}

QString poolName(const Text& pool)
{
    return pool.empty() ? tr("without a name") : Formatter::line(pool.str(), 60);
}

QString questionOf(const ReclaimPlan& plan)
{
    if (plan.hits.empty())
        return tr("No connection to reclaim");
    const auto pools = poolsOf(plan);
    const QString of = pools.size() == 1 ? tr("pool %1").arg(poolName(pools.begin()->first.second))
                                         : tr("%1 pools").arg(pools.size());
    if (plan.hits.size() > 1)
        return tr("Reclaim %1 connections of %2 on %3?")
            .arg(Formatter::count(std::ssize(plan.hits)), of, plan.on);
    const Checkout& only = plan.hits.front().checkout;
    return only.connection.empty()
               ? tr("Reclaim the connection of checkout %1 of %2 on %3?")
                     .arg(Formatter::line(only.key.id.str(), 60), of, plan.on)
               : tr("Reclaim connection %1 of %2 on %3?")
                     .arg(Formatter::line(only.connection.str(), 60), of, plan.on);
}

QString unblocksOf(const ReclaimPlan& plan, const SessionStore& store)
{
    QStringList waiting;
    for (const auto& [key, count] : poolsOf(plan)) {
        const Pool* const pool = store.pool(key.first, key.second);
        const std::int64_t pending = pool ? pool->pending.value_or(0) : 0;
        if (pending == 1)
            waiting << tr("the one that waits for pool %1").arg(poolName(key.second));
        else if (pending > 1 && count >= pending)
            waiting << tr("all %1 that wait for pool %2")
                           .arg(Formatter::count(pending), poolName(key.second));
        else if (pending > 1)
            waiting << tr("%1 of the %2 that wait for pool %3")
                           .arg(Formatter::count(count), Formatter::count(pending),
                                poolName(key.second));
    }
    return waiting.join(QStringLiteral("; "));
}

QString freesOf(const ReclaimPlan& plan, const SessionStore& store)
{
    const std::int64_t n = std::ssize(plan.hits);
    QString freed = n == 1 ? tr("1 connection") : tr("%1 connections").arg(n);
    const auto pools = poolsOf(plan);
    const PoolKey& first = pools.begin()->first;
    const Pool* const pool = pools.size() == 1 ? store.pool(first.first, first.second) : nullptr;
    if (!pool || !pool->used)
        return freed;
    const QString used = Formatter::count(*pool->used);
    return pool->max ? tr("%1 of the %2 in use; the limit is %3")
                           .arg(Formatter::count(n), used, Formatter::count(*pool->max))
                     : tr("%1 of the %2 in use").arg(Formatter::count(n), used);
}

void addHits(ReclaimPlan& plan, const std::vector<CheckoutKey>& checkouts,
             const SessionStore& store)
{
    std::set<CheckoutKey> seen;
    for (const CheckoutKey& key : checkouts) {
        if (!seen.insert(key).second)
            continue;
        const QString id = Formatter::line(key.id.str(), 60);
        const TargetSummary* const target = store.target(key.target);
        const auto checkout = store.checkout(key);
        if (!checkout || !target) {
            plan.leftOut << tr("%1: has come back").arg(id);
        } else if (!target->agent || !target->agent->may_reclaim) {
            plan.leftOut
                << tr("%1: %2 does not allow it").arg(id, Formatter::line(target->info.name, 80));
        } else {
            const Text& by =
                checkout->acquired_by.empty() ? checkout->thread : checkout->acquired_by;
            plan.hits.push_back(
                {*checkout, placeOf(*checkout),
                 by.empty() ? Formatter::notReported() : Formatter::line(by.str(), 120),
                 Formatter::ageCell(store.age(key.target, checkout->acquired))});
        }
    }
    std::stable_sort(plan.hits.begin(), plan.hits.end(), [](const auto& a, const auto& b) {
        return a.checkout.acquired < b.checkout.acquired;
    });
}

} // namespace

ReclaimPlan planReclaim(const std::vector<CheckoutKey>& checkouts, const SessionStore& store)
{
    ReclaimPlan plan;
    addHits(plan, checkouts, store);
    std::set<TargetId> targets;
    for (const ReclaimPlan::Hit& hit : plan.hits)
        targets.insert(hit.checkout.key.target);
    if (targets.size() > 1)
        plan.on = tr("%1 processes").arg(targets.size());
    else if (!targets.empty())
        plan.on = Formatter::line(store.target(*targets.begin())->info.name, 80);
    plan.question = questionOf(plan);
    if (plan.hits.empty())
        return plan;
    const bool one = plan.hits.size() == 1;
    plan.destroys =
        one ? tr("The pool closes the connection under its holder, or as soon as the holder gives "
                 "it back. What the holder does with it fails; a transaction that it has open is "
                 "rolled back. The pool may open a new connection.")
            : tr("The pool closes each connection under its holder, or as soon as the holder gives "
                 "it back. What the holders do with them fails; transactions that they have open "
                 "are rolled back. The pool may open new connections.");
    plan.unblocks = unblocksOf(plan, store);
    plan.frees = freesOf(plan, store);
    plan.identity =
        one ? tr("only checkout %1, which is never the name of another; checked by the process")
                  .arg(Formatter::line(plan.hits.front().checkout.key.id.str(), 60))
            : tr("each by the id of its checkout, which is never the name of another; checked by "
                 "the process");
    return plan;
}

} // namespace poolscope
