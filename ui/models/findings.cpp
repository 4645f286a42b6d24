// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/findings.h"

#include "ui/models/cells_p.h"
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <algorithm>

namespace poolscope {

namespace {

/// The line that acquired the connection it serves.
TreeCell lineCell(const SessionStore& store, const SessionKey& session, bool root)
{
    const auto link = checkoutLink(store, session);
    const auto checkout = link ? store.checkout(link->checkout) : nullptr;
    if (!checkout)
        return {tr("no checkout known"), {}, QLatin1String(""), {}, Emphasis::caption};
    const TargetSummary* const pools = store.target(checkout->key.target);
    if (!checkout->stack && pools && familyOf(pools->info) == TargetFamily::bouncer)
        return {tr("%1 of the pooler").arg(Formatter::line(checkout->pool.str(), 60)),
                {},
                QLatin1String(""),
                tr("A pooler sees no line of code: attach to the application, too."),
                Emphasis::caption};
    const PlaceName name = placeName(checkout->stack.get());
    TreeCell cell = words(name.lead, root ? Emphasis::strong : Emphasis::secondary);
    cell.tip = tr("%1, joined %2").arg(name.whole, joinWords(link->by));
    cell.copy = name.whole;
    return cell;
}

std::unique_ptr<TreeNode> blockingNode(const SessionStore& store, const BlockingNode& from,
                                       bool lines, bool root)
{
    auto node = std::make_unique<TreeNode>();
    node->id = idOf(from.key);
    node->staleness = store.staleness(from.key.target);
    const SessionRow* const row = store.find(from.key);
    if (row) {
        const Session& s = row->session;
        node->session = from.key;
        node->state = s.state;
        QString waits = Formatter::line(s.wait_event.str());
        if (s.blocked_by.empty())
            waits.clear();
        node->cells = {
            whoCell(s.key.pid, applicationOf(s)),
            stateCell(s.state),
            s.state_since ? duration(store.age(s.key.target, *s.state_since)) : TreeCell{},
            words(waits, Emphasis::secondary),
            number(from.blocks, from.blocks > 0 ? Emphasis::critical : Emphasis::caption),
            lines ? lineCell(store, from.key, root) : TreeCell{},
            words(Formatter::line(s.statement.str(), 400).simplified(), Emphasis::secondary)};
    } else {
        const TargetSummary* const target = store.target(from.key.target);
        const bool ours = !target || tellsXmin(*target);
        node->cells = {
            words(from.key.pid.value == 0 ? tr("prepared transaction")
                                          : QString::number(from.key.pid.value)),
            words(from.key.pid.value == 0 && ours ? tr("see pg_prepared_xacts") : QString(),
                  Emphasis::caption),
            TreeCell{},
            TreeCell{},
            number(from.blocks, Emphasis::critical),
            TreeCell{},
            TreeCell{}};
    }
    for (const BlockingNode& waiter : from.waiting)
        node->children.push_back(blockingNode(store, waiter, lines, false));
    return node;
}

} // namespace

int keepFirst(TreeNodes& rows, int lines)
{
    const int most = std::max(lines, 1);
    if (std::ssize(rows) <= most)
        return 0;
    // One line is for the words that say so: never "1 more".
    const auto kept = static_cast<std::size_t>(most - 1);
    const auto left = rows.size() - kept;
    rows.resize(kept);
    return static_cast<int>(left);
}

std::unique_ptr<TreeModel> makeBlockingModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Session"), {}, false, false},
            {tr("State"), {}, false, false},
            {tr("For"), tr("How long it has been in its state"), true, true},
            {tr("Waits on"), {}, false, false},
            {tr("Blocks"), tr("How many wait behind it, directly or not"), true, true},
            {tr("Line of code"), tr("Where its connection was acquired, by its pool's checkout"),
             false, true},
            {tr("Statement"), tr("What it runs, or ran last"), false, true}},
        parent);
}

TreeNodes blockingRows(const SessionStore& store, bool joined)
{
    TreeNodes rows;
    const bool lines = joined && canJoin(store);
    for (const TargetSummary& target : store.targets()) {
        for (const BlockingTree& tree : target.blocking.trees)
            rows.push_back(blockingNode(store, tree.root, lines, true));
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        const auto at = std::size_t(BlockingColumn::blocks);
        return a->cells.at(at).sort.toLongLong() > b->cells.at(at).sort.toLongLong();
    });
    return rows;
}

} // namespace poolscope
