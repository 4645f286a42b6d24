// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgreach.h"

#include "core/source/pgconninfo.h"

namespace poolscope {

namespace {

PgTrouble unreadable(const Error& error)
{
    PgTrouble trouble;
    trouble.kind = PgTrouble::Kind::persistent;
    trouble.sentence = error.sentence;
    trouble.next_step = error.next_step;
    return trouble;
}

QString farEndOf(const PgEndpoint& endpoint)
{
    if (endpoint.host.isEmpty() && endpoint.address.isEmpty())
        return QStringLiteral("localhost:") + endpoint.port;
    return endpoint.label();
}

} // namespace

PgReach::PgReach(const AttachRequest& request, const PgParams& given, PgConnection::Dialect dialect,
                 StatusTeller& teller)
    : ServerReach(request.sshHost, request.password, teller)
    , given_(given)
    , dialect_(dialect)
{
    connect(&connection_, &PgConnection::opened, this, &PgReach::opened);
    connect(&connection_, &PgConnection::failed, this, &PgReach::fail);
    connect(&connection_, &PgConnection::lost, this, &PgReach::fail);
}

PgReach::~PgReach() = default;

void PgReach::limitConnection(const Limits& limits)
{
    connection_.setLimits({limits.lookup, limits.connect});
}

std::optional<PgTrouble> PgReach::prepare()
{
    const Result<PgParams> effective = effectiveParams(given_);
    if (!effective)
        return unreadable(effective.error());
    const Result<std::vector<PgEndpoint>> endpoints = endpointsOf(effective.value());
    if (!endpoints)
        return unreadable(endpoints.error());
    effective_ = effective.value();
    endpoints_ = endpoints.value();
    return std::nullopt;
}

QStringList PgReach::farEnds() const
{
    QStringList ends;
    for (const PgEndpoint& endpoint : endpoints_)
        ends << farEndOf(endpoint);
    return ends;
}

void PgReach::openConnection(const std::vector<quint16>& tunnelPorts)
{
    PgConnection::Plan plan{given_, effective_, endpoints_, password(), dialect_};
    const bool fromFile = plan.password.isEmpty() && valueOf(plan.effective, "password").isEmpty();
    for (std::size_t i = 0; i < tunnelPorts.size() && i < plan.endpoints.size(); ++i) {
        // The name stays for TLS and the password file, the address is the tunnel's.
        PgEndpoint& endpoint = plan.endpoints[i];
        endpoint.beyond = QStringLiteral("%1, through %2,").arg(farEndOf(endpoint), sshHost());
        if (fromFile)
            endpoint.password = passwordFromFile(valueOf(plan.effective, "passfile"), endpoint.host,
                                                 endpoint.port, valueOf(plan.effective, "dbname"),
                                                 valueOf(plan.effective, "user"));
        if (endpoint.host.isEmpty() || endpoint.host.startsWith(QLatin1Char('/')))
            endpoint.host = QStringLiteral("localhost");
        endpoint.address = QStringLiteral("127.0.0.1");
        endpoint.port = QString::number(tunnelPorts[i]);
    }
    connection_.open(std::move(plan));
}

} // namespace poolscope
