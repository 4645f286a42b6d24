// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgcommands.h"
#include "core/source/pgconnection.h"
#include "core/source/pgpace.h"
#include "core/source/pgreach.h"
#include "core/source/pgsessions.h"
#include "core/source/source.h"
#include "core/source/statusteller.h"
#include "core/source/watchedlocks.h"

#include <QTimer>

#include <chrono>
#include <map>

namespace poolscope {

/// Observes one PostgreSQL server, 9.6 to today's, through one connection that it keeps open.
class PostgresSource final : public Source
{
    Q_OBJECT
public:
    /// Every wait that this source ever does; tests shorten them.
    struct Timings
    {
        std::chrono::milliseconds lookup{5000};
        std::chrono::milliseconds connect{10000};
        std::chrono::milliseconds silence{3000}; ///< without an answer: "failing"
        std::chrono::milliseconds drop{15000};   ///< without an answer: a new connection
        std::chrono::milliseconds command{10000};
        std::chrono::milliseconds facts{60000};
        std::chrono::milliseconds settings{600000}; ///< they rarely change
        std::chrono::milliseconds resync{60000};    ///< between full samples
        std::chrono::milliseconds locks{10000};
        std::chrono::milliseconds blockers{5000}; ///< where more than 20 wait for locks
        std::chrono::milliseconds firstRetry{1000};
        std::chrono::milliseconds longestRetry{30000};
    };

    PostgresSource(TargetId id, const AttachRequest& request, const PgParams& given);
    ~PostgresSource() override;

    void setTimings(const Timings& timings);
    SshTunnel& tunnel() { return reach_.tunnel(); }

    const TargetInfo& info() const override { return info_; }
    void start() override;
    void stop() override;
    void sampleNow() override;
    void setInterval(Duration interval) override;
    void provideSecret(const QString& password) override;
    void execute(const Command& command) override;
    void setWatched(const std::vector<SessionKey>& sessions) override;

private:
    using Steady = std::chrono::steady_clock;
    enum class Job { none, facts, settings, poll, names, locks, command };

    // Reaching the server
    void reached();
    void lost();

    // What to ask next
    void next();
    void ask(Job job, const PgStatement& statement, const std::vector<PgValue>& values,
             PgConnection::Handler handler);
    void askFacts();
    void factsCame(const PgReply& reply);
    void askSettings();
    void askPoll();
    void pollCame(const PgReply& reply, bool full);
    void askNames(const PgNames::Missing& missing);
    void deliver();
    void askLocks(const std::vector<SessionKey>& sessions);
    void locksCame(const PgReply& reply, const std::vector<SessionKey>& sessions);
    std::vector<SessionKey> dueLocks();
    void sendCommand();
    void tell(const PgCommands::Facts& facts);
    void armCommandTimer();

    // Pace and status
    void schedulePoll();
    void keepOffset(const PgReply& reply, Timestamp clock);
    void statusUp();
    void fact(const Fact& what);

    TargetInfo info_;
    Timings timings_;
    StatusTeller teller_{[this](const Fact& what) {
        fact(what);
    }};
    std::optional<ServerFacts> facts_, told_; ///< of this connection; told last
    std::optional<ServerSettings> settings_;

    PgReach reach_;
    PgConnection& connection_ = reach_.connection();
    QTimer poll_;
    QTimer commandTimer_;
    int pollFailures_ = 0; ///< polls in a row

    Job job_ = Job::none;
    bool factsDue_ = false;
    bool pollDue_ = false;

    PgSessions sessions_;
    PgNames names_;
    TextPool texts_;
    PgCommands commands_;
    std::int32_t ownPid_ = 0;
    int version_ = 0;

    // The poll under way
    std::optional<PgPoll> pending_; ///< waits for names
    PgNames::Missing missing_;
    bool pendingFull_ = false;
    Duration pendingCost_{};
    std::optional<Steady::time_point> lastFull_, lastFacts_, lastSettings_, lastBlockers_,
        lastPoll_;
    bool blockersSampled_ = false; ///< more than 20 wait: not asked for every time

    PgPace pace_;
    std::optional<Duration> offset_;

    WatchedLocks watched_;
    bool locksRefused_ = false;
};

} // namespace poolscope
