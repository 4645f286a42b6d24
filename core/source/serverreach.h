// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgtrouble.h"
#include "core/source/sshtunnel.h"
#include "core/source/statusteller.h"

#include <QObject>
#include <QTimer>

#include <chrono>
#include <optional>
#include <vector>

namespace poolscope {

/// The way to a server, and back to it after trouble: ssh tunnel, connection, password, retries
/// that back off, and a watch for answers that do not come. Whose protocol the connection speaks is
/// the heirs' business, what is asked there its source's. It says by the source's StatusTeller how
/// it stands. One thread.
class ServerReach : public QObject
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

    ~ServerReach() override;

    void setLimits(const Limits& limits);
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

protected:
    /// `sshHost`: empty where the server is reached directly. `password`: null or empty where none
    /// was given.
    ServerReach(const QString& sshHost, const QString& password, StatusTeller& teller);

    const QString& sshHost() const { return sshHost_; }
    const QString& password() const { return password_; }
    /// The connection stands.
    void opened();

private:
    /// Before each try: reads the address anew. The trouble where it leads nowhere.
    virtual std::optional<PgTrouble> prepare() = 0;
    /// "host:port", or a socket's path, of each server that is tried in turn, as the bastion has to
    /// reach it. After prepare().
    virtual QStringList farEnds() const = 0;
    /// `tunnelPorts`: of this machine, one for each far end; none for the addresses themselves.
    /// Ends with opened() or fail().
    virtual void openConnection(const std::vector<quint16>& tunnelPorts) = 0;
    virtual void closeConnection() = 0;
    virtual void limitConnection(const Limits& limits) = 0;
    virtual PgWhom whom() const = 0;

    using Steady = std::chrono::steady_clock;
    enum class Phase { stopped, waiting, connecting, up };

    void reach();
    void retryAfter(const PgTrouble& trouble);
    void silent();
    PgTrouble tunnelTrouble(const QString& words) const;

    QString sshHost_;
    QString password_;
    StatusTeller& teller_;
    Limits limits_;
    Phase phase_ = Phase::stopped;
    bool started_ = false;
    int failures_ = 0; ///< attempts to connect in a row
    SshTunnel tunnel_;
    QStringList tunnelled_; ///< to where the tunnel leads
    QTimer retry_;
    QTimer watchdog_;
    Steady::time_point asked_;
    bool quiet_ = false; ///< no answer for longer than `silence`
};

} // namespace poolscope
