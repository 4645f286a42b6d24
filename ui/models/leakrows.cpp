// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of what is suspected: sessions as servers tell of them, and with placerows.cpp and
// statementrows.cpp checkouts and prepared statements as their processes do.
#include "ui/models/leakrows_p.h"

#include "ui/models/cells_p.h"
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace poolscope {

using namespace leaks;

namespace {

const TreeCell& cellOf(const TreeNode& node, LeakColumn column)
{
    return node.cells.at(static_cast<std::size_t>(column));
}

bool mentions(const SessionRow& row, const QString& filter)
{
    if (filter.isEmpty())
        return true;
    const Session& s = row.session;
    const auto has = [&](const Text& text) {
        return QString::fromStdString(text.str()).contains(filter, Qt::CaseInsensitive);
    };
    return has(s.application) || has(s.user) || has(s.database) || has(s.client) ||
           has(s.statement) || QString::number(s.key.pid.value).contains(filter);
}

/// In the column of pools: which has nothing to say of one that only holds its transaction open.
TreeCell kindCell(const SuspectedLeak& leak)
{
    if (leak.kind == LeakKind::bypass) {
        TreeCell cell = words(tr("bypass"), Emphasis::secondary);
        cell.tip = tr("No pool of its client owns it");
        return cell;
    }
    if (leak.kind != LeakKind::orphan)
        return {};
    const QString pool = Formatter::line(leak.pool.str(), 60);
    TreeCell cell =
        words(pool.isEmpty() ? tr("orphan") : tr("%1, orphan").arg(pool), Emphasis::secondary);
    cell.tip = leak.process_gone ? tr("Its process is gone, and the session goes on")
                                 : tr("Its pool has dropped it, and the session goes on");
    return cell;
}

/// Who it is, and what it ran last: that tells whoever knows the application where to look.
TreeCell heldCell(const Session& session, Pid pid)
{
    TreeCell cell = whoCell(pid, applicationOf(session));
    const QString statement = Formatter::line(session.statement.str(), 200);
    if (!statement.isEmpty())
        cell.text += QStringLiteral("  ") + statement;
    return cell;
}

std::unique_ptr<TreeNode> leakNode(const SessionStore& store, const SuspectedLeak& leak,
                                   const SessionRow& row)
{
    auto node = std::make_unique<TreeNode>();
    node->id = idOf(leak.session);
    node->session = leak.session;
    node->state = row.session.state;
    node->severity = static_cast<int>(leak.severity);
    node->staleness = store.staleness(leak.session.target);
    node->cells = {heldCell(row.session, leak.session.pid),
                   kindCell(leak),
                   TreeCell{},
                   duration(store.age(leak.session.target, leak.since), emphasisOf(leak.severity)),
                   TreeCell{},
                   TreeCell{},
                   {Formatter::severity(leak.severity),
                    static_cast<int>(leak.severity),
                    {},
                    {},
                    emphasisOf(leak.severity)},
                   leak.blocks > 0 ? number(leak.blocks, Emphasis::critical) : TreeCell{},
                   leak.xmin_age ? number(*leak.xmin_age) : TreeCell{},
                   stateCell(row.session.state)};
    return node;
}

/// What the head of a group says of those in it.
void sumUp(TreeNode& group, const QString& name)
{
    const auto most = [&](LeakColumn column) {
        qlonglong value = 0;
        for (const auto& child : group.children)
            value = std::max(value, cellOf(*child, column).sort.toLongLong());
        return value;
    };
    qlonglong blocks = 0;
    int severity = 0, aborted = 0;
    for (const auto& child : group.children) {
        blocks += cellOf(*child, LeakColumn::blocks).sort.toLongLong();
        severity = std::max(severity, child->severity.value_or(0));
        aborted += child->state == SessionState::idle_in_transaction_aborted;
    }
    const auto n = std::ssize(group.children);
    constexpr SessionState held = SessionState::idle_in_transaction;
    const SessionState first = group.children.front()->state.value_or(held);
    const bool same = std::all_of(group.children.begin(), group.children.end(),
                                  [first](const auto& child) { return child->state == first; });
    const auto worst = static_cast<LeakSeverity>(severity);
    group.severity = severity;
    const qlonglong xmin = most(LeakColumn::xminAge);
    group.cells = {words(name, Emphasis::strong),
                   TreeCell{},
                   number(n),
                   duration(Duration{most(LeakColumn::oldest)}, emphasisOf(worst)),
                   TreeCell{},
                   TreeCell{},
                   {Formatter::severity(worst), severity, {}, {}, emphasisOf(worst)},
                   blocks > 0 ? number(blocks, Emphasis::critical) : TreeCell{},
                   xmin > 0 ? number(xmin) : TreeCell{},
                   same ? stateCell(first, Emphasis::secondary)
                        : words(aborted > 0 ? tr("%1 aborted").arg(Formatter::count(aborted))
                                            : Formatter::state(held),
                                Emphasis::secondary)};
    group.state = same ? first : held;
    // As old as the freshest in it, and old only where all of it is.
    group.staleness = group.children.front()->staleness;
    for (const auto& child : group.children) {
        if (!group.staleness || !child->staleness)
            group.staleness.reset();
        else
            group.staleness = std::min(*group.staleness, *child->staleness);
    }
}

void addSessions(const SessionStore& store, const QString& filter, bool grouped,
                 std::vector<Ranked>& rows, LeakCounts& counts)
{
    std::map<std::string, std::unique_ptr<TreeNode>> groups;
    const auto rank = [&](std::unique_ptr<TreeNode> node) {
        Ranked row;
        row.severity = node->severity.value_or(0);
        row.impact = cellOf(*node, LeakColumn::blocks).sort.toLongLong();
        row.oldest = cellOf(*node, LeakColumn::oldest).sort.toLongLong();
        row.node = std::move(node);
        rows.push_back(std::move(row));
    };
    for (const TargetSummary& target : store.targets()) {
        counts.suspected += static_cast<int>(target.suspects.size());
        for (const SuspectedLeak& leak : target.suspects) {
            const SessionRow* const row = store.find(leak.session);
            if (!row || !mentions(*row, filter))
                continue;
            ++counts.shown;
            if (!grouped) {
                rank(leakNode(store, leak, *row));
                continue;
            }
            std::unique_ptr<TreeNode>& group = groups[leak.group];
            if (!group) {
                group = std::make_unique<TreeNode>();
                // Byte by byte: what is no UTF-8 must not make two names one.
                group->id = QStringLiteral("g") +
                            QString::fromLatin1(leak.group.data(), std::ssize(leak.group));
                group->group = true;
            }
            group->children.push_back(leakNode(store, leak, *row));
        }
    }
    for (auto& [name, group] : groups) {
        sumUp(*group, name.empty() ? tr("no name") : Formatter::line(name));
        rank(std::move(group));
    }
}

bool before(const Ranked& a, const Ranked& b)
{
    if (a.severity != b.severity)
        return a.severity > b.severity;
    if (a.severity == 0) {
        if (a.longRunning != b.longRunning)
            return a.longRunning;
        return a.name < b.name;
    }
    return std::tie(a.impact, a.oldest) > std::tie(b.impact, b.oldest);
}

} // namespace

std::unique_ptr<TreeModel> makeLeakModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Acquired at, session"),
             tr("The line of code that acquired the connections; of a server's session, who it is"),
             false, false},
            {tr("Pool, server pid"), {}, false, false},
            {tr("Held"), tr("Suspected of all that are held now"), true, true},
            {tr("Oldest"), tr("How long it has been held, or idle in its transaction"), true, true},
            {tr("Per min"), tr("How many more of them become suspect a minute"), true, true},
            {tr("Full in"), tr("Until nothing of the pool is free, if that goes on"), true, true},
            {tr("Severity"), {}, false, false},
            {tr("Blocks"), tr("How many sessions wait behind it, directly or not"), true, true},
            {tr("Holds back"),
             tr("How many transactions old the rows are that vacuum cannot remove "
                "because of it"),
             true, true},
            {tr("State"), {}, false, false}},
        parent);
}

TreeNodes leakRows(const SessionStore& store, const QString& filter, LeakGrouping grouping,
                   LeakCounts* counts)
{
    LeakCounts counted;
    std::vector<Ranked> ranked;
    addSessions(store, filter, grouping == LeakGrouping::place || grouping == LeakGrouping::pool,
                ranked, counted);
    const auto blocking = blockingCheckouts(store);
    for (const TargetSummary& target : store.targets()) {
        addPlaces(store, target, filter, grouping, blocking, ranked, counted);
        addStatements(store, target, filter, grouping, ranked, counted);
    }
    std::stable_sort(ranked.begin(), ranked.end(), before);
    TreeNodes rows;
    rows.reserve(ranked.size());
    for (Ranked& row : ranked)
        rows.push_back(std::move(row.node));
    if (counts)
        *counts = counted;
    return rows;
}

PlaceAt placeAt(const SessionStore& store, const QString& id)
{
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places) {
            if (placeId(target.info.id, place) == id)
                return {&target, &place};
        }
    }
    return {};
}

PlaceAt placeAt(const SessionStore& store, const Checkout& checkout)
{
    const auto print = [](const StackRef& stack) {
        return stack ? stack->fingerprint : 0;
    };
    if (const TargetSummary* const target = store.target(checkout.key.target)) {
        for (const Place& place : target->places) {
            if (place.pool == checkout.pool && print(place.stack) == print(checkout.stack))
                return {target, &place};
        }
    }
    return {};
}

const Holder* holderOf(const Place& place, const CheckoutKey& checkout)
{
    const auto found =
        std::find_if(place.holders.begin(), place.holders.end(),
                     [&](const Holder& holder) { return holder.checkout == checkout; });
    return found == place.holders.end() ? nullptr : &*found;
}

int suspectedCount(const TargetSummary& target)
{
    int count = static_cast<int>(target.suspects.size() + target.statements.size());
    for (const Place& place : target.places)
        count += place.suspected;
    return count;
}

int suspectedCount(const std::vector<TargetSummary>& targets)
{
    int count = 0;
    for (const TargetSummary& target : targets)
        count += suspectedCount(target);
    return count;
}

} // namespace poolscope
