// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHostAddress>
#include <QMap>
#include <QPointer>
#include <QSslServer>
#include <QTcpServer>
#include <QTcpSocket>

#include <functional>
#include <memory>

namespace poolscope::test {

/// A small HTTP server that answers as a test says. One request a connection.
class MetricsServer : public QObject
{
    Q_OBJECT
public:
    /// With a certificate it speaks TLS.
    explicit MetricsServer(const QSslConfiguration* tls = nullptr)
    {
        if (tls != nullptr) {
            auto server = std::make_unique<QSslServer>();
            server->setSslConfiguration(*tls);
            server_ = std::move(server);
        } else {
            server_ = std::make_unique<QTcpServer>();
        }
        server_->listen(QHostAddress::LocalHost);
        connect(server_.get(), &QTcpServer::pendingConnectionAvailable, this, [this] {
            while (QTcpSocket* const socket = server_->nextPendingConnection()) {
                connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
                connect(socket, &QTcpSocket::readyRead, this, [this, socket] { read(socket); });
            }
        });
    }

    QString address() const { return QStringLiteral("127.0.0.1:%1").arg(server_->serverPort()); }
    QString url(const char* path = "/metrics") const
    {
        return QStringLiteral("prometheus+http://") + address() + QLatin1String(path);
    }

    /// The page, with a status and headers.
    void say(QTcpSocket* socket, const QByteArray& body, const QByteArray& headers = textType,
             const QByteArray& status = "200 OK")
    {
        socket->write("HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " +
                      QByteArray::number(body.size()) + "\r\nConnection: close\r\n\r\n" + body);
        socket->disconnectFromHost();
    }

    static inline const QByteArray textType = "Content-Type: text/plain; version=0.0.4\r\n";

    /// Path and header of every request.
    QList<QByteArray> paths;
    QList<QByteArray> requests;
    /// What is answered, unless `onRequest` does that.
    QByteArray page;
    std::function<void(QTcpSocket*, const QByteArray& path)> onRequest;

private:
    void read(QTcpSocket* socket)
    {
        QByteArray& got = unread_[socket];
        got += socket->readAll();
        if (!got.contains("\r\n\r\n"))
            return;
        const QByteArray request = got;
        unread_.remove(socket);
        requests += request;
        paths += request.split(' ').value(1);
        if (onRequest)
            onRequest(socket, paths.last());
        else
            say(socket, page);
    }

    std::unique_ptr<QTcpServer> server_;
    QMap<QTcpSocket*, QByteArray> unread_;
};

} // namespace poolscope::test
