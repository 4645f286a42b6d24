// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentclock.h"
#include "core/source/agentcommands.h"
#include "core/source/agentlink.h"
#include "core/source/agentsampler.h"
#include "core/source/privatefolder.h"
#include "core/source/source.h"
#include "core/source/sshtunnel.h"
#include "core/source/statusteller.h"
#include "core/wire/decoder.h"
#include "core/wire/messages.h"
#include "core/wire/peerstate.h"

#include <QTimer>

#include <chrono>
#include <map>
#include <memory>

namespace poolscope {

/// Observes the pools of one process through its agent: reads its events as they come, and tells
/// one sample an interval. Reads a bounded amount in each turn of the event loop.
class AgentSource final : public Source
{
    Q_OBJECT
public:
    /// Every wait that this source ever does; tests shorten them.
    struct Timings
    {
        std::chrono::milliseconds connect{5000};
        std::chrono::milliseconds tunnel{20000};
        std::chrono::milliseconds greeting{5000}; ///< from the connection to hello
        std::chrono::milliseconds picture{60000}; ///< from hello to ready
        std::chrono::milliseconds silence{3000};  ///< then it is asked whether it is there
        std::chrono::milliseconds patience{2000}; ///< for that answer: then "failing"
        std::chrono::milliseconds drop{30000};    ///< of silence: then a new connection
        std::chrono::milliseconds ping{10000};
        std::chrono::milliseconds pong{300}; ///< the first sample waits for it: ages need its clock
        std::chrono::milliseconds resync{1000}; ///< between two at least
        std::chrono::milliseconds answer{10000};
        std::chrono::milliseconds effect{60000};  ///< of a reclaim
        std::chrono::milliseconds caution{10000}; ///< no reclaim after another process came
        std::chrono::milliseconds firstRetry{1000};
        std::chrono::milliseconds longestRetry{30000};
    };

    /// `info` is what it is called; `address` as reachableAddress() has it.
    AgentSource(const TargetInfo& info, const AttachRequest& request, const AgentAddress& address);
    ~AgentSource() override;

    /// Before start().
    void setTimings(const Timings& timings);
    SshTunnel& tunnel() { return tunnel_; }

    const TargetInfo& info() const override { return info_; }
    void start() override;
    void stop() override;
    void sampleNow() override;
    void setInterval(Duration interval) override;
    void provideSecret(const QString& password) override;
    void execute(const Command& command) override;
    /// A pool has no locks.
    void setWatched(const std::vector<SessionKey>&) override {}

private:
    using Steady = std::chrono::steady_clock;
    using Milliseconds = std::chrono::milliseconds;
    enum class Phase { stopped, waiting, connecting, greeting, up };

    struct Trouble
    {
        enum class Kind { transient, persistent, secret };
        Kind kind = Kind::transient;
        std::string sentence;
        std::string nextStep;
    };
    /// All that is known of one connection.
    struct Talk
    {
        Talk(TargetId target, AgentSampler::Events events);
        wire::Decoder decoder;
        AgentSampler sampler;
        wire::PeerState state;
    };

    // Reaching the process: agentsource.cpp
    void reach();
    void connectThroughTunnel();
    void tunnelFailed(const QString& words);
    void connectHere(const AgentAddress& address);
    void connected();
    void linkEnded(AgentLink::End how, const QString& words);
    Trouble closedTrouble() const;
    void failed(const Trouble& trouble);
    void halt(const Trouble& trouble);
    void retryAfter(const Trouble& trouble);
    void watch();
    void watchPicture(Steady::time_point now);
    void watchSilence(Steady::time_point now);
    void statusUp();
    void fact(const Fact& what);

    // What is said: agenttalk.cpp
    AgentSampler::Events events();
    void read();
    std::size_t readTurn();
    void heard();
    std::optional<Trouble> unreadable() const;
    void challenged(std::string_view nonce);
    void greeted(const AgentFacts& facts, Timestamp agentNow, std::optional<Timestamp> started);
    bool isAnother(const AgentFacts& facts, std::optional<Timestamp> started) const;
    void pictureCame();
    void eventsLost(std::uint64_t lost);
    void askForPicture();
    void ping();
    void pong(std::int64_t of, Timestamp agentNow);
    void outcome(std::int64_t of, bool ok, const std::string& why);
    void deliver(bool always, std::uint64_t lostLater = 0);
    bool remarksAreNew();
    std::uint64_t contradictions() const;
    std::uint64_t misplaced() const;
    Duration offset();
    std::optional<std::int64_t> say(const wire::Body& body);
    void tell(const AgentCommands::Facts& facts);
    void observeCommands();
    void armCommandTimer();

    TargetInfo info_;
    AgentAddress address_;
    QString sshHost_;
    QByteArray token_;
    Timings timings_;
    Phase phase_ = Phase::stopped;
    bool started_ = false;
    StatusTeller teller_{[this](const Fact& what) {
        fact(what);
    }};
    int failures_ = 0; ///< attempts in a row

    AgentLink link_;
    SshTunnel tunnel_;
    std::unique_ptr<PrivateFolder> folder_; ///< of the tunnel's end here
    QTimer retry_;
    QTimer watch_;
    QTimer tick_;
    QTimer ping_;
    QTimer first_; ///< sample of a connection
    QTimer resync_;
    QTimer commandTimer_;

    std::shared_ptr<Talk> talk_;
    std::optional<Trouble> trouble_;  ///< found in what is being read
    bool readAgain_ = false;          ///< asked of the event loop
    bool authorised_ = false;         ///< this connection's challenge was answered
    std::int64_t number_ = 0;         ///< of our lines
    std::optional<AgentFacts> facts_; ///< of the process that answered last
    std::optional<Timestamp> processStarted_;
    std::optional<Steady::time_point> changed_; ///< when another process answered
    bool factsTold_ = false;                    ///< on this connection
    bool factsDue_ = false;                     ///< they have changed since
    bool inPicture_ = false;                    ///< a hello came, and no ready since
    bool pictured_ = false;                     ///< on this connection
    bool resyncAsked_ = false;                  ///< and no hello since
    std::uint64_t lostTold_ = 0;
    std::uint64_t unreadableTold_ = 0;
    std::uint64_t messages_ = 0;    ///< when the last readable one came
    std::uint64_t bytesBefore_ = 0; ///< the bytes until then
    bool probing_ = false;          ///< asked whether it is there
    bool quiet_ = false;            ///< and that was told
    bool timesDisbelieved_ = false; ///< on this connection, and that was told
    bool placesLeftOut_ = false;    ///< the same
    bool unnamedTold_ = false;      ///< that something has no usable name, on this connection
    std::uint64_t skippedSaid_ = 0; ///< so many lines, as the status has it
    std::uint64_t contradictionsSaid_ = 0; ///< the same
    std::uint64_t oddSaid_ = 0;            ///< the same, of what was cut or taken as not told
    std::uint64_t misplacedSaid_ = 0;      ///< the same, of lines that were left out
    Steady::time_point heard_, greetedAt_, lastPicture_, lastResync_;
    std::map<std::int64_t, Steady::time_point> pings_;
    AgentClock clock_;
    std::optional<Duration> offsetTold_;
    AgentCommands commands_;
};

} // namespace poolscope
