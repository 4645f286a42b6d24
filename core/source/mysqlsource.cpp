// SPDX-License-Identifier: GPL-3.0-or-later
// Reaching the server and staying there; mysqlpoll.cpp has what is asked of it.
#include "core/source/mysqlsource.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace poolscope {

using std::chrono::milliseconds;

MySqlSource::MySqlSource(TargetId id, const AttachRequest& request, const MySqlAddress& given)
    : request_(request)
    , given_(given)
    , sessions_(id)
{
    info_.id = id;
    info_.kind = "mysql";
    info_.url = plain_line(mysqlUrlWithoutSecrets(request.target).toStdString(), 4096);
    info_.name = plain_line(given.name().toStdString(), 64);
    request_.target.clear(); // it may hold a password; given_ has all that is needed
    setInterval(request.interval);
    for (QTimer* timer : {&retry_, &poll_, &watchdog_, &commandTimer_})
        timer->setSingleShot(true);
    poll_.setTimerType(Qt::PreciseTimer);
    connect(&connection_, &MySqlConnection::opened, this, &MySqlSource::reached);
    connect(&connection_, &MySqlConnection::failed, this, &MySqlSource::failed);
    connect(&connection_, &MySqlConnection::lost, this, &MySqlSource::failed);
    connect(&tunnel_, &SshTunnel::ready, this, &MySqlSource::connectTo);
    connect(&tunnel_, &SshTunnel::failed, this, [this](const QString& words) {
        connection_.close();
        failed(tunnelTrouble(words));
    });
    connect(&retry_, &QTimer::timeout, this, &MySqlSource::reach);
    connect(&poll_, &QTimer::timeout, this, [this] {
        pollDue_ = true;
        next();
    });
    connect(&watchdog_, &QTimer::timeout, this, &MySqlSource::silent);
    connect(&commandTimer_, &QTimer::timeout, this, [this] {
        tell(commands_.expire(Steady::now()));
        armCommandTimer();
    });
}

MySqlSource::~MySqlSource() = default;

void MySqlSource::setTimings(const Timings& timings)
{
    timings_ = timings;
    connection_.setLimits({timings.lookup, timings.connect});
    commands_.setLimit(timings.command);
}

void MySqlSource::start()
{
    if (started_)
        return;
    started_ = true;
    teller_.status(Reach::connecting, {});
    reach();
}

void MySqlSource::stop()
{
    started_ = false;
    phase_ = Phase::stopped;
    for (QTimer* timer : {&retry_, &poll_, &watchdog_, &commandTimer_})
        timer->stop();
    connection_.close();
    tunnel_.stop();
}

void MySqlSource::reach()
{
    if (!started_)
        return;
    retry_.stop();
    phase_ = Phase::connecting;
    address_ = effectiveAddress(given_);
    const bool remote = !address_.host.isEmpty() || !request_.sshHost.isEmpty();
    if (remote && address_.tls == MySqlTls::verify_ca && address_.ca.isEmpty() &&
        address_.caPath.isEmpty()) {
        PgTrouble trouble;
        trouble.kind = PgTrouble::Kind::persistent;
        trouble.sentence = "ssl-mode=verify_ca needs ssl-ca: without it no certificate is checked.";
        trouble.next_step = "Add ssl-ca=FILE or ssl-capath=DIRECTORY with the certificate of who "
                            "signed the server's, or use ssl-mode=required.";
        halt(trouble);
        return;
    }
    if (request_.sshHost.isEmpty()) {
        connectTo(0);
        return;
    }
    if (tunnel_.isReady()) {
        connectTo(tunnel_.port());
        return;
    }
    // Without a host it is the server on the bastion itself.
    if (address_.host.isEmpty())
        address_.host = QStringLiteral("localhost");
    tunnel_.start(request_.sshHost, address_.label(), timings_.connect * 2);
}

void MySqlSource::connectTo(quint16 tunnelPort)
{
    MySqlConnection::Plan plan{address_, address_.endpoint(), QString()};
    if (!request_.password.isEmpty())
        plan.password = request_.password;
    // The name stays for TLS, the address is the tunnel's.
    if (tunnelPort != 0)
        plan.endpoint = {address_.host, QStringLiteral("127.0.0.1"), QString::number(tunnelPort)};
    connection_.open(std::move(plan));
}

void MySqlSource::reached()
{
    phase_ = Phase::up;
    failures_ = 0;
    pollFailures_ = 0;
    pace_.forget();
    shape_ = {};
    shape_.mariadb = connection_.isMariaDb();
    shape_.version = connection_.serverVersion();
    sessions_.clear();
    // Of the server before: this one may have been started anew, with ids from 1 on.
    facts_.reset();
    ownId_ = 0;
    refused_.reset();
    refusedNow_ = 0;
    lastFull_.reset();
    lastFacts_.reset();
    lastBlockers_.reset();
    offset_.reset();
    pending_.reset();
    told_.reset();
    locksRefused_ = false;
    schemaDenied_ = false;
    for (Watched& each : watched_)
        each.read.reset();
    settled_ = false;
    unset_.clear();
    factsDue_ = true;
    grantsDue_ = true;
    pollDue_ = true;
    next();
}

PgTrouble MySqlSource::tunnelTrouble(const QString& words) const
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

void MySqlSource::failed(const PgTrouble& trouble)
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

void MySqlSource::halt(const PgTrouble& trouble)
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

void MySqlSource::retryAfter(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    milliseconds wait = std::chrono::duration_cast<milliseconds>(trouble.retry);
    if (wait.count() == 0)
        wait = retryWait(timings_.firstRetry, timings_.longestRetry, failures_);
    ++failures_;
    retry_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, wait);
}

void MySqlSource::silent()
{
    const auto waited = std::chrono::duration_cast<milliseconds>(Steady::now() - asked_);
    PgTrouble trouble;
    trouble.sentence = fmt::format(
        "No answer from {} for {}.", connection_.whom().where,
        format_duration_prose(waited >= timings_.drop ? timings_.drop : timings_.silence));
    trouble.next_step = "The server hangs, is overloaded, or the network lost the connection. "
                        "Poolscope keeps trying.";
    if (waited + milliseconds{5} >= timings_.drop) {
        connection_.close();
        failed(trouble);
        return;
    }
    quiet_ = true;
    teller_.gap(trouble.sentence);
    const auto left = std::max(milliseconds{10}, timings_.drop - waited);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, left);
    watchdog_.start(left);
}

void MySqlSource::sampleNow()
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

void MySqlSource::setInterval(Duration interval)
{
    pace_.set_interval(interval);
    if (phase_ == Phase::up && poll_.isActive())
        schedulePoll();
}

void MySqlSource::provideSecret(const QString& password)
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

void MySqlSource::statusUp()
{
    std::vector<std::string> sentences;
    if (pace_.stretched())
        sentences.push_back(fmt::format(
            "The server is slow to answer: polled every {} instead of {}.",
            format_duration_prose(pace_.pace()), format_duration_prose(pace_.interval())));
    if (refusedNow_ > 0)
        sentences.push_back(fmt::format(
            "It refused {} lately: all of max_connections were taken.",
            refusedNow_ == 1 ? "a connection" : fmt::format("{} connections", refusedNow_)));
    if (shape_.list == MySqlList::information)
        sentences.push_back(schemaDenied_
                                ? "Sessions are read from information_schema.PROCESSLIST, as this "
                                  "account may not read performance_schema."
                                : "Sessions are read from information_schema.PROCESSLIST, as "
                                  "performance_schema is off: programs' names are not reported.");
    if (!shape_.transactions)
        sentences.push_back("Without PROCESS this account sees no transactions, and may see its "
                            "own sessions only.");
    if (sessions_.metadataUnknown())
        sentences.push_back("Who holds the metadata locks that sessions wait for is not reported: "
                            "performance_schema does not record them (instrument "
                            "wait/lock/metadata/sql/mdl).");
    if (blockersSampled_)
        sentences.push_back(
            fmt::format("Many sessions wait for locks: who blocks them is read every {} only.",
                        format_duration_prose(timings_.blockers)));
    if (locksRefused_)
        sentences.push_back("The server did not let Poolscope read the locks.");
    teller_.status(Reach::up, fmt::format("{}", fmt::join(sentences, " ")));
}

void MySqlSource::fact(const Fact& what)
{
    if (started_)
        emit observed(what);
}

} // namespace poolscope
