// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"

#include "core/analyze/words.h"

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

/// Where none is right: rather those built in than none.
void or_built_in(AlertRules& rules)
{
    if (rules.rules.empty() && !rules.problems.empty())
        rules.rules = default_alert_rules().rules;
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
    fold(observation, delta);
    look();
    mark(observation);
    if (std::holds_alternative<Tick>(observation.what))
        mark(diagnoses());
    for (const AlertBook::Onset& onset : alert_book_.take_onsets())
        mark(onset);
}

void Analysis::forget_joint()
{
    disagreements_.reset();
    diagnoses_.reset();
    alerts_.reset();
}

const std::vector<Alert>& Analysis::alerts() const
{
    if (!alerts_)
        alerts_ = alert_book_.alerts(world_, findings_);
    return *alerts_;
}

void Analysis::suppose_alert_rules(std::optional<AlertRules> rules)
{
    supposed_rules_ = std::move(rules);
    if (supposed_rules_) {
        or_built_in(*supposed_rules_);
        alert_book_.set_rules(*supposed_rules_);
        alert_book_.restore(world_);
    } else {
        alert_book_.set_rules(default_alert_rules());
        alert_rules_.clear();
        adopt_alert_rules();
        alert_book_.restore(world_);
    }
    alerts_.reset();
}

/// What the world says, unless something else is supposed.
void Analysis::adopt_alert_rules()
{
    if (supposed_rules_ || alert_rules_ == world_.alert_rules())
        return;
    alert_rules_ = world_.alert_rules();
    AlertRules rules = alert_rules_.empty() ? default_alert_rules()
                                            : parse_alert_rules(alert_rules_, "alerts.toml");
    or_built_in(rules);
    alert_book_.set_rules(std::move(rules));
    alert_book_.restore(world_);
}

const Disagreements& Analysis::disagreements() const
{
    if (!disagreements_)
        disagreements_ = find_disagreements(world_, departures_);
    return *disagreements_;
}

std::vector<SuspectedLeak> Analysis::suspects(TargetId target) const
{
    std::vector<SuspectedLeak> all = findings(target).suspects;
    const auto found = disagreements().sessions.find(target);
    if (found == disagreements().sessions.end())
        return all;
    for (const SuspectedLeak& leak : found->second) {
        const auto known = std::find_if(all.begin(), all.end(), [&](const SuspectedLeak& s) {
            return s.session == leak.session && !s.growth;
        });
        if (known == all.end()) {
            all.push_back(leak);
            continue;
        }
        // It is held in a transaction too: as bad as that, and its pool's.
        if (leak.kind == LeakKind::orphan) {
            const LeakSeverity severity = known->severity;
            *known = leak;
            known->severity = severity;
        }
    }
    return all;
}

const std::vector<Diagnosis>& Analysis::diagnoses() const
{
    if (!diagnoses_)
        diagnoses_ = diagnose({world_, findings_, flows_, disagreements()});
    return *diagnoses_;
}

void Analysis::fold(const Observation& observation, WorldDelta& delta)
{
    const TargetId id = observation.target;
    const Timestamp now = observation.time;
    const auto* const server = std::get_if<ServerSample>(&observation.what);
    const auto* const pools = std::get_if<PoolSample>(&observation.what);
    forget_joint();
    alert_book_.take_onsets(); // of folding before: nobody wants them any more
    if (const TargetState* const before = world_.target(id); before && server) {
        histories_[id].watch(*before, *server, now);
        departures_[id].watch(*before, *server, now);
    } else if (before && pools) {
        flows_[id].expect(*before, *pools, now);
        departures_[id].watch(*before, *pools, now);
    }
    world_.apply(observation, delta);
    if (std::holds_alternative<AlertRulesChanged>(observation.what))
        adopt_alert_rules();
    alert_book_.watch(world_, observation);
    if (const TargetState* const after = world_.target(id); after && pools) {
        prepared_[id].watch(*after, *pools, now);
        flows_[id].watch(*after, *pools, now);
    } else if (after && server) {
        flows_[id].watch(*after, *server, now);
    }
    if (std::holds_alternative<Gap>(observation.what))
        flows_[id].interrupt();

    // Time alone turns a holding into a suspicion, so every observation is a chance to look. What
    // is not about one target (a tick, a threshold for all) concerns each of them.
    if (id != TargetId{0}) {
        Due& due = due_[id];
        due.at = observation.time;
        due.sessions |= std::holds_alternative<ServerSample>(observation.what);
    } else {
        for (const auto& [each, ignored] : world_.targets())
            due_[each].at = observation.time;
    }
}

void Analysis::look()
{
    for (const auto& [id, due] : std::exchange(due_, {}))
        examine(id, due);
}

void Analysis::examine(TargetId id, const Due& due)
{
    const TargetState* const target = world_.target(id);
    if (!target)
        return;
    TargetFindings& findings = findings_[id];
    const std::vector<SuspectedLeak> before = std::move(findings.suspects);
    if (due.sessions)
        findings.blocking = find_blocking(*target);
    findings.suspects = find_suspects(*target, findings.blocking, world_.thresholds(id), due.at);
    for (SuspectedLeak& leak : find_idle_growth(*target, histories_[id], due.at))
        findings.suspects.push_back(std::move(leak));
    mark(*target, before);
    const Judging judging = judging_of(world_, id);
    findings.statements = find_statement_leaks(*target, prepared_[id], judging, due.at);
    mark(*target, findings.statements);
    if (target->pools.checkouts.empty() && findings.places.empty())
        return;
    const std::vector<Place> places = std::move(findings.places);
    findings.places = find_places(target->pools, judging, target->theirs(due.at));
    mark(*target, places);
}

void Analysis::mark(const Observation& observation)
{
    if (const auto* const status = std::get_if<StatusChanged>(&observation.what)) {
        const TargetState* const target = world_.target(observation.target);
        const Reach reach = status->status.reach;
        // An attempt on the way up is neither.
        if (!target || reach == Reach::connecting)
            return;
        const bool up = reach == Reach::up;
        const auto [last, first] = up_.try_emplace(observation.target, up);
        if (first || std::exchange(last->second, up) != up)
            marks_.push_back(
                {observation.time, up ? MarkKind::source_up : MarkKind::source_down,
                 observation.target,
                 up ? fmt::format("{} answers", target->info.name)
                    : fmt::format("{}: {}", target->info.name, status->status.sentence)});
    } else if (const auto* const sample = std::get_if<PoolSample>(&observation.what)) {
        mark(observation.target, *sample, observation.time);
    } else if (const auto* const note = std::get_if<Note>(&observation.what)) {
        marks_.push_back({std::min(note->about.value_or(observation.time), observation.time),
                          MarkKind::note, observation.target, note->text});
    } else if (const auto* const action = std::get_if<ActionReported>(&observation.what)) {
        if (action->phase == ActionPhase::requested)
            marks_.push_back(
                {observation.time, MarkKind::action, observation.target,
                 action->verb == ActionVerb::reclaim
                     ? fmt::format("reclaim {}", action->checkout.id.str())
                     : fmt::format("{} {}", name_of(action->verb), action->session.pid.value)});
    }
}

void Analysis::mark(const TargetState& target, const std::vector<SuspectedLeak>& before)
{
    const TargetId id = target.info.id;
    const Timestamp now = world_.now();
    std::map<std::pair<SessionKey, Timestamp>, LeakSeverity> known; // there may be thousands
    for (const SuspectedLeak& leak : before) {
        if (!leak.growth)
            known.emplace(std::pair{leak.session, leak.since}, leak.severity);
    }
    for (const SuspectedLeak& leak : findings_[id].suspects) {
        if (leak.growth) {
            // It may pause and go on: that is no news.
            const auto [last, first] = growing_.try_emplace({id, leak.group}, now);
            if (first || now - last->second >= idle_window)
                marks_.push_back({now, MarkKind::warning, id,
                                  fmt::format("idle sessions of {} only grow: {} to {} in {}",
                                              leak.group, leak.growth->from, leak.growth->to,
                                              format_duration_prose(idle_window))});
            last->second = now;
            continue;
        }
        const auto same = known.find({leak.session, leak.since});
        if (same != known.end() && same->second == leak.severity)
            continue;
        const bool critical = leak.severity == LeakSeverity::critical;
        marks_.push_back(
            {now, critical ? MarkKind::critical : MarkKind::warning, id,
             fmt::format("{} idle in transaction for {}", subject(target, leak.session),
                         format_duration_prose(target.age(leak.since, now)))});
    }
    if (!growing_.empty())
        std::erase_if(growing_, [now](const auto& g) { return now - g.second > idle_window; });
}

void Analysis::mark(const TargetState& target, const std::vector<Place>& before)
{
    for (const Place& place : findings_[target.info.id].places) {
        const auto known = std::find_if(before.begin(), before.end(), [&](const Place& b) {
            return b.pool == place.pool && same_stack(b.stack, place.stack);
        });
        const LeakSeverity was = known == before.end() ? LeakSeverity::none : known->severity;
        if (place.severity <= was)
            continue;
        const bool critical = place.severity == LeakSeverity::critical;
        marks_.push_back({world_.now(), critical ? MarkKind::critical : MarkKind::warning,
                          target.info.id,
                          fmt::format("{} held for {} by {}", place.pool.str(),
                                      format_duration_prose(place.holders.front().age),
                                      name_of(acquiring_line(place.stack.get())))});
    }
}

void Analysis::mark(const TargetState& target, const std::vector<StatementLeak>& now)
{
    const Timestamp at = world_.now();
    for (const StatementLeak& leak : now) {
        // It may pause and go on: that is no news, unless it is worse.
        const PlaceKey place{leak.pool, leak.stack ? leak.stack->fingerprint : 0};
        auto& [last, severity] = preparing_[{target.info.id, place}];
        const bool known = at - last < idle_window && severity >= leak.severity;
        last = at;
        if (known)
            continue;
        severity = leak.severity;
        marks_.push_back(
            {at, leak.severity == LeakSeverity::critical ? MarkKind::critical : MarkKind::warning,
             target.info.id,
             fmt::format("{}: {} of {} are open", leak.pool.str(),
                         count_of(static_cast<std::int64_t>(leak.open), "statement"),
                         name_of(acquiring_line(leak.stack.get())))});
    }
    if (!preparing_.empty())
        std::erase_if(preparing_,
                      [at](const auto& p) { return at - p.second.first > idle_window; });
}

void Analysis::mark(TargetId target, const PoolSample& sample, Timestamp at)
{
    for (const AcquireTimeout& timeout : sample.timeouts) {
        // An exhausted pool times out again and again: that is one thing.
        const auto [last, first] = timed_out_.try_emplace({target, timeout.pool}, at);
        if (first || at - last->second >= idle_window)
            marks_.push_back({at, MarkKind::critical, target,
                              fmt::format("acquire from {} timed out after {}", timeout.pool.str(),
                                          format_duration_prose(timeout.waited))});
        last->second = at;
    }
}

void Analysis::mark(const std::vector<Diagnosis>& now)
{
    const Timestamp at = world_.now();
    for (const Diagnosis& diagnosis : now) {
        // It may pause and go on: that is no news.
        const auto [last, first] =
            diagnosed_.try_emplace({diagnosis.target, diagnosis.pool, diagnosis.cause}, at);
        if (diagnosis.cause != Cause::undecided && (first || at - last->second >= idle_window))
            marks_.push_back({at, MarkKind::critical, diagnosis.target, diagnosis.sentence});
        last->second = at;
    }
    if (!diagnosed_.empty())
        std::erase_if(diagnosed_, [at](const auto& d) { return at - d.second > idle_window; });
}

std::vector<Mark> Analysis::take_marks()
{
    return std::exchange(marks_, {});
}

void Analysis::restore(World world)
{
    world_ = std::move(world);
    findings_.clear();
    histories_.clear();
    prepared_.clear();
    flows_.clear();
    departures_.clear();
    diagnosed_.clear();
    adopt_alert_rules();
    alert_book_.restore(world_);
    forget_joint();
    growing_.clear();
    preparing_.clear();
    timed_out_.clear();
    up_.clear();
    for (const auto& [id, target] : world_.targets()) {
        if (target.status.reach != Reach::connecting)
            up_[id] = target.status.reach == Reach::up;
        histories_[id].restore(target, world_.now());
        prepared_[id].restore(target, world_.now());
        flows_[id].restore(target, world_.now());
        due_[id] = {world_.now(), true};
    }
    look();
    marks_.clear();
}

void Analysis::mark(const AlertBook::Onset& onset)
{
    // A source that fails and acquires that time out are marked for themselves.
    if (onset.severity == AlertSeverity::info || onset.measure == AlertMeasure::unreachable ||
        onset.measure == AlertMeasure::refusing || onset.measure == AlertMeasure::timeouts)
        return;
    const bool critical = onset.severity == AlertSeverity::critical;
    marks_.push_back({world_.now(), critical ? MarkKind::critical : MarkKind::warning, onset.target,
                      onset.sentence});
}

} // namespace poolscope
