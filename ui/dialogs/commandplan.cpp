// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/commandplan.h"
#include "ui/models/ownsessions.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>
#include <set>

namespace poolscope {

namespace {

QString nameOf(const SessionStore& store, TargetId target)
{
    const TargetSummary* summary = store.target(target);
    return summary ? Formatter::line(summary->info.name, 80) : tr("the server");
}

QString whyNot(ActionVerb verb, const SessionRow& row, const SessionStore& store)
{
    const Session& s = row.session;
    if (isOwn(store, s))
        return tr("Poolscope's own session");
    if (!s.is_client())
        return tr("a %1 of the server").arg(Formatter::line(s.backend_type.str(), 60));
    if (s.key.started == Timestamp{})
        return tr("its start time is hidden from this role, so its identity cannot be checked");
    if (verb == ActionVerb::cancel && !runsStatement(s))
        return tr("runs no statement");
    return {};
}

/// Who waits for those that are hit, and which of them waits for nobody else.
struct Unblocked
{
    std::set<SessionKey> all;
    std::set<SessionKey> atOnce;
};

void collect(const BlockingNode& node, bool below, const std::set<SessionKey>& hit,
             Unblocked& unblocked)
{
    const bool ends = hit.contains(node.key);
    for (const BlockingNode& waiter : node.waiting) {
        const bool alsoEnd = std::all_of(waiter.also.begin(), waiter.also.end(), [&](Pid pid) {
            const auto at = hit.lower_bound({waiter.key.target, pid, Timestamp::min()});
            return at != hit.end() && at->target == waiter.key.target && at->pid == pid;
        });
        if ((below || ends) && !hit.contains(waiter.key)) {
            unblocked.all.insert(waiter.key);
            if (ends && !waiter.queued && alsoEnd)
                unblocked.atOnce.insert(waiter.key);
        }
        collect(waiter, below || ends, hit, unblocked);
    }
}

QString unblocksOf(const CommandPlan& plan, const SessionStore& store)
{
    std::set<SessionKey> hit;
    for (const CommandPlan::Hit& h : plan.hits)
        hit.insert(h.row.session.key);
    Unblocked unblocked;
    for (const TargetSummary& target : store.targets())
        for (const BlockingTree& tree : target.blocking.trees)
            collect(tree.root, false, hit, unblocked);
    if (unblocked.all.empty())
        return {};
    std::map<QString, int> applications;
    for (const SessionKey& key : unblocked.all) {
        const SessionRow* row = store.find(key);
        QString name = row ? Formatter::line(row->session.application.str(), 60) : QString();
        if (name.isEmpty() && row)
            name = Formatter::line(row->session.user.str(), 60);
        ++applications[name.isEmpty() ? tr("unnamed") : name];
    }
    std::vector<std::pair<QString, int>> sorted(applications.begin(), applications.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    QStringList words;
    for (std::size_t i = 0; i < std::min<std::size_t>(sorted.size(), 5); ++i)
        words << QStringLiteral("%1 %2").arg(Formatter::count(sorted[i].second), sorted[i].first);
    if (sorted.size() > 5)
        words << tr("and others");
    const QString sessions = Formatter::sessions(std::ssize(unblocked.all));
    const QString whose = words.join(QStringLiteral(", "));
    if (unblocked.atOnce.size() == unblocked.all.size())
        return QStringLiteral("%1: %2").arg(sessions, whose);
    return tr("%1, %2 of them at once, the others after those: %3")
        .arg(sessions, Formatter::count(std::ssize(unblocked.atOnce)), whose);
}

QString freesOf(const CommandPlan& plan, const SessionStore& store)
{
    const auto n = static_cast<std::int64_t>(plan.hits.size());
    if (plan.verb == ActionVerb::cancel)
        return n == 1 ? tr("no connection: the session stays")
                      : tr("no connection: the sessions stay");
    std::set<TargetId> targets;
    for (const CommandPlan::Hit& hit : plan.hits)
        targets.insert(hit.row.session.key.target);
    QString freed = n == 1 ? tr("1 connection") : tr("%1 connections").arg(Formatter::count(n));
    const TargetSummary* target = targets.size() == 1 ? store.target(*targets.begin()) : nullptr;
    if (!target || !target->facts || !target->facts->max_connections)
        return freed;
    std::int64_t used = 0;
    for (const std::int32_t count : target->counts)
        used += count;
    return tr("%1 of the %2 in use; the limit is %3")
        .arg(Formatter::count(n), Formatter::count(used),
             Formatter::count(*target->facts->max_connections));
}

QString questionOf(const CommandPlan& plan)
{
    const bool cancel = plan.verb == ActionVerb::cancel;
    if (plan.hits.empty())
        return cancel ? tr("No statement to cancel") : tr("No session to terminate");
    if (plan.hits.size() == 1) {
        const qlonglong pid = plan.hits.front().row.session.key.pid.value;
        return (cancel ? tr("Cancel the statement of %1 on %2?")
                       : tr("Terminate session %1 on %2?"))
            .arg(QString::number(pid), plan.on);
    }
    return (cancel ? tr("Cancel %1 statements on %2?") : tr("Terminate %1 sessions on %2?"))
        .arg(Formatter::count(static_cast<std::int64_t>(plan.hits.size())), plan.on);
}

QString destroysOf(const CommandPlan& plan)
{
    const bool one = plan.hits.size() == 1;
    if (plan.verb == ActionVerb::cancel)
        return one ? tr("Its statement ends with an error. The session and its connection stay; a "
                        "transaction it is in is aborted.")
                   : tr("Their statements end with an error. The sessions and their connections "
                        "stay; transactions they are in are aborted.");
    return one ? tr("Its transaction is rolled back and its connection closed. The application may "
                    "open a new one.")
               : tr("Their transactions are rolled back and their connections closed. The "
                    "applications may open new ones.");
}

QString identityOf(const CommandPlan& plan, const SessionStore& store, const Formatter& format)
{
    const auto mysql = std::count_if(plan.hits.begin(), plan.hits.end(), [&](const auto& hit) {
        const TargetSummary* const target = store.target(hit.row.session.key.target);
        return target && familyOf(target->info) == TargetFamily::mysql;
    });
    // It never reuses an id within its life, and has no start time to compare.
    if (mysql > 0 && mysql == std::ssize(plan.hits))
        return tr("only if the server still runs that it ran on, and the id still has its user, "
                  "host and database, read again just before");
    if (mysql > 0)
        return tr("each only if it is still the same session: PostgreSQL by its start time, MySQL "
                  "by its id, user, host and database");
    if (plan.hits.size() != 1)
        return tr(
            "each only if its pid still has the start time it has now, checked by the server");
    const Session& s = plan.hits.front().row.session;
    const QString started = format.instantExact(s.key.started, store.now());
    QString sentence = tr("only if pid %1 still started at %2").arg(s.key.pid.value).arg(started);
    if (plan.verb == ActionVerb::cancel && s.statement_since)
        sentence += tr(" and still runs the statement of %1")
                        .arg(format.instantExact(*s.statement_since, store.now()));
    return sentence + tr(", checked by the server");
}

/// What the server is sent, a statement for each kind of server among them.
QString sqlOf(const CommandPlan& plan, const SessionStore& store)
{
    const bool cancel = plan.verb == ActionVerb::cancel;
    QStringList statements;
    for (const CommandPlan::Hit& hit : plan.hits) {
        const TargetSummary* const target = store.target(hit.row.session.key.target);
        const bool mysql = target && familyOf(target->info) == TargetFamily::mysql;
        const QString statement =
            mysql    ? (cancel ? QStringLiteral("KILL QUERY ?") : QStringLiteral("KILL ?"))
            : cancel ? QStringLiteral("SELECT pg_cancel_backend(pid) FROM pg_stat_activity\n"
                                      " WHERE pid = $1 AND backend_start = $2 AND query_start = $3")
                     : QStringLiteral("SELECT pg_terminate_backend(pid) FROM pg_stat_activity\n"
                                      " WHERE pid = $1 AND backend_start = $2");
        if (!statements.contains(statement))
            statements += statement;
    }
    return statements.join(QStringLiteral(";\n"));
}

/// "shop-db and orders-db"; of many no more than how many.
QString onTargets(const SessionStore& store, const std::set<TargetId>& targets)
{
    if (targets.size() > 3)
        return tr("%1 targets").arg(targets.size());
    QStringList names;
    for (const TargetId target : targets)
        names << nameOf(store, target);
    const QString last = names.isEmpty() ? QString() : names.takeLast();
    return names.isEmpty() ? last : tr("%1 and %2").arg(names.join(QStringLiteral(", ")), last);
}

} // namespace

QString holdsOf(const SessionStore& store, const SessionRow& row)
{
    const TargetSummary* target = store.target(row.session.key.target);
    std::set<std::string> relations;
    bool any = false;
    if (target) {
        const auto found = target->locks.find(row.session.key.pid);
        if (found != target->locks.end())
            for (const Lock& lock : found->second)
                if (lock.granted) {
                    any = true;
                    if (!lock.relation.empty())
                        relations.insert(lock.relation);
                }
    }
    if (!relations.empty()) {
        QStringList names;
        for (const std::string& relation : relations)
            if (names.size() < 3)
                names << Formatter::line(relation, 63);
        const qsizetype more = static_cast<qsizetype>(relations.size()) - names.size();
        const QString list = names.join(QStringLiteral(", "));
        return more > 0 ? tr("locks on %1 and %2 more").arg(list, QString::number(more))
                        : tr("locks on %1").arg(list);
    }
    if (row.session.xid)
        return tr("changes not committed, xid %1").arg(*row.session.xid);
    if (row.session.transaction_since)
        return any ? tr("a transaction") : tr("a transaction, locks not reported");
    return tr("a connection");
}

bool runsStatement(const Session& session)
{
    return session.state == SessionState::active || session.state == SessionState::waiting ||
           session.state == SessionState::other;
}

std::vector<SessionRow> CommandPlan::rows() const
{
    std::vector<SessionRow> all;
    for (const Hit& hit : hits)
        all.push_back(hit.row);
    return all;
}

CommandPlan planCommand(ActionVerb verb, const std::vector<SessionRow>& sessions,
                        const SessionStore& store, const Formatter& format)
{
    CommandPlan plan;
    plan.verb = verb;
    std::set<SessionKey> seen;
    std::set<TargetId> targets;
    for (const SessionRow& row : sessions) {
        const Session& s = row.session;
        if (!seen.insert(s.key).second)
            continue;
        const QString reason = whyNot(verb, row, store);
        if (!reason.isEmpty()) {
            plan.leftOut << QStringLiteral("%1: %2").arg(s.key.pid.value).arg(reason);
            continue;
        }
        const QString age = s.transaction_since
                                ? Formatter::ageCell(store.age(s.key.target, *s.transaction_since))
                                : QString();
        plan.hits.push_back({row, holdsOf(store, row), age, nameOf(store, s.key.target)});
        targets.insert(s.key.target);
        plan.running += runsStatement(s) ? 1 : 0;
    }
    plan.on = onTargets(store, targets);
    plan.severalTargets = targets.size() > 1;
    plan.question = questionOf(plan);
    if (plan.hits.empty())
        return plan;
    plan.destroys = destroysOf(plan);
    plan.unblocks = unblocksOf(plan, store);
    plan.frees = freesOf(plan, store);
    plan.identity = identityOf(plan, store, format);
    plan.sql = sqlOf(plan, store);
    return plan;
}

} // namespace poolscope
