// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/fleetpoll.h"
#include "core/source/metricsaddress.h"
#include "core/source/metricsfetch.h"
#include "core/source/metricspools.h"
#include "core/source/metricstext.h"
#include "core/source/pgpace.h"
#include "core/source/source.h"
#include "core/source/sshtunnel.h"
#include "core/source/statusteller.h"

#include <QTimer>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// Observes the pools that a page of metrics tells of, or a query API that knows such pages of a
/// whole fleet. Asks once an interval, one request at a time; backs off where that takes the server
/// long. It knows figures alone: nobody's checkouts.
class MetricsSource final : public Source
{
    Q_OBJECT
public:
    /// Every wait that this source ever does; tests shorten them.
    struct Timings
    {
        std::chrono::milliseconds answer{10000}; ///< from asking to the page's last byte
        std::chrono::milliseconds tunnel{20000};
        std::chrono::milliseconds firstRetry{1000};
        std::chrono::milliseconds longestRetry{60000};
    };
    static constexpr int mostRedirects = 3;
    static constexpr int mostPastFailures = 5; ///< in a row: then it ends

    MetricsSource(TargetId id, const AttachRequest& request, const MetricsAddress& address);
    ~MetricsSource() override;

    /// Before start().
    void setTimings(const Timings& timings) { timings_ = timings; }
    SshTunnel& tunnel() { return tunnel_; }
    /// Asks a query API for what was, from then until now, instead of what is: it says that by
    /// observedThen(), in order, and is done with pastEnded(). What it says besides is about now.
    /// It ends as stopped where it fails again and again. Before start(); false where it is no
    /// query API, or there is nothing to ask for.
    bool setPast(Timestamp from, Timestamp until, Duration step);

    const TargetInfo& info() const override { return info_; }
    void start() override;
    void stop() override;
    void sampleNow() override;
    void setInterval(Duration interval) override;
    void provideSecret(const QString& password) override;
    void execute(const Command& command) override;
    /// A page has no locks.
    void setWatched(const std::vector<SessionKey>&) override {}

signals:
    void observedThen(poolscope::Timestamp at, const poolscope::Fact& fact);
    void pastEnded();

private:
    enum class Phase { stopped, waiting, fetching, up };

    struct Trouble
    {
        enum class Kind { transient, persistent, secret };
        Kind kind = Kind::transient;
        std::string sentence;
        std::string nextStep;
    };
    /// A page while it comes.
    struct Page
    {
        MetricsReader reader;
        MetricsPools pools;
        std::string json; ///< of expvar, as a whole
    };
    /// What a page came to.
    struct Reading
    {
        std::vector<Pool> pools;
        std::vector<std::string> others;
        std::vector<std::string> remarks; ///< what is odd about the page: sentences
        std::uint64_t unreadable = 0;
        double processStarted = 0;
        bool ofQueryApi = false; ///< the page is its own
    };

    void reach();
    void ask();
    void fetch(const QUrl& url);
    bool isHostOfSsh(const QString& host) const;
    std::optional<QByteArray> authorization() const;
    void tunnelFailed(const QString& words);
    void fetched(const MetricsFetch::Outcome& outcome);
    void follow(const MetricsFetch::Outcome& outcome);
    std::optional<Trouble> troubleOf(const MetricsFetch::Outcome& outcome) const;
    Trouble troubleOfStatus(int status) const;
    std::optional<Trouble> troubleOfQuery(const MetricsFetch::Outcome& outcome) const;
    bool takeAnswer(const MetricsFetch::Outcome& outcome);
    Reading readFleet() const;
    void beginPoll();
    void pastCame();
    std::optional<Reading> read(const MetricsFetch::Outcome& outcome, Trouble& trouble);
    void pageCame(const MetricsFetch::Outcome& outcome);
    void readingCame(const Reading& reading);
    void sample(const Reading& reading);
    PoolSample changes(const std::vector<Pool>& pools, bool anew);
    bool beganAnew(const Reading& reading) const;
    std::string sentenceOf(const Reading& reading) const;
    void failed(const Trouble& trouble);
    void pastRemarks();
    void fact(const Fact& what);
    std::string where() const;

    TargetInfo info_;
    MetricsAddress address_;
    QString sshHost_;
    QString secret_;       ///< token, or the user's password
    QString secretAtHand_; ///< of the environment: used where it does not travel in the clear
    Timings timings_;
    Phase phase_ = Phase::stopped;
    bool started_ = false;
    bool wasUp_ = false; ///< since start()
    int failures_ = 0;   ///< in a row
    int redirects_ = 0;  ///< of this page

    StatusTeller teller_{[this](const Fact& what) {
        fact(what);
    }};
    SshTunnel tunnel_;
    MetricsFetch fetch_;
    PgPace pace_;
    QTimer retry_;
    QTimer poll_;
    QUrl asked_;
    std::chrono::steady_clock::time_point begun_;
    std::optional<FleetPoll> fleet_;      ///< where it is a query API
    std::optional<FleetPoll::Past> past_; ///< what is left of it, from the part that is asked for
    bool pastTold_ = false;               ///< a sample, and no gap since
    std::string pastRemarks_;             ///< as they were told
    std::chrono::milliseconds took_{};    ///< all answers of this poll
    std::optional<Page> page_;
    std::map<Text, Pool> told_; ///< by name, as of the sample before
    double processStarted_ = 0;
    std::uint64_t unreadable_ = 0;
};

} // namespace poolscope
