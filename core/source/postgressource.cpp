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

using std::chrono::milliseconds;

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
    : request_(request)
    , given_(given)
    , sessions_(id)
{
    info_.id = id;
    info_.kind = "postgresql";
    info_.url = plain_line(withoutSecrets(request.target).toStdString(), 4096);
    info_.name = shortName(given);
    request_.target.clear(); // it may hold a password; given_ has all that is needed
    setInterval(request.interval);
    for (QTimer* timer : {&retry_, &poll_, &watchdog_, &commandTimer_})
        timer->setSingleShot(true);
    poll_.setTimerType(Qt::PreciseTimer);
    connect(&connection_, &PgConnection::opened, this, &PostgresSource::reached);
    connect(&connection_, &PgConnection::failed, this, &PostgresSource::failed);
    connect(&connection_, &PgConnection::lost, this, &PostgresSource::failed);
    connect(&tunnel_, &SshTunnel::ready, this, &PostgresSource::connectTo);
    connect(&tunnel_, &SshTunnel::failed, this, [this](const QString& words) {
        connection_.close();
        failed(tunnelTrouble(words));
    });
    connect(&retry_, &QTimer::timeout, this, &PostgresSource::reach);
    connect(&poll_, &QTimer::timeout, this, [this] {
        pollDue_ = true;
        next();
    });
    connect(&watchdog_, &QTimer::timeout, this, &PostgresSource::silent);
    connect(&commandTimer_, &QTimer::timeout, this, [this] {
        tell(commands_.expire(Steady::now()));
        armCommandTimer();
    });
}

PostgresSource::~PostgresSource() = default;

void PostgresSource::setTimings(const Timings& timings)
{
    timings_ = timings;
    connection_.setLimits({timings.lookup, timings.connect});
    commands_.setLimit(timings.command);
}

void PostgresSource::start()
{
    if (started_)
        return;
    started_ = true;
    teller_.status(Reach::connecting, {});
    reach();
}

void PostgresSource::stop()
{
    started_ = false;
    phase_ = Phase::stopped;
    for (QTimer* timer : {&retry_, &poll_, &watchdog_, &commandTimer_})
        timer->stop();
    connection_.close();
    tunnel_.stop();
}

void PostgresSource::reach()
{
    if (!started_)
        return;
    retry_.stop();
    phase_ = Phase::connecting;
    if (request_.sshHost.isEmpty()) {
        connectTo(0);
        return;
    }
    if (tunnel_.isReady()) {
        connectTo(tunnel_.port());
        return;
    }
    const Result<PgParams> effective = effectiveParams(given_);
    const Result<std::vector<PgEndpoint>> endpoints =
        effective ? endpointsOf(effective.value())
                  : Result<std::vector<PgEndpoint>>(effective.error());
    if (!endpoints) {
        connectTo(0); // says what is wrong
        return;
    }
    const PgEndpoint& first = endpoints.value().front();
    QString remote = first.label();
    if (first.host.isEmpty() && first.address.isEmpty())
        remote = QStringLiteral("localhost:") + first.port;
    tunnel_.start(request_.sshHost, remote, timings_.connect * 2);
}

void PostgresSource::connectTo(quint16 tunnelPort)
{
    PgTrouble trouble;
    trouble.kind = PgTrouble::Kind::persistent;
    const Result<PgParams> effective = effectiveParams(given_);
    if (!effective) {
        trouble.sentence = effective.error().sentence;
        trouble.next_step = effective.error().next_step;
        failed(trouble);
        return;
    }
    const Result<std::vector<PgEndpoint>> endpoints = endpointsOf(effective.value());
    if (!endpoints) {
        trouble.sentence = endpoints.error().sentence;
        trouble.next_step = endpoints.error().next_step;
        failed(trouble);
        return;
    }
    PgConnection::Plan plan{given_, effective.value(), endpoints.value(), request_.password};
    if (tunnelPort != 0) {
        // The name stays for TLS and the password file, the address is the tunnel's.
        PgEndpoint endpoint = plan.endpoints.front();
        if (plan.password.isEmpty() && valueOf(plan.effective, "password").isEmpty())
            plan.password = passwordFromFile(valueOf(plan.effective, "passfile"), endpoint.host,
                                             endpoint.port, valueOf(plan.effective, "dbname"),
                                             valueOf(plan.effective, "user"));
        if (endpoint.host.isEmpty() || endpoint.host.startsWith(QLatin1Char('/')))
            endpoint.host = QStringLiteral("localhost");
        endpoint.address = QStringLiteral("127.0.0.1");
        endpoint.port = QString::number(tunnelPort);
        plan.endpoints = {endpoint};
    }
    connection_.open(std::move(plan));
}

void PostgresSource::reached()
{
    phase_ = Phase::up;
    failures_ = 0;
    pollFailures_ = 0;
    pace_.forget();
    if (connection_.parameter("server_version").find("bouncer") != std::string::npos) {
        halt(pooler_trouble(connection_.whom()));
        return;
    }
    version_ = connection_.serverVersion();
    sessions_.clear();
    names_.clear();
    lastFull_.reset();
    lastFacts_.reset();
    lastBlockers_.reset();
    offset_.reset();
    pending_.reset();
    locksRefused_ = false;
    for (Watched& each : watched_)
        each.read.reset();
    factsDue_ = true;
    pollDue_ = true;
    next();
}

PgTrouble PostgresSource::tunnelTrouble(const QString& words) const
{
    PgTrouble trouble;
    const std::string said = plain_line(words.toStdString(), 600);
    trouble.sentence =
        "ssh to " + plain_line(request_.sshHost.toStdString(), 256) + ": " + said + ".";
    trouble.next_step = "Try the same host with ssh in a terminal first: its key must be known and "
                        "the login must work without a question.";
    const bool login = said.find("Permission denied") != std::string::npos ||
                       said.find("Host key verification failed") != std::string::npos ||
                       said.find("cannot be started") != std::string::npos;
    if (login)
        trouble.kind = PgTrouble::Kind::persistent;
    return trouble;
}

void PostgresSource::failed(const PgTrouble& trouble)
{
    if (!started_)
        return;
    watchdog_.stop();
    poll_.stop();
    job_ = Job::none;
    quiet_ = false;
    pending_.reset();
    phase_ = Phase::waiting;
    tell(commands_.lost());
    if (trouble.kind == PgTrouble::Kind::transient)
        retryAfter(trouble);
    else
        halt(trouble);
}

void PostgresSource::halt(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    phase_ = Phase::stopped;
    retry_.stop();
    poll_.stop();
    watchdog_.stop();
    connection_.close();
    tunnel_.stop();
    teller_.status(Reach::stopped, trouble.sentence, trouble.next_step);
    if (trouble.kind == PgTrouble::Kind::password && started_)
        emit secretRequired(QString::fromStdString(trouble.sentence));
}

void PostgresSource::retryAfter(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    milliseconds wait = std::chrono::duration_cast<milliseconds>(trouble.retry);
    if (wait.count() == 0)
        wait = retryWait(timings_.firstRetry, timings_.longestRetry, failures_);
    ++failures_;
    retry_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, wait);
}

void PostgresSource::sampleNow()
{
    if (!started_ || phase_ == Phase::connecting)
        return;
    if (phase_ != Phase::up) {
        failures_ = 0;
        reach();
        return;
    }
    pollDue_ = job_ != Job::poll && !pending_;
    next();
}

void PostgresSource::setInterval(Duration interval)
{
    pace_.set_interval(interval);
    if (phase_ == Phase::up && poll_.isActive())
        schedulePoll();
}

void PostgresSource::provideSecret(const QString& password)
{
    if (!started_ || phase_ == Phase::up)
        return;
    if (password.isEmpty()) {
        teller_.status(Reach::stopped, "No password was given.", "Attach again to be asked again.");
        return;
    }
    request_.password = password;
    failures_ = 0;
    teller_.status(Reach::connecting, {});
    reach();
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
    if (started_)
        emit observed(what);
}

} // namespace poolscope
