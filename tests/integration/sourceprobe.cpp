// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/sourceprobe.h"

#include "core/base/clock.h"

#include <algorithm>

namespace poolscope::test {

PostgresSource::Timings SourceProbe::quick()
{
    using std::chrono::milliseconds;
    PostgresSource::Timings t;
    t.connect = milliseconds{2000};
    t.silence = milliseconds{700};
    t.drop = milliseconds{2500};
    t.command = milliseconds{3000};
    t.firstRetry = milliseconds{200};
    t.longestRetry = milliseconds{1000};
    return t;
}

SourceProbe::SourceProbe(const QString& target, const PostgresSource::Timings& timings,
                         const QString& sshHost)
{
    AttachRequest request;
    request.target = target;
    request.sshHost = sshHost;
    request.interval = std::chrono::milliseconds{100};
    const Result<PgParams> params = parseConninfo(target);
    source_ = std::make_unique<PostgresSource>(TargetId{1}, request,
                                               params ? params.value() : PgParams{});
    source_->setTimings(timings);
    connect(source_.get(), &Source::observed, this, &SourceProbe::take);
    connect(source_.get(), &Source::secretRequired, this,
            [this](const QString& sentence) { secrets += sentence; });
    take(TargetAttached{source_->info()});
}

SourceProbe::~SourceProbe()
{
    source_->stop();
}

void SourceProbe::take(const Fact& fact)
{
    Observation o;
    o.sequence = SequenceNumber{++sequence_};
    o.time = SystemClock{}.now();
    o.target = TargetId{1};
    o.what = fact;
    world_.apply(o);
    facts.push_back(fact);
    if (const auto* sample = std::get_if<ServerSample>(&fact))
        check(*sample);
    if (std::holds_alternative<Gap>(fact))
        ++gaps;
    if (const auto* status = std::get_if<StatusChanged>(&fact))
        failingStatuses += status->status.reach == Reach::failing;
}

void SourceProbe::check(const ServerSample& sample)
{
    ++samples;
    fullSamples += sample.full;
    const auto byKey = [](const Session& a, const Session& b) {
        return a.key < b.key;
    };
    orderly = orderly && std::is_sorted(sample.changed.begin(), sample.changed.end(), byKey) &&
              std::is_sorted(sample.gone.begin(), sample.gone.end()) &&
              std::adjacent_find(sample.changed.begin(), sample.changed.end(),
                                 [](const Session& a, const Session& b) {
                                     return a.key.pid == b.key.pid;
                                 }) == sample.changed.end() &&
              (!sample.full || sample.gone.empty());
}

const Session* SourceProbe::session(int pid) const
{
    const auto found = state().sessions.find(Pid{pid});
    return found == state().sessions.end() ? nullptr : &found->second;
}

SessionState SourceProbe::stateOf(int pid) const
{
    const Session* const found = session(pid);
    return found ? found->state : SessionState::unknown;
}

SessionKey SourceProbe::keyOf(int pid) const
{
    const Session* const found = session(pid);
    return found ? found->key : SessionKey{};
}

QString SourceProbe::phases(ActionId action) const
{
    QStringList names;
    for (const Fact& fact : facts) {
        const auto* const told = std::get_if<ActionReported>(&fact);
        if (told && told->action == action)
            names += QString::fromStdString(std::string{name_of(told->phase)});
    }
    return names.join(QLatin1Char(' '));
}

QString SourceProbe::outcome(ActionId action) const
{
    QString sentence;
    for (const Fact& fact : facts) {
        const auto* const told = std::get_if<ActionReported>(&fact);
        if (told && told->action == action)
            sentence = QString::fromStdString(told->sentence);
    }
    return sentence;
}

ActionId SourceProbe::execute(ActionVerb verb, const SessionKey& key,
                              std::optional<Timestamp> statement)
{
    Command command;
    command.action = ActionId{++actions_};
    command.verb = verb;
    command.session = key;
    command.statementSince = statement;
    source_->execute(command);
    return command.action;
}

} // namespace poolscope::test
