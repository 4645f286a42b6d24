// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/world.h"

#include <algorithm>
#include <numeric>

namespace poolscope {

namespace {

/// Before PostgreSQL 12 a sender of the log took a slot of max_connections, too.
bool senders_take_slots(const TargetState& target)
{
    return target.info.kind == "postgresql" && target.facts && target.facts->version_number > 0 &&
           target.facts->version_number < 120000;
}

bool is_sender(const Session& session)
{
    return session.backend_type.str() == "walsender";
}

SessionState counted_as(const Session& session)
{
    // A sender's statement is never at its end: that it is active tells nothing.
    return session.own || is_sender(session) ? SessionState::other : session.state;
}

void count(TargetState& target, const Session& session, std::int32_t by)
{
    if (session.is_client() || (is_sender(session) && senders_take_slots(target)))
        target.counts.at(static_cast<std::size_t>(counted_as(session))) += by;
}

/// Which sessions count depends on the server's version.
void take_facts(TargetState& target, const ServerFacts& facts)
{
    const bool before = senders_take_slots(target);
    target.facts = facts;
    if (senders_take_slots(target) == before)
        return;
    target.counts = {};
    for (const auto& [pid, session] : target.sessions)
        count(target, session, +1);
}

template <class... Cases>
struct Overloaded : Cases...
{
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

} // namespace

std::string_view name_of(ActionVerb verb)
{
    constexpr std::array<std::string_view, 3> names{"cancel", "terminate", "reclaim"};
    return names.at(static_cast<std::size_t>(verb));
}

std::string_view name_of(AlertAnswer answer)
{
    constexpr std::array<std::string_view, 3> names{"acknowledged", "silenced", "revoked"};
    return names.at(static_cast<std::size_t>(answer));
}

std::string_view name_of(ActionPhase phase)
{
    constexpr std::array<std::string_view, 6> names{"requested", "sent",      "accepted",
                                                    "refused",   "timed_out", "observed"};
    return names.at(static_cast<std::size_t>(phase));
}

std::string_view name_of(SettingScope scope)
{
    constexpr std::array<std::string_view, 3> names{"server", "role", "database"};
    return names.at(static_cast<std::size_t>(scope));
}

const ServerSetting* ServerSettings::find(std::string_view name, SettingScope scope,
                                          std::string_view subject) const
{
    const auto found = std::find_if(all.begin(), all.end(), [&](const ServerSetting& each) {
        return each.scope == scope && each.name == name && each.subject == subject;
    });
    return found == all.end() ? nullptr : &*found;
}

std::int32_t TargetState::client_count() const
{
    return std::accumulate(counts.begin(), counts.end(), std::int32_t{0});
}

Duration TargetState::age(Timestamp since, Timestamp now) const
{
    return std::max(Duration{0}, now + clock_offset - since);
}

const Session* TargetState::find(const SessionKey& key) const
{
    const auto found = sessions.find(key.pid);
    return found != sessions.end() && found->second.key == key ? &found->second : nullptr;
}

const TargetState* World::target(TargetId id) const
{
    const auto found = targets_.find(id);
    return found == targets_.end() ? nullptr : &found->second;
}

const Session* World::session(const SessionKey& key) const
{
    const TargetState* const state = target(key.target);
    return state ? state->find(key) : nullptr;
}

const Checkout* World::checkout(const CheckoutKey& key) const
{
    const TargetState* const state = target(key.target);
    if (!state)
        return nullptr;
    const auto found = state->pools.checkouts.find(key.id);
    return found == state->pools.checkouts.end() ? nullptr : &found->second;
}

const LeakThresholds& World::thresholds(TargetId target) const
{
    static const LeakThresholds standard;
    const LeakThresholds* const chosen = chosen_thresholds(target);
    return chosen ? *chosen : standard;
}

const LeakThresholds* World::chosen_thresholds(TargetId target) const
{
    for (const TargetId id : {target, TargetId{0}}) {
        if (const auto own = thresholds_.find({id, Text{}}); own != thresholds_.end())
            return &own->second;
    }
    return nullptr;
}

SeriesPoint World::series_point(const TargetState& target, bool gap_before) const
{
    SeriesPoint point;
    point.time = target.last_sample.value_or(now_);
    point.counts = target.counts;
    if (target.facts) {
        point.max_connections = target.facts->max_connections;
        point.reserved = target.facts->reserved;
    }
    point.gap_before = gap_before;
    return point;
}

void World::apply(const Observation& observation)
{
    WorldDelta ignored;
    apply(observation, ignored);
}

void World::apply(const Observation& o, WorldDelta& delta)
{
    sequence_ = o.sequence;
    now_ = o.time;
    const auto known = targets_.find(o.target);
    TargetState* const target = known == targets_.end() ? nullptr : &known->second;

    std::visit(Overloaded{
                   [&](const TargetAttached& what) {
                       targets_[o.target].info = what.info;
                       delta.targets = true;
                   },
                   [&](const StatusChanged& what) {
                       if (target)
                           target->status = what.status;
                       delta.targets = true;
                   },
                   [&](const FactsReported& what) {
                       if (target)
                           take_facts(*target, what.facts);
                       delta.targets = true;
                   },
                   [&](const ServerSample& what) {
                       if (target)
                           apply_to(*target, what, o.time, delta);
                   },
                   [&](const LocksReported& what) {
                       if (target && target->find(what.session))
                           target->locks[what.session.pid] = what.locks;
                       delta.targets = true;
                   },
                   [&](const Gap&) {
                       if (target)
                           target->gap_since_sample = true;
                       delta.targets = true;
                   },
                   [&](const ActionReported& what) {
                       apply_action(what, o.time);
                       delta.actions = true;
                   },
                   [&](const Note& what) {
                       notes_.push_back(
                           {std::min(what.about.value_or(o.time), o.time), what.text, o.time});
                       delta.notes = true;
                   },
                   [&](const ThresholdsChanged& what) {
                       if (what.revoked)
                           thresholds_.erase({o.target, what.pool});
                       else
                           thresholds_[{o.target, what.pool}] = what.thresholds;
                       delta.thresholds = true;
                   },
                   [&](const AlertRulesChanged& what) {
                       alert_rules_ = what.rules;
                       delta.targets = true;
                   },
                   [&](const AlertAnswered& what) {
                       if (what.answer == AlertAnswer::revoked)
                           alert_answers_.erase({o.target, what.pool, what.rule});
                       else
                           alert_answers_[{o.target, what.pool, what.rule}] = what;
                       delta.targets = true;
                   },
                   [](const Tick&) {},
                   [&](const AgentReported& what) {
                       if (target)
                           target->pools.agent = what.facts;
                       delta.targets = true;
                   },
                   [&](const PoolSample& what) {
                       if (target)
                           apply_to(*target, what, o.time, delta);
                   },
                   [&](const SettingsReported& what) {
                       if (target)
                           target->settings = what.settings;
                       delta.targets = true;
                   },
               },
               o.what);
}

void World::apply_to(TargetState& target, const ServerSample& sample, Timestamp time,
                     WorldDelta& delta)
{
    const auto remove = [&](std::map<Pid, Session>::iterator it) {
        count(target, it->second, -1);
        delta.gone.push_back(it->second.key);
        target.locks.erase(it->first);
        return target.sessions.erase(it);
    };
    if (sample.full) {
        // Both sides ascend by pid: what the sample does not name is gone.
        auto listed = sample.changed.begin();
        for (auto it = target.sessions.begin(); it != target.sessions.end();) {
            while (listed != sample.changed.end() && listed->key.pid < it->first)
                ++listed;
            const bool stays = listed != sample.changed.end() && listed->key == it->second.key;
            it = stays ? std::next(it) : remove(it);
        }
    }
    for (const SessionKey& key : sample.gone) {
        const auto it = target.sessions.find(key.pid);
        if (it != target.sessions.end() && it->second.key == key)
            remove(it);
    }
    for (const Session& session : sample.changed) {
        auto it = target.sessions.find(session.key.pid);
        if (it != target.sessions.end() && it->second.key != session.key) {
            remove(it);
            it = target.sessions.end();
        }
        if (it == target.sessions.end()) {
            target.sessions.emplace(session.key.pid, session);
        } else {
            if (it->second == session)
                continue;
            count(target, it->second, -1);
            it->second = session;
        }
        count(target, session, +1);
        delta.changed.push_back(session.key);
    }
    target.clock_offset = sample.clock_offset;
    target.next_xid = sample.next_xid;
    target.poll_cost = sample.poll_cost;
    target.last_sample = time;
    target.gap_since_sample = false;
    delta.targets = true;
}

void World::apply_to(TargetState& target, const PoolSample& sample, Timestamp time,
                     WorldDelta& delta)
{
    const Pools::Delta changes = target.pools.apply(sample);
    for (const Text& id : changes.changed)
        delta.checkouts_changed.push_back({target.info.id, id});
    for (const Text& id : changes.gone)
        delta.checkouts_gone.push_back({target.info.id, id});
    target.clock_offset = sample.clock_offset;
    target.last_sample = time;
    target.gap_since_sample = false;
    delta.targets = true;
}

void World::apply_action(const ActionReported& action, Timestamp time)
{
    const auto found = std::find_if(actions_.rbegin(), actions_.rend(),
                                    [&](const ActionRecord& a) { return a.id == action.action; });
    if (found == actions_.rend()) {
        actions_.push_back({action.action,
                            action.verb,
                            action.session,
                            action.phase,
                            time,
                            time,
                            action.sentence,
                            {},
                            action.checkout});
        return;
    }
    found->phase = action.phase;
    found->changed = time;
    found->outcome = action.sentence;
}

void World::restore(SequenceNumber sequence, Timestamp now, std::map<TargetId, TargetState> targets,
                    std::vector<ActionRecord> actions, std::vector<NoteRecord> notes,
                    ThresholdChoices thresholds, std::string alert_rules,
                    AlertAnswers alert_answers)
{
    sequence_ = sequence;
    now_ = now;
    targets_ = std::move(targets);
    actions_ = std::move(actions);
    notes_ = std::move(notes);
    thresholds_ = std::move(thresholds);
    alert_rules_ = std::move(alert_rules);
    alert_answers_ = std::move(alert_answers);
}

} // namespace poolscope
