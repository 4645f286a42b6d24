// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/gather.h"

#include "core/analyze/analysis.h"
#include "core/analyze/words.h"
#include "core/base/text.h"
#include "core/report/concealer.h"
#include "core/report/readuntil.h"
#include "core/report/scene.h"
#include "core/report/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

namespace poolscope::report {

namespace {

constexpr std::size_t session_points = 300;
constexpr std::size_t pool_points = 300;
constexpr std::size_t most_servers = 24;
constexpr std::size_t most_pools = 24;
constexpr int tell_every = 256; ///< observations

/// Tells how far several readings of one recording are, and hears whether to go on.
class Steps
{
public:
    Steps(const Progress& progress, const RecordingInfo& info, int readings)
        : progress_(progress)
        , first_(info.first)
        , last_(info.last)
        , readings_(readings)
    {}

    bool stopped() const { return stopped_; }
    void next() { ++reading_; }
    /// False where no more is wanted.
    bool at(SequenceNumber number)
    {
        if (!progress_ || stopped_ || ++seen_ % tell_every != 1)
            return !stopped_;
        const auto all = static_cast<double>(last_.value - first_.value) + 1;
        const auto done =
            number.value > first_.value ? static_cast<double>(number.value - first_.value) : 0.0;
        stopped_ = !progress_((reading_ + std::min(1.0, done / all)) / readings_);
        return !stopped_;
    }

private:
    const Progress& progress_;
    SequenceNumber first_;
    SequenceNumber last_;
    int readings_;
    int reading_ = 0;
    int seen_ = 0;
    bool stopped_ = false;
};

Error stopped_by_user()
{
    return {"The report was stopped.", "Nothing was written."};
}

/// One reading of a recording, with what must not be said taken out on the way.
class Telling
{
public:
    Telling(RecordingReader& reader, const RecordingInfo& info, Steps& steps)
        : reader_(reader)
        , info_(info)
        , steps_(steps)
    {}

    /// Reads all of it for the names in it.
    Result<Done> learn()
    {
        auto keyframe = reader_.keyframe(info_.started);
        if (!keyframe)
            return keyframe.error();
        concealer_.emplace();
        concealer_->learn(keyframe.value());
        const auto read = reader_.read(keyframe.value().sequence(), [this](const Observation& o) {
            concealer_->learn(o);
            return steps_.at(o.sequence);
        });
        concealer_->settle();
        steps_.next();
        // What can be read is told, and nothing else.
        if (!read)
            damage_ = read.error();
        return Done{};
    }

    /// Folds what leads to `from`, then calls with each observation up to `end`: before and after.
    template <class Before, class After>
    Result<Done> fold(Analysis& analysis, Timestamp from, SequenceNumber end, Before before,
                      After after)
    {
        auto keyframe = keyframe_before(reader_, from - Analysis::longest_window, end);
        if (!keyframe)
            return keyframe.error();
        const SequenceNumber first = keyframe.value().sequence();
        std::string rules = keyframe.value().alert_rules();
        if (concealer_) {
            const World world = concealer_->conceal(keyframe.value());
            suppose(analysis, rules);
            analysis.restore(world);
        } else {
            analysis.restore(std::move(keyframe).value());
        }
        const auto read = reader_.read(first, [&](const Observation& told) {
            if (end < told.sequence)
                return false;
            const Observation observation = concealer_ ? concealer_->conceal(told) : told;
            before(analysis, observation);
            after(analysis, observation);
            if (const auto* const changed = std::get_if<AlertRulesChanged>(&told.what);
                changed && concealer_ && changed->rules != rules) {
                rules = changed->rules;
                suppose(analysis, rules);
            }
            return steps_.at(told.sequence);
        });
        steps_.next();
        if (!read)
            damage_ = read.error();
        return Done{};
    }

    Text shown(const Text& pool) const { return concealer_ ? concealer_->pool(pool) : pool; }
    const std::optional<Error>& damage() const { return damage_; }

private:
    /// Rules name targets, which are called otherwise now.
    void suppose(Analysis& analysis, const std::string& rules) const
    {
        if (rules.empty())
            analysis.suppose_alert_rules(std::nullopt);
        else
            analysis.suppose_alert_rules(concealer_->conceal(parse_alert_rules(rules, "rules")));
    }

    RecordingReader& reader_;
    const RecordingInfo& info_;
    Steps& steps_;
    std::optional<Concealer> concealer_;
    std::optional<Error> damage_;
};

/// How near its limit a pool came.
double strain_of(const PoolSeries& series)
{
    double most = 0;
    for (const PoolPoint& point : series.points) {
        const auto wanted = static_cast<double>(point.used.value_or(0)) +
                            static_cast<double>(point.pending.value_or(0));
        const auto max = static_cast<double>(point.max.value_or(0));
        most = std::max(most, max > 0 ? wanted / max : wanted / 1e6);
    }
    return most;
}

void add_series(Incident& incident, RecordingReader& reader, const Telling& telling)
{
    if (auto sessions = reader.series(incident.from, incident.to, session_points)) {
        for (TargetSeries& series : sessions.value()) {
            const Target* const target = target_of(incident, series.target);
            if (target && target->server && !series.points.empty() &&
                incident.sessions.size() < most_servers)
                incident.sessions.push_back(std::move(series));
        }
    }
    auto pools = reader.pool_series(incident.from, incident.to, pool_points);
    if (!pools)
        return;
    for (PoolSeries& series : pools.value()) {
        const bool told = std::any_of(series.points.begin(), series.points.end(),
                                      [](const PoolPoint& p) { return p.used.has_value(); });
        series.pool = telling.shown(series.pool);
        if (told)
            incident.pools.push_back(std::move(series));
    }
    std::stable_sort(
        incident.pools.begin(), incident.pools.end(),
        [](const PoolSeries& a, const PoolSeries& b) { return strain_of(a) > strain_of(b); });
    if (incident.pools.size() > most_pools) {
        incident.pools_left_out = incident.pools.size() - most_pools;
        incident.pools.resize(most_pools);
    }
}

ConfigReport check_of(const Analysis& analysis, RecordingReader& reader, const Telling& telling,
                      Timestamp at)
{
    CheckInput input = check_input(analysis.world());
    for (CheckTarget& target : input.targets) {
        for (const Place& place : analysis.findings(target.info.id).places)
            target.suspected[place.pool] += place.suspected;
    }
    if (auto series = reader.pool_series(at - check_load_range, at, check_load_points)) {
        input.series = std::move(series).value();
        for (PoolSeries& each : input.series)
            each.pool = telling.shown(each.pool);
    }
    return check_configuration(input);
}

std::string phase_in_words(ActionPhase phase)
{
    std::string text{name_of(phase)};
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

void add_what_people_did(Incident& incident, const World& world)
{
    const auto within = [&](Timestamp at) {
        return at >= incident.from && at <= incident.to;
    };
    for (const ActionRecord& record : world.actions()) {
        if (!within(record.requested))
            continue;
        Action action;
        action.requested = record.requested;
        const bool reclaim = record.verb == ActionVerb::reclaim;
        action.who =
            who_of(world.target(reclaim ? record.checkout.target : record.session.target), {});
        action.verb = fmt::format("{} {}", name_of(record.verb),
                                  reclaim ? record.checkout.id.str()
                                          : std::to_string(record.session.pid.value));
        action.subject = record.subject;
        action.phase = phase_in_words(record.phase);
        action.outcome = record.outcome == record.subject ? std::string{} : record.outcome;
        incident.actions.push_back(std::move(action));
    }
    for (const NoteRecord& note : world.notes()) {
        if (within(note.time))
            incident.notes.push_back({note.time, note.text});
    }
}

void add_gaps(Incident& incident, std::vector<std::string>& sentences)
{
    std::map<std::string, std::pair<int, Duration>> gaps;
    for (const Period& period : incident.periods) {
        if (period.kind != Period::Kind::gap)
            continue;
        auto& [count, length] = gaps[period.who];
        ++count;
        length += period.to.value_or(incident.to) - period.from;
    }
    for (const auto& [who, gap] : gaps)
        sentences.push_back(fmt::format("{}: nothing was seen in {}, {} in all.", who,
                                        count_of(gap.first, "gap"),
                                        format_duration_prose(gap.second)));
}

} // namespace

const Target* target_of(const Incident& incident, TargetId id)
{
    const auto found = std::find_if(incident.targets.begin(), incident.targets.end(),
                                    [id](const Target& each) { return each.info.id == id; });
    return found == incident.targets.end() ? nullptr : &*found;
}

std::string name_of_recording(std::string_view file, bool redact, std::size_t number)
{
    return redact ? fmt::format("recording {}", number)
                  : std::filesystem::path{file}.filename().string();
}

Result<Gathered> gather(RecordingReader& reader, const Question& question, const Progress& progress)
{
    const auto info = reader.info();
    if (!info)
        return info.error();
    Steps steps{progress, info.value(), question.redact ? 3 : 2};
    Telling telling{reader, info.value(), steps};
    if (question.redact) {
        if (const auto learned = telling.learn(); !learned)
            return learned.error();
    }
    if (steps.stopped())
        return stopped_by_user();
    Gathered gathered;
    Incident& incident = gathered.incident;
    incident.file = question.file;
    incident.complete = info.value().complete;
    incident.from = std::max(info.value().started, question.from.value_or(info.value().started));
    incident.to = std::max(incident.from,
                           std::min(info.value().ended, question.to.value_or(info.value().ended)));

    // A clock may have been set: the order is the truth, and the end the latest instant.
    const bool to_the_end = !question.to || *question.to >= info.value().ended;
    const SequenceNumber end = to_the_end ? info.value().last : last_until(reader, incident.to);
    Story story{incident.from, to_the_end ? Timestamp::max() : incident.to};
    Analysis whole;
    const auto told = telling.fold(
        whole, incident.from, end,
        [&](const Analysis& analysis, const Observation& o) {
            if (to_the_end)
                incident.to = std::max(incident.to, o.time);
            story.before(analysis, o);
        },
        [&](Analysis& analysis, const Observation& o) {
            WorldDelta ignored;
            analysis.apply(o, ignored);
            story.after(analysis, o);
        });
    if (!told)
        return told.error();
    if (steps.stopped())
        return stopped_by_user();
    // A damaged recording ends where it can no longer be read.
    if (telling.damage())
        incident.to = std::clamp(whole.world().now(), incident.from, incident.to);
    incident.moment = incident.to;
    incident.why_then = "the end of the recording";
    if (question.at) {
        incident.moment = std::clamp(*question.at, incident.from, incident.to);
        incident.why_then = "as asked for";
    } else if (const auto worst = story.worst()) {
        incident.moment = std::min(*worst, incident.to);
        incident.why_then = "when the finding was strongest";
    } else if (question.to) {
        incident.why_then = "the end of the range";
    }
    story.finish(incident);
    add_what_people_did(incident, whole.world());

    Analysis then;
    const auto seen = telling.fold(
        then, incident.moment, last_until(reader, incident.moment),
        [](const Analysis&, const Observation&) {},
        [](Analysis& analysis, const Observation& o) {
            WorldDelta ignored;
            analysis.fold(o, ignored);
        });
    if (!seen)
        return seen.error();
    if (steps.stopped())
        return stopped_by_user();
    then.look();
    incident.targets = targets_of(then);
    // Those that came later are part of the story too.
    for (Target& target : targets_of(whole)) {
        if (target_of(incident, target.info.id))
            continue;
        target.up = false;
        target.status = "not attached yet";
        incident.targets.push_back(std::move(target));
    }
    incident.diagnoses = diagnoses_of(then);
    incident.leaks = leaks_of(then);
    incident.trees = trees_of(then);
    ConfigReport check = check_of(then, reader, telling, incident.moment);
    incident.findings = std::move(check.findings);
    add_series(incident, reader, telling);

    incident.not_observed = blind_spots_of(then);
    add_gaps(incident, incident.not_observed);
    if (!incident.complete)
        incident.not_observed.emplace_back(
            "The recording was still being written, or was cut off: what came after it is not "
            "known.");
    if (telling.damage())
        incident.not_observed.push_back("The recording is damaged: what comes after " +
                                        format_iso8601(incident.to) + " could not be read.");
    for (std::string& sentence : check.unknown)
        incident.not_observed.push_back("Not judged: " + sentence);
    gathered.damage = telling.damage();
    return gathered;
}

} // namespace poolscope::report
