// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/mysqlsource.h"
#include "tests/source/factprobe.h"

#include <memory>

namespace poolscope::test {

/// A source on a real MariaDB server, with everything that it said folded into a world.
class MySqlProbe : public FactProbe
{
public:
    /// Short waits, so that a test sees in seconds what takes a minute.
    static MySqlSource::Timings quick()
    {
        using std::chrono::milliseconds;
        MySqlSource::Timings t;
        t.connect = milliseconds{4000};
        t.silence = milliseconds{1500};
        t.drop = milliseconds{5000};
        t.command = milliseconds{8000};
        t.crowdedFacts = milliseconds{500};
        t.firstRetry = milliseconds{200};
        t.longestRetry = milliseconds{1000};
        return t;
    }

    explicit MySqlProbe(const QString& url, const MySqlSource::Timings& timings = quick(),
                        const QString& sshHost = {})
    {
        AttachRequest request;
        request.target = url;
        request.sshHost = sshHost;
        request.interval = std::chrono::milliseconds{100};
        const auto address = parseMySqlUrl(url);
        source_ = std::make_unique<MySqlSource>(TargetId{1}, request,
                                                address ? address.value() : MySqlAddress{});
        source_->setTimings(timings);
        listenTo(*source_);
    }
    ~MySqlProbe() override { source_->stop(); }

    MySqlSource& source() { return *source_; }
    void start() { source_->start(); }

    const Session* session(qint64 id) const
    {
        const auto found = state().sessions.find(Pid{id});
        return found == state().sessions.end() ? nullptr : &found->second;
    }
    SessionState stateOf(qint64 id) const
    {
        const Session* const found = session(id);
        return found ? found->state : SessionState::unknown;
    }
    SessionKey keyOf(qint64 id) const
    {
        const Session* const found = session(id);
        return found ? found->key : SessionKey{};
    }
    std::vector<Pid> blockersOf(qint64 id) const
    {
        const Session* const found = session(id);
        return found ? found->blocked_by : std::vector<Pid>{};
    }
    const Session* own() const
    {
        for (const auto& [pid, each] : state().sessions) {
            if (each.own)
                return &each;
        }
        return nullptr;
    }
    bool said(const char* words) const
    {
        for (const Fact& fact : facts) {
            const auto* const status = std::get_if<StatusChanged>(&fact);
            if (status && status->status.sentence.find(words) != std::string::npos)
                return true;
        }
        return false;
    }
    ActionId execute(ActionVerb verb, const SessionKey& key,
                     std::optional<Timestamp> statement = {})
    {
        Command command;
        command.action = nextAction();
        command.verb = verb;
        command.session = key;
        command.statementSince = statement;
        source_->execute(command);
        return command.action;
    }

private:
    std::unique_ptr<MySqlSource> source_;
};

} // namespace poolscope::test
