// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentaddress.h"

#include "core/base/text.h"
#include "core/wire/places.h"

#include <QFile>
#include <QUrl>

namespace poolscope {

namespace {

const QString tcpScheme = QStringLiteral("pool://");
const QString unixScheme = QStringLiteral("pool+unix://");

std::string shown(const QString& text)
{
    return plain_line(text.toStdString(), 256);
}

Error secretInside()
{
    return {"A pool's address holds no user, token or other parameters.",
            "Give the token in POOLSCOPE_TOKEN, or when Poolscope asks for it."};
}

Result<AgentAddress> parseUnix(const QString& rest)
{
    const QString authority = rest.section(QLatin1Char('/'), 0, 0);
    if (authority.contains(QLatin1Char('@')) || rest.contains(QLatin1Char('?')))
        return secretInside();
    if (!rest.startsWith(QLatin1Char('/')) || rest.size() < 2)
        return Error{"The path of the socket is missing.", "Write pool+unix:///path/of/the.sock."};
    const auto bytes = static_cast<std::size_t>(QFile::encodeName(rest).size());
    if (bytes > wire::max_socket_path || rest.contains(QChar::Null))
        return Error{"The path of the socket is too long: 107 bytes are the most.", ""};
    return AgentAddress{rest, {}, 0};
}

Result<AgentAddress> parseTcp(const QString& target)
{
    const QUrl url(target, QUrl::TolerantMode);
    if (url.isValid() && (!url.userInfo().isEmpty() || url.hasQuery() || url.hasFragment() ||
                          target.contains(QLatin1Char('@'))))
        return secretInside();
    const bool path = !url.path().isEmpty() && url.path() != QStringLiteral("/");
    if (!url.isValid() || url.host().isEmpty() || url.port() <= 0 || path)
        return Error{"The address of the agent cannot be read.",
                     "Write pool://HOST:PORT, or pool+unix:///path/of/the.sock."};
    return AgentAddress{{}, url.host(), static_cast<quint16>(url.port())};
}

} // namespace

QString AgentAddress::url() const
{
    return isLocal() ? unixScheme + path : tcpScheme + label();
}

QString AgentAddress::label() const
{
    if (isLocal())
        return path;
    const QString shape =
        host.contains(QLatin1Char(':')) ? QStringLiteral("[%1]:%2") : QStringLiteral("%1:%2");
    return shape.arg(host).arg(port);
}

QString AgentAddress::name() const
{
    if (!isLocal())
        return label();
    QString file = path.section(QLatin1Char('/'), -1);
    const auto pid = wire::pid_of_socket(file.toStdString());
    if (file.endsWith(QStringLiteral(".sock")))
        file.chop(5);
    const QString process = pid ? file.section(QLatin1Char('-'), 1) : QString();
    return process.isEmpty() ? file : QStringLiteral("%1 (%2)").arg(process).arg(*pid);
}

bool isAgentUrl(const QString& target)
{
    return target.startsWith(tcpScheme) || target.startsWith(unixScheme);
}

Result<AgentAddress> parseAgentUrl(const QString& url)
{
    if (url.startsWith(unixScheme))
        return parseUnix(url.mid(unixScheme.size()));
    return parseTcp(url);
}

QString agentUrlWithoutSecrets(const QString& url)
{
    if (const Result<AgentAddress> address = parseAgentUrl(url))
        return address.value().url();
    if (url.startsWith(unixScheme)) {
        const QString rest = url.mid(unixScheme.size()).section(QLatin1Char('?'), 0, 0);
        const Result<AgentAddress> stripped = parseUnix(rest);
        return stripped ? stripped.value().url() : unixScheme;
    }
    const QUrl parts(url, QUrl::TolerantMode);
    const QUrl::FormattingOptions bare =
        QUrl::RemoveUserInfo | QUrl::RemovePath | QUrl::RemoveQuery | QUrl::RemoveFragment;
    const Result<AgentAddress> stripped = parseTcp(parts.adjusted(bare).toString());
    return stripped ? stripped.value().url() : tcpScheme;
}

std::vector<QHostAddress> loopbackAddresses(const QString& host)
{
    if (host.compare(QStringLiteral("localhost"), Qt::CaseInsensitive) == 0)
        return {QHostAddress(QHostAddress::LocalHost), QHostAddress(QHostAddress::LocalHostIPv6)};
    const QHostAddress address(host);
    return !address.isNull() && address.isLoopback() ? std::vector{address}
                                                     : std::vector<QHostAddress>{};
}

Result<AgentAddress> reachableAddress(const AgentAddress& address, const QString& sshHost)
{
    if (address.isLocal()) {
        if (!sshHost.isEmpty() && address.path.contains(QLatin1Char(':')))
            return Error{"ssh cannot lead to a socket with a colon in its path.", ""};
        return address;
    }
    if (!loopbackAddresses(address.host).empty())
        return address;
    const QString port = QString::number(address.port);
    if (sshHost.isEmpty())
        return Error{"An agent on another host is reached through ssh alone: on its way there the "
                     "data would be in the clear.",
                     "Add --ssh " + shown(address.host) + " and give pool://localhost:" +
                         port.toStdString() + "; in the dialog fill in \"SSH host\"."};
    // That the host itself is meant where it is named twice is what people write.
    if (sshHost.section(QLatin1Char('@'), -1).compare(address.host, Qt::CaseInsensitive) == 0)
        return AgentAddress{{}, QStringLiteral("localhost"), address.port};
    return Error{"From " + shown(sshHost) + " to " + shown(address.host) +
                     " the data would be in the clear.",
                 "Let ssh lead to " + shown(address.host) +
                     " itself (ProxyJump in ~/.ssh/config goes through a bastion), and give "
                     "pool://localhost:" +
                     port.toStdString() + "."};
}

} // namespace poolscope
