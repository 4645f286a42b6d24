// SPDX-License-Identifier: GPL-3.0-or-later
// The sentences that pages begin with. Nothing is said that the server did not report.
#include "ui/models/answers_p.h"
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

QString applicationOf(const SessionRow& row)
{
    const Session& s = row.session;
    return Formatter::line((s.application.empty() ? s.user : s.application).str(), 100);
}

/// "8 billing, 3 report-worker": who stands behind a session, by application.
QString behind(const SessionStore& store, const TargetSummary& target, const SessionKey& root)
{
    std::map<QString, int> applications;
    std::vector<const BlockingNode*> pending;
    for (const BlockingTree& tree : target.blocking.trees) {
        if (tree.root.key == root)
            pending.push_back(&tree.root);
    }
    while (!pending.empty()) {
        const BlockingNode* const node = pending.back();
        pending.pop_back();
        for (const BlockingNode& waiter : node->waiting) {
            if (const SessionRow* const row = store.find(waiter.key))
                ++applications[applicationOf(*row)];
            pending.push_back(&waiter);
        }
    }
    std::vector<std::pair<QString, int>> sorted(applications.begin(), applications.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    QStringList words;
    int others = 0;
    for (const auto& [name, n] : sorted) {
        if (words.size() == 4)
            others += n;
        else
            words += QStringLiteral("%1 %2").arg(Formatter::count(n),
                                                 name.isEmpty() ? tr("without a name") : name);
    }
    if (others > 0)
        words += tr("%1 others").arg(Formatter::count(others));
    return words.join(QStringLiteral(", "));
}

Answer ofBlocker(const SessionStore& store, const TargetSummary& target, const SuspectedLeak& leak,
                 const SessionRow& row)
{
    Answer answer;
    answer.kind = Answer::Kind::leak;
    answer.severity = static_cast<int>(leak.severity);
    answer.session = leak.session;
    answer.target = target.info.id;
    const QString age = Formatter::ageProse(store.age(target.info.id, leak.since));
    const QString pid = QString::number(leak.session.pid.value);
    const QString state = Formatter::state(row.session.state);
    if (leak.blocks > 0) {
        answer.sentence = tr("Session %1 blocks %2, %3 for %4")
                              .arg(pid, Formatter::sessions(leak.blocks), state, age);
        answer.relief =
            tr("Unblocks %1: %2.")
                .arg(Formatter::sessions(leak.blocks), behind(store, target, leak.session));
    } else if (leak.kind == LeakKind::bypass) {
        answer.sentence = tr("%1 has %2 that no pool of it owns")
                              .arg(Formatter::line(leak.group, 100),
                                   Formatter::sessions(std::max(leak.beside, 1)));
        answer.relief = tr("Frees 1 slot of %1.").arg(answers::nameOf(target));
    } else if (leak.kind == LeakKind::orphan) {
        answer.sentence = leak.pool.empty()
                              ? tr("Session %1 goes on, and its pool has dropped it").arg(pid)
                              : tr("Session %1 goes on, and its pool %2 has dropped it")
                                    .arg(pid, Formatter::line(leak.pool.str(), 100));
        answer.relief = tr("Frees 1 slot of %1; nobody waits for it.").arg(answers::nameOf(target));
    } else if (leak.growth) {
        answer.sentence =
            tr("%1 holds %2, and only opens more")
                .arg(Formatter::line(leak.group, 100),
                     leak.growth->to == 1
                         ? tr("1 idle connection")
                         : tr("%1 idle connections").arg(Formatter::count(leak.growth->to)));
        answer.relief = tr("Frees 1 slot of %1; it runs nothing.").arg(answers::nameOf(target));
    } else {
        answer.sentence = tr("Session %1 has been %2 for %3").arg(pid, state, age);
        answer.relief =
            tr("Frees 1 slot of %1; its transaction is rolled back.").arg(answers::nameOf(target));
    }
    answer.explanation = tr("%1 on %2.").arg(applicationOf(row), answers::nameOf(target));
    if (const QString line = answers::lineOf(store, leak.session); !line.isEmpty())
        answer.explanation += QLatin1Char(' ') + tr("Its connection was acquired at %1.").arg(line);
    if (!target.evidence.empty()) {
        const auto at = static_cast<std::size_t>(&leak - target.suspects.data());
        if (at < target.evidence.size()) {
            for (const std::string& sentence : target.evidence[at])
                answer.explanation += QLatin1Char(' ') + Formatter::line(sentence);
        }
    }
    return answer;
}

std::optional<Answer> worstLeak(const SessionStore& store, bool blockersOnly)
{
    const SuspectedLeak* worst = nullptr;
    const TargetSummary* where = nullptr;
    for (const TargetSummary& target : store.targets()) {
        for (const SuspectedLeak& leak : target.suspects) {
            if ((blockersOnly && leak.blocks == 0) || !store.find(leak.session))
                continue;
            const auto rank = [](const SuspectedLeak& l) {
                return std::make_pair(l.blocks, static_cast<int>(l.severity));
            };
            if (!worst || rank(leak) > rank(*worst)) {
                worst = &leak;
                where = &target;
            }
        }
    }
    if (!worst)
        return std::nullopt;
    return ofBlocker(store, *where, *worst, *store.find(worst->session));
}

Answer ofServer(const TargetSummary& target, double share)
{
    Answer answer;
    answer.kind = Answer::Kind::server;
    answer.severity = share >= 0.95 ? 2 : 1;
    answer.target = target.info.id;
    answer.sentence = tr("%1: %2 of %3 slots used")
                          .arg(answers::nameOf(target), Formatter::count(usedSlots(target)),
                               Formatter::count(*target.facts->max_connections));
    QStringList parts;
    for (const SessionState state :
         {SessionState::idle_in_transaction, SessionState::idle_in_transaction_aborted,
          SessionState::waiting, SessionState::active, SessionState::idle, SessionState::unknown}) {
        if (const int n = target.counts.at(static_cast<std::size_t>(state)); n > 0)
            parts += QStringLiteral("%1 %2").arg(Formatter::count(n), Formatter::state(state));
    }
    // A role without rights sees how many there are, not what they do.
    QStringList sentences;
    if (!parts.isEmpty())
        sentences += parts.join(QStringLiteral(", ")) + QLatin1Char('.');
    if (const int reserved = target.facts->reserved.value_or(0); reserved > 0)
        sentences +=
            reserved == 1
                ? tr("1 of the slots is reserved for superusers and roles with that right.")
                : tr("%1 of the slots are reserved for superusers and roles with that right.")
                      .arg(Formatter::count(reserved));
    answer.explanation = sentences.join(QLatin1Char(' '));
    return answer;
}

} // namespace

QString answers::nameOf(const TargetSummary& target)
{
    return Formatter::line(target.info.name, 100);
}

QString answers::hiddenWords(std::int64_t hidden)
{
    return hidden == 1 ? tr("what 1 session does is hidden.")
                       : tr("what %1 do is hidden.").arg(Formatter::sessions(hidden));
}

std::int64_t answers::hiddenSessions(const SessionStore& store)
{
    std::int64_t hidden = 0;
    for (const TargetSummary& target : store.targets())
        hidden += target.counts.at(static_cast<std::size_t>(SessionState::unknown));
    return hidden;
}

QString answers::lineOf(const SessionStore& store, const SessionKey& session)
{
    if (!canJoin(store))
        return {};
    const auto key = checkoutOf(store, session);
    const auto checkout = key ? store.checkout(*key) : nullptr;
    return checkout && checkout->stack ? placeName(checkout->stack.get()).lead : QString();
}

namespace {

/// Without a diagnosis: from what servers and pools say of themselves.
Answer observedAnswer(const SessionStore& store)
{
    bool sampled = false;
    const TargetSummary* failing = nullptr;
    const TargetSummary* fullest = nullptr;
    for (const TargetSummary& target : store.targets()) {
        sampled = sampled || target.last_sample;
        if (target.status.reach == Reach::failing || target.status.reach == Reach::stopped)
            failing = failing ? failing : &target;
        else if (const auto share = usedShare(target);
                 share && target.last_sample && (!fullest || *share > *usedShare(*fullest)))
            fullest = &target;
    }
    const auto place = answers::worstPlace(store);
    const auto blocker = worstLeak(store, true);
    if (place && (!blocker || place->severity > blocker->severity))
        return *place;
    if (blocker)
        return *blocker;
    if (fullest && *usedShare(*fullest) >= 0.8)
        return ofServer(*fullest, *usedShare(*fullest));
    if (const auto pool = answers::exhaustedPool(store))
        return *pool;
    if (Answer blocking = blockingAnswer(store, Formatter());
        blocking.kind == Answer::Kind::blocking)
        return blocking;
    if (failing) {
        Answer answer;
        answer.kind = Answer::Kind::failing;
        answer.severity = 1;
        answer.target = failing->info.id;
        if (is_detached(failing->status)) {
            answer.severity = 0;
            answer.sentence = tr("%1 was detached").arg(answers::nameOf(*failing));
            return answer;
        }
        answer.sentence = tr("%1 does not answer").arg(answers::nameOf(*failing));
        answer.explanation = Formatter::line(failing->status.sentence) + QLatin1Char(' ') +
                             Formatter::line(failing->status.next_step);
        return answer;
    }
    const auto leak = worstLeak(store, false);
    const auto statements = answers::worstStatements(store);
    if (statements && (!leak || statements->severity > leak->severity))
        return *statements;
    if (leak)
        return *leak;
    Answer answer;
    if (!sampled) {
        answer.sentence = tr("waiting for the first sample");
        return answer;
    }
    answer.kind = Answer::Kind::healthy;
    answer.sentence = answers::anyAgent(store) ? tr("No pool is near its limit")
                                               : tr("No server is near its limit");
    return answer;
}

} // namespace

Answer overviewAnswer(const SessionStore& store)
{
    Answer observed = observedAnswer(store);
    const std::optional<Answer> why = answers::diagnosis(store);
    if (!why)
        return observed;
    if (why->severity < observed.severity) {
        // Of the same session the diagnosis says more: why, what would help, and what would
        // prevent it.
        if (!why->decided || !why->session || why->session != observed.session)
            return observed;
        Answer both = *why;
        both.severity = observed.severity;
        return both;
    }
    // Candidates alone say less than a holder's line or a blocker that is known.
    const bool known = observed.session || !observed.reclaim.empty() ||
                       observed.kind == Answer::Kind::leak ||
                       observed.kind == Answer::Kind::blocking;
    return why->decided || why->severity > observed.severity || !known ? *why : observed;
}

Answer blockingAnswer(const SessionStore& store, const Formatter& format)
{
    Answer answer;
    answer.kind = Answer::Kind::healthy;
    const BlockingTree* worst = nullptr;
    const TargetSummary* where = nullptr;
    int blocked = 0;
    for (const TargetSummary& target : store.targets()) {
        blocked += target.blocking.blocked;
        for (const BlockingTree& tree : target.blocking.trees) {
            if (!worst || tree.root.blocks > worst->root.blocks) {
                worst = &tree;
                where = &target;
            }
        }
    }
    if (!worst) {
        const std::int64_t hidden = answers::hiddenSessions(store);
        answer.sentence = hidden == 0 ? tr("No session waits for a lock.")
                                      : tr("No session that can be seen waits for a lock; %1")
                                            .arg(answers::hiddenWords(hidden));
        return answer;
    }
    answer.kind = Answer::Kind::blocking;
    answer.severity = 1;
    answer.target = where->info.id;
    const SessionRow* const row = store.find(worst->root.key);
    const QString pid = QString::number(worst->root.key.pid.value);
    answer.sentence =
        worst->cycle ? tr("Sessions wait for each other in a circle, %1 among them").arg(pid)
        : worst->root.key.pid.value == 0
            ? tr("A prepared transaction blocks %1").arg(Formatter::sessions(worst->root.blocks))
            : tr("Session %1 blocks %2").arg(pid, Formatter::sessions(worst->root.blocks));
    QStringList rest;
    if (worst->since)
        rest += tr("since %1").arg(format.instant(*worst->since, store.now()));
    if (row) {
        answer.session = worst->root.key;
        const QString line = answers::lineOf(store, worst->root.key);
        rest += line.isEmpty() ? Formatter::state(row->session.state)
                               : tr("%1 at %2").arg(Formatter::state(row->session.state), line);
        answer.relief = tr("Unblocks %1: %2.")
                            .arg(Formatter::sessions(worst->root.blocks),
                                 behind(store, *where, worst->root.key));
    }
    if (blocked > worst->root.blocks)
        rest += tr("%1 wait in all").arg(Formatter::sessions(blocked));
    answer.explanation = rest.join(QStringLiteral(", "));
    return answer;
}

} // namespace poolscope
