// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentcommands.h"
#include "core/source/bouncerpools.h"
#include "core/source/pgpace.h"
#include "core/source/pgreach.h"
#include "core/source/source.h"
#include "core/source/statusteller.h"

#include <QTimer>

#include <chrono>
#include <deque>
#include <optional>

namespace poolscope {

/// What libpq has to know of pgbouncer://…: it is a postgresql:// URL but for its scheme, its
/// database, which is the console, and its port, 6432 where none is given.
Result<PgParams> parseBouncerUrl(const QString& target);
bool isBouncerUrl(const QString& target);
/// Without any password; empty if it cannot be read.
QString bouncerUrlWithoutSecrets(const QString& target);

/// Observes one PgBouncer, 1.8 to today's, by its console. Only looks, but for KILL_CLIENT, and
/// asks for as little as it can: one thread serves us and everyone who waits for a connection. A
/// poll is SHOW POOLS and SHOW SERVERS; with more than a few clients their list is asked for only
/// where a connection seems to be held for longer than from one poll to the next.
class BouncerSource final : public Source
{
    Q_OBJECT
public:
    /// Every wait that this source ever does; tests shorten them.
    struct Timings
    {
        PgReach::Limits reach;
        std::chrono::milliseconds settings{30000}; ///< between looks at what rarely changes
        std::chrono::milliseconds answer{10000};   ///< of a command
        std::chrono::milliseconds effect{60000};
        /// Between two looks at who holds what where nothing seems to have changed.
        std::chrono::milliseconds verify{10000};
        /// Up to so many clients are listed with every poll where somebody holds a connection.
        std::size_t few = 50;
        int clientsShare = 50; ///< the list of clients takes at most this part of the time, 1/50
    };

    BouncerSource(TargetId id, const AttachRequest& request, const PgParams& given);
    ~BouncerSource() override;

    void setTimings(const Timings& timings);
    SshTunnel& tunnel() { return reach_.tunnel(); }

    const TargetInfo& info() const override { return info_; }
    void start() override;
    void stop() override;
    void sampleNow() override;
    void setInterval(Duration interval) override;
    void provideSecret(const QString& password) override;
    void execute(const Command& command) override;
    /// A pooler has no locks.
    void setWatched(const std::vector<SessionKey>&) override {}

private:
    using Steady = std::chrono::steady_clock;
    using Milliseconds = std::chrono::milliseconds;
    /// What is asked for next within a poll.
    enum class Step { none, pools, servers, databases, config, stats, clients };

    void reached();
    void lost();
    void next();
    void ask(const std::string& command, PgConnection::Handler handler);
    void askStep();
    void stepCame(Step step, const PgReply& reply);
    Step after(Step step);
    bool clientsDue() const;
    void pollRefused(const PgTrouble& trouble);
    void deliver();
    void schedulePoll();
    void tellFacts();
    bool mayKill() const;

    void checkClient();
    void clientCame(const PgReply& reply);
    std::string whyNotTheSame(const std::optional<BouncerSocket>& now) const;
    void killCame(const PgReply& reply);
    std::string obstacle(const Command& command) const;
    void refuse(const Command& command, std::string why);
    void tell(const AgentCommands::Facts& facts);
    void armCommandTimer();

    void statusUp();
    void fact(const Fact& what);

    TargetInfo info_;
    Timings timings_;
    StatusTeller teller_{[this](const Fact& what) {
        fact(what);
    }};
    PgReach reach_;
    QTimer poll_;
    QTimer commandTimer_;
    PgPace pace_;
    BouncerPools pools_;

    bool asking_ = false;
    bool pollDue_ = false;
    bool full_ = true; ///< the next sample is a picture
    int pollFailures_ = 0;
    int version_ = 0; ///< 11800
    std::string versionText_;
    std::optional<AgentFacts> facts_;

    // The poll under way
    Step step_ = Step::none;
    BouncerPoll pending_;
    BouncerSettings settings_;
    bool settingsRead_ = false;
    Duration cost_{};
    std::optional<Steady::time_point> lastPoll_, lastSettings_, lastClients_;
    Duration clientsCost_{};

    struct Order
    {
        Command command;
        BouncerSocket client; ///< as it was shown when it was ordered
        bool checked = false; ///< it was seen to be the same, and is to be ended now
        Steady::time_point until;
    };
    std::deque<Order> orders_; ///< the first may be under way
    std::int64_t number_ = 0;
    AgentCommands commands_;
};

} // namespace poolscope
