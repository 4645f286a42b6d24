// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/clock.h"

#include <QByteArrayList>
#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>

#include <functional>

namespace poolscope::test {

/// Says what a test wants it to say.
class FakeAgent : public QObject
{
public:
    FakeAgent()
    {
        server.listen(folder.filePath(QStringLiteral("4242-fake.sock")));
        tcp.listen(QHostAddress::LocalHost);
        connect(&server, &QLocalServer::newConnection, this, [this] {
            auto* const socket = server.nextPendingConnection();
            connect(socket, &QLocalSocket::disconnected, this, [this] { ++left; });
            greet(socket);
        });
        connect(&tcp, &QTcpServer::newConnection, this,
                [this] { greet(tcp.nextPendingConnection()); });
    }
    QString url() const { return QStringLiteral("pool+unix://") + server.fullServerName(); }
    QString tcpUrl() const { return QStringLiteral("pool://127.0.0.1:%1").arg(tcp.serverPort()); }
    void say(const QByteArray& lines) { peer->write(lines); }
    int count(const char* what) const { return static_cast<int>(received.join().count(what)); }

    static QByteArray hello(int pid = 4242, int n = 0, const char* can = "\"reclaim\"")
    {
        const auto now = to_us(SystemClock{}.now());
        return QStringLiteral("{\"k\":\"hello\",\"n\":%1,\"v\":1,\"now\":%2,\"process\":\"fake\","
                              "\"pid\":%3,\"can\":[%4],\"pools\":[{\"pool\":\"orders\"}]}\n")
            .arg(n)
            .arg(now)
            .arg(pid)
            .arg(QLatin1String(can))
            .toUtf8();
    }
    static QByteArray open(const char* id, int n = 0)
    {
        return QStringLiteral("{\"k\":\"checkout\",\"n\":%1,\"pool\":\"orders\",\"id\":\"%2\","
                              "\"t\":1000000,\"open\":true}\n")
            .arg(n)
            .arg(QLatin1String(id))
            .toUtf8();
    }
    static QByteArray event(const char* kind, const char* id, int n)
    {
        return QStringLiteral("{\"k\":\"%1\",\"n\":%2,\"pool\":\"orders\",\"id\":\"%3\","
                              "\"t\":2000000}\n")
            .arg(QLatin1String(kind))
            .arg(n)
            .arg(QLatin1String(id))
            .toUtf8();
    }
    static QByteArray ready(int n = 0)
    {
        return QStringLiteral("{\"k\":\"ready\",\"n\":%1}\n").arg(n).toUtf8();
    }

    std::function<void()> onAttach;
    std::function<void(const QByteArray&)> onLine;
    QTemporaryDir folder;
    QLocalServer server;
    QTcpServer tcp;
    QIODevice* peer = nullptr;
    QByteArrayList received;
    int attached = 0;
    int left = 0;

private:
    void greet(QIODevice* socket)
    {
        peer = socket;
        ++attached;
        connect(socket, &QIODevice::readyRead, this, [this, socket] {
            while (socket->canReadLine()) {
                received += socket->readLine();
                if (onLine)
                    onLine(received.back());
            }
        });
        if (onAttach)
            onAttach();
    }
};

} // namespace poolscope::test
