// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/source/poolprobe.h"

#include "core/base/clock.h"

namespace poolscope::test {

AgentSource::Timings quickTimings()
{
    using std::chrono::milliseconds;
    AgentSource::Timings t;
    t.connect = milliseconds{1000};
    t.greeting = milliseconds{700};
    t.picture = milliseconds{2000};
    t.silence = milliseconds{1500};
    t.patience = milliseconds{500};
    t.drop = milliseconds{20000};
    t.ping = milliseconds{300};
    t.resync = milliseconds{100};
    t.answer = milliseconds{1500};
    t.effect = milliseconds{1500};
    t.caution = milliseconds{1000};
    t.firstRetry = milliseconds{100};
    t.longestRetry = milliseconds{400};
    return t;
}

PoolProbe::PoolProbe(const QString& target, const QString& token, const QString& ssh)
{
    AttachRequest request;
    request.target = target;
    request.password = token;
    request.sshHost = ssh;
    request.interval = std::chrono::milliseconds{100};
    Result<std::unique_ptr<Source>> made = makeSource(TargetId{1}, request);
    if (!made) {
        refusal_ = made.error();
        return;
    }
    source_ = std::move(made).value();
    if (agent() != nullptr)
        agent()->setTimings(quickTimings());
    adopt();
}

PoolProbe::PoolProbe(std::unique_ptr<Source> source)
    : source_(std::move(source))
{
    adopt();
}

void PoolProbe::adopt()
{
    connect(source_.get(), &Source::observed, this, &PoolProbe::take);
    connect(source_.get(), &Source::secretRequired, this,
            [this](const QString& sentence) { secrets += sentence; });
    take(TargetAttached{source_->info()});
}

PoolProbe::~PoolProbe()
{
    if (source_)
        source_->stop();
}

void PoolProbe::take(const Fact& fact)
{
    Observation o;
    o.sequence = SequenceNumber{++sequence_};
    o.time = SystemClock{}.now();
    o.target = TargetId{1};
    o.what = fact;
    world_.apply(o);
    if (keepFacts)
        facts.push_back(fact);
    if (const auto* sample = std::get_if<PoolSample>(&fact)) {
        ++samples;
        fullSamples += sample->full;
    }
    gaps += std::holds_alternative<Gap>(fact);
    reports += std::holds_alternative<AgentReported>(fact);
    if (const auto* status = std::get_if<StatusChanged>(&fact))
        failing += status->status.reach == Reach::failing;
}

ActionId PoolProbe::execute(ActionVerb verb, const std::string& checkout)
{
    Command command;
    command.action = ActionId{++actions_};
    command.verb = verb;
    command.checkout = {TargetId{1}, Text{checkout}};
    command.session.target = TargetId{1};
    source_->execute(command);
    return command.action;
}

QString PoolProbe::phases(ActionId action) const
{
    QStringList names;
    for (const Fact& fact : facts) {
        const auto* const told = std::get_if<ActionReported>(&fact);
        if (told && told->action == action)
            names += QString::fromStdString(std::string{name_of(told->phase)});
    }
    return names.join(QLatin1Char(' '));
}

QString PoolProbe::outcome(ActionId action) const
{
    QString sentence;
    for (const Fact& fact : facts) {
        const auto* const told = std::get_if<ActionReported>(&fact);
        if (told && told->action == action)
            sentence = QString::fromStdString(told->sentence);
    }
    return sentence;
}

} // namespace poolscope::test
