// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlreach.h"

namespace poolscope {

MySqlReach::MySqlReach(const AttachRequest& request, const MySqlAddress& given,
                       StatusTeller& teller)
    : ServerReach(request.sshHost, request.password, teller)
    , given_(given)
{
    connect(&connection_, &MySqlConnection::opened, this, &MySqlReach::opened);
    connect(&connection_, &MySqlConnection::failed, this, &MySqlReach::fail);
    connect(&connection_, &MySqlConnection::lost, this, &MySqlReach::fail);
}

MySqlReach::~MySqlReach() = default;

void MySqlReach::limitConnection(const Limits& limits)
{
    connection_.setLimits({limits.lookup, limits.connect});
}

std::optional<PgTrouble> MySqlReach::prepare()
{
    address_ = effectiveAddress(given_);
    // Without a host it is the server on the bastion itself.
    if (!sshHost().isEmpty() && address_.host.isEmpty())
        address_.host = QStringLiteral("localhost");
    if (!address_.host.isEmpty() && address_.tls == MySqlTls::verify_ca && address_.ca.isEmpty() &&
        address_.caPath.isEmpty()) {
        PgTrouble trouble;
        trouble.kind = PgTrouble::Kind::persistent;
        trouble.sentence = "ssl-mode=verify_ca needs ssl-ca: without it no certificate is checked.";
        trouble.next_step = "Add ssl-ca=FILE or ssl-capath=DIRECTORY with the certificate of who "
                            "signed the server's, or use ssl-mode=required.";
        return trouble;
    }
    return std::nullopt;
}

void MySqlReach::openConnection(const std::vector<quint16>& tunnelPorts)
{
    MySqlConnection::Plan plan{address_, address_.endpoint(), QString()};
    if (!password().isEmpty())
        plan.password = password();
    // The name stays for TLS, the address is the tunnel's.
    if (!tunnelPorts.empty())
        plan.endpoint = {address_.host, QStringLiteral("127.0.0.1"),
                         QString::number(tunnelPorts.front()),
                         QStringLiteral("%1, through %2,").arg(address_.label(), sshHost())};
    connection_.open(std::move(plan));
}

} // namespace poolscope
