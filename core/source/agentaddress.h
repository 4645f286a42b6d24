// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <QHostAddress>
#include <QString>

#include <vector>

namespace poolscope {

/// Where an agent listens: `pool+unix:///path`, or `pool://host:port`.
struct AgentAddress
{
    QString path; ///< of a Unix socket; empty: TCP
    QString host; ///< without brackets
    quint16 port = 0;

    bool isLocal() const { return !path.isEmpty(); }
    QString url() const;
    /// For sentences: the path, or host:port.
    QString label() const;
    /// For the sidebar: "shop (4242)" from a socket's usual name, else what the label ends in.
    QString name() const;
    friend bool operator==(const AgentAddress&, const AgentAddress&) = default;
};

/// Whether the target is meant for an agent, right or wrong.
bool isAgentUrl(const QString& target);
/// An error says what is wrong with it: also where it holds a user, a token or other parameters,
/// which a URL never carries.
Result<AgentAddress> parseAgentUrl(const QString& url);
/// Of an address that cannot be read only the scheme is kept.
QString agentUrlWithoutSecrets(const QString& url);

/// 127.0.0.0/8, ::1 and "localhost", which means these two whatever a resolver says. Empty: none.
std::vector<QHostAddress> loopbackAddresses(const QString& host);

/// What is to be reached from where: `address` as seen from the host that `sshHost` leads to, or
/// from here where that is empty. An error where data would travel in the clear.
Result<AgentAddress> reachableAddress(const AgentAddress& address, const QString& sshHost);

} // namespace poolscope
