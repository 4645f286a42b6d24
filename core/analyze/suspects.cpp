// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/suspects.h"

#include "core/analyze/disagreements.h"
#include "core/analyze/idlegrowth.h"
#include "core/analyze/poolcase.h"
#include "core/analyze/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

bool held_open(SessionState state)
{
    return state == SessionState::idle_in_transaction ||
           state == SessionState::idle_in_transaction_aborted;
}

using XidAge = std::optional<std::uint32_t>;

/// How far a session holds vacuum back.
struct Horizon
{
    XidAge own;  ///< by its own transaction id; an idle writer has no other
    XidAge seen; ///< by its snapshot
    XidAge age() const { return std::max(own, seen); } // nothing is less than anything
};

Horizon horizon_of(const Session& session, const std::optional<std::uint64_t>& next_xid)
{
    const auto age = [&](const std::optional<std::uint32_t>& xid) {
        return xid && next_xid ? XidAge{xid_age(*xid, *next_xid)} : XidAge{};
    };
    return {age(session.xid), age(session.xmin)};
}

std::vector<std::string> evidence_of_holding(const SuspectedLeak& leak, const Session& session,
                                             const TargetState& target,
                                             const LeakThresholds& thresholds, Timestamp now)
{
    std::vector<std::string> sentences;
    const Duration held = target.age(leak.since, now);
    const bool aborted = session.state == SessionState::idle_in_transaction_aborted;
    const bool critical = leak.severity == LeakSeverity::critical;
    sentences.push_back(fmt::format(
        "Idle in {} transaction for {}; no statement ran in that time. The {} threshold is {}.",
        aborted ? "an aborted" : "a", format_duration_prose(held), critical ? "critical" : "alert",
        format_duration_prose(critical ? thresholds.critical : thresholds.alert)));
    if (aborted)
        sentences.emplace_back("A statement in it failed: the server takes nothing from it now but "
                               "ROLLBACK, and nobody sent one.");
    if (session.transaction_since) {
        const Duration open = target.age(*session.transaction_since, now);
        if (open > held + std::chrono::seconds{1})
            sentences.push_back(
                fmt::format("Its transaction has been open for {}.", format_duration_prose(open)));
    }
    if (leak.blocks > 0)
        sentences.push_back(fmt::format("{} {} behind it.", count_of(leak.blocks, "session"),
                                        leak.blocks == 1 ? "waits" : "wait"));
    if (leak.xmin_age.value_or(0) > 0)
        sentences.push_back(
            fmt::format("It keeps vacuum from removing rows deleted in the last {}{}.",
                        count_of(*leak.xmin_age, "transaction"),
                        leak.oldest_xmin ? "; no other session here holds it back further" : ""));
    return sentences;
}

/// When the last free slot is taken, at the rate of the window; nothing where that is far off.
std::optional<std::string> outlook(const IdleGrowth& growth, const TargetState& target)
{
    const auto slots = slots_left(target);
    if (!slots)
        return std::nullopt;
    const std::int32_t free = *slots;
    if (free <= 0)
        return "The server has no slot left for an ordinary role.";
    const std::int64_t more = std::int64_t{growth.to} - growth.from;
    if (more <= 0)
        return std::nullopt;
    const Duration left = idle_window * std::int64_t{free} / more;
    if (left > std::chrono::hours{24})
        return std::nullopt;
    return fmt::format("At this rate the {} {} left on the server last{} for {}.",
                       free == 1 ? "one" : count_in_words(free), free == 1 ? "slot" : "slots",
                       free == 1 ? "s" : "", format_duration_prose(left));
}

std::vector<std::string> evidence_of_growth(const SuspectedLeak& leak, const TargetState& target,
                                            Timestamp now)
{
    const IdleGrowth& growth = *leak.growth;
    std::vector<std::string> sentences;
    sentences.push_back(fmt::format(
        "Sessions of {} that have been idle for over {} went from {} to {} in the last {}; in that "
        "time none of those was used again or closed.",
        leak.group, format_duration_prose(idle_settled), count_in_words(growth.from),
        count_in_words(growth.to), format_duration_prose(idle_window)));
    sentences.push_back(fmt::format("This one, the oldest, has been idle for {}.",
                                    format_duration_prose(target.age(leak.since, now))));
    if (target.facts && target.facts->max_connections && *target.facts->max_connections > 0)
        sentences.push_back(fmt::format("This client holds {} of {} connections ({:.1f} %).",
                                        count_in_words(growth.all),
                                        count_in_words(*target.facts->max_connections),
                                        100.0 * growth.all / *target.facts->max_connections));
    else
        sentences.push_back(
            fmt::format("This client holds {}.", count_of(growth.all, "connection")));
    if (auto sentence = outlook(growth, target))
        sentences.push_back(std::move(*sentence));
    return sentences;
}

} // namespace

std::string_view name_of(LeakKind kind)
{
    switch (kind) {
    case LeakKind::session:
        return "session";
    case LeakKind::statement:
        return "statement";
    case LeakKind::checkout:
        return "checkout";
    case LeakKind::bypass:
        return "bypass";
    case LeakKind::orphan:
        return "orphan";
    }
    return "session";
}

std::string_view name_of(LeakSeverity severity)
{
    switch (severity) {
    case LeakSeverity::none:
        return "none";
    case LeakSeverity::alert:
        return "alert";
    case LeakSeverity::critical:
        return "critical";
    }
    return "none";
}

std::vector<SuspectedLeak> find_suspects(const TargetState& target, const Blocking& blocking,
                                         const LeakThresholds& thresholds, Timestamp now)
{
    std::vector<SuspectedLeak> suspects;
    XidAge oldest, oldest_own;
    for (const auto& [pid, session] : target.sessions) {
        const Horizon horizon = horizon_of(session, target.next_xid);
        oldest = std::max(oldest, horizon.age());
        oldest_own = std::max(oldest_own, horizon.own);
        if (!held_open(session.state) || !session.is_client() || session.own ||
            !session.state_since)
            continue;
        Holding holding;
        holding.held = target.age(*session.state_since, now);
        const LeakSeverity severity = judge(holding, thresholds);
        if (severity == LeakSeverity::none)
            continue;
        SuspectedLeak leak;
        leak.severity = severity;
        leak.session = session.key;
        leak.since = *session.state_since;
        if (const auto found = blocking.blocks.find(pid); found != blocking.blocks.end())
            leak.blocks = found->second;
        leak.xmin_age = horizon.age();
        leak.oldest_xmin = horizon.own == horizon.age(); // by a transaction of its own
        leak.group = session.application.empty() ? session.user.str() : session.application.str();
        suspects.push_back(std::move(leak));
    }
    for (SuspectedLeak& leak : suspects)
        // A snapshot as old as a transaction that still runs is that old because of it.
        leak.oldest_xmin =
            leak.xmin_age && leak.xmin_age == oldest && (leak.oldest_xmin || oldest_own < oldest);
    std::sort(suspects.begin(), suspects.end(), [](const SuspectedLeak& a, const SuspectedLeak& b) {
        if (a.severity != b.severity)
            return a.severity > b.severity;
        if (a.blocks != b.blocks)
            return a.blocks > b.blocks;
        return std::tie(a.since, a.session) < std::tie(b.since, b.session);
    });
    return suspects;
}

std::vector<std::string> evidence_of(const SuspectedLeak& leak, const TargetState& target,
                                     const LeakThresholds& thresholds, Timestamp now)
{
    const Session* const session = target.find(leak.session);
    if (!session)
        return {};
    if (leak.kind != LeakKind::session)
        return evidence_of_disagreement(leak, target, now);
    return leak.growth ? evidence_of_growth(leak, target, now)
                       : evidence_of_holding(leak, *session, target, thresholds, now);
}

} // namespace poolscope
