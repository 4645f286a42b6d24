// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/suspects.h"

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

std::string_view plural(std::int64_t n)
{
    return n == 1 ? "" : "s";
}

} // namespace

std::string_view name_of(LeakKind)
{
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
    std::optional<std::uint32_t> oldest;
    for (const auto& [pid, session] : target.sessions) {
        if (session.xmin && target.next_xid) {
            const std::uint32_t age = xid_age(*session.xmin, *target.next_xid);
            oldest = std::max(oldest.value_or(0), age);
        }
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
        if (session.xmin && target.next_xid)
            leak.xmin_age = xid_age(*session.xmin, *target.next_xid);
        leak.group = session.application.empty() ? session.user.str() : session.application.str();
        suspects.push_back(std::move(leak));
    }
    for (SuspectedLeak& leak : suspects)
        leak.oldest_xmin = leak.xmin_age && oldest && *leak.xmin_age == *oldest;
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
    std::vector<std::string> sentences;
    const Session* const session = target.find(leak.session);
    if (!session)
        return sentences;
    const Duration held = target.age(leak.since, now);
    const bool aborted = session->state == SessionState::idle_in_transaction_aborted;
    sentences.push_back(fmt::format(
        "Idle in {} transaction for {}; no statement ran in that time. The {} threshold is {}.",
        aborted ? "an aborted" : "a", format_duration_prose(held),
        leak.severity == LeakSeverity::critical ? "critical" : "alert",
        format_duration_prose(leak.severity == LeakSeverity::critical ? thresholds.critical
                                                                      : thresholds.alert)));
    if (aborted)
        sentences.emplace_back("A statement in it failed: the server takes nothing from it now but "
                               "ROLLBACK, and nobody sent one.");
    if (session->transaction_since) {
        const Duration open = target.age(*session->transaction_since, now);
        if (open > held + std::chrono::seconds{1})
            sentences.push_back(
                fmt::format("Its transaction has been open for {}.", format_duration_prose(open)));
    }
    if (leak.blocks > 0)
        sentences.push_back(fmt::format("{} session{} wait{} behind it.", leak.blocks,
                                        plural(leak.blocks), leak.blocks == 1 ? "s" : ""));
    if (leak.xmin_age)
        sentences.push_back(fmt::format(
            "It keeps vacuum from removing rows deleted in the last {} transaction{}{}.",
            *leak.xmin_age, plural(*leak.xmin_age),
            leak.oldest_xmin ? "; no other session here holds it back further" : ""));
    return sentences;
}

} // namespace poolscope
