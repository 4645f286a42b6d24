// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <QObject>
#include <QProcess>
#include <QString>
#include <QTimer>

#include <memory>
#include <string>
#include <vector>

namespace poolscope {

/// Whether a host may be handed to ssh: no option in disguise, no blanks or control characters.
Result<Done> checkSshHost(const QString& host);

/// What went wrong with a tunnel to a host, for a person.
struct TunnelTrouble
{
    std::string sentence;
    std::string next_step;
    bool persistent = false; ///< trying again does not help
};
TunnelTrouble tunnel_trouble(const QString& sshHost, const QString& words);

/// A local port or socket that leads through the user's own ssh to a server behind it. ssh's own
/// settings, keys, agent and known hosts apply; it never asks on a terminal.
class SshTunnel : public QObject
{
    Q_OBJECT
public:
    explicit SshTunnel(QObject* parent = nullptr);
    ~SshTunnel() override;

    /// `remote` is "host:port" as seen from the bastion, or a socket's path. The end here is a free
    /// port of this machine, or a socket that ssh makes at `localSocket`, for this user alone. Ends
    /// with ready() or failed().
    void start(const QString& sshHost, const QString& remote, std::chrono::milliseconds limit,
               const QString& localSocket = {});
    /// The same to several of them, by one ssh, each with a free port of its own.
    void start(const QString& sshHost, const QStringList& remotes, std::chrono::milliseconds limit);
    void stop();
    bool isReady() const { return ready_; }
    /// The first one; 0 where it is a socket.
    quint16 port() const { return ports_.empty() ? quint16{0} : ports_.front(); }
    /// One for each of what it leads to, in order; none where it is a socket.
    const std::vector<quint16>& ports() const { return ports_; }
    /// "ssh", unless a test or POOLSCOPE_SSH names another program.
    void setProgram(const QString& program) { program_ = program; }
    void setExtraArguments(const QStringList& arguments) { extra_ = arguments; }

signals:
    void ready(quint16 port);
    /// In ssh's own words. Also after ready(), when the tunnel breaks.
    void failed(const QString& words);

private:
    bool choosePorts(qsizetype count);
    void launch(const QString& sshHost, const QStringList& forwards,
                std::chrono::milliseconds limit);
    void listen();
    void ended(const QString& fallback);

    QString program_;
    QStringList extra_;
    std::unique_ptr<QProcess> process_;
    std::vector<std::unique_ptr<QProcess>> ending_; ///< told to go
    QTimer limit_;
    QByteArray line_;
    QStringList words_; ///< the last ones that ssh said
    std::vector<quint16> ports_;
    bool ready_ = false;
};

} // namespace poolscope
