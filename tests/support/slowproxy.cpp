// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/slowproxy.h"

#include <QHostAddress>
#include <QList>
#include <QTimer>

#include <memory>

namespace poolscope::test {

SlowProxy::SlowProxy(quint16 serverPort)
    : serverPort_(serverPort)
{
    listener_.listen(QHostAddress::LocalHost);
    connect(&listener_, &QTcpServer::newConnection, this, [this] {
        while (QTcpSocket* const client = listener_.nextPendingConnection())
            take(client);
    });
}

SlowProxy::~SlowProxy()
{
    cut();
}

void SlowProxy::take(QTcpSocket* client)
{
    ++accepted;
    auto* const server = new QTcpSocket(client);
    const auto late = std::make_shared<QList<QByteArray>>();
    server->connectToHost(QHostAddress(QHostAddress::LocalHost), serverPort_);
    connect(client, &QTcpSocket::readyRead, server,
            [client, server] { server->write(client->readAll()); });
    connect(server, &QTcpSocket::readyRead, client, [this, client, server, late] {
        // One timer a piece, and each sends the oldest: a shorter delay overtakes nothing.
        late->append(server->readAll());
        QTimer::singleShot(delay_, client, [client, late] { client->write(late->takeFirst()); });
    });
    connect(client, &QTcpSocket::disconnected, server, &QTcpSocket::disconnectFromHost);
    connect(client, &QTcpSocket::disconnected, client, &QObject::deleteLater);
    connect(server, &QTcpSocket::disconnected, client, &QTcpSocket::disconnectFromHost);
}

void SlowProxy::cut()
{
    for (QTcpSocket* const client :
         listener_.findChildren<QTcpSocket*>(QString(), Qt::FindDirectChildrenOnly))
        client->abort();
}

} // namespace poolscope::test
