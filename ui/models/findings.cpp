// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/findings.h"

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

TreeCell words(const QString& text, Emphasis emphasis = Emphasis::plain)
{
    return {text, text, {}, text, emphasis};
}

TreeCell number(std::int64_t n, Emphasis emphasis = Emphasis::plain)
{
    return {
        Formatter::count(n), QVariant::fromValue<qlonglong>(n), QString::number(n), {}, emphasis};
}

TreeCell duration(Duration age, Emphasis emphasis = Emphasis::plain)
{
    return {Formatter::ageCell(age),
            QVariant::fromValue<qlonglong>(to_us(age)),
            QString::number(static_cast<double>(to_us(age)) / 1e6, 'f', 6),
            {},
            emphasis};
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
    const QString who = QStringLiteral("%1  %2").arg(QString::number(leak.session.pid.value),
                                                     applicationOf(row.session));
    node->cells = {words(who),
                   words({}),
                   duration(store.age(leak.session.target, leak.since), emphasisOf(leak.severity)),
                   {Formatter::severity(leak.severity),
                    static_cast<int>(leak.severity),
                    {},
                    {},
                    emphasisOf(leak.severity)},
                   leak.blocks > 0 ? number(leak.blocks, Emphasis::critical) : TreeCell{},
                   leak.xmin_age ? number(*leak.xmin_age) : TreeCell{},
                   words(Formatter::state(row.session.state))};
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
    const auto worst = static_cast<LeakSeverity>(severity);
    group.severity = severity;
    const qlonglong xmin = most(LeakColumn::xminAge);
    group.cells = {words(name, Emphasis::strong),
                   number(n),
                   duration(Duration{most(LeakColumn::oldest)}, emphasisOf(worst)),
                   {Formatter::severity(worst), severity, {}, {}, emphasisOf(worst)},
                   blocks > 0 ? number(blocks, Emphasis::critical) : TreeCell{},
                   xmin > 0 ? number(xmin) : TreeCell{},
                   words(aborted == 0 ? Formatter::state(SessionState::idle_in_transaction)
                         : aborted == n
                             ? Formatter::state(SessionState::idle_in_transaction_aborted)
                             : tr("%1 aborted").arg(Formatter::count(aborted)),
                         Emphasis::secondary)};
    group.state = aborted == n ? SessionState::idle_in_transaction_aborted
                               : SessionState::idle_in_transaction;
}

std::unique_ptr<TreeNode> blockingNode(const SessionStore& store, const BlockingNode& from)
{
    auto node = std::make_unique<TreeNode>();
    node->id = idOf(from.key);
    const SessionRow* const row = store.find(from.key);
    if (row) {
        const Session& s = row->session;
        const QString who =
            QStringLiteral("%1  %2").arg(QString::number(s.key.pid.value), applicationOf(s));
        node->session = from.key;
        node->state = s.state;
        QString waits = Formatter::line(s.wait_event.str());
        if (s.blocked_by.empty())
            waits.clear();
        node->cells = {
            words(who),
            words(Formatter::state(s.state)),
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
                group->id = QStringLiteral("g") + QString::fromStdString(leak.group);
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

std::unique_ptr<TreeModel> makeActionModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{{tr("Time"), {}, true, true},
                                {tr("Action"), {}, false, false},
                                {tr("Session"), {}, true, true},
                                {tr("What it was"), {}, false, false},
                                {tr("Phase"), {}, false, false},
                                {tr("Outcome"), tr("In the server's words"), false, false}},
        parent);
}

TreeNodes actionRows(const Update& update, const SessionStore& store, const Formatter& format)
{
    TreeNodes rows;
    const auto time = [&](Timestamp t) {
        return TreeCell{format.instant(t, update.now), QVariant::fromValue<qlonglong>(to_us(t)),
                        Formatter::iso(t), Formatter::iso(t), Emphasis::plain};
    };
    if (update.actions) {
        for (const ActionRecord& action : *update.actions) {
            auto node = std::make_unique<TreeNode>();
            node->id = QStringLiteral("a%1").arg(action.id.value);
            const bool bad =
                action.phase == ActionPhase::refused || action.phase == ActionPhase::timed_out;
            QString subject = Formatter::line(action.subject);
            if (const TargetSummary* target = store.target(action.session.target);
                target && store.targets().size() > 1)
                subject = Formatter::line(target->info.name) + QStringLiteral(": ") + subject;
            node->cells = {
                time(action.requested),
                words(Formatter::verb(action.verb)),
                {QString::number(action.session.pid.value),
                 QVariant::fromValue<qlonglong>(action.session.pid.value),
                 {},
                 {},
                 Emphasis::plain},
                words(subject, Emphasis::secondary),
                words(Formatter::phase(action.phase), bad ? Emphasis::critical : Emphasis::plain),
                words(Formatter::line(action.outcome))};
            node->cells.back().tip = Formatter::text(action.outcome, 2000);
            rows.push_back(std::move(node));
        }
    }
    if (update.notes) {
        std::size_t n = 0;
        for (const NoteRecord& note : *update.notes) {
            auto node = std::make_unique<TreeNode>();
            node->id = QStringLiteral("n%1").arg(n++);
            node->cells = {time(note.time), words(tr("Note"), Emphasis::secondary),
                           TreeCell{},      words(Formatter::line(note.text)),
                           TreeCell{},      TreeCell{}};
            node->cells.at(3).tip = Formatter::text(note.text, 2000);
            rows.push_back(std::move(node));
        }
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return a->cells.front().sort.toLongLong() > b->cells.front().sort.toLongLong();
    });
    return rows;
}

std::unique_ptr<TreeModel> makeServerModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Server"), {}, false, false},
            {tr("Used of max"), tr("Client sessions of max_connections"), true, true},
            {tr("Idle in tx"), {}, true, true},
            {tr("Waiting"), {}, true, true},
            {tr("Leaks"), tr("Suspected leaks"), true, true}},
        parent);
}

std::int64_t usedSlots(const TargetSummary& target)
{
    std::int64_t used = 0;
    for (const std::int32_t n : target.counts)
        used += n;
    return used;
}

std::optional<double> usedShare(const TargetSummary& target)
{
    if (!target.facts || !target.facts->max_connections)
        return std::nullopt;
    const int usable = *target.facts->max_connections - target.facts->reserved.value_or(0);
    return usable > 0 ? static_cast<double>(usedSlots(target)) / usable : 1.0;
}

TreeNodes serverRows(const SessionStore& store)
{
    TreeNodes rows;
    for (const TargetSummary& target : store.targets()) {
        auto node = std::make_unique<TreeNode>();
        node->id = QString::number(target.info.id.value);
        const auto of = [&](SessionState s) {
            return target.counts.at(static_cast<std::size_t>(s));
        };
        const std::optional<double> share = usedShare(target);
        const bool failing =
            target.status.reach == Reach::failing || target.status.reach == Reach::stopped;
        int severity = share && *share >= 0.95 ? 2 : share && *share >= 0.8 ? 1 : 0;
        if (failing)
            severity = std::max(severity, 1);
        node->severity = severity;
        const int open =
            of(SessionState::idle_in_transaction) + of(SessionState::idle_in_transaction_aborted);
        TreeCell used = number(usedSlots(target));
        if (target.facts && target.facts->max_connections)
            used.text = Formatter::ofLimit(usedSlots(target), *target.facts->max_connections);
        used.sort = share ? QVariant(*share) : QVariant();
        if (!target.last_sample)
            used = TreeCell{Formatter::notReported(), {}, {}, {}, Emphasis::caption};
        else if (severity == 2)
            used.emphasis = Emphasis::critical;
        const auto counted = [&](std::int64_t n, Emphasis emphasis) {
            if (!target.last_sample)
                return TreeCell{};
            return number(n, failing ? Emphasis::caption : n > 0 ? emphasis : Emphasis::caption);
        };
        node->cells = {words(Formatter::line(target.info.name), Emphasis::strong), used,
                       counted(open, Emphasis::plain),
                       counted(of(SessionState::waiting), Emphasis::plain),
                       counted(std::ssize(target.suspects), Emphasis::critical)};
        rows.push_back(std::move(node));
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        if (*a->severity != *b->severity)
            return *a->severity > *b->severity;
        return compareValues(a->cells.at(1).sort, b->cells.at(1).sort, true) < 0;
    });
    return rows;
}

} // namespace poolscope
