// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/causes.h"

#include "core/analyze/causeparts.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

namespace poolscope {

using namespace causing;

namespace {

PlaceKey place_of(const PoolCase& pool, const Checkout& checkout)
{
    return {pool.pool->name, checkout.stack ? checkout.stack->fingerprint : 0};
}

bool is_idle(const CaseHolder& holder)
{
    return holder.activity == Activity::idle || holder.activity == Activity::in_transaction;
}

LeakSeverity severity_of(const PoolCase& pool, const CaseHolder& holder)
{
    const auto findings = pool.input->findings.find(pool.target->info.id);
    if (findings == pool.input->findings.end())
        return LeakSeverity::none;
    for (const Place& place : findings->second.places) {
        if (!(place.pool == pool.pool->name) || !same_stack(place.stack, holder.checkout->stack))
            continue;
        for (const Holder& each : place.holders) {
            if (each.checkout == holder.checkout->key)
                return each.severity;
        }
    }
    return LeakSeverity::none;
}

/// A read waits for no row lock; for a table's it does, so that it must come back at times.
bool only_reads(const std::vector<CaseHolder>& holders)
{
    return !holders.empty() && std::all_of(holders.begin(), holders.end(), [](const auto& h) {
        std::string text = h.checkout->statement.str().substr(0, 4096);
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return text.starts_with("select") && text.find(" for ") == std::string::npos &&
               text.find("lock") == std::string::npos;
    });
}

/// Those of the place that has most of them.
std::vector<CaseHolder> of_worst_place(const PoolCase& pool, const std::vector<CaseHolder>& all)
{
    std::map<PlaceKey, std::vector<CaseHolder>> places;
    for (const CaseHolder& holder : all)
        places[place_of(pool, *holder.checkout)].push_back(holder);
    std::vector<CaseHolder> worst;
    for (auto& [place, holders] : places) {
        if (holders.size() > worst.size())
            worst = std::move(holders);
    }
    return worst;
}

/// Held, and nothing runs: it comes back late, or never.
Verdict idle_cause(const PoolCase& pool, const std::vector<CaseHolder>& idle, bool told_idle)
{
    const std::vector<CaseHolder> worst = of_worst_place(pool, idle);
    const CaseHolder& oldest = worst.front();
    // What came back at once as nobody waited any more was taken back, not given.
    const PlaceReturns back = pool.history->returns(
        place_of(pool, *oldest.checkout), pool.now - flow_window + seconds{10},
        pool.recovers() ? pool.until - flow_step : pool.now);
    const bool past_alert = severity_of(pool, oldest) != LeakSeverity::none;
    const Duration no_work = told_idle ? oldest.activity_for : oldest.age;
    // Whether such ones come back only shows to who has looked for about as long as they are out,
    // and has kept count.
    const bool looked =
        back.known && pool.now - pool.flow->oldest().time >=
                          std::min<Duration>(oldest.age / 2, flow_window - seconds{20});
    // Quick ones went through the same place after the oldest of them was lent, and came back.
    // Where that one may wait for a lock, those before it in that queue are none of them.
    const Duration before_it = told_idle ? std::chrono::milliseconds{250} : flow_step;
    const bool others_pass =
        back.last_quick && *back.last_quick > pool.now - oldest.age + before_it;
    // Its server says that they went on meanwhile.
    const bool moved =
        std::any_of(worst.begin(), worst.end(), [](const auto& h) { return h.moved; });
    const bool comes_late = back.lasting >= 2 && back.longest * 2 >= oldest.age;
    Verdict verdict;
    if (comes_late)
        verdict =
            told_idle
                ? decided(Cause::held_while_idle,
                          back.lasting >= worst.size() / 2 ? Confidence::high : Confidence::medium)
                : undecided({Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up});
    else if (past_alert && looked && !moved && (told_idle || back.count == 0 || others_pass))
        // Where nobody tells what they do: a place that gave back until everything stood still may
        // as well wait for a lock.
        verdict = decided(Cause::leak, told_idle ? Confidence::high : Confidence::medium,
                          told_idle ? std::vector<Cause>{}
                                    : std::vector{Cause::slow_statements, Cause::held_while_idle,
                                                  Cause::lock_pile_up});
    else if (told_idle && looked && worst.size() >= 2 && no_work >= never_back &&
             (back.count == 0 || others_pass))
        verdict = decided(Cause::leak, Confidence::medium, {Cause::held_while_idle});
    else if (told_idle)
        verdict = undecided({Cause::leak, Cause::held_while_idle});
    else
        verdict = undecided(
            {Cause::leak, Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up});
    verdict.by = worst;
    verdict.place = oldest.checkout->stack;
    verdict.past_alert = past_alert;
    return verdict;
}

std::vector<CaseHolder> with(const std::vector<CaseHolder>& holders,
                             bool (*fits)(const CaseHolder&))
{
    std::vector<CaseHolder> some;
    std::copy_if(holders.begin(), holders.end(), std::back_inserter(some), fits);
    return some;
}

bool is_working(const CaseHolder& holder)
{
    return holder.activity == Activity::working;
}
bool is_blocked(const CaseHolder& holder)
{
    return holder.activity == Activity::blocked;
}
bool is_unknown(const CaseHolder& holder)
{
    return holder.activity == Activity::unknown;
}

/// As many waited for locks a moment ago: what works now had its turn just now.
bool was_blocked(const PoolCase& pool, std::size_t working)
{
    const auto flow = pool.server == nullptr ? pool.input->flows.end()
                                             : pool.input->flows.find(pool.server->info.id);
    if (flow == pool.input->flows.end() || flow->second.server().empty())
        return false;
    const auto waiting = [](const ServerPoint& point) {
        return static_cast<std::size_t>(
            point.counts.at(static_cast<std::size_t>(SessionState::waiting)));
    };
    const auto& points = flow->second.server();
    return std::any_of(points.begin(), points.end(), [&](const ServerPoint& point) {
        return point.time >= pool.now - seconds{4} && waiting(point) * 2 > working &&
               waiting(points.back()) * 2 < waiting(point);
    });
}

Verdict working_cause(const PoolCase& pool, const std::vector<CaseHolder>& working)
{
    Verdict verdict;
    const CaseHolder oldest = of_worst_place(pool, working).front();
    const PlaceReturns back = pool.history->returns(
        place_of(pool, *oldest.checkout),
        std::max(pool.since - seconds{5}, pool.now - flow_window + seconds{10}), pool.now);
    const bool comes_late = back.lasting >= 2 && back.longest * 2 >= oldest.age;
    const bool seen =
        std::any_of(working.begin(), working.end(), [](const auto& h) { return h.by_server; });
    // Only the server tells a statement that works from one that waits for a lock, or for an answer
    // that does not come.
    if (pool.unseen(oldest.age) * 2 > oldest.age)
        verdict = undecided({Cause::server_gone, Cause::slow_statements});
    else if (seen && was_blocked(pool, working.size()))
        verdict = undecided({Cause::lock_pile_up, Cause::slow_statements});
    else if (seen)
        verdict = decided(Cause::slow_statements, Confidence::high);
    else if (comes_late && only_reads(working))
        verdict = decided(Cause::slow_statements, Confidence::medium, {Cause::lock_pile_up});
    else
        verdict = undecided({Cause::slow_statements, Cause::lock_pile_up});
    verdict.by = working;
    return verdict;
}

Verdict blocked_cause(const PoolCase& pool, const std::vector<CaseHolder>& blocked)
{
    Verdict verdict = decided(Cause::lock_pile_up, Confidence::high);
    verdict.by = blocked;
    verdict.tree = tree_of(pool);
    return verdict;
}

/// By what most of them do. `holders` is not empty.
Verdict by_activity(const PoolCase& pool, const std::vector<CaseHolder>& holders)
{
    const ActivityShares shares = shares_of(holders);
    std::vector<std::pair<double, Cause>> ranked{
        {shares.blocked, Cause::lock_pile_up},
        {shares.idle, Cause::leak},
        {shares.working, Cause::slow_statements},
    };
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    // What waits for a lock is a cause where it is half of all: its blocker is among the others.
    const double least = ranked.front().second == Cause::lock_pile_up ? 0.5 : majority;
    Verdict verdict;
    if (shares.unknown >= majority) {
        return idle_cause(pool, with(holders, is_unknown), false);
    }
    if (ranked.front().first < least) {
        verdict = undecided({});
        for (const auto& [share, cause] : ranked) {
            if (share >= minority)
                verdict.candidates.push_back(cause);
        }
        if (shares.idle >= minority)
            verdict.candidates.push_back(Cause::held_while_idle);
        verdict.by = holders;
        return verdict;
    }
    switch (ranked.front().second) {
    case Cause::lock_pile_up:
        verdict = blocked_cause(pool, with(holders, is_blocked));
        break;
    case Cause::slow_statements:
        verdict = working_cause(pool, with(holders, is_working));
        break;
    default:
        verdict = idle_cause(pool, with(holders, is_idle), true);
        break;
    }
    if (ranked[1].first >= minority) {
        const Cause second = ranked[1].second;
        if (second != verdict.cause && verdict.cause != Cause::held_while_idle)
            verdict.candidates.push_back(second);
    }
    return verdict;
}

bool is_stuck(const PoolCase& pool, const std::vector<CaseHolder>& lasting)
{
    const auto many = static_cast<double>(lasting.size());
    const double of =
        pool.max() > 0 ? static_cast<double>(pool.max()) : static_cast<double>(pool.holders.size());
    return !lasting.empty() && many >= std::max(1.0, of * stuck_share) &&
           (lasting.size() >= 2 || of <= 2);
}

/// Nothing that the pool could open, or what it has is dead.
std::optional<Verdict> out_of_reach(const PoolCase& pool)
{
    const TargetState* const server = pool.server;
    const FlowPoint& now = pool.figures();
    const bool returns = pool.recent && pool.recent->returned > 0;
    const auto lost = pool.input->disagreements.lost.find(pool.target->info.id);
    if (lost != pool.input->disagreements.lost.end() && now.total > 0) {
        const auto many =
            std::count_if(lost->second.begin(), lost->second.end(), [&](const auto& each) {
                return each.connection.pool == pool.pool->name;
            });
        if (many * 2 >= now.total)
            return decided(Cause::server_gone, Confidence::high);
    }
    const bool full =
        server != nullptr && (refuses_as_full(server->status) ||
                              (server->status.reach == Reach::up && nearly_full(*server)));
    if (server != nullptr && server->status.reach == Reach::failing && !full && !returns &&
        pool.now - server->last_sample.value_or(pool.now) >= seconds{3})
        return decided(Cause::server_gone,
                       pool.server_joined || now.unfit ? Confidence::high : Confidence::medium);
    const FlowPoint* const before = pool.flow->at(pool.now - seconds{5});
    const bool cannot_grow = now.pending > 0 && now.max > 0 && now.total >= 0 &&
                             now.total < now.max && now.total <= now.used && before != nullptr &&
                             before->total <= before->used && before->total >= now.total;
    if (!cannot_grow && !now.unfit)
        return {};
    if (full)
        return decided(Cause::server_full, Confidence::high);
    if (now.unfit && pool.pool->health.str() == "unhealthy" && !returns)
        return decided(Cause::server_gone, Confidence::medium, {Cause::server_full});
    if (now.unfit || !returns || server == nullptr)
        return undecided({Cause::server_gone, Cause::server_full});
    return {};
}

/// What came back took much longer than usual.
Verdict slower(const PoolCase& pool, double growth)
{
    // What was lent just now does not tell what the others took so long for.
    std::vector<CaseHolder> telling;
    const Duration usual = pool.usual_use.value_or(Duration{0});
    std::copy_if(pool.holders.begin(), pool.holders.end(), std::back_inserter(telling),
                 [&](const CaseHolder& h) { return h.age >= usual + std::max(usual, use_least); });
    const ActivityShares shares = shares_of(telling);
    Verdict verdict =
        undecided({Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up});
    // Nor does a list that is ahead of the figures, while all of them change hands.
    const auto lent = std::max(static_cast<std::int64_t>(pool.holders.size()), pool.figures().used);
    const bool tells = pool.holders.empty() ||
                       static_cast<double>(telling.size()) >= static_cast<double>(lent) * majority;
    if (tells && (pool.holders.empty() || shares.unknown >= majority)) {
        // As it recovers, those who held it up may be gone from the list.
        const auto of_server = pool.recovers() ? std::nullopt : server_shares(pool);
        if (of_server)
            verdict = by_shares(pool, *of_server);
        if (of_server && verdict.cause == Cause::undecided && of_server->idle >= majority) {
            verdict = decided(Cause::held_while_idle, Confidence::medium);
            verdict.by = of_worst_place(pool, telling);
            if (!verdict.by.empty())
                verdict.place = verdict.by.front().checkout->stack;
        }
    } else if (tells && shares.blocked >= 0.4) {
        verdict = blocked_cause(pool, with(telling, is_blocked));
    } else if (tells && shares.idle >= majority) {
        verdict = decided(Cause::held_while_idle, Confidence::medium);
        verdict.by = of_worst_place(pool, with(telling, is_idle));
        verdict.place = verdict.by.front().checkout->stack;
    } else if (tells && shares.working >= majority) {
        verdict = working_cause(pool, with(telling, is_working));
    }
    const double more_load =
        pool.past && pool.recent ? ratio_of(pool.recent->arrivals, pool.past->arrivals) : 0;
    // More work makes a server slow: which was first cannot be told by the figures.
    if (verdict.cause == Cause::slow_statements && more_load >= load_up) {
        if (more_load >= growth * 1.5)
            verdict.cause = Cause::load_spike;
        else if (growth < more_load * 1.5)
            verdict = undecided({Cause::load_spike, Cause::slow_statements});
        if (verdict.cause == Cause::load_spike)
            verdict.candidates = {Cause::slow_statements};
        else if (verdict.cause == Cause::slow_statements)
            verdict.candidates = {Cause::load_spike};
    }
    verdict.more_use = growth;
    verdict.more_load = more_load;
    return verdict;
}

} // namespace

const BlockingTree* tree_of(const PoolCase& pool)
{
    if (pool.server == nullptr)
        return nullptr;
    const auto findings = pool.input->findings.find(pool.server->info.id);
    if (findings == pool.input->findings.end())
        return nullptr;
    std::set<Pid> waiting;
    for (const CaseHolder& holder : pool.holders) {
        if (is_blocked(holder) && holder.session != nullptr)
            waiting.insert(holder.session->key.pid);
    }
    const BlockingTree* best = nullptr;
    std::size_t most = 0;
    for (const BlockingTree& tree : findings->second.blocking.trees) {
        std::size_t found = waiting.empty() ? static_cast<std::size_t>(tree.root.blocks) : 0;
        std::vector<const BlockingNode*> open{&tree.root};
        while (!open.empty() && !waiting.empty()) {
            const BlockingNode* const node = open.back();
            open.pop_back();
            found += waiting.contains(node->key.pid) ? 1 : 0;
            for (const BlockingNode& each : node->waiting)
                open.push_back(&each);
        }
        if (found > most) {
            most = found;
            best = &tree;
        }
    }
    return best;
}

namespace {

std::optional<Verdict> first_verdict(const PoolCase& pool)
{
    const bool exhausted = pool.strain == Strain::exhausted;
    if (exhausted) {
        if (auto gone = out_of_reach(pool))
            return gone;
    }
    // Nobody waits, and less than half is lent: it is over, and what was cannot be seen any more.
    const FlowPoint& figures = pool.figures();
    if (figures.strain() == Strain::none && figures.used >= 0 &&
        figures.used < figures.max - figures.used)
        return std::nullopt;
    const bool lists = !pool.holders.empty() || !pool.target->pools.connections.empty();
    if (!lists && pool.target->info.kind != "pool" && pool.target->info.kind != "pgbouncer") {
        Verdict verdict = by_figures(pool);
        const bool told = verdict.cause == Cause::leak || verdict.cause == Cause::lock_pile_up;
        return exhausted || told ? std::optional(verdict) : std::nullopt;
    }
    const std::vector<CaseHolder> lasting = pool.lasting();
    if (is_stuck(pool, lasting)) {
        Verdict verdict = by_activity(pool, lasting);
        if (!exhausted && verdict.cause == Cause::undecided)
            return std::nullopt;
        return verdict;
    }
    // Over within a moment: whoever waited was served.
    if (!exhausted || pool.flow->strained(Strain::exhausted, seconds{3}, pool.now) < seconds{1})
        return std::nullopt;
    const double growth = use_growth(pool);
    if (growth >= use_up)
        return slower(pool, growth);
    if (explained_share(pool) >= 0.5)
        return load_cause(pool, growth);
    // Just lent, and not back yet; or the figures are older than the list of who holds.
    if (static_cast<std::int64_t>(pool.holders.size()) * 2 < pool.figures().used)
        return std::nullopt;
    return undecided(
        {Cause::slow_statements, Cause::held_while_idle, Cause::lock_pile_up, Cause::leak});
}

std::string way_to(const PoolCase& pool, const StackRef& stack)
{
    const auto found = pool.input->findings.find(pool.target->info.id);
    if (found == pool.input->findings.end())
        return {};
    for (const Place& place : found->second.places) {
        if (place.pool == pool.pool->name && same_stack(place.stack, stack))
            return place.by_way_of;
    }
    return {};
}

} // namespace

std::optional<Verdict> verdict_of(const PoolCase& pool)
{
    std::optional<Verdict> verdict = first_verdict(pool);
    // What hangs may hang for want of a server, where nobody looks at that.
    const bool nothing_back = pool.recent && pool.recent->returned == 0;
    if (verdict && verdict->cause == Cause::undecided && nothing_back && pool.server == nullptr &&
        std::count(verdict->candidates.begin(), verdict->candidates.end(), Cause::server_gone) == 0)
        verdict->candidates.push_back(Cause::server_gone);
    // Or did, until its server was there again.
    if (verdict && verdict->cause == Cause::undecided &&
        pool.unseen(std::max<Duration>(pool.now - pool.since, seconds{10})) >= seconds{3})
        verdict->candidates.insert(verdict->candidates.begin(), Cause::server_gone);
    if (verdict) { // more than one rule may name the same
        std::vector<Cause> once;
        for (const Cause each : verdict->candidates) {
            if (std::find(once.begin(), once.end(), each) == once.end())
                once.push_back(each);
        }
        verdict->candidates = std::move(once);
    }
    if (verdict && verdict->place)
        verdict->by_way_of = way_to(pool, verdict->place);
    return verdict;
}

} // namespace poolscope
