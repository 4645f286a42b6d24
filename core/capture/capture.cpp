// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/capture.h"

#include "core/capture/ownsessions.h"
#include "core/capture/targetnames.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace poolscope {

using namespace std::chrono_literals;

namespace {
/// The window draws at most this often; what comes in between is one update.
constexpr auto frame = 40ms;
/// A threshold that is passed must show within a second, and time alone passes most.
constexpr auto tick = 500ms;

} // namespace

Capture::Capture(std::shared_ptr<const Clock> clock, SourceFactory factory,
                 std::vector<ThresholdsChanged> thresholds, std::string alertRules)
    : clock_(std::move(clock))
    , factory_(std::move(factory))
    , thresholds_(std::move(thresholds))
    , alertRules_(std::move(alertRules))
    , tick_(this)
    , frame_(this)
{
    tick_.setInterval(tick);
    connect(&tick_, &QTimer::timeout, this, [this] {
        observe(TargetId{0}, Tick{});
        recover();
    });
    frame_.setSingleShot(true);
    frame_.setInterval(frame);
    connect(&frame_, &QTimer::timeout, this, &Capture::send);
}

Capture::~Capture() = default;

void Capture::attach(TargetId target, const AttachRequest& request)
{
    auto made = factory_(target, request);
    if (!made) {
        emit failed(made.error());
        emit refused(target);
        return;
    }
    Source* const source = made.value().get();
    connect(source, &Source::observed, this, [this, target](const Fact& fact) {
        if (isNews(target, fact))
            observe(target, fact);
    });
    connect(source, &Source::secretRequired, this,
            [this, target](const QString& sentence) { emit secretRequired(target, sentence); });
    tellChoices();
    TargetInfo info = source->info();
    std::set<std::string> taken;
    for (const auto& [id, state] : analysis_.world().targets()) {
        if (sources_.contains(id))
            taken.insert(state.info.name);
    }
    info.name = distinct_name(info, taken);
    observe(target, TargetAttached{std::move(info)});
    sources_[target] = std::move(made).value();
    if (!tick_.isActive())
        tick_.start();
    source->start();
}

void Capture::detach(TargetId target)
{
    const auto found = sources_.find(target);
    if (found == sources_.end())
        return;
    giveUpOn(target);
    found->second->disconnect(this);
    found->second->stop();
    found->second.release()->deleteLater();
    sources_.erase(found);
    watched_.erase(target);
    TargetStatus status;
    status.reach = Reach::stopped;
    status.sentence = "Detached.";
    observe(target, StatusChanged{status});
    observe(target, Gap{"detached"});
}

/// Orders on their way: from a source that is stopped no answer comes.
void Capture::giveUpOn(TargetId target)
{
    std::vector<ActionReported> open;
    for (const ActionRecord& action : analysis_.world().actions()) {
        const bool there = action.verb == ActionVerb::reclaim ? action.checkout.target == target
                                                              : action.session.target == target;
        if (there && (action.phase == ActionPhase::requested || action.phase == ActionPhase::sent))
            open.push_back({action.id, action.verb, action.session, ActionPhase::timed_out,
                            "The target was detached; what became of it is not known.",
                            action.checkout});
    }
    for (const ActionReported& each : open)
        observe(target, each);
}

void Capture::provideSecret(TargetId target, const QString& password)
{
    if (const auto found = sources_.find(target); found != sources_.end())
        found->second->provideSecret(password);
}

void Capture::sampleNow()
{
    for (const auto& [id, source] : sources_)
        source->sampleNow();
}

/// Those that it began with, before anything that they are counted for; a note may come before.
void Capture::tellChoices()
{
    if (std::exchange(told_, true))
        return;
    for (const ThresholdsChanged& choice : thresholds_)
        observe(TargetId{0}, choice);
    setAlertRules(alertRules_);
}

void Capture::setThresholds(TargetId target, const ThresholdsChanged& choice)
{
    tellChoices();
    // Taken back is what counts for the target now, which may have been chosen for all.
    const bool ofAll =
        choice.revoked && !analysis_.world().chosen_thresholds().contains({target, choice.pool});
    observe(ofAll ? TargetId{0} : target, choice);
}

void Capture::setAlertRules(const std::string& rules)
{
    alertRules_ = rules;
    if (rules != analysis_.world().alert_rules())
        observe(TargetId{0}, AlertRulesChanged{rules});
}

void Capture::answerAlert(TargetId target, AlertAnswered answer, Duration lasts)
{
    answer.until = analysis_.world().now() + lasts;
    observe(target, answer);
}

void Capture::addNote(const QString& text, std::optional<Timestamp> about)
{
    observe(TargetId{0}, Note{plain_text(text.toStdString(), 4096), about});
}

std::string Capture::subjectOf(const SessionRow& row) const
{
    const Session& s = row.session;
    std::string subject = s.application.empty() ? s.user.str() : s.application.str();
    std::string state{name_of(s.state)};
    std::replace(state.begin(), state.end(), '_', ' ');
    subject += ", " + state;
    const TargetState* const target = analysis_.world().target(s.key.target);
    if (target && s.state_since)
        subject +=
            " for " + format_duration_prose(target->age(*s.state_since, analysis_.world().now()));
    if (row.blocks > 0)
        subject += fmt::format(", blocks {}", row.blocks);
    return subject;
}

std::string Capture::subjectOf(const CheckoutKey& key) const
{
    const Checkout* const checkout = analysis_.world().checkout(key);
    if (!checkout)
        return "a checkout that came back meanwhile";
    const Duration age =
        analysis_.world().target(key.target)->age(checkout->acquired, analysis_.world().now());
    return fmt::format("{} of {}, held for {} by {}", checkout->connection.str(),
                       checkout->pool.str(), format_duration_prose(age),
                       name_of(acquiring_line(checkout->stack.get())));
}

void Capture::execute(ActionVerb verb, const std::vector<SessionRow>& sessions)
{
    for (const SessionRow& row : sessions) {
        Command command;
        command.verb = verb;
        command.session = row.session.key;
        if (verb == ActionVerb::cancel)
            command.statementSince = row.session.statement_since;
        order(command, subjectOf(row));
    }
}

void Capture::reclaim(const std::vector<CheckoutKey>& checkouts)
{
    for (const CheckoutKey& key : checkouts) {
        Command command;
        command.verb = ActionVerb::reclaim;
        command.checkout = key;
        order(command, subjectOf(key));
    }
}

void Capture::order(const Command& command, const std::string& subject)
{
    Command numbered = command;
    numbered.action = ActionId{++lastAction_};
    const TargetId target =
        command.verb == ActionVerb::reclaim ? command.checkout.target : command.session.target;
    ActionReported report{numbered.action,        command.verb, command.session,
                          ActionPhase::requested, subject,      command.checkout};
    observe(target, report);
    if (command.verb != ActionVerb::reclaim && is_own(command.session, analysis_.world())) {
        report.phase = ActionPhase::refused;
        report.sentence = "This is a session of this Poolscope.";
        observe(target, report);
        return;
    }
    if (const auto source = sources_.find(target); source != sources_.end()) {
        source->second->execute(numbered);
        return;
    }
    report.phase = ActionPhase::refused;
    report.sentence = "The target is not attached.";
    observe(target, report);
}

void Capture::show(bool shown, quint64 epoch)
{
    shown_ = shown;
    epoch_ = epoch;
    if (shown) {
        builder_.reset();
        send();
    }
}

Result<Done> Capture::shutDown()
{
    tick_.stop();
    for (const auto& [id, source] : sources_) {
        source->disconnect(this);
        source->stop();
    }
    sources_.clear();
    Result<Done> closed = recorder_ ? recorder_->finish() : Result<Done>{Done{}};
    recorder_.reset();
    temporary_.reset();
    return closed;
}

void Capture::observe(TargetId target, const Fact& fact)
{
    Observation observation;
    observation.sequence = SequenceNumber{++sequence_};
    observation.time = clock_->now();
    observation.target = target;
    observation.what = fact;
    if (sequence_ == 1)
        progress_.start = observation.time;
    apply(observation);
}

void Capture::apply(const Observation& observation)
{
    WorldDelta delta;
    analysis_.apply(observation, delta);
    builder_.add(delta);
    progress_.end = observation.time;

    record(observation);
    const TargetId id = observation.target;
    if (std::holds_alternative<Gap>(observation.what)) {
        gap_[id] = true;
        progress_.gaps++;
    } else if (std::holds_alternative<ServerSample>(observation.what)) {
        if (const TargetState* const target = analysis_.world().target(id))
            builder_.add(id,
                         analysis_.world().series_point(*target, std::exchange(gap_[id], false)));
        watch(id);
    } else if (const auto* const sample = std::get_if<PoolSample>(&observation.what)) {
        addPoints(id, *sample);
    }
    if (std::vector<Mark> marks = analysis_.take_marks(); !marks.empty())
        emit marked(marks);
    if (!frame_.isActive())
        frame_.start();
}

/// A point for each pool that the sample names; after a gap a sample names all of them.
void Capture::addPoints(TargetId target, const PoolSample& sample)
{
    const bool gap = std::exchange(gap_[target], false);
    for (const Pool& pool : sample.pools)
        builder_.add(target, pool.name, pool_point(pool, progress_.end, gap));
}

/// A target that stays away repeats itself with every attempt; once is enough.
bool Capture::isNews(TargetId target, const Fact& fact) const
{
    const TargetState* const state = analysis_.world().target(target);
    if (!state)
        return true;
    if (const auto* const status = std::get_if<StatusChanged>(&fact))
        return status->status != state->status;
    if (const auto* const facts = std::get_if<FactsReported>(&fact))
        return !state->facts || facts->facts != *state->facts;
    if (const auto* const agent = std::get_if<AgentReported>(&fact))
        return agent->facts != state->pools.agent;
    if (const auto* const settings = std::get_if<SettingsReported>(&fact))
        return settings->settings != state->settings;
    return !std::holds_alternative<Gap>(fact) || !state->gap_since_sample;
}

void Capture::watch(TargetId target)
{
    const auto source = sources_.find(target);
    const TargetState* const state = analysis_.world().target(target);
    if (source == sources_.end() || !state)
        return;
    const TargetFindings& findings = analysis_.findings(target);
    std::vector<SessionKey> keys;
    for (const auto& [pid, ignored] : findings.blocking.blocks) {
        if (const auto found = state->sessions.find(pid); found != state->sessions.end())
            keys.push_back(found->second.key);
    }
    for (const SuspectedLeak& leak : findings.suspects) {
        // One that is merely idle holds no lock.
        if (!leak.growth)
            keys.push_back(leak.session);
    }
    for (const SessionKey& key : lookedAt_) {
        if (key.target == target)
            keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    if (watched_[target] != keys) {
        watched_[target] = keys;
        source->second->setWatched(keys);
    }
}

void Capture::lookAt(std::vector<SessionKey> sessions)
{
    lookedAt_ = std::move(sessions);
    for (const auto& [target, source] : sources_)
        watch(target);
}

void Capture::send()
{
    if (builder_.dirty()) {
        const UpdatePtr update = builder_.build(analysis_);
        emit observedNow(update);
        if (shown_)
            emit updated(update, epoch_);
        else if (!update->live_points.empty() || !update->live_pool_points.empty())
            emit edgeMoved(update->live_points, update->live_pool_points);
    }
    if (progress_ != sent_) {
        sent_ = progress_;
        emit progressed(progress_);
    }
}

} // namespace poolscope
