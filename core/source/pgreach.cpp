// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgreach.h"

#include "core/base/text.h"
#include "core/source/pgconninfo.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

using std::chrono::milliseconds;

PgReach::PgReach(const AttachRequest& request, const PgParams& given, PgConnection::Dialect dialect,
                 StatusTeller& teller)
    : sshHost_(request.sshHost)
    , password_(request.password)
    , given_(given)
    , dialect_(dialect)
    , teller_(teller)
{
    for (QTimer* timer : {&retry_, &watchdog_})
        timer->setSingleShot(true);
    connect(&connection_, &PgConnection::opened, this, [this] {
        phase_ = Phase::up;
        failures_ = 0;
        emit up();
    });
    connect(&connection_, &PgConnection::failed, this, &PgReach::fail);
    connect(&connection_, &PgConnection::lost, this, &PgReach::fail);
    connect(&tunnel_, &SshTunnel::ready, this, &PgReach::connectTo);
    connect(&tunnel_, &SshTunnel::failed, this,
            [this](const QString& words) { fail(tunnelTrouble(words)); });
    connect(&retry_, &QTimer::timeout, this, &PgReach::reach);
    connect(&watchdog_, &QTimer::timeout, this, &PgReach::silent);
}

PgReach::~PgReach() = default;

void PgReach::setLimits(const Limits& limits)
{
    limits_ = limits;
    connection_.setLimits({limits.lookup, limits.connect});
}

void PgReach::start()
{
    if (started_)
        return;
    started_ = true;
    teller_.status(Reach::connecting, {});
    reach();
}

void PgReach::stop()
{
    started_ = false;
    phase_ = Phase::stopped;
    retry_.stop();
    watchdog_.stop();
    connection_.close();
    tunnel_.stop();
}

void PgReach::hurry()
{
    if (!started_ || phase_ == Phase::connecting || phase_ == Phase::up)
        return;
    failures_ = 0;
    reach();
}

void PgReach::reach()
{
    if (!started_)
        return;
    retry_.stop();
    phase_ = Phase::connecting;
    if (sshHost_.isEmpty()) {
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
    tunnel_.start(sshHost_, remote, limits_.connect * 2);
}

void PgReach::connectTo(quint16 tunnelPort)
{
    PgTrouble trouble;
    trouble.kind = PgTrouble::Kind::persistent;
    const Result<PgParams> effective = effectiveParams(given_);
    if (!effective) {
        trouble.sentence = effective.error().sentence;
        trouble.next_step = effective.error().next_step;
        fail(trouble);
        return;
    }
    const Result<std::vector<PgEndpoint>> endpoints = endpointsOf(effective.value());
    if (!endpoints) {
        trouble.sentence = endpoints.error().sentence;
        trouble.next_step = endpoints.error().next_step;
        fail(trouble);
        return;
    }
    PgConnection::Plan plan{given_, effective.value(), endpoints.value(), password_, dialect_};
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

PgTrouble PgReach::tunnelTrouble(const QString& words) const
{
    PgTrouble trouble;
    const std::string said = plain_line(words.toStdString(), 600);
    trouble.sentence = "ssh to " + plain_line(sshHost_.toStdString(), 256) + ": " + said + ".";
    trouble.next_step = "Try the same host with ssh in a terminal first: its key must be known and "
                        "the login must work without a question.";
    const bool login = said.find("Permission denied") != std::string::npos ||
                       said.find("Host key verification failed") != std::string::npos ||
                       said.find("cannot be started") != std::string::npos;
    if (login)
        trouble.kind = PgTrouble::Kind::persistent;
    return trouble;
}

void PgReach::fail(const PgTrouble& trouble)
{
    if (!started_)
        return;
    connection_.close();
    watchdog_.stop();
    quiet_ = false;
    phase_ = Phase::waiting;
    emit down();
    if (trouble.kind == PgTrouble::Kind::transient)
        retryAfter(trouble);
    else
        halt(trouble);
}

void PgReach::halt(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    phase_ = Phase::stopped;
    retry_.stop();
    watchdog_.stop();
    connection_.close();
    tunnel_.stop();
    teller_.status(Reach::stopped, trouble.sentence, trouble.next_step);
    if (trouble.kind == PgTrouble::Kind::password && started_)
        emit secretRequired(QString::fromStdString(trouble.sentence));
}

void PgReach::retryAfter(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    milliseconds wait = std::chrono::duration_cast<milliseconds>(trouble.retry);
    if (wait.count() == 0)
        wait = retryWait(limits_.firstRetry, limits_.longestRetry, failures_);
    ++failures_;
    retry_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, wait);
}

void PgReach::provideSecret(const QString& password)
{
    if (!started_ || phase_ == Phase::up)
        return;
    if (password.isEmpty()) {
        teller_.status(Reach::stopped, "No password was given.", "Attach again to be asked again.");
        return;
    }
    password_ = password;
    failures_ = 0;
    teller_.status(Reach::connecting, {});
    reach();
}

void PgReach::asked()
{
    asked_ = Steady::now();
    watchdog_.start(limits_.silence);
}

void PgReach::answered(bool good)
{
    watchdog_.stop();
    if (quiet_ && good) {
        quiet_ = false;
        emit answersAgain();
    }
}

void PgReach::silent()
{
    const auto waited = std::chrono::duration_cast<milliseconds>(Steady::now() - asked_);
    PgTrouble trouble;
    trouble.sentence =
        fmt::format("No answer from {} for {}.", connection_.whom().where,
                    format_duration_prose(waited >= limits_.drop ? limits_.drop : limits_.silence));
    trouble.next_step = "The server hangs, is overloaded, or the network lost the connection. "
                        "Poolscope keeps trying.";
    if (waited + milliseconds{5} >= limits_.drop) {
        fail(trouble);
        return;
    }
    quiet_ = true;
    teller_.gap(trouble.sentence);
    const auto left = std::max(milliseconds{10}, limits_.drop - waited);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, left);
    watchdog_.start(left);
}

} // namespace poolscope
