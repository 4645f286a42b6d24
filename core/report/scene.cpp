// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/scene.h"

#include "core/analyze/words.h"
#include "core/base/text.h"
#include "core/report/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace poolscope::report {

namespace {

constexpr std::size_t most_leaks = 100;
constexpr std::size_t most_holders = 8;
constexpr std::size_t most_trees = 30;
constexpr std::size_t most_waiters = 60; ///< of one tree
constexpr int deepest = 24;

Weight weight_of(LeakSeverity severity)
{
    return severity == LeakSeverity::critical ? Weight::critical : Weight::warning;
}

std::string line_of(const Text& text, std::size_t most = 128)
{
    return plain_line(text.str(), most);
}

/// "shop-api (app on shop, 10.0.0.7:4711), idle in transaction for 6 min 12 s"
std::string session_in_report(const Session& session, const TargetState& target, Timestamp now)
{
    std::string text = session.application.empty() ? std::string{} : line_of(session.application);
    std::string whose = line_of(session.user, 64);
    if (!session.database.empty())
        whose += (whose.empty() ? "on " : " on ") + line_of(session.database, 64);
    if (!session.client.empty())
        whose += (whose.empty() ? "" : ", ") + line_of(session.client, 64);
    if (text.empty())
        text = whose;
    else if (!whose.empty())
        text += " (" + whose + ')';
    text += text.empty() ? "" : ", ";
    text += session.state == SessionState::unknown ? "in a state that is hidden"
                                                   : in_words(session.state);
    if (session.state_since)
        text += " for " + format_duration_prose(target.age(*session.state_since, now));
    return text;
}

/// "load_orders (src/orders.cpp:42)"
std::string place_in_words(const StackRef& stack)
{
    return line_of(place_of(stack), 600);
}

/// What is asked of all targets at one instant.
struct Scene
{
    explicit Scene(const Analysis& of)
        : analysis(of)
        , world(of.world())
        , links(links_of(of.world()))
    {}
    const Analysis& analysis;
    const World& world;
    Links links;

    const Session* session_of(const CheckoutKey& checkout)
    {
        const SessionLink* const link = links.session_of(checkout);
        const auto key = link ? link->session() : std::nullopt;
        return key ? world.session(*key) : nullptr;
    }
    const Checkout* checkout_of(const SessionKey& session)
    {
        const CheckoutLink* const link = links.checkout_of(session);
        return link ? world.checkout(link->checkout) : nullptr;
    }
    std::string named(const Session& session)
    {
        const TargetState* const target = world.target(session.key.target);
        return std::to_string(session.key.pid.value) + ' ' +
               (target ? session_in_report(session, *target, world.now()) : std::string{});
    }
    std::int32_t blocked_by(const SessionKey& session) const
    {
        const auto& blocks = analysis.findings(session.target).blocking.blocks;
        const auto found = blocks.find(session.pid);
        return found == blocks.end() ? 0 : found->second;
    }
};

void add_checkout(Holding& holding, const Checkout& checkout)
{
    holding.by = line_of(checkout.acquired_by);
    for (const auto& [name, value] : checkout.tags)
        holding.tags.emplace_back(line_of(name, 64), line_of(value, 200));
    if (!checkout.thread.empty())
        holding.tags.emplace_back("thread", line_of(checkout.thread));
    if (!checkout.trace_id.empty())
        holding.tags.emplace_back("trace", line_of(checkout.trace_id));
}

Holding holding_of(Scene& scene, const TargetState& target, const Place& place,
                   const Holder& holder)
{
    Holding holding;
    holding.id = line_of(holder.checkout.id, 64);
    holding.age = holder.age;
    const Checkout* const checkout = scene.world.checkout(holder.checkout);
    if (!checkout)
        return holding;
    add_checkout(holding, *checkout);
    const Timestamp now = scene.world.now();
    const auto pool = target.pools.pools.find(checkout->pool);
    holding.evidence =
        evidence_of(holder, *checkout, pool == target.pools.pools.end() ? nullptr : &pool->second,
                    &place, target.theirs(now));
    holding.statement = checkout->statement.str();
    const SessionLink* const link = scene.links.session_of(holder.checkout);
    if (link && link->ambiguous())
        holding.evidence.emplace_back(
            "Which session of the server it is cannot be told: several may be it.");
    if (const Session* const session = scene.session_of(holder.checkout)) {
        const TargetState* const server = scene.world.target(session->key.target);
        holding.session = scene.named(*session);
        for (std::string& sentence :
             evidence_of(*session, scene.blocked_by(session->key), link->by, server->theirs(now)))
            holding.evidence.push_back(std::move(sentence));
        if (!session->statement.empty())
            holding.statement = session->statement.str();
    }
    return holding;
}

Leak leak_of(Scene& scene, const TargetState& target, const Place& place)
{
    Leak leak;
    leak.weight = weight_of(place.severity);
    leak.kind = name_of(place.kind);
    leak.who = who_of(&target, place.pool);
    leak.stack = place.stack;
    const std::string where = place_in_words(place.stack);
    leak.sentence = fmt::format(
        "{} held past {} {}; the oldest for {}.", count_of(place.suspected, "connection"),
        format_duration_prose(place.thresholds.alert),
        where.empty() ? "by a place that is not known" : "by " + where,
        format_duration_prose(place.holders.empty() ? Duration{} : place.holders.front().age));
    if (place.growth_per_minute >= 0.05) {
        leak.sentence += fmt::format(" {:.1f} more each minute", place.growth_per_minute);
        if (place.full_in)
            leak.sentence += to_us(*place.full_in) > 0
                                 ? ": nothing is free in " + format_duration_prose(*place.full_in)
                                 : std::string{": nothing is free"};
        leak.sentence += '.';
    }
    std::size_t suspected = 0;
    for (const Holder& holder : place.holders) {
        if (holder.severity == LeakSeverity::none)
            continue;
        ++suspected;
        if (leak.holders.size() < most_holders)
            leak.holders.push_back(holding_of(scene, target, place, holder));
    }
    leak.more = suspected - leak.holders.size();
    return leak;
}

/// Sessions of one client that are suspected for one reason, with one stack: one thing to mend.
struct SessionGroup
{
    Leak leak;
    std::string group;
    std::optional<IdleGrowth> growth;
};

Holding holding_of(Scene& scene, const TargetState& target, const SuspectedLeak& suspect)
{
    const Timestamp now = scene.world.now();
    Holding holding;
    holding.id = std::to_string(suspect.session.pid.value);
    holding.age = target.age(suspect.since, now);
    holding.evidence = evidence_of(suspect, target, scene.world.thresholds(target.info.id), now);
    if (const Session* const session = scene.world.session(suspect.session)) {
        holding.session = scene.named(*session);
        holding.statement = session->statement.str();
    }
    if (const Checkout* const checkout = scene.checkout_of(suspect.session))
        add_checkout(holding, *checkout);
    return holding;
}

std::string sentence_of(const SessionGroup& group)
{
    const std::string name = plain_line(group.group, 128);
    if (group.growth)
        return fmt::format("Idle sessions of {} only grow: {} to {}.", name, group.growth->from,
                           group.growth->to);
    const std::size_t all = group.leak.holders.size() + group.leak.more;
    const char* const what = group.leak.kind == name_of(LeakKind::orphan)
                                 ? "whose pool has dropped it"
                             : group.leak.kind == name_of(LeakKind::bypass) ? "that no pool owns"
                                                                            : "held without work";
    return fmt::format("{} of {} {}; the oldest for {}.",
                       count_of(static_cast<std::int64_t>(all), "session"), name, what,
                       format_duration_prose(group.leak.holders.front().age));
}

void add_sessions(Scene& scene, const TargetState& target, const std::set<SessionKey>& told,
                  std::vector<Leak>& leaks)
{
    std::vector<SessionGroup> groups;
    for (const SuspectedLeak& suspect : scene.analysis.suspects(target.info.id)) {
        // Its checkout was told of already, with what the server says of it.
        if (told.contains(suspect.session))
            continue;
        const Checkout* const checkout = scene.checkout_of(suspect.session);
        const StackRef stack = checkout ? checkout->stack : StackRef{};
        const std::string kind{name_of(suspect.kind)};
        auto group = std::find_if(groups.begin(), groups.end(), [&](const SessionGroup& each) {
            return !each.growth && !suspect.growth && each.group == suspect.group &&
                   each.leak.kind == kind && same_stack(each.leak.stack, stack);
        });
        if (group == groups.end()) {
            group = groups.insert(groups.end(), SessionGroup{{}, suspect.group, suspect.growth});
            group->leak.kind = kind;
            group->leak.stack = stack;
            group->leak.who = who_of(&target, checkout ? checkout->pool : suspect.pool);
        }
        group->leak.weight = std::max(group->leak.weight, weight_of(suspect.severity));
        if (group->leak.holders.size() < most_holders)
            group->leak.holders.push_back(holding_of(scene, target, suspect));
        else
            ++group->leak.more;
    }
    for (SessionGroup& group : groups) {
        group.leak.sentence = sentence_of(group);
        leaks.push_back(std::move(group.leak));
    }
}

Leak leak_of(const TargetState& target, const StatementLeak& statement)
{
    Leak leak;
    leak.weight = weight_of(statement.severity);
    leak.kind = name_of(LeakKind::statement);
    leak.who = who_of(&target, statement.pool);
    leak.stack = statement.stack;
    const std::string where = place_in_words(statement.stack);
    leak.sentence =
        fmt::format("{} are open{}, {} before.",
                    count_of(static_cast<std::int64_t>(statement.open), "prepared statement"),
                    where.empty() ? std::string{} : " of " + where, statement.before);
    Holding holding;
    holding.id = "oldest";
    holding.age = statement.age;
    holding.evidence = evidence_of(statement);
    holding.statement = statement.statement.str();
    leak.holders.push_back(std::move(holding));
    return leak;
}

void add_waiters(Scene& scene, const TargetState& target, const BlockingNode& node, int depth,
                 Tree& tree)
{
    if (tree.lines.size() >= most_waiters || depth > deepest) {
        tree.more += 1 + static_cast<std::size_t>(std::max(0, node.blocks));
        return;
    }
    Waiter waiter;
    waiter.depth = depth;
    waiter.queued = node.queued;
    waiter.blocks = node.blocks;
    waiter.pid = waiter_in_words(node.key);
    if (const Session* const session = scene.world.session(node.key)) {
        waiter.session = session_in_report(*session, target, scene.world.now());
        waiter.statement = session->statement.str();
    }
    if (const Checkout* const checkout = scene.checkout_of(node.key)) {
        waiter.place = "checked out from " + line_of(checkout->pool);
        if (const std::string at = place_in_words(checkout->stack); !at.empty())
            waiter.place += " at " + at;
    }
    tree.lines.push_back(std::move(waiter));
    for (const BlockingNode& each : node.waiting)
        add_waiters(scene, target, each, depth + 1, tree);
}

} // namespace

std::vector<Target> targets_of(const Analysis& analysis)
{
    std::vector<Target> targets;
    for (const auto& [id, state] : analysis.world().targets()) {
        Target target;
        target.info = state.info;
        target.server = is_server(state.info);
        target.up = state.status.reach == Reach::up;
        target.clock_offset = state.clock_offset;
        if (state.facts)
            target.version = state.facts->version;
        if (state.pools.agent) {
            const AgentFacts& agent = *state.pools.agent;
            target.version = agent.agent;
            target.host = agent.process + (agent.host.empty() ? "" : " on " + agent.host);
            if (agent.pid > 0)
                target.host += fmt::format(", process {}", agent.pid);
        }
        target.status = target.up                       ? std::string{"answered"}
                        : state.status.sentence.empty() ? std::string{"had not answered yet"}
                                                        : state.status.sentence;
        targets.push_back(std::move(target));
    }
    return targets;
}

std::vector<Why> diagnoses_of(const Analysis& analysis)
{
    std::vector<Diagnosis> all = analysis.diagnoses();
    std::stable_sort(all.begin(), all.end(), [](const Diagnosis& a, const Diagnosis& b) {
        const auto rank = [](const Diagnosis& d) {
            return std::tuple(d.cause == Cause::undecided, !d.exhausted,
                              -static_cast<int>(d.confidence), d.since);
        };
        return rank(a) < rank(b);
    });
    std::vector<Why> whys;
    for (const Diagnosis& each : all) {
        Why why;
        why.who = who_of(analysis.world().target(each.target), each.pool);
        why.cause = in_words(each.cause);
        why.undecided = each.cause == Cause::undecided;
        why.exhausted = each.exhausted;
        why.confidence = name_of(each.confidence);
        why.since = each.since;
        why.sentence = each.sentence;
        for (const DiagnosisEvidence& evidence : each.evidence)
            why.evidence.push_back(evidence.sentence);
        if (each.relief)
            why.relief = each.relief->sentence;
        why.prevention = each.prevention;
        for (const Cause candidate : each.candidates)
            why.candidates.push_back(in_words(candidate));
        whys.push_back(std::move(why));
    }
    return whys;
}

std::vector<Leak> leaks_of(const Analysis& analysis)
{
    Scene scene{analysis};
    std::vector<Leak> leaks;
    std::set<SessionKey> told;
    for (const auto& [id, target] : scene.world.targets()) {
        const TargetFindings& findings = analysis.findings(id);
        for (const Place& place : findings.places) {
            if (place.severity == LeakSeverity::none)
                continue;
            leaks.push_back(leak_of(scene, target, place));
            for (const Holder& holder : place.holders) {
                const Session* const session = scene.session_of(holder.checkout);
                if (session && holder.severity != LeakSeverity::none)
                    told.insert(session->key);
            }
        }
        for (const StatementLeak& statement : findings.statements)
            leaks.push_back(leak_of(target, statement));
    }
    for (const auto& [id, target] : scene.world.targets())
        add_sessions(scene, target, told, leaks);
    std::stable_sort(leaks.begin(), leaks.end(),
                     [](const Leak& a, const Leak& b) { return a.weight > b.weight; });
    if (leaks.size() > most_leaks)
        leaks.resize(most_leaks);
    return leaks;
}

std::vector<Tree> trees_of(const Analysis& analysis)
{
    Scene scene{analysis};
    std::vector<Tree> trees;
    for (const auto& [id, target] : scene.world.targets()) {
        for (const BlockingTree& each : analysis.findings(id).blocking.trees) {
            if (trees.size() >= most_trees)
                return trees;
            Tree tree;
            tree.who = who_of(&target, {});
            tree.cycle = each.cycle;
            add_waiters(scene, target, each.root, 0, tree);
            trees.push_back(std::move(tree));
        }
    }
    return trees;
}

std::vector<std::string> blind_spots_of(const Analysis& analysis)
{
    std::vector<std::string> sentences;
    bool servers = false;
    bool pools = false;
    for (const auto& [id, target] : analysis.world().targets()) {
        const std::string name = plain_line(target.info.name, 64);
        servers |= is_server(target.info);
        pools |= !is_server(target.info);
        if (target.status.reach != Reach::up)
            sentences.push_back(name + " did not answer at that moment: what is said of it is as "
                                       "it was before.");
        if (target.facts && !target.facts->sees_all)
            sentences.push_back(name + ": the role may not see other users' sessions in full" +
                                (target.facts->missing_grant.empty()
                                     ? "."
                                     : ". It would with " + target.facts->missing_grant));
        if (target.pools.agent) {
            const auto& can = target.pools.agent->can;
            if (std::find(can.begin(), can.end(), "stacks") == can.end())
                sentences.push_back(name + ": its agent reports no stacks, so no line of code is "
                                           "known.");
        } else if (target.info.kind == "metrics") {
            sentences.push_back(name + " tells figures alone: who holds a connection, and from "
                                       "which line, is not known.");
        }
        if (target.pools.lost > 0)
            sentences.push_back(
                fmt::format("{}: the agent dropped {}.", name,
                            count_of(static_cast<std::int64_t>(target.pools.lost), "event")));
        if (target.pools.unreadable > 0)
            sentences.push_back(
                fmt::format("{}: {} of the agent could not be read.", name,
                            count_of(static_cast<std::int64_t>(target.pools.unreadable), "line")));
        const Duration offset =
            target.clock_offset < Duration{} ? -target.clock_offset : target.clock_offset;
        if (offset >= std::chrono::seconds{1})
            sentences.push_back(
                fmt::format("The clock of {} was {} {} Poolscope's. Ages are "
                            "counted on its own clock.",
                            name, format_duration_prose(offset),
                            target.clock_offset < Duration{} ? "behind" : "ahead of"));
    }
    if (!servers)
        sentences.emplace_back("No database server was attached: what sessions do there, who "
                               "blocks whom and whether it is full is not known.");
    if (!pools)
        sentences.emplace_back("No pool of an application was attached: how many wait for a "
                               "connection, and which line of code holds one, is not known.");
    return sentences;
}

} // namespace poolscope::report
