// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/story.h"

#include "core/analyze/causewords.h"
#include "core/base/text.h"

#include <algorithm>
#include <iterator>

namespace poolscope::report {

namespace {

/// A diagnosis that is not made for so long is over; else it only paused.
constexpr Duration pause = std::chrono::seconds{10};
constexpr std::size_t most_periods = 2000; ///< and as many gaps
constexpr int most_extra_looks = 20'000;
constexpr std::size_t most_moments = 5000;
constexpr std::size_t most_told = 20'000;

int strength(const Diagnosis& diagnosis)
{
    return (diagnosis.cause == Cause::undecided ? 0 : 100) + (diagnosis.exhausted ? 50 : 0) +
           static_cast<int>(diagnosis.confidence) * 10 + 1;
}

/// The instants of a recording are whatever it says; what is counted with lies within these.
Timestamp bounded(Timestamp at)
{
    return std::clamp(at, earliest_told, latest_told);
}

/// What says more: diagnoses, what is worse, what lasted longer.
bool outranks(const Period& a, const Period& b)
{
    const auto rank = [](const Period& p) {
        return std::tuple(p.to.has_value(), p.kind, -static_cast<int>(p.weight),
                          p.to ? p.from - *p.to : Duration{});
    };
    return rank(a) < rank(b);
}

/// How many were more than are kept. Not each time that one is added.
std::size_t trim(std::vector<Period>& periods, std::size_t most)
{
    if (periods.size() <= most)
        return 0;
    const std::size_t more = periods.size() - most;
    std::stable_sort(periods.begin(), periods.end(), outranks);
    periods.resize(most);
    return more;
}

/// A name of outside is said once, in its own column.
std::string without_name(const std::string& sentence, const std::string& name)
{
    const std::string said = plain_line(name, 64) + ": ";
    return sentence.starts_with(said) && sentence.size() > said.size()
               ? sentence.substr(said.size())
               : sentence;
}

/// Where a mark's sentence begins with a pool, that pool, which is taken out of it; else null.
Text take_pool(const TargetState* target, std::string& sentence)
{
    if (!target)
        return {};
    for (const std::string_view end : {": ", " held for "}) {
        const std::size_t at = sentence.find(end);
        if (at == std::string::npos)
            continue;
        const auto pool = target->pools.pools.find(Text{sentence.substr(0, at)});
        if (pool == target->pools.pools.end())
            continue;
        sentence =
            end == ": " ? sentence.substr(at + end.size()) : "a connection" + sentence.substr(at);
        return pool->first;
    }
    return {};
}

} // namespace

std::string who_of(const TargetState* target, const Text& pool)
{
    std::string text = target ? plain_line(target->info.name, 64) : std::string{};
    if (!pool.is_null())
        text += (text.empty() ? "pool " : ", pool ") + plain_line(pool.str(), 128);
    return text;
}

void Story::before(const Analysis& analysis, const Observation& observation)
{
    const Timestamp now = bounded(observation.time);
    if (now > to_)
        return;
    const auto interrupted = [&](const TargetState& target) {
        if (const auto* const gap = std::get_if<Gap>(&observation.what)) {
            open_gap(target, now, gap->reason);
        } else if (const auto* const changed = std::get_if<StatusChanged>(&observation.what)) {
            const Reach reach = changed->status.reach;
            if (reach == Reach::failing || reach == Reach::stopped)
                open_gap(target, now, changed->status.sentence);
        }
    };
    if (observation.target == TargetId{}) {
        for (const auto& [id, target] : analysis.world().targets())
            interrupted(target);
    } else if (const TargetState* const target = analysis.world().target(observation.target)) {
        interrupted(*target);
    }
    if (std::holds_alternative<ServerSample>(observation.what) ||
        std::holds_alternative<PoolSample>(observation.what))
        close_gap(observation.target, now);
}

void Story::after(Analysis& analysis, const Observation& observation)
{
    const Timestamp now = bounded(observation.time);
    std::vector<Mark> marks = analysis.take_marks();
    if (now < from_ || now > to_)
        return;
    // Once a second, when time alone may have changed something; and where something began that
    // may be over by then.
    const bool began = std::any_of(marks.begin(), marks.end(), [](const Mark& mark) {
        return mark.kind == MarkKind::critical || mark.kind == MarkKind::warning;
    });
    if (std::holds_alternative<Tick>(observation.what) || !looked_ ||
        now - last_look_ >= std::chrono::seconds{1} ||
        (began && ++extra_looks_ <= most_extra_looks))
        look(analysis, now);
    for (Mark& mark : marks) {
        // What is a period begins with its own line.
        if (told_.contains({mark.target, mark.sentence}))
            continue;
        // A note may be of an earlier time than this report.
        if (mark.time < from_)
            continue;
        if (moments_.size() >= most_moments) {
            ++left_out_;
            continue;
        }
        const TargetState* const target = analysis.world().target(mark.target);
        const bool found = mark.kind == MarkKind::critical || mark.kind == MarkKind::warning;
        const Text pool = found ? take_pool(target, mark.sentence) : Text{};
        if (mark.kind == MarkKind::source_down && target)
            mark.sentence = without_name(mark.sentence, target->info.name);
        moments_.push_back({bounded(mark.time), mark.kind, mark.target, who_of(target, pool),
                            std::move(mark.sentence)});
    }
}

void Story::look(Analysis& analysis, Timestamp now)
{
    const World& world = analysis.world();
    if (told_.size() > most_told)
        told_.clear();
    for (const Diagnosis& each : analysis.diagnoses()) {
        Period period;
        period.kind = Period::Kind::diagnosis;
        period.weight = each.cause == Cause::undecided ? Weight::info
                        : each.exhausted               ? Weight::critical
                                                       : Weight::warning;
        period.target = each.target;
        period.from = std::min(now, std::max(from_, each.since));
        period.since_before = each.since < from_;
        period.what = in_words(each.cause);
        period.who = who_of(world.target(each.target), each.pool);
        period.sentence = each.sentence;
        told_.emplace(each.target, each.sentence);
        const Key key{Period::Kind::diagnosis, each.target, each.pool, period.what};
        keep(key, std::move(period), now);
    }
    for (const Alert& alert : analysis.alerts()) {
        if (alert.state != AlertState::firing)
            continue;
        told_.emplace(alert.target, alert.sentence);
        Period period;
        period.kind = Period::Kind::alert;
        period.weight = alert.severity == AlertSeverity::critical  ? Weight::critical
                        : alert.severity == AlertSeverity::warning ? Weight::warning
                                                                   : Weight::info;
        period.target = alert.target;
        // It began to fire now, but for what fired when nobody had looked yet.
        period.from = looked_ ? now : std::max(from_, std::min(now, alert.since));
        period.since_before = !looked_ && alert.since < from_;
        period.what = alert.rule;
        const TargetState* const target = world.target(alert.target);
        period.who = who_of(target, alert.pool);
        period.sentence = without_name(alert.sentence, !alert.pool.is_null() ? alert.pool.str()
                                                       : target              ? target->info.name
                                                                             : std::string{});
        keep({Period::Kind::alert, alert.target, alert.pool, alert.rule}, std::move(period), now);
    }
    for (auto at = open_.begin(); at != open_.end();) {
        const bool paused =
            std::get<0>(at->first) == Period::Kind::diagnosis && now - at->second.seen <= pause;
        if (at->second.seen == now || paused) {
            ++at;
            continue;
        }
        close(at->second, at->second.seen);
        at = open_.erase(at);
    }
    weigh(analysis, now);
    last_look_ = now;
    looked_ = true;
}

void Story::keep(const Key& key, Period period, Timestamp now)
{
    const auto [at, began] = open_.try_emplace(key);
    Open& open = at->second;
    open.seen = now;
    if (began) {
        open.period = std::move(period);
        return;
    }
    // It keeps what was said when it began; how it stood at its worst is the summary's.
    open.period.weight = std::max(open.period.weight, period.weight);
}

void Story::weigh(const Analysis& analysis, Timestamp now)
{
    int best = 0;
    int decided = 0;
    int critical = 0;
    int suspected = 0;
    int blocked = 0;
    for (const Diagnosis& each : analysis.diagnoses()) {
        best = std::max(best, strength(each));
        decided += each.cause == Cause::undecided ? 0 : 1;
    }
    for (const auto& [id, findings] : analysis.findings()) {
        for (const Place& place : findings.places) {
            for (const Holder& holder : place.holders)
                critical += holder.severity == LeakSeverity::critical ? 1 : 0;
            suspected += place.suspected;
        }
        for (const SuspectedLeak& leak : findings.suspects) {
            critical += leak.severity == LeakSeverity::critical ? 1 : 0;
            ++suspected;
        }
        suspected += static_cast<int>(findings.statements.size());
        blocked += findings.blocking.blocked;
    }
    const Score score{best, decided, critical, suspected, blocked};
    if (score == Score{} || score < score_)
        return;
    score_ = score;
    worst_ = now;
}

void Story::close(const Open& open, std::optional<Timestamp> to)
{
    const bool gap = open.period.kind == Period::Kind::gap;
    std::vector<Period>& periods = gap ? gaps_over_ : periods_;
    periods.push_back(open.period);
    periods.back().to = to;
    if (gap)
        add_up(open.period, to.value_or(open.seen));
    if (periods.size() >= 2 * most_periods)
        left_out_ += trim(periods, most_periods);
}

void Story::add_up(const Period& gap, Timestamp to)
{
    Unseen& unseen = unseen_[gap.target];
    unseen.target = gap.target;
    unseen.who = gap.who;
    ++unseen.gaps;
    unseen.length += std::max(Duration{}, to - gap.from);
}

void Story::open_gap(const TargetState& target, Timestamp now, const std::string& reason)
{
    if (!target.last_sample || gaps_.contains(target.info.id))
        return;
    Period period;
    period.kind = Period::Kind::gap;
    period.target = target.info.id;
    period.from = std::clamp(*target.last_sample, std::min(from_, now), now);
    period.from = std::max(period.from, std::min(from_, to_));
    period.since_before = *target.last_sample < from_;
    period.what = "gap";
    period.who = who_of(&target, {});
    period.sentence = reason;
    gaps_.emplace(target.info.id, std::move(period));
}

void Story::close_gap(TargetId target, Timestamp now)
{
    const auto gap = gaps_.find(target);
    if (gap == gaps_.end())
        return;
    if (now > from_)
        close({gap->second, now}, now);
    gaps_.erase(gap);
}

void Story::finish(Incident& incident)
{
    for (const auto& [key, open] : open_)
        close(open, std::nullopt);
    for (const auto& [target, gap] : gaps_)
        close({gap, std::max(gap.from, incident.to)}, std::nullopt);
    open_.clear();
    gaps_.clear();
    left_out_ += trim(periods_, most_periods) + trim(gaps_over_, most_periods);
    periods_.insert(periods_.end(), std::make_move_iterator(gaps_over_.begin()),
                    std::make_move_iterator(gaps_over_.end()));
    gaps_over_.clear();
    for (auto& [target, unseen] : unseen_)
        incident.unseen.push_back(std::move(unseen));
    std::stable_sort(periods_.begin(), periods_.end(),
                     [](const Period& a, const Period& b) { return a.from < b.from; });
    incident.periods = std::move(periods_);
    incident.moments = std::move(moments_);
    incident.moments_left_out = left_out_;
}

} // namespace poolscope::report
