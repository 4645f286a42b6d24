// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/mysqlcommands.h"
#include "core/source/mysqlreach.h"
#include "core/source/mysqlsessions.h"
#include "core/source/mysqlstatements.h"
#include "core/source/pgpace.h"
#include "core/source/source.h"
#include "core/source/statusteller.h"
#include "core/source/watchedlocks.h"

#include <QTimer>

#include <chrono>

namespace poolscope {

/// Observes one MySQL or MariaDB server through one connection that it keeps open.
class MySqlSource final : public Source
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
        std::chrono::milliseconds crowdedFacts{5000}; ///< where the server is nearly full
        std::chrono::milliseconds resync{60000};      ///< between full samples
        std::chrono::milliseconds locks{10000};
        std::chrono::milliseconds blockers{5000}; ///< where more than 20 wait for locks
        std::chrono::milliseconds firstRetry{1000};
        std::chrono::milliseconds longestRetry{30000};
        /// How many sessions one question names: 1 to mysql_most_named.
        std::size_t named = mysql_most_named;
    };

    MySqlSource(TargetId id, const AttachRequest& request, const MySqlAddress& given);
    ~MySqlSource() override;

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
    enum class Job {
        none,
        settings,
        facts,
        grants,
        killers,
        poll,
        transactions,
        details,
        rowWaits,
        metadata,
        locks,
        command
    };

    // Reaching the server
    void reached();
    void lost();

    // What to ask next
    template <class Instant>
    static bool isDue(const std::optional<Instant>& last, std::chrono::milliseconds every)
    {
        return !last || Instant::clock::now() - *last >= every;
    }
    void next();
    void ask(Job job, const std::string& sql, MySqlConnection::Handler handler);
    void askFacts();
    void factsCame(const MySqlReply& reply);
    void askSettings();
    void settingsCame(const MySqlReply& reply);
    void keepRefusals(std::int64_t refused);
    void askGrants();
    void grantsCame(const MySqlReply& reply);
    void askKillers();
    void tellFacts();
    bool listsEveryone() const;
    void askPoll();
    void pollCame(const MySqlReply& reply, bool full);
    bool demote(const MySqlReply& reply);
    void pollFailed(const PgTrouble& trouble);
    void weighPoll();
    bool askRest();
    void deliver();
    std::vector<SessionKey> dueLocks();
    void askLocks(const std::vector<SessionKey>& sessions);
    void sendCommand();
    void checkAndOrder(const SessionKey& session);
    void order(const SessionKey& session);
    void tell(const MySqlCommands::Facts& facts);
    void armCommandTimer();

    // Pace and status
    void schedulePoll();
    void keepOffset(const MySqlReply& reply, Timestamp clock);
    void statusUp();
    void fact(const Fact& what);

    TargetInfo info_;
    Timings timings_;
    StatusTeller teller_{[this](const Fact& what) {
        fact(what);
    }};

    MySqlReach reach_;
    QTimer poll_;
    QTimer commandTimer_;
    int pollFailures_ = 0; ///< polls in a row

    Job job_ = Job::none;
    bool settled_ = false;           ///< our own limits are set
    std::vector<std::string> unset_; ///< of them, those to be set one by one
    bool factsDue_ = false;
    bool grantsDue_ = false;
    bool killersDue_ = false;
    bool globalsDue_ = false;
    bool pollDue_ = false;

    MySqlShape shape_;
    MySqlSessions sessions_;
    MySqlCommands commands_;
    TextPool texts_;
    std::int64_t ownId_ = 0;
    std::optional<ServerSettings> settings_;
    std::optional<ServerFacts> facts_, told_;
    MySqlGrants grants_;
    bool killerLent_ = false; ///< may end others' sessions by a procedure of a cloud
    std::string account_;     ///< as GRANT wants it
    std::string wouldHelp_;   ///< to kill others' sessions
    bool schemaOn_ = false;
    bool schemaDenied_ = false; ///< performance_schema is on, and not for us
    std::optional<Timestamp> serverStarted_;
    std::int64_t connected_ = 0;
    std::optional<std::int64_t> refused_; ///< connections, as the server last counted
    std::int64_t refusedNow_ = 0;         ///< of them, new in the last reading

    // The poll under way
    std::optional<MySqlPoll> pending_;
    bool pendingFull_ = false;
    bool wantsTransactions_ = false, wantsRows_ = false, wantsMetadata_ = false;
    std::vector<std::int64_t> strangers_;
    std::optional<MySqlBlockers> rowBlockers_, metadataBlockers_;
    Duration pendingCost_{};
    std::optional<Steady::time_point> lastFull_, lastFacts_, lastBlockers_, lastPoll_;
    bool blockersSampled_ = false; ///< many wait: who blocks them is not asked for every time

    PgPace pace_;
    std::optional<Duration> offset_;

    WatchedLocks watched_;
    std::vector<SessionKey> unasked_; ///< of those that are due, what one question cannot name
    bool locksRefused_ = false;
};

} // namespace poolscope
