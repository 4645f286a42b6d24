// SPDX-License-Identifier: GPL-3.0-or-later
// Reaching the server and staying there; postgrespoll.cpp has what is asked of it.
#include "core/source/postgressource.h"

#include "core/base/clock.h"
#include "core/source/pgconninfo.h"
#include "core/source/registry.h"

#include <QHostAddress>

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

/// Short, for the sidebar: the service, else the host's first label and the database.
std::string shortName(const PgParams& given)
{
    const QString service = valueOf(given, "service");
    if (!service.isEmpty())
        return plain_line(service.toStdString(), 64);
    const Result<PgParams> effective = effectiveParams(given);
    const PgParams& params = effective ? effective.value() : given;
    QString host = valueOf(params, "host");
    if (host.isEmpty())
        host = valueOf(params, "hostaddr");
    host = host.section(QLatin1Char(','), 0, 0);
    if (host.isEmpty() || host.startsWith(QLatin1Char('/')))
        host = QStringLiteral("local");
    else if (QHostAddress(host).isNull())
        host = host.section(QLatin1Char('.'), 0, 0);
    const QString database = valueOf(params, "dbname");
    return plain_line(
        (database.isEmpty() ? host : host + QLatin1Char('/') + database).toStdString(), 64);
}

} // namespace

PostgresSource::PostgresSource(TargetId id, const AttachRequest& request, const PgParams& given)
    : reach_(request, given, PgConnection::Dialect::server, teller_)
    , sessions_(id)
{
    info_.id = id;
    info_.kind = "postgresql";
    info_.url = plain_line(withoutSecrets(request.target).toStdString(), 4096);
    info_.name = shortName(given);
    setInterval(request.interval);
    for (QTimer* timer : {&poll_, &commandTimer_})
        timer->setSingleShot(true);
    poll_.setTimerType(Qt::PreciseTimer);
    connect(&reach_, &PgReach::up, this, &PostgresSource::reached);
    connect(&reach_, &PgReach::down, this, &PostgresSource::lost);
    connect(&reach_, &PgReach::answersAgain, this, &PostgresSource::statusUp);
    connect(&reach_, &PgReach::secretRequired, this, &PostgresSource::secretRequired);
    connect(&poll_, &QTimer::timeout, this, [this] {
        pollDue_ = true;
        next();
    });
    connect(&commandTimer_, &QTimer::timeout, this, [this] {
        tell(commands_.expire(Steady::now()));
        armCommandTimer();
    });
}

PostgresSource::~PostgresSource() = default;

void PostgresSource::setTimings(const Timings& timings)
{
    timings_ = timings;
    reach_.setLimits({timings.lookup, timings.connect, timings.silence, timings.drop,
                      timings.firstRetry, timings.longestRetry});
    commands_.setLimit(timings.command);
}

void PostgresSource::start()
{
    reach_.start();
}

void PostgresSource::stop()
{
    for (QTimer* timer : {&poll_, &commandTimer_})
        timer->stop();
    reach_.stop();
}

void PostgresSource::reached()
{
    pollFailures_ = 0;
    pace_.forget();
    if (connection_.parameter("server_version").find("bouncer") != std::string::npos) {
        reach_.halt(pooler_trouble(connection_.whom()));
        return;
    }
    version_ = connection_.serverVersion();
    sessions_.clear();
    names_.clear();
    lastFull_.reset();
    lastFacts_.reset();
    lastSettings_.reset();
    lastBlockers_.reset();
    facts_.reset(); // of another connection, which may have led elsewhere
    ownPid_ = 0;
    offset_.reset();
    pending_.reset();
    locksRefused_ = false;
    watched_.forget();
    factsDue_ = true;
    pollDue_ = true;
    next();
}

void PostgresSource::lost()
{
    poll_.stop();
    job_ = Job::none;
    pending_.reset();
    tell(commands_.lost());
}

void PostgresSource::sampleNow()
{
    if (!reach_.isUp()) {
        reach_.hurry();
        return;
    }
    pollDue_ = job_ != Job::poll && !pending_;
    next();
}

void PostgresSource::setInterval(Duration interval)
{
    pace_.set_interval(interval);
    if (reach_.isUp() && poll_.isActive())
        schedulePoll();
}

void PostgresSource::provideSecret(const QString& password)
{
    reach_.provideSecret(password);
}

void PostgresSource::statusUp()
{
    std::vector<std::string> sentences;
    if (pace_.stretched())
        sentences.push_back(fmt::format(
            "The server is slow to answer: polled every {} instead of {}.",
            format_duration_prose(pace_.pace()), format_duration_prose(pace_.interval())));
    // Roles for that came with 10, and their grant is shown; here no grant would help.
    if (facts_ && facts_->version_number < 100000 && !facts_->sees_all)
        sentences.push_back("Before PostgreSQL 10 only a superuser sees what others' sessions do: "
                            "attach as one.");
    if (blockersSampled_)
        sentences.push_back(
            fmt::format("Many sessions wait for locks: who blocks them is read every "
                        "{} only.",
                        format_duration_prose(timings_.blockers)));
    if (locksRefused_)
        sentences.push_back("The server did not let Poolscope read the locks.");
    teller_.status(Reach::up, fmt::format("{}", fmt::join(sentences, " ")));
}

void PostgresSource::fact(const Fact& what)
{
    if (reach_.isStarted())
        emit observed(what);
}

} // namespace poolscope
