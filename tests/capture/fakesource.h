// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/source.h"

#include <functional>

namespace poolscope {

/// A source whose world the test writes. Lives on the capture thread like any other.
class FakeSource : public Source
{
public:
    explicit FakeSource(TargetId id, const char* kind = "postgresql")
        : info_{id, kind, "fake-db", "service=fake"}
    {}

    const TargetInfo& info() const override { return info_; }
    void start() override
    {
        TargetStatus status;
        status.reach = Reach::up;
        emit observed(StatusChanged{status});
        if (onStart)
            onStart(*this);
    }
    void stop() override
    {
        if (onStop)
            onStop();
        stopped = true;
    }
    void sampleNow() override
    {
        if (onSample)
            onSample(*this);
    }
    void setInterval(Duration) override {}
    void provideSecret(const QString& password) override { secret = password; }
    void execute(const Command& command) override
    {
        commands.push_back(command);
        if (mute)
            return;
        ActionReported report{command.action,    command.verb, command.session,
                              ActionPhase::sent, {},           command.checkout};
        emit observed(report);
        report.phase = ActionPhase::accepted;
        report.sentence = "the server took the signal";
        emit observed(report);
    }
    void setWatched(const std::vector<SessionKey>& sessions) override { watched = sessions; }

    void report(const Fact& fact) { emit observed(fact); }

    std::function<void(FakeSource&)> onStart;
    std::function<void(FakeSource&)> onSample;
    std::function<void()> onStop;
    std::vector<Command> commands;
    std::vector<SessionKey> watched;
    QString secret;
    bool stopped = false;
    bool mute = false; ///< orders get no answer

private:
    TargetInfo info_;
};

} // namespace poolscope
