// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QFile>
#include <QHostAddress>
#include <QJsonDocument>
#include <QJsonObject>
#include <QList>
#include <QStringList>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>

#include <sys/resource.h>

#include <vector>

namespace poolscope::test {

/// Many targets to attach to at once: pages of metrics whose figures change, instrumented processes
/// that check out and in, and such as never answer. All of them in the thread that made this.
class Crowd : public QObject
{
    Q_OBJECT
public:
    Crowd(int pages, int agents, int frozen)
    {
        for (int i = 0; i < pages; ++i) {
            QTcpServer* const server = listener();
            connect(server, &QTcpServer::newConnection, this, [this, server] { page(server); });
            targets += QStringLiteral("prometheus+http://127.0.0.1:%1").arg(server->serverPort());
        }
        for (int i = 0; i < agents; ++i) {
            QTcpServer* const server = listener();
            connect(server, &QTcpServer::newConnection, this, [this, server] { greet(server); });
            targets += QStringLiteral("pool://127.0.0.1:%1").arg(server->serverPort());
        }
        for (int i = 0; i < frozen; ++i) {
            // Whoever comes is let in, and that is all.
            QTcpServer* const server = listener();
            frozenPorts += server->serverPort();
        }
        connect(&second_, &QTimer::timeout, this, &Crowd::work);
        second_.start(1000);
    }

    QStringList targets;
    QList<quint16> frozenPorts;
    int asked = 0; ///< pages

    /// Where nobody listens.
    static quint16 deadPort()
    {
        QTcpServer free;
        free.listen(QHostAddress::LocalHost);
        return free.serverPort();
    }
    /// Processor time of this process so far, in seconds.
    static double processorSeconds()
    {
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        return seconds(used.ru_utime) + seconds(used.ru_stime);
    }
    static int threads()
    {
        QFile status(QStringLiteral("/proc/self/status"));
        if (!status.open(QIODevice::ReadOnly))
            return 0;
        const QList<QByteArray> lines = status.readAll().split('\n');
        for (const QByteArray& line : lines) {
            if (line.startsWith("Threads:"))
                return line.mid(8).trimmed().toInt();
        }
        return 0;
    }

private:
    QTcpServer* listener()
    {
        auto* const server = new QTcpServer(this);
        server->listen(QHostAddress::LocalHost);
        return server;
    }
    void page(QTcpServer* server)
    {
        while (QTcpSocket* const socket = server->nextPendingConnection()) {
            connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
            connect(socket, &QTcpSocket::readyRead, this, [this, socket] {
                if (!socket->readAll().contains("\r\n\r\n"))
                    return;
                const QByteArray body = metrics(++asked);
                socket->write("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                              "Content-Length: " +
                              QByteArray::number(body.size()) + "\r\n\r\n" + body);
            });
        }
    }
    /// Two pools that are in use, among what an application of the JVM tells beside them.
    static QByteArray metrics(int n)
    {
        QByteArray text;
        for (int i = 0; i < 100; ++i)
            text += "jvm_memory_used_bytes{area=\"heap\",id=\"" + QByteArray::number(i) + "\"} " +
                    QByteArray::number(n * 1000 + i) + "\n";
        for (const char* const pool : {"orders", "audit"}) {
            const QByteArray labels = QByteArray("{pool=\"") + pool + "\"} ";
            text += "hikaricp_connections_active" + labels + QByteArray::number(n % 10) + "\n";
            text += "hikaricp_connections_idle" + labels + QByteArray::number(10 - n % 10) + "\n";
            text += "hikaricp_connections_max" + labels + "10\n";
            text += "hikaricp_connections_pending" + labels + "0\n";
            text += "hikaricp_connections_timeout_total" + labels + "2\n";
            text += "hikaricp_connections_usage_seconds_count" + labels +
                    QByteArray::number(n * 50) + "\n";
            text +=
                "hikaricp_connections_usage_seconds_sum" + labels + QByteArray::number(n) + "\n";
        }
        return text;
    }

    struct Agent
    {
        QTcpSocket* socket = nullptr;
        int number = 0;
    };
    void greet(QTcpServer* server)
    {
        while (QTcpSocket* const socket = server->nextPendingConnection()) {
            agents_.push_back({socket, 0});
            connect(socket, &QTcpSocket::readyRead, this, [this, socket] {
                while (socket->canReadLine())
                    heard(socket, socket->readLine());
            });
            connect(socket, &QTcpSocket::disconnected, this, [this, socket] {
                std::erase_if(agents_, [&](const Agent& one) { return one.socket == socket; });
                socket->deleteLater();
            });
            socket->write("{\"k\":\"hello\",\"n\":0,\"v\":1,\"now\":" + now() +
                          ",\"process\":\"crowd\",\"pid\":1,\"can\":[\"stats\"],\"pools\":[{"
                          "\"pool\":\"orders\"}]}\n"
                          "{\"k\":\"ready\",\"n\":0}\n");
        }
    }
    void heard(QTcpSocket* socket, const QByteArray& line)
    {
        const QJsonObject said = QJsonDocument::fromJson(line).object();
        if (said.value(QStringLiteral("k")) != QStringLiteral("ping"))
            return;
        for (Agent& agent : agents_) {
            if (agent.socket == socket)
                socket->write(
                    "{\"k\":\"pong\",\"n\":" + QByteArray::number(agent.number) +
                    ",\"of\":" + QByteArray::number(said.value(QStringLiteral("n")).toInt()) +
                    ",\"now\":" + now() + "}\n");
        }
    }
    static QByteArray now()
    {
        return QByteArray::number(QDateTime::currentMSecsSinceEpoch() * 1000);
    }
    /// Each checks out and in ten times a second.
    void work()
    {
        for (Agent& agent : agents_) {
            QByteArray lines;
            for (int i = 0; i < 10; ++i) {
                const QByteArray id = QByteArray::number(agent.number);
                lines += "{\"k\":\"checkout\",\"n\":" + QByteArray::number(++agent.number) +
                         ",\"pool\":\"orders\",\"id\":\"" + id + "\",\"t\":" + now() + "}\n";
                lines += "{\"k\":\"checkin\",\"n\":" + QByteArray::number(++agent.number) +
                         ",\"pool\":\"orders\",\"id\":\"" + id + "\",\"t\":" + now() + "}\n";
            }
            agent.socket->write(lines);
        }
    }

    QTimer second_;
    std::vector<Agent> agents_;
};

} // namespace poolscope::test
