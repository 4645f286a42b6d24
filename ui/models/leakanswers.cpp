// SPDX-License-Identifier: GPL-3.0-or-later
// What can be said of those who hold connections of pools, and transactions.
#include "ui/models/answers_p.h"

#include "core/analyze/idlegrowth.h"
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace poolscope {

namespace {

struct WorstPlace
{
    PlaceAt at;
    int suspected = 0; ///< places, all in all
};

/// What is asked of joins at each update; of more rows each counts for itself.
constexpr std::size_t mostJoined = 64;
/// Connections come from ports of their own, on a few hosts: whoever tells of more lies.
constexpr std::size_t mostOfAPort = 16;

bool worse(const PlaceAt& a, const PlaceAt& b)
{
    // A line of code is nearer to the cure than a pooler that passes its connection on.
    const auto rank = [](const PlaceAt& at) {
        const bool full = at.place->full_in && *at.place->full_in == Duration{0};
        const bool line = acquiring_line(at.place->stack.get()) != nullptr;
        return std::make_tuple(at.place->severity, line, full, at.place->suspected,
                               at.place->holders.front().age);
    };
    return rank(a) > rank(b);
}

/// Only through these do the applications' own checkouts go: the same leaks, seen from the pooler.
bool isToldByApplications(const SessionStore& store, const Place& place)
{
    if (static_cast<std::size_t>(place.suspected) > mostJoined)
        return false;
    const auto goesThrough = [&store](const CheckoutKey& pooled) {
        const auto checkout = store.checkout(pooled);
        const auto port = checkout ? client_port_of(*checkout) : std::nullopt;
        const std::vector<CheckoutKey> from =
            port ? store.checkoutsFrom(*port) : std::vector<CheckoutKey>{};
        if (from.size() > mostOfAPort)
            return false;
        return std::any_of(from.begin(), from.end(), [&](const CheckoutKey& each) {
            const auto link = sessionLink(store, each);
            return link && link->through == pooled;
        });
    };
    return std::all_of(place.holders.begin(), place.holders.end(), [&](const Holder& holder) {
        return holder.severity == LeakSeverity::none || goesThrough(holder.checkout);
    });
}

/// Suspected sessions that serve a suspected checkout: there the line of code tells the leak.
std::set<SessionKey> toldByLines(const SessionStore& store)
{
    std::map<CheckoutKey, SessionKey> joined;
    std::size_t asked = 0;
    if (!canJoin(store))
        return {};
    for (const TargetSummary& target : store.targets()) {
        for (const SuspectedLeak& leak : target.suspects) {
            if (leak.kind != LeakKind::session || leak.growth || ++asked > mostJoined)
                continue;
            if (const auto checkout = checkoutOf(store, leak.session))
                joined.emplace(*checkout, leak.session);
        }
    }
    std::set<SessionKey> told;
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places) {
            for (const Holder& holder : place.holders) {
                if (joined.empty() || place.suspected == 0)
                    break;
                const auto found = holder.severity == LeakSeverity::none
                                       ? joined.end()
                                       : joined.find(holder.checkout);
                if (found != joined.end())
                    told.insert(found->second);
            }
        }
    }
    return told;
}

WorstPlace findWorst(const SessionStore& store)
{
    WorstPlace worst;
    // Applications first: what a pooler tells of the same leaks does not count again.
    for (const bool poolers : {false, true}) {
        const bool told = worst.at.place != nullptr;
        for (const TargetSummary& target : store.targets()) {
            if (is_pooler(target.info) != poolers)
                continue;
            for (const Place& place : target.places) {
                if (place.suspected == 0 || place.holders.empty() ||
                    (poolers && told && isToldByApplications(store, place)))
                    continue;
                ++worst.suspected;
                const PlaceAt at{&target, &place};
                if (!worst.at || worse(at, worst.at))
                    worst.at = at;
            }
        }
    }
    return worst;
}

/// "20 of 20 in use, 4 wait": nothing that the process did not report.
QStringList poolWords(const Pool* pool)
{
    QStringList words;
    if (pool && pool->used && pool->max)
        words +=
            tr("%1 of %2 in use").arg(Formatter::count(*pool->used), Formatter::count(*pool->max));
    else if (pool && pool->used)
        words += tr("%1 in use").arg(Formatter::count(*pool->used));
    if (pool && pool->pending && *pool->pending > 0)
        words += *pool->pending == 1 ? tr("1 waits")
                                     : tr("%1 wait").arg(Formatter::count(*pool->pending));
    return words;
}

/// "14 connections of shop are held by checkout.cpp:88, 20 of 20 in use, 4 wait"
Answer ofPlace(const SessionStore& store, const WorstPlace& worst)
{
    const Place& place = *worst.at.place;
    Answer answer;
    answer.kind = Answer::Kind::leak;
    answer.severity = static_cast<int>(place.severity);
    answer.target = worst.at.target->info.id;
    const QString pool = place.pool.empty() ? answers::nameOf(*worst.at.target)
                                            : Formatter::line(place.pool.str(), 100);
    const StackLine* const line = acquiring_line(place.stack.get());
    const bool pooler = familyOf(worst.at.target->info) == TargetFamily::bouncer;
    const QString held =
        pooler && !line ? place.suspected == 1 ? tr("%1 of %2 is held through the pooler")
                                               : tr("%1 of %2 are held through the pooler")
        : line ? place.suspected == 1 ? tr("%1 of %2 is held by %3") : tr("%1 of %2 are held by %3")
        : place.suspected == 1 ? tr("%1 of %2 is held; no stack tells by whom")
                               : tr("%1 of %2 are held; no stack tells by whom");
    const QString who = connections(place.suspected);
    QStringList parts{line ? held.arg(who, pool, placeName(place.stack.get()).lead)
                           : held.arg(who, pool)};
    parts += poolWords(store.pool(worst.at.target->info.id, place.pool));
    answer.sentence = parts.join(QStringLiteral(", "));
    QStringList rest{tr("the oldest for %1").arg(Formatter::ageProse(place.holders.front().age))};
    if (place.growth_per_minute > 0)
        rest += tr("%1 more a minute").arg(place.growth_per_minute, 0, 'f', 1);
    if (place.full_in && *place.full_in > Duration{0})
        rest += tr("nothing is free in %1").arg(Formatter::ageProse(*place.full_in));
    if (const std::int64_t behind = waitingBehind(store, place); behind > 0)
        rest += behind == 1 ? tr("1 session waits behind")
                            : tr("%1 sessions wait behind").arg(Formatter::count(behind));
    if (worst.suspected > 1)
        rest += worst.suspected == 2 ? tr("1 other line holds too")
                                     : tr("%1 other lines hold too").arg(worst.suspected - 1);
    answer.explanation = rest.join(QStringLiteral(", "));
    if (worst.at.target->agent && worst.at.target->agent->may_reclaim) {
        for (const Holder& holder : place.holders) {
            if (holder.severity != LeakSeverity::none)
                answer.reclaim.push_back(holder.checkout);
        }
        answer.relief = tr("Frees %1 of %2 at once; what their holders do next with them fails.")
                            .arg(who, pool);
    }
    return answer;
}

bool anyServer(const SessionStore& store)
{
    return !std::all_of(store.targets().begin(), store.targets().end(), tellsPools);
}

/// Sessions that belong to no pool any more, or never did.
QStringList besidePools(int orphans, int bypasses)
{
    QStringList words;
    if (bypasses > 0)
        words += bypasses == 1 ? tr("1 session is past the pools of its client")
                               : tr("%1 sessions are past the pools of their clients")
                                     .arg(Formatter::count(bypasses));
    if (orphans > 0)
        words += orphans == 1 ? tr("1 session goes on that its pool has dropped")
                              : tr("%1 sessions go on that their pools have dropped")
                                    .arg(Formatter::count(orphans));
    return words;
}

/// `told`: those that are not counted, for something else tells of them.
Answer heldSessions(const SessionStore& store, const std::set<SessionKey>& told)
{
    Answer answer;
    answer.kind = Answer::Kind::healthy;
    std::map<std::string, int> groups;
    int count = 0;
    int orphans = 0, bypasses = 0;
    std::optional<Duration> oldest;
    const SuspectedLeak* growing = nullptr; // the fastest
    for (const TargetSummary& target : store.targets()) {
        for (const SuspectedLeak& leak : target.suspects) {
            if (told.contains(leak.session))
                continue;
            answer.severity = std::max(answer.severity, static_cast<int>(leak.severity));
            if (leak.kind == LeakKind::orphan || leak.kind == LeakKind::bypass) {
                ++(leak.kind == LeakKind::orphan ? orphans : bypasses);
                continue;
            }
            if (leak.growth) {
                if (!growing || leak.growth->to - leak.growth->from >
                                    growing->growth->to - growing->growth->from)
                    growing = &leak;
                continue;
            }
            ++count;
            ++groups[leak.group];
            const Duration held = store.age(target.info.id, leak.since);
            oldest = std::max(oldest.value_or(held), held);
        }
    }
    const QStringList apart = besidePools(orphans, bypasses);
    if (count == 0 && !growing && apart.isEmpty())
        return answer;
    answer.kind = Answer::Kind::leak;
    if (count == 0 && !growing) {
        answer.sentence = apart.front();
        answer.explanation = apart.mid(1).join(QStringLiteral("; "));
        return answer;
    }
    const QString grows = growing ? tr("the idle sessions of %1 only grow: %2, %3 before")
                                        .arg(Formatter::line(growing->group, 100),
                                             Formatter::count(growing->growth->to),
                                             Formatter::count(growing->growth->from))
                                  : QString();
    if (count == 0) {
        answer.sentence = grows;
        answer.sentence.front() = answer.sentence.front().toUpper();
        answer.explanation = tr("over %1").arg(Formatter::ageProse(idle_window));
        for (const QString& words : apart)
            answer.explanation += QStringLiteral("; ") + words;
        return answer;
    }
    const auto most =
        std::max_element(groups.begin(), groups.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    const QString name = Formatter::line(most->first, 100);
    answer.sentence =
        groups.size() == 1 ? tr("%1 held open by %2").arg(Formatter::sessions(count), name)
        : most->second == 1
            ? tr("%1 held open, of as many applications").arg(Formatter::sessions(count))
            : tr("%1 held open, %2 of them by %3")
                  .arg(Formatter::sessions(count), Formatter::count(most->second), name);
    answer.explanation = tr("the oldest for %1").arg(Formatter::ageProse(*oldest));
    if (growing)
        answer.explanation += QStringLiteral("; ") + grows;
    for (const QString& words : apart)
        answer.explanation += QStringLiteral("; ") + words;
    return answer;
}

/// What the page says where nothing is suspected.
QString nothingHeld(const SessionStore& store)
{
    if (!answers::anyAgent(store)) {
        const std::int64_t hidden = answers::hiddenSessions(store);
        return hidden == 0
                   ? tr("No session is idle in a transaction past the threshold.")
                   : tr("No session that can be seen is idle in a transaction past the threshold; "
                        "%1")
                         .arg(answers::hiddenWords(hidden));
    }
    const auto& targets = store.targets();
    if (!anyServer(store) && std::none_of(targets.begin(), targets.end(), tellsHolders))
        return tr("Metrics tell how many connections are held, not by whom. Attach to the process, "
                  "by its agent, to see the line.");
    int longRunning = 0;
    for (const TargetSummary& target : store.targets()) {
        for (const Place& place : target.places)
            longRunning += static_cast<int>(
                std::count_if(place.holders.begin(), place.holders.end(),
                              [](const Holder& holder) { return holder.long_running; }));
    }
    QString sentence = anyServer(store) ? tr("Nothing is held past the threshold.")
                                        : tr("No connection is held past the threshold.");
    if (longRunning > 0)
        sentence += QLatin1Char(' ') + (longRunning == 1
                                            ? tr("1 is long-running: expected, alive or at work.")
                                            : tr("%1 are long-running: expected, alive or at work.")
                                                  .arg(Formatter::count(longRunning)));
    return sentence;
}

} // namespace

std::optional<Answer> answers::worstPlace(const SessionStore& store)
{
    const WorstPlace worst = findWorst(store);
    return worst.at ? std::optional(ofPlace(store, worst)) : std::nullopt;
}

std::optional<Answer> answers::exhaustedPool(const SessionStore& store)
{
    for (const TargetSummary& target : store.targets()) {
        for (const Pool& pool : target.pools) {
            if (!pool.used || !pool.max || *pool.max <= 0 || *pool.used < *pool.max)
                continue;
            Answer answer;
            answer.kind = Answer::Kind::server;
            answer.severity = pool.pending.value_or(0) > 0 ? 2 : 1;
            answer.target = target.info.id;
            answer.sentence =
                tr("%1 of %2: %3")
                    .arg(Formatter::line(pool.name.str(), 100), answers::nameOf(target),
                         poolWords(&pool).join(QStringLiteral(", ")));
            answer.explanation = tr("No holder is past the threshold.");
            return answer;
        }
    }
    return std::nullopt;
}

bool answers::anyAgent(const SessionStore& store)
{
    return std::any_of(store.targets().begin(), store.targets().end(), tellsPools);
}

Answer leaksAnswer(const SessionStore& store)
{
    const std::set<SessionKey> told = toldByLines(store);
    Answer sessions = heldSessions(store, told);
    // A line of code is nearer to the cure than a session; statements cost memory, and nobody a
    // turn.
    std::vector<Answer> all;
    if (const auto place = answers::worstPlace(store))
        all.push_back(*place);
    if (sessions.kind == Answer::Kind::leak)
        all.push_back(sessions);
    if (const auto statements = answers::worstStatements(store))
        all.push_back(*statements);
    if (all.empty()) {
        sessions.sentence = nothingHeld(store);
        return sessions;
    }
    const auto worst = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.severity < b.severity;
    });
    Answer answer = *worst;
    for (const SessionKey& session : told) {
        if (const SuspectedLeak* const leak = store.suspicion(session))
            answer.severity = std::max(answer.severity, static_cast<int>(leak->severity));
    }
    for (const Answer& other : all) {
        if (&other != &*worst)
            answer.explanation += QStringLiteral("; ") + other.sentence;
    }
    return answer;
}

} // namespace poolscope
