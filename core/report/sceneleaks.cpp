// SPDX-License-Identifier: GPL-3.0-or-later
// What is held at one instant, and by whom.
#include "core/analyze/lostconnection.h"
#include "core/analyze/words.h"
#include "core/base/text.h"
#include "core/report/scene.h"
#include "core/report/sceneparts.h"
#include "core/report/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace poolscope::report {

namespace {

constexpr std::size_t most_leaks = 100;
constexpr std::size_t most_holders = 8;

Weight weight_of(LeakSeverity severity)
{
    return severity == LeakSeverity::critical ? Weight::critical : Weight::warning;
}

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
    if (link && !link->doubt.empty())
        holding.evidence.push_back(link->doubt);
    if (const Session* const session = scene.session_of(holder.checkout)) {
        const TargetState* const server = scene.world.target(session->key.target);
        holding.session = scene.named(*session);
        for (std::string& sentence :
             evidence_of(*session, scene.blocked_by(session->key), link->by, server->theirs(now)))
            holding.evidence.push_back(std::move(sentence));
        if (!session->statement.empty())
            holding.statement = session->statement.str();
        return holding;
    }
    const auto& lost = scene.analysis.disagreements().lost;
    if (const auto found = lost.find(target.info.id); found != lost.end()) {
        std::string sentence = lost_in_words(found->second, *checkout, now);
        if (!sentence.empty())
            holding.evidence.push_back(std::move(sentence));
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
    const TargetState* target = nullptr;
    Text pool;
    StackRef stack;
    LeakKind kind{};
    LeakSeverity severity = LeakSeverity::none;
    std::vector<SuspectedLeak> first; ///< a few
    std::size_t more = 0;
    std::size_t candidate = 0; ///< its place among those
};

/// What may be a leak of the report: built once it is known to be listed, as there may be
/// thousands.
struct Candidate
{
    Weight weight = Weight::warning;
    std::function<Leak()> leak;
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
    const SuspectedLeak& oldest = group.first.front();
    const std::string name = plain_line(oldest.group, 128);
    if (oldest.growth)
        return fmt::format("Idle sessions of {} only grow: {} to {}.", name, oldest.growth->from,
                           oldest.growth->to);
    const std::size_t all = group.first.size() + group.more;
    const char* const what = group.kind == LeakKind::orphan   ? "whose pool has dropped it"
                             : group.kind == LeakKind::bypass ? "that no pool owns"
                                                              : "held without work";
    return fmt::format("{} of {} {}", count_of(static_cast<std::int64_t>(all), "session"), name,
                       what);
}

Leak leak_of(Scene& scene, const SessionGroup& group)
{
    Leak leak;
    leak.weight = weight_of(group.severity);
    leak.kind = name_of(group.kind);
    leak.stack = group.stack;
    leak.who = who_of(group.target, group.pool);
    for (const SuspectedLeak& suspect : group.first)
        leak.holders.push_back(holding_of(scene, *group.target, suspect));
    leak.more = group.more;
    leak.sentence = sentence_of(group);
    if (!group.first.front().growth)
        leak.sentence +=
            fmt::format("; the oldest for {}.", format_duration_prose(leak.holders.front().age));
    return leak;
}

/// Numbers stacks by what is in them: the same one may have come twice.
class StackNumbers
{
public:
    std::size_t of(const StackRef& stack)
    {
        const auto [known, first] = by_address_.try_emplace(stack.get());
        if (first) {
            std::string lines;
            for (const StackLine& line : stack ? stack->lines : std::vector<StackLine>{})
                lines += fmt::format("{}\n{}\n{}\n{}\n", line.function.str(), line.file.str(),
                                     line.line, line.own);
            known->second = by_lines_.try_emplace(std::move(lines), by_lines_.size()).first->second;
        }
        return known->second;
    }

private:
    std::map<const Stack*, std::size_t> by_address_;
    std::map<std::string, std::size_t> by_lines_;
};

void add_sessions(Scene& scene, const TargetState& target, const std::set<SessionKey>& told,
                  std::vector<Candidate>& candidates)
{
    using Key = std::tuple<std::string, LeakKind, std::size_t>;
    std::map<Key, std::shared_ptr<SessionGroup>> groups;
    StackNumbers numbers;
    for (const SuspectedLeak& suspect : scene.analysis.suspects(target.info.id)) {
        // Its checkout was told of already, with what the server says of it.
        if (told.contains(suspect.session))
            continue;
        const Checkout* const checkout = scene.checkout_of(suspect.session);
        const StackRef stack = checkout ? checkout->stack : StackRef{};
        std::shared_ptr<SessionGroup> group;
        if (!suspect.growth)
            group = groups[{suspect.group, suspect.kind, numbers.of(stack)}];
        if (!group) {
            group = std::make_shared<SessionGroup>();
            group->target = &target;
            group->pool = checkout ? checkout->pool : suspect.pool;
            group->stack = stack;
            group->kind = suspect.kind;
            if (!suspect.growth)
                groups[{suspect.group, suspect.kind, numbers.of(stack)}] = group;
            group->candidate = candidates.size();
            candidates.push_back({Weight::warning, [&scene, group] {
                                      return leak_of(scene, *group);
                                  }});
        }
        group->severity = std::max(group->severity, suspect.severity);
        candidates[group->candidate].weight = weight_of(group->severity);
        if (group->first.size() < most_holders)
            group->first.push_back(suspect);
        else
            ++group->more;
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
        fmt::format("{} {} open{}, {} before.",
                    count_of(static_cast<std::int64_t>(statement.open), "prepared statement"),
                    statement.open == 1 ? "is" : "are",
                    where.empty() ? std::string{} : " of " + where, statement.before);
    Holding holding;
    holding.id = "oldest";
    holding.age = statement.age;
    holding.evidence = evidence_of(statement);
    holding.statement = statement.statement.str();
    leak.holders.push_back(std::move(holding));
    return leak;
}

} // namespace

std::vector<Leak> leaks_of(const Analysis& analysis, std::size_t& left_out)
{
    Scene scene{analysis};
    std::vector<Candidate> candidates;
    std::set<SessionKey> told;
    for (const auto& [id, state] : scene.world.targets()) {
        const TargetState& target = state;
        const TargetFindings& findings = analysis.findings(id);
        for (const Place& place : findings.places) {
            if (place.severity == LeakSeverity::none)
                continue;
            candidates.push_back({weight_of(place.severity), [&scene, &target, &place] {
                                      return leak_of(scene, target, place);
                                  }});
            for (const Holder& holder : place.holders) {
                const Session* const session = scene.session_of(holder.checkout);
                if (session && holder.severity != LeakSeverity::none)
                    told.insert(session->key);
            }
        }
        for (const StatementLeak& statement : findings.statements)
            candidates.push_back({weight_of(statement.severity), [&target, &statement] {
                                      return leak_of(target, statement);
                                  }});
    }
    for (const auto& [id, target] : scene.world.targets())
        add_sessions(scene, target, told, candidates);
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.weight > b.weight; });
    left_out = candidates.size() - std::min(candidates.size(), most_leaks);
    candidates.resize(candidates.size() - left_out);
    std::vector<Leak> leaks;
    for (const Candidate& candidate : candidates)
        leaks.push_back(candidate.leak());
    return leaks;
}

std::vector<std::string> lost_connections_of(const Analysis& analysis)
{
    std::vector<std::string> sentences;
    for (const auto& [id, lost] : analysis.disagreements().lost) {
        const TargetState* const target = analysis.world().target(id);
        if (target == nullptr)
            continue;
        for (const auto& [name, pool] : target->pools.pools) {
            const std::string words = lost_in_words(lost, name, analysis.world().now());
            if (!words.empty())
                sentences.push_back(fmt::format("Pool {} of {} {}", line_of(name),
                                                plain_line(target->info.name, 64), words));
        }
    }
    return sentences;
}

} // namespace poolscope::report
