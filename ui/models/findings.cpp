// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/findings.h"

#include "ui/models/cells_p.h"

#include <QCoreApplication>

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

QString tr(const char* words)
{
    return QCoreApplication::translate("Findings", words);
}

QString idOf(const SessionKey& key)
{
    return QStringLiteral("%1/%2/%3")
        .arg(key.target.value)
        .arg(key.pid.value)
        .arg(to_us(key.started));
}

Emphasis emphasisOf(LeakSeverity severity)
{
    return severity == LeakSeverity::critical ? Emphasis::critical
           : severity == LeakSeverity::alert  ? Emphasis::warning
                                              : Emphasis::plain;
}

QString applicationOf(const Session& session)
{
    const Text& name = session.application.empty() ? session.user : session.application;
    return name.empty() ? tr("no name") : Formatter::line(name.str());
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

std::unique_ptr<TreeNode> leakNode(const SessionStore& store, const SuspectedLeak& leak,
                                   const SessionRow& row)
{
    auto node = std::make_unique<TreeNode>();
    node->id = idOf(leak.session);
    node->session = leak.session;
    node->state = row.session.state;
    node->severity = static_cast<int>(leak.severity);
    node->staleness = store.staleness(leak.session.target);
    node->cells = {whoCell(leak.session.pid, applicationOf(row.session)),
                   words({}),
                   duration(store.age(leak.session.target, leak.since), emphasisOf(leak.severity)),
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
            value = std::max(value, child->cells.at(std::size_t(column)).sort.toLongLong());
        return value;
    };
    qlonglong blocks = 0;
    int severity = 0, aborted = 0;
    for (const auto& child : group.children) {
        blocks += child->cells.at(std::size_t(LeakColumn::blocks)).sort.toLongLong();
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
                   number(n),
                   duration(Duration{most(LeakColumn::oldest)}, emphasisOf(worst)),
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
        node->cells = {words(from.key.pid.value == 0 ? tr("prepared transaction")
                                                     : QString::number(from.key.pid.value)),
                       words(from.key.pid.value == 0 ? tr("see pg_prepared_xacts") : QString(),
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

std::unique_ptr<TreeModel> makeLeakModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Session, application"), {}, false, false},
            {tr("Open"), tr("How many are held"), true, true},
            {tr("Oldest"), tr("How long it has been idle in its transaction"), true, true},
            {tr("Severity"), {}, false, false},
            {tr("Blocks"), tr("How many sessions wait behind it, directly or not"), true, true},
            {tr("Holds back"),
             tr("How many transactions old the rows are that vacuum cannot remove "
                "because of it"),
             true, true},
            {tr("State"), {}, false, false}},
        parent);
}

TreeNodes leakRows(const SessionStore& store, const QString& filter, bool grouped, int* shown)
{
    TreeNodes rows;
    std::map<std::string, TreeNode*> groups;
    std::vector<std::pair<TreeNode*, QString>> names;
    int count = 0;
    for (const TargetSummary& target : store.targets()) {
        for (const SuspectedLeak& leak : target.suspects) {
            const SessionRow* const row = store.find(leak.session);
            if (!row || !mentions(*row, filter))
                continue;
            ++count;
            if (!grouped) {
                rows.push_back(leakNode(store, leak, *row));
                continue;
            }
            TreeNode*& group = groups[leak.group];
            if (!group) {
                rows.push_back(std::make_unique<TreeNode>());
                group = rows.back().get();
                // Byte by byte: what is no UTF-8 must not make two names one.
                group->id = QStringLiteral("g") +
                            QString::fromLatin1(leak.group.data(), std::ssize(leak.group));
                group->group = true;
                names.emplace_back(group, leak.group.empty() ? tr("no name")
                                                             : Formatter::line(leak.group));
            }
            group->children.push_back(leakNode(store, leak, *row));
        }
    }
    for (const auto& [group, name] : names)
        sumUp(*group, name);
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        const auto value = [](const TreeNode& n, LeakColumn c) {
            return n.cells.at(std::size_t(c)).sort.toLongLong();
        };
        for (const LeakColumn c : {LeakColumn::severity, LeakColumn::blocks, LeakColumn::oldest}) {
            if (value(*a, c) != value(*b, c))
                return value(*a, c) > value(*b, c);
        }
        return false;
    });
    if (shown)
        *shown = count;
    return rows;
}

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
