// SPDX-License-Identifier: GPL-3.0-or-later
// What was asked of servers, and the servers themselves.
#include "core/analyze/poolcase.h"
#include "ui/models/cells_p.h"
#include "ui/models/findings.h"
#include "ui/models/poolshare.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <QRegularExpression>

#include <algorithm>

namespace poolscope {

std::unique_ptr<TreeModel> makeActionModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{{tr("Time"), {}, true, true},
                                {tr("Action"), {}, false, false},
                                {tr("Id"), tr("Pid of a session, or id of a checkout"), true, true},
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
            const bool reclaim = action.verb == ActionVerb::reclaim;
            const TargetId on = reclaim ? action.checkout.target : action.session.target;
            if (const TargetSummary* target = store.target(on);
                target && store.targets().size() > 1)
                subject = Formatter::line(target->info.name) + QStringLiteral(": ") + subject;
            node->cells = {
                time(action.requested),
                words(Formatter::verb(action.verb)),
                reclaim ? words(Formatter::line(action.checkout.id.str(), 100))
                        : TreeCell{QString::number(action.session.pid.value),
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

bool refusesAsFull(const TargetSummary& target)
{
    return refuses_as_full(target.status);
}

QString administratorsUrl(const TargetInfo& target)
{
    QString url = Formatter::line(target.url, 2000);
    const auto scheme = url.indexOf(QStringLiteral("://"));
    if (scheme < 0) { // a conninfo; libpq takes the last of what is said twice
        static const QRegularExpression user(
            QStringLiteral(R"((?<!\S)user\s*=\s*(?:'(?:[^'\\]|\\.)*'|\S+)\s*)"));
        return (url.remove(user) + QStringLiteral(" user=postgres")).simplified();
    }
    const auto from = scheme + 3;
    auto to = from;
    while (to < url.size() && !QStringLiteral("/?#").contains(url.at(to)))
        ++to;
    const auto user = url.lastIndexOf(QLatin1Char('@'), to - url.size() - 1);
    const auto host = user >= from ? user + 1 : from;
    return url.left(from) +
           (target.kind == "mysql" ? QStringLiteral("root@") : QStringLiteral("postgres@")) +
           url.mid(host);
}

namespace {

/// A process: its pool that is nearest to its limit.
bool fails(const TargetStatus& status)
{
    return status.reach == Reach::failing ||
           (status.reach == Reach::stopped && !is_detached(status));
}

std::unique_ptr<TreeNode> processRow(const TargetSummary& target, Timestamp now)
{
    auto node = std::make_unique<TreeNode>();
    const Pool* const fullest = fullestOf(target.pools);
    const bool failing = fails(target.status);
    const double used = fullest ? usedShare(*fullest).value_or(0) : -1;
    node->severity = std::max(used >= 0.95 ? 2 : used >= 0.8 ? 1 : 0, failing ? 1 : 0);
    node->staleness = staleness(target, now);
    TreeCell cell{Formatter::notReported(), {}, QLatin1String(""), {}, Emphasis::caption};
    if (fullest) {
        cell = number(*fullest->used, *node->severity == 2 ? Emphasis::critical : Emphasis::plain);
        cell.text = Formatter::ofLimit(*fullest->used, fullest->max);
        cell.sort = used;
        cell.tip = tr("of the pool %1").arg(Formatter::line(fullest->name.str(), 100));
    }
    const int suspected = suspectedCount(target);
    node->cells = {
        words(Formatter::line(target.info.name), Emphasis::strong), cell, TreeCell{}, TreeCell{},
        target.last_sample
            ? number(suspected, suspected > 0 && !failing ? Emphasis::critical : Emphasis::caption)
            : TreeCell{}};
    return node;
}

} // namespace

TreeNodes serverRows(const SessionStore& store)
{
    TreeNodes rows;
    for (const TargetSummary& target : store.targets()) {
        if (tellsPools(target)) {
            rows.push_back(processRow(target, store.now()));
            rows.back()->id = QString::number(target.info.id.value);
            continue;
        }
        auto node = std::make_unique<TreeNode>();
        node->id = QString::number(target.info.id.value);
        const auto of = [&](SessionState s) {
            return target.counts.at(static_cast<std::size_t>(s));
        };
        const std::optional<double> share = usedShare(target);
        const bool failing = fails(target.status);
        int severity = share && *share >= 0.95 ? 2 : share && *share >= 0.8 ? 1 : 0;
        if (failing)
            severity = std::max(severity, refusesAsFull(target) ? 2 : 1);
        node->severity = severity;
        node->staleness = staleness(target, store.now());
        const int open =
            of(SessionState::idle_in_transaction) + of(SessionState::idle_in_transaction_aborted);
        TreeCell used = number(usedSlots(target));
        if (target.facts && target.facts->max_connections)
            used.text = Formatter::ofLimit(usedSlots(target), *target.facts->max_connections);
        used.sort = share ? QVariant(*share) : QVariant();
        if (!target.last_sample)
            used = TreeCell{refusesAsFull(target) ? tr("full") : Formatter::notReported(),
                            {},
                            QLatin1String(""),
                            {},
                            refusesAsFull(target) ? Emphasis::critical : Emphasis::caption};
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
