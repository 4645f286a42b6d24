// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/relief.h"

#include "core/analyze/causeparts.h"
#include "core/analyze/diagnosiswords.h"
#include "core/analyze/loadwords.h"
#include "core/analyze/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace poolscope {

namespace {

using std::chrono::seconds;

/// What is held no longer comes back sooner than anybody has confirmed its end.
constexpr Duration brief_hold = seconds{10};
/// A queue that is older than its head by that much has had other heads.
constexpr Duration other_head = seconds{4};
constexpr std::size_t most_named = 10;

/// Those of the verdict's line that the leak thresholds call suspects.
std::set<CheckoutKey> suspects_of(const PoolCase& pool, const Verdict& verdict)
{
    std::set<CheckoutKey> suspects;
    const auto findings = pool.input->findings.find(pool.target->info.id);
    if (findings == pool.input->findings.end())
        return suspects;
    for (const Place& place : findings->second.places) {
        if (!(place.pool == pool.pool->name) || !same_stack(place.stack, verdict.place))
            continue;
        for (const Holder& holder : place.holders) {
            if (holder.severity != LeakSeverity::none)
                suspects.insert(holder.checkout);
        }
    }
    return suspects;
}

bool idles(const CaseHolder& holder)
{
    return holder.by_server && !holder.moved &&
           (holder.activity == Activity::idle || holder.activity == Activity::in_transaction);
}

/// The others of a leak that could end with the first: what nobody doubts to be lost, and does
/// nothing on its server.
std::vector<const CaseHolder*> lost_alike(const PoolCase& pool, const Verdict& verdict)
{
    std::vector<const CaseHolder*> alike;
    if (verdict.cause != Cause::leak || verdict.confidence != Confidence::high ||
        pool.server == nullptr || !idles(verdict.by.front()))
        return alike;
    const std::set<CheckoutKey> suspects = suspects_of(pool, verdict);
    if (!suspects.contains(verdict.by.front().checkout->key))
        return alike;
    for (std::size_t i = 1; i < verdict.by.size(); ++i) {
        const CaseHolder& holder = verdict.by[i];
        if (holder.session != nullptr && idles(holder) &&
            holder.session->key.target == pool.server->info.id &&
            suspects.contains(holder.checkout->key))
            alike.push_back(&holder);
    }
    return alike;
}

std::string pids_in_words(const std::vector<const CaseHolder*>& holders)
{
    std::string text;
    for (std::size_t i = 0; i < std::min(most_named, holders.size()); ++i)
        text += (i == 0 ? "" : ", ") + std::to_string(holders[i]->session->key.pid.value);
    if (holders.size() > most_named)
        text += fmt::format(" and {} more", holders.size() - most_named);
    return text;
}

/// "1 of the 9 connections held at shop.cpp:88"
std::string share_in_words(const Verdict& verdict)
{
    const auto many = static_cast<std::int64_t>(verdict.by.size());
    if (many == 1)
        return "one connection of the pool";
    return fmt::format("1 of {} connections {}", count_in_words(many),
                       verdict.cause == Cause::slow_statements ? "that are busy like it"
                       : verdict.place                         ? "that the same line holds"
                                                               : "that are held like it");
}

/// Whose statements are next, where more than one waits for a connection: as many as wait.
std::string next_to_cancel(const PoolCase& pool, const Verdict& verdict,
                           const BlamedStatement& blamed)
{
    const Session* const first = verdict.by.front().session;
    const std::int64_t waiting = pool.figures().pending;
    std::vector<std::string> pids;
    for (const Session* const each : blamed.sessions) {
        if (each != first && pids.size() < most_named &&
            static_cast<std::int64_t>(pids.size()) + 1 < waiting)
            pids.push_back(std::to_string(each->key.pid.value));
    }
    if (pids.empty())
        return {};
    const auto freed = static_cast<std::int64_t>(pids.size()) + 1;
    return fmt::format(" Cancel {} too, the next oldest, and {} of the {} that wait go on.{}",
                       fmt::join(pids, ", "),
                       freed == waiting ? std::string{"all"} : std::to_string(freed), waiting,
                       only_reads(blamed) ? "" : " What they changed is rolled back.");
}

/// Where nobody tells who holds what: the oldest of those that run it.
Relief relief_of_oldest(const PoolCase& pool, const Verdict& verdict, const BlamedStatement& blamed)
{
    const bool returns = verdict.more_use >= causing::use_up && pool.recent && pool.recent->use &&
                         *pool.recent->use < brief_hold;
    Relief relief;
    relief.session = blamed.sessions.front()->key;
    relief.frees = 1;
    relief.sentence =
        fmt::format("Cancel the statement of session {}, the oldest of {} that run "
                    "it: that frees one connection.{}{}",
                    session_in_words(*pool.server, *relief.session), blamed.sessions.size(),
                    only_reads(blamed) ? "" : " What it changed is rolled back.",
                    returns ? " That helps for a moment only: each comes back by itself, and the "
                              "next one does the same."
                            : " What comes next runs the same.");
    return relief;
}

/// Whether the end of one helps for longer than a moment; and what is to be done about the others.
std::string about_others(const PoolCase& pool, const Verdict& verdict,
                         const std::vector<const CaseHolder*>& alike,
                         const BlamedStatement* blamed = nullptr)
{
    const std::size_t others = verdict.by.size() - 1;
    // As it was told by those that came back.
    const bool returns =
        verdict.cause == Cause::held_while_idle ||
        (verdict.cause == Cause::slow_statements && verdict.more_use >= causing::use_up);
    if (returns && verdict.by.front().age < brief_hold)
        return fmt::format(" That helps for a moment only: each comes back by itself (the longest "
                           "is out for {}), and the next one does the same.",
                           format_duration_prose(verdict.by.front().age));
    if (others == 0)
        return {};
    if (verdict.cause == Cause::held_while_idle)
        return others == 1 ? " The other one comes back when its work is done."
                           : " The others come back when their work is done.";
    if (alike.empty() && verdict.cause == Cause::slow_statements)
        return (blamed == nullptr ? std::string{} : next_to_cancel(pool, verdict, *blamed)) +
               " What comes next runs the same.";
    if (alike.empty() && pool.target->pools.agent && pool.target->pools.agent->may_reclaim)
        return {}; // one by one as this one
    if (alike.empty())
        return fmt::format(" A restart of {} frees {}.", plain_line(pool.target->info.name, 64),
                           others == 1 ? "both" : "all of them");
    const bool open = std::any_of(alike.begin(), alike.end(), [](const CaseHolder* each) {
        return each->activity == Activity::in_transaction;
    });
    std::string all = alike.size() == others ? "To free all of them" : "To free more of them";
    return fmt::format(" {} end session{} {} too: {} lost as surely, and idle on {}{}.", all,
                       alike.size() == 1 ? "" : "s", pids_in_words(alike),
                       alike.size() == 1 ? "it is" : "they are",
                       plain_line(pool.server->info.name, 64),
                       open ? "; what their open transactions did is rolled back" : "");
}

/// "the connection lent to POST /orders, tenant=eu-2"
std::string connection_in_words(const Checkout& checkout)
{
    const std::string whose = holder_in_words(checkout);
    return whose.empty() ? fmt::format("checkout {}", plain_line(checkout.key.id.str(), 128))
                         : fmt::format("the connection lent to {}", whose);
}

/// How long the head of a queue has been at what it does; null where that is not told.
std::optional<Duration> at_it_for(const TargetState& server, const SessionKey& head, Timestamp now)
{
    const Session* const session = server.find(head);
    const auto since = session == nullptr           ? std::nullopt
                       : session->transaction_since ? session->transaction_since
                                                    : session->state_since;
    return since ? std::optional(server.age(*since, now)) : std::nullopt;
}

/// For how long sessions have waited for locks there, whoever stood before them: half as many as
/// wait in the tree now at every reading, but for one now and then. Readings do not say for whom
/// they waited: as many as now wait elsewhere are taken for those.
Duration queued_for(const DiagnosisInput& input, const TargetState& server, std::int32_t waiting)
{
    const auto flow = input.flows.find(server.info.id);
    if (flow == input.flows.end())
        return Duration{0};
    const auto& points = flow->second.server();
    constexpr auto waits = static_cast<std::size_t>(SessionState::waiting);
    const std::int32_t elsewhere = std::max(0, server.counts.at(waits) - waiting);
    Timestamp since = input.world.now();
    bool missed = false;
    for (auto point = points.rbegin(); point != points.rend(); ++point) {
        if ((point->counts.at(waits) - elsewhere) * 2 >= waiting) {
            since = std::min(since, point->time);
            missed = false;
        } else if (std::exchange(missed, true)) {
            break;
        }
    }
    return input.world.now() - since;
}

} // namespace

std::optional<Relief> relief_of(const PoolCase& pool, const Verdict& verdict,
                                const BlamedStatement& blamed)
{
    if (verdict.cause == Cause::lock_pile_up && verdict.tree != nullptr && pool.server != nullptr)
        return relief_of(*pool.input, *pool.server, *verdict.tree);
    if (verdict.cause == Cause::load_spike) {
        Relief relief; // to say so spares the search
        relief.sentence = relief_of_spike(pool, verdict);
        return relief;
    }
    if (verdict.cause == Cause::slow_statements && verdict.by.empty() && !blamed.sessions.empty())
        return relief_of_oldest(pool, verdict, blamed);
    if ((verdict.cause != Cause::leak && verdict.cause != Cause::held_while_idle &&
         verdict.cause != Cause::slow_statements) ||
        verdict.by.empty())
        return {};
    const CaseHolder& worst = verdict.by.front();
    Relief relief;
    relief.frees = 1;
    const bool reclaims = pool.target->pools.agent && pool.target->pools.agent->may_reclaim;
    if (worst.session != nullptr && pool.server != nullptr) {
        const std::vector<const CaseHolder*> alike = lost_alike(pool, verdict);
        relief.session = worst.session->key;
        relief.sentence =
            fmt::format("{} session {}: that frees {}.{}",
                        verdict.cause == Cause::slow_statements ? "Cancel the statement of" : "End",
                        session_in_words(*pool.server, worst.session->key), share_in_words(verdict),
                        about_others(pool, verdict, alike, &blamed));
    } else if (reclaims) {
        relief.sentence =
            fmt::format("Reclaim {}: that frees {}.{}", connection_in_words(*worst.checkout),
                        share_in_words(verdict), about_others(pool, verdict, {}));
    } else {
        return {};
    }
    if (reclaims)
        relief.checkout = worst.checkout->key;
    return relief;
}

Relief relief_of(const DiagnosisInput& input, const TargetState& server, const BlockingTree& tree)
{
    Relief relief;
    relief.frees = tree.root.blocks;
    if (tree.root.key.pid.value == 0) {
        relief.sentence = "Commit or roll back the prepared transaction that they wait for.";
        return relief;
    }
    relief.session = tree.root.key;
    const std::string head = session_in_words(server, tree.root.key);
    const std::string behind = count_of(tree.root.blocks, "session");
    const auto at_it = at_it_for(server, tree.root.key, input.world.now());
    Duration queue = queued_for(input, server, tree.root.blocks);
    if (tree.since)
        queue = std::max(queue, server.age(*tree.since, input.world.now()));
    // There were others before it at its head: each is brief, and the next takes its place.
    if (at_it && !tree.cycle && tree.root.blocks > 1 && *at_it < brief_hold &&
        queue >= *at_it + other_head) {
        relief.frees = 1;
        relief.sentence = fmt::format(
            "End session {}: that helps for a moment only. It has been at it for {}, and there is "
            "such a queue for {}: the next of the {} behind it takes its place.",
            head, format_duration_prose(std::max(Duration{0}, *at_it)),
            format_duration_prose(queue), behind);
        return relief;
    }
    // The others of a queue take turns, and who waits for one that waits goes on after it.
    const auto at_once = static_cast<std::int32_t>(
        std::count_if(tree.root.waiting.begin(), tree.root.waiting.end(),
                      [](const BlockingNode& node) { return !node.queued && node.also.empty(); }));
    relief.sentence =
        at_once == tree.root.blocks || at_once == 0
            ? fmt::format("End session {}: {} can go on.", head, behind)
            : fmt::format("End session {}: {} can go on at once, and {} more behind {}.", head,
                          count_of(at_once, "session"), tree.root.blocks - at_once,
                          at_once == 1 ? "it" : "them");
    return relief;
}

} // namespace poolscope
