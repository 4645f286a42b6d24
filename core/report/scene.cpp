// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/scene.h"

#include "core/analyze/causewords.h"
#include "core/analyze/waitwords.h"
#include "core/analyze/words.h"
#include "core/base/text.h"
#include "core/report/sceneparts.h"
#include "core/report/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace poolscope::report {

namespace {

constexpr std::size_t most_trees = 30;
constexpr std::size_t most_waiters = 60; ///< of one tree
constexpr int deepest = 24;
constexpr Duration most_offset = std::chrono::hours{24 * 36'525}; ///< nobody's clock is so wrong

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

std::string line_of(const Text& text, std::size_t most)
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

std::string Scene::named(const Session& session) const
{
    const TargetState* const target = world.target(session.key.target);
    return std::to_string(session.key.pid.value) + ' ' +
           (target ? session_in_report(session, *target, world.now()) : std::string{});
}

std::vector<Target> targets_of(const Analysis& analysis)
{
    std::vector<Target> targets;
    for (const auto& [id, state] : analysis.world().targets()) {
        Target target;
        target.info = state.info;
        target.server = is_server(state.info);
        target.up = state.status.reach == Reach::up;
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
        if (each.waits)
            why.waits = looks_in_words(*each.waits);
        for (const Cause candidate : each.candidates)
            why.candidates.emplace_back(in_words(candidate));
        whys.push_back(std::move(why));
    }
    return whys;
}

std::vector<Tree> trees_of(const Analysis& analysis, std::size_t& left_out)
{
    Scene scene{analysis};
    std::vector<Tree> trees;
    left_out = 0;
    for (const auto& [id, target] : scene.world.targets()) {
        for (const BlockingTree& each : analysis.findings(id).blocking.trees) {
            if (trees.size() >= most_trees) {
                ++left_out;
                continue;
            }
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
            std::chrono::abs(std::clamp(target.clock_offset, -most_offset, most_offset));
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
