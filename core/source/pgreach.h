// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgconnection.h"
#include "core/source/source.h"
#include "core/source/sshtunnel.h"
#include "core/source/statusteller.h"

#include <QObject>
#include <QTimer>

#include <chrono>

namespace poolscope {

/// The way to a server that speaks PostgreSQL's protocol, and back to it after trouble: ssh tunnel,
/// connection, password, retries that back off, and a watch for answers that do not come. What is
/// asked there is its source's business. It says by the source's StatusTeller how it stands.
class PgReach : public QObject
{
    Q_OBJECT
public:
    struct Limits
    {
        std::chrono::milliseconds lookup{5000};
        std::chrono::milliseconds connect{10000};
        std::chrono::milliseconds silence{3000}; ///< without an answer: "failing"
        std::chrono::milliseconds drop{15000};   ///< without an answer: a new connection
        std::chrono::milliseconds firstRetry{1000};
        std::chrono::milliseconds longestRetry{30000};
    };

    /// What it needs of `request` is its host for ssh and its password. `dialect`: see
    /// PgConnection.
    PgReach(const AttachRequest& request, const PgParams& given, PgConnection::Dialect dialect,
            StatusTeller& teller);
    ~PgReach() override;

    void setLimits(const Limits& limits);
    PgConnection& connection() { return connection_; }
    const PgConnection& connection() const { return connection_; }
    SshTunnel& tunnel() { return tunnel_; }

    void start();
    /// Silent from here on.
    void stop();
    bool isStarted() const { return started_; }
    bool isUp() const { return phase_ == Phase::up; }
    /// Where it waits for its next try or was stopped, it tries now.
    void hurry();
    void provideSecret(const QString& password);

    /// The source found trouble: it is tried again, or stopped where that needs the user.
    void fail(const PgTrouble& trouble);
    void halt(const PgTrouble& trouble);
    /// Something was asked on the connection, or answered (`good`: it was no refusal). In between
    /// it says when it takes too long.
    void asked();
    void answered(bool good);

signals:
    void up();
    /// Before the status that says so; nothing is asked until up().
    void down();
    /// After a silence that was told.
    void answersAgain();
    void secretRequired(const QString& sentence);

private:
    using Steady = std::chrono::steady_clock;
    enum class Phase { stopped, waiting, connecting, up };

    void reach();
    void connectTo(quint16 tunnelPort);
    void retryAfter(const PgTrouble& trouble);
    void silent();
    PgTrouble tunnelTrouble(const QString& words) const;

    QString sshHost_;
    QString password_;
    PgParams given_;
    PgConnection::Dialect dialect_;
    StatusTeller& teller_;
    Limits limits_;
    Phase phase_ = Phase::stopped;
    bool started_ = false;
    int failures_ = 0; ///< attempts to connect in a row
    PgConnection connection_;
    SshTunnel tunnel_;
    QTimer retry_;
    QTimer watchdog_;
    Steady::time_point asked_;
    bool quiet_ = false; ///< no answer for longer than `silence`
};

} // namespace poolscope
