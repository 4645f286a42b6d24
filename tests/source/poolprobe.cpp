// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/source/poolprobe.h"

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
    listenTo(*source_);
}

PoolProbe::PoolProbe(std::unique_ptr<Source> source)
    : source_(std::move(source))
{
    listenTo(*source_);
}

PoolProbe::~PoolProbe()
{
    if (source_)
        source_->stop();
}

ActionId PoolProbe::execute(ActionVerb verb, const std::string& checkout)
{
    Command command;
    command.action = nextAction();
    command.verb = verb;
    command.checkout = {TargetId{1}, Text{checkout}};
    command.session.target = TargetId{1};
    source_->execute(command);
    return command.action;
}

} // namespace poolscope::test
