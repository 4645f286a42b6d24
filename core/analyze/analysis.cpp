// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

std::string subject(const TargetState& target, const SessionKey& key)
{
    const Session* const session = target.find(key);
    const std::string& who = session && !session->application.empty() ? session->application.str()
                             : session                                ? session->user.str()
                                                                      : std::string{};
    return who.empty() ? fmt::format("{}", key.pid.value)
                       : fmt::format("{} of {}", key.pid.value, who);
}

} // namespace

const TargetFindings& Analysis::findings(TargetId target) const
{
    static const TargetFindings none;
    const auto found = findings_.find(target);
    return found == findings_.end() ? none : found->second;
}

void Analysis::apply(const Observation& observation, WorldDelta& delta)
{
    const TargetState* const before = world_.target(observation.target);
    const Reach reach = before ? before->status.reach : Reach::connecting;
    world_.apply(observation, delta);

    // Time alone turns a holding into a suspicion, so every observation is a chance to look. What
    // is not about one target (a tick, a threshold for all) concerns each of them.
    if (observation.target != TargetId{0}) {
        examine(observation.target);
    } else {
        for (const auto& [id, ignored] : world_.targets())
            examine(id);
    }

    if (const auto* const status = std::get_if<StatusChanged>(&observation.what)) {
        const TargetState* const target = world_.target(observation.target);
        const bool was_up = reach == Reach::up;
        const bool is_up = status->status.reach == Reach::up;
        if (target && was_up != is_up)
            marks_.push_back(
                {observation.time, is_up ? MarkKind::source_up : MarkKind::source_down,
                 observation.target,
                 is_up ? fmt::format("{} answers", target->info.name)
                       : fmt::format("{}: {}", target->info.name, status->status.sentence)});
    } else if (const auto* const note = std::get_if<Note>(&observation.what)) {
        marks_.push_back({observation.time, MarkKind::note, observation.target, note->text});
    } else if (const auto* const action = std::get_if<ActionReported>(&observation.what)) {
        if (action->phase == ActionPhase::requested)
            marks_.push_back(
                {observation.time, MarkKind::action, observation.target,
                 fmt::format("{} {}", name_of(action->verb), action->session.pid.value)});
    }
}

void Analysis::examine(TargetId id)
{
    const TargetState* const target = world_.target(id);
    if (!target)
        return;
    TargetFindings& findings = findings_[id];
    const std::vector<SuspectedLeak> before = std::move(findings.suspects);
    findings.blocking = find_blocking(*target);
    findings.suspects =
        find_suspects(*target, findings.blocking, world_.thresholds(id), world_.now());

    for (const SuspectedLeak& leak : findings.suspects) {
        const auto known = std::find_if(before.begin(), before.end(), [&](const SuspectedLeak& b) {
            return b.session == leak.session && b.since == leak.since;
        });
        if (known != before.end() && known->severity == leak.severity)
            continue;
        const bool critical = leak.severity == LeakSeverity::critical;
        marks_.push_back(
            {world_.now(), critical ? MarkKind::critical : MarkKind::warning, id,
             fmt::format("{} idle in transaction for {}", subject(*target, leak.session),
                         format_duration_prose(target->age(leak.since, world_.now())))});
    }
}

std::vector<Mark> Analysis::take_marks()
{
    return std::exchange(marks_, {});
}

void Analysis::restore(World world)
{
    world_ = std::move(world);
    findings_.clear();
    for (const auto& [id, ignored] : world_.targets())
        examine(id);
    marks_.clear();
}

} // namespace poolscope
