// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/sourceprobe.h"

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
    listenTo(*source_);
}

SourceProbe::~SourceProbe()
{
    source_->stop();
}

void SourceProbe::took(const Fact& fact)
{
    const auto* const told = std::get_if<ServerSample>(&fact);
    if (!told)
        return;
    const ServerSample& sample = *told;
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

ActionId SourceProbe::execute(ActionVerb verb, const SessionKey& key,
                              std::optional<Timestamp> statement)
{
    Command command;
    command.action = nextAction();
    command.verb = verb;
    command.session = key;
    command.statementSince = statement;
    source_->execute(command);
    return command.action;
}

} // namespace poolscope::test
