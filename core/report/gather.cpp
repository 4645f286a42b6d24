// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/gather.h"

#include "core/analyze/analysis.h"
#include "core/analyze/words.h"
#include "core/base/text.h"
#include "core/report/concealer.h"
#include "core/report/counts.h"
#include "core/report/readuntil.h"
#include "core/report/scene.h"
#include "core/report/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <utility>

namespace poolscope::report {

namespace {

constexpr std::size_t session_points = 300;
constexpr std::size_t pool_points = 300;
constexpr std::size_t most_servers = 24;
constexpr std::size_t most_pools = 24;
constexpr int tell_every = 256; ///< observations
constexpr std::size_t most_late_notes = 100'000;

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
        told_ = (reading_ + std::min(1.0, done / all)) / readings_;
        stopped_ = !progress_(told_);
        return !stopped_;
    }
    /// The same while something is looked for that is no part of the readings.
    bool still()
    {
        if (progress_ && !stopped_ && ++seen_ % tell_every == 1)
            stopped_ = !progress_(told_);
        return !stopped_;
    }

private:
    const Progress& progress_;
    SequenceNumber first_;
    SequenceNumber last_;
    double told_ = 0;
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

    /// The notes that were written after an observation, with their marks' targets.
    std::vector<std::pair<TargetId, NoteText>> notes_after(SequenceNumber last)
    {
        std::vector<std::pair<TargetId, NoteText>> notes;
        // What cannot be read was told of already.
        static_cast<void>(reader_.read(last, [&](const Observation& told) {
            if (!std::holds_alternative<Note>(told.what))
                return true;
            const Observation shown = concealer_ ? concealer_->conceal(told) : told;
            const Note& note = std::get<Note>(shown.what);
            notes.push_back({shown.target,
                             {std::min(note.about.value_or(shown.time), shown.time), note.text,
                              std::min(shown.time, latest_told)}});
            return notes.size() < most_late_notes;
        }));
        return notes;
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
double strain_of(const PoolCounts& counts)
{
    double most = 0;
    for (const PoolPoint& point : counts.series.points) {
        const auto wanted = static_cast<double>(point.used.value_or(0)) +
                            static_cast<double>(point.pending.value_or(0));
        const auto max = static_cast<double>(point.max.value_or(0));
        most = std::max(most, max > 0 ? wanted / max : wanted / 1e6);
    }
    return most;
}

double strain_of(const SessionCounts& counts)
{
    double most = 0;
    for (const SeriesPoint& point : counts.series.points) {
        const auto all = std::accumulate(point.counts.begin(), point.counts.end(), 0.0);
        const double max = point.max_connections.value_or(0);
        most = std::max(most, max > 0 ? all / max : all / 1e6);
    }
    return most;
}

/// Those that came nearest to their limit; returns how many are left out.
template <class Counts>
std::size_t keep_worst(std::vector<Counts>& all, std::size_t most)
{
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < all.size(); ++i)
        order.emplace_back(-strain_of(all[i]), i);
    std::sort(order.begin(), order.end());
    std::vector<Counts> kept;
    for (std::size_t i = 0; i < order.size() && i < most; ++i)
        kept.push_back(std::move(all[order[i].second]));
    const std::size_t left_out = all.size() - kept.size();
    all = std::move(kept);
    return left_out;
}

void add_series(Incident& incident, RecordingReader& reader, const Telling& telling,
                const Extremes& extremes, const World& then)
{
    if (auto sessions = reader.series(incident.from, incident.to, session_points)) {
        for (TargetSeries& series : sessions.value()) {
            const Target* const target = target_of(incident, series.target);
            if (!target || !target->server || series.points.empty())
                continue;
            SessionCounts counts;
            counts.then = sessions_then(then, series.target);
            counts.series = std::move(series);
            extremes.tell(counts);
            incident.sessions.push_back(std::move(counts));
        }
    }
    incident.sessions_left_out = keep_worst(incident.sessions, most_servers);
    auto pools = reader.pool_series(incident.from, incident.to, pool_points);
    if (!pools)
        return;
    for (PoolSeries& series : pools.value()) {
        if (std::none_of(series.points.begin(), series.points.end(),
                         [](const PoolPoint& p) { return p.used.has_value(); }))
            continue;
        PoolCounts counts;
        series.pool = telling.shown(series.pool);
        counts.then = pool_then(then, series.target, series.pool);
        counts.series = std::move(series);
        extremes.tell(counts);
        incident.pools.push_back(std::move(counts));
    }
    incident.pools_left_out = keep_worst(incident.pools, most_pools);
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
        // One that was asked for before and done within is part of it.
        if (record.requested > incident.to ||
            std::max(record.requested, record.changed) < incident.from)
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
            incident.notes.push_back({note.time, note.text, std::min(note.written, latest_told)});
    }
}

/// What somebody wrote later of a moment in the report: in a post-mortem, that is most of it.
void add_late_notes(Incident& incident, const World& world,
                    const std::vector<std::pair<TargetId, NoteText>>& late)
{
    for (const auto& [target, note] : late) {
        if (note.time < incident.from || note.time > incident.to)
            continue;
        incident.moments.push_back(
            {note.time, MarkKind::note, target, who_of(world.target(target), {}), note.text});
        incident.notes.push_back(note);
    }
    const auto earlier = [](const auto& a, const auto& b) {
        return a.time < b.time;
    };
    std::stable_sort(incident.moments.begin(), incident.moments.end(), earlier);
    std::stable_sort(incident.notes.begin(), incident.notes.end(), earlier);
}

void add_gaps(Incident& incident)
{
    for (const Unseen& unseen : incident.unseen)
        incident.not_observed.push_back(fmt::format("{}: nothing was seen in {}, {} in all.",
                                                    unseen.who, count_of(unseen.gaps, "gap"),
                                                    format_duration_prose(unseen.length)));
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
    const Timestamp started = std::clamp(info.value().started, earliest_told, latest_told);
    const Timestamp ended = std::clamp(info.value().ended, started, latest_told);
    incident.from = std::max(started, question.from.value_or(started));
    incident.to = std::max(incident.from, std::min(ended, question.to.value_or(ended)));
    incident.cut = incident.from > started || incident.to < ended;

    // A clock may have been set: the order is the truth, and the end the latest instant.
    const bool to_the_end = !question.to || *question.to >= ended;
    const auto go_on = [&steps] {
        return steps.still();
    };
    const SequenceNumber end =
        to_the_end ? info.value().last : last_until(reader, incident.to, go_on);
    if (steps.stopped())
        return stopped_by_user();
    const Timestamp limit = to_the_end ? latest_told : incident.to;
    Story story{incident.from, limit};
    Extremes extremes{incident.from, limit};
    Analysis whole;
    const auto told = telling.fold(
        whole, incident.from, end,
        [&](const Analysis& analysis, const Observation& o) {
            if (to_the_end)
                incident.to = std::clamp(o.time, incident.to, latest_told);
            story.before(analysis, o);
            extremes.before(analysis.world());
        },
        [&](Analysis& analysis, const Observation& o) {
            WorldDelta ignored;
            analysis.apply(o, ignored);
            story.after(analysis, o);
            extremes.after(analysis.world(), o);
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
    add_late_notes(incident, whole.world(),
                   to_the_end ? std::vector<std::pair<TargetId, NoteText>>{}
                              : telling.notes_after(end));

    Analysis then;
    const auto seen = telling.fold(
        then, incident.moment, last_until(reader, incident.moment, go_on),
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
    incident.leaks = leaks_of(then, incident.leaks_left_out);
    incident.lost = lost_connections_of(then);
    incident.trees = trees_of(then, incident.trees_left_out);
    ConfigReport check = check_of(then, reader, telling, incident.moment);
    incident.findings = std::move(check.findings);
    add_series(incident, reader, telling, extremes, then.world());

    incident.not_observed = blind_spots_of(then);
    add_gaps(incident);
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
