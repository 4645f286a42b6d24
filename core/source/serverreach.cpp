// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/serverreach.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

using std::chrono::milliseconds;

ServerReach::ServerReach(const QString& sshHost, const QString& password, StatusTeller& teller)
    : sshHost_(sshHost)
    , password_(password)
    , teller_(teller)
{
    for (QTimer* timer : {&retry_, &watchdog_})
        timer->setSingleShot(true);
    connect(&tunnel_, &SshTunnel::ready, this, [this] { openConnection(tunnel_.ports()); });
    connect(&tunnel_, &SshTunnel::failed, this,
            [this](const QString& words) { fail(tunnelTrouble(words)); });
    connect(&retry_, &QTimer::timeout, this, &ServerReach::reach);
    connect(&watchdog_, &QTimer::timeout, this, &ServerReach::silent);
}

ServerReach::~ServerReach() = default;

void ServerReach::opened()
{
    phase_ = Phase::up;
    failures_ = 0;
    emit up();
}

void ServerReach::setLimits(const Limits& limits)
{
    limits_ = limits;
    limitConnection(limits);
}

void ServerReach::start()
{
    if (started_)
        return;
    started_ = true;
    teller_.status(Reach::connecting, {});
    reach();
}

void ServerReach::stop()
{
    started_ = false;
    phase_ = Phase::stopped;
    retry_.stop();
    watchdog_.stop();
    closeConnection();
    tunnel_.stop();
}

void ServerReach::hurry()
{
    if (!started_ || phase_ == Phase::connecting || phase_ == Phase::up)
        return;
    failures_ = 0;
    reach();
}

void ServerReach::reach()
{
    if (!started_)
        return;
    retry_.stop();
    phase_ = Phase::connecting;
    if (const auto trouble = prepare()) {
        fail(*trouble);
    } else if (sshHost_.isEmpty()) {
        openConnection({});
    } else if (tunnel_.isReady() && tunnelled_ == farEnds()) {
        openConnection(tunnel_.ports());
    } else {
        tunnelled_ = farEnds();
        tunnel_.start(sshHost_, tunnelled_, limits_.connect * 2);
    }
}

PgTrouble ServerReach::tunnelTrouble(const QString& words) const
{
    TunnelTrouble told = tunnel_trouble(sshHost_, words);
    PgTrouble trouble;
    trouble.sentence = std::move(told.sentence);
    trouble.next_step = std::move(told.next_step);
    if (told.persistent)
        trouble.kind = PgTrouble::Kind::persistent;
    return trouble;
}

void ServerReach::fail(const PgTrouble& trouble)
{
    if (!started_)
        return;
    closeConnection();
    watchdog_.stop();
    quiet_ = false;
    phase_ = Phase::waiting;
    emit down();
    if (trouble.kind == PgTrouble::Kind::transient)
        retryAfter(trouble);
    else
        halt(trouble);
}

void ServerReach::halt(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    phase_ = Phase::stopped;
    retry_.stop();
    watchdog_.stop();
    closeConnection();
    tunnel_.stop();
    teller_.status(Reach::stopped, trouble.sentence, trouble.next_step);
    if (trouble.kind == PgTrouble::Kind::password && started_)
        emit secretRequired(QString::fromStdString(trouble.sentence));
}

void ServerReach::retryAfter(const PgTrouble& trouble)
{
    teller_.gap(trouble.sentence);
    milliseconds wait = std::chrono::duration_cast<milliseconds>(trouble.retry);
    if (wait.count() == 0)
        wait = retryWait(limits_.firstRetry, limits_.longestRetry, failures_++);
    else
        failures_ = 0; // it answers, and says when: what comes after that begins anew
    retry_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, wait);
}

void ServerReach::provideSecret(const QString& password)
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

void ServerReach::asked()
{
    asked_ = Steady::now();
    watchdog_.start(limits_.silence);
}

void ServerReach::answered(bool good)
{
    watchdog_.stop();
    if (quiet_ && good) {
        quiet_ = false;
        emit answersAgain();
    }
}

void ServerReach::silent()
{
    const auto waited = std::chrono::duration_cast<milliseconds>(Steady::now() - asked_);
    PgTrouble trouble;
    trouble.sentence =
        fmt::format("No answer from {} for {}.", whom().where,
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
