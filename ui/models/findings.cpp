// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/findings.h"

#include "ui/models/cells_p.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <algorithm>

namespace poolscope {

namespace {

std::unique_ptr<TreeNode> blockingNode(const SessionStore& store, const BlockingNode& from)
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
            TreeCell{}};
    }
    for (const BlockingNode& waiter : from.waiting)
        node->children.push_back(blockingNode(store, waiter));
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
            {tr("Statement"), tr("What it runs, or ran last"), false, true}},
        parent);
}

TreeNodes blockingRows(const SessionStore& store)
{
    TreeNodes rows;
    for (const TargetSummary& target : store.targets()) {
        for (const BlockingTree& tree : target.blocking.trees)
            rows.push_back(blockingNode(store, tree.root));
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        const auto at = std::size_t(BlockingColumn::blocks);
        return a->cells.at(at).sort.toLongLong() > b->cells.at(at).sort.toLongLong();
    });
    return rows;
}

} // namespace poolscope
