// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/metricsexport.h"

#include "core/base/text.h"
#include "core/capture/openmetrics.h"

#include <QList>
#include <QTcpSocket>
#include <QTimer>

namespace poolscope {

namespace {

const QByteArray openMetricsType("application/openmetrics-text; version=1.0.0; charset=utf-8");
const QByteArray olderTextType("text/plain; version=0.0.4; charset=utf-8");

/// Of a header, the first of that name; empty: there is none.
QByteArray headerOf(const QList<QByteArray>& lines, const QByteArray& name)
{
    for (const QByteArray& line : lines) {
        const qsizetype colon = line.indexOf(':');
        if (colon > 0 && line.left(colon).compare(name, Qt::CaseInsensitive) == 0)
            return line.mid(colon + 1).trimmed();
    }
    return {};
}

/// "host:port", "[::1]:port", "host"
QByteArray hostWithoutPort(const QByteArray& host)
{
    if (host.startsWith('['))
        return host.mid(1, host.indexOf(']') - 1);
    return host.left(host.contains(':') ? host.indexOf(':') : host.size());
}

} // namespace

MetricsExport::MetricsExport(QObject* parent)
    : QObject(parent)
{
    server_.setMaxPendingConnections(mostPeers);
    connect(&server_, &QTcpServer::newConnection, this, &MetricsExport::come);
}

MetricsExport::~MetricsExport()
{
    // What its sockets still say must not reach this one.
    for (QTcpSocket* const peer : server_.findChildren<QTcpSocket*>())
        peer->disconnect(this);
}

Result<Done> MetricsExport::listen(const QString& address)
{
    const std::string given = plain_line(address.toStdString(), 128);
    const qsizetype colon = address.lastIndexOf(QLatin1Char(':'));
    QString host = colon < 0 ? QStringLiteral("127.0.0.1") : address.left(colon);
    if (host.startsWith(QLatin1Char('[')) && host.endsWith(QLatin1Char(']')))
        host = host.mid(1, host.size() - 2);
    if (host == QLatin1String("localhost"))
        host = QStringLiteral("127.0.0.1");
    bool isPort = false;
    const quint16 port = address.mid(colon + 1).toUShort(&isPort);
    const QHostAddress where(host);
    if (!isPort || where.isNull())
        return Error{"\"" + given + "\" is no address to serve metrics at.",
                     "Give a port, as 9466, or an address of this machine with one, as "
                     "192.0.2.7:9466."};
    if (!server_.listen(where, port))
        return Error{"Metrics cannot be served at " + given + ": " +
                         plain_line(server_.errorString().toStdString(), 200) + ".",
                     "Choose another port."};
    return Done{};
}

QString MetricsExport::url() const
{
    const QHostAddress address = server_.serverAddress();
    const QString shape = address.protocol() == QAbstractSocket::IPv6Protocol
                              ? QStringLiteral("http://[%1]:%2/metrics")
                              : QStringLiteral("http://%1:%2/metrics");
    return shape.arg(address.toString()).arg(server_.serverPort());
}

void MetricsExport::show(const UpdatePtr& update)
{
    update_ = update;
}

void MetricsExport::come()
{
    while (QTcpSocket* const peer = server_.nextPendingConnection()) {
        if (peers_ >= mostPeers) {
            peer->abort();
            peer->deleteLater();
            continue;
        }
        ++peers_;
        peer->setReadBufferSize(longestRequest + 1);
        auto* const limit = new QTimer(peer);
        limit->setSingleShot(true);
        connect(limit, &QTimer::timeout, peer, &QTcpSocket::abort);
        limit->start(timings_.request);
        connect(peer, &QTcpSocket::readyRead, this, [this, peer] { read(peer); });
        connect(peer, &QTcpSocket::disconnected, this, [this, peer] {
            --peers_;
            peer->disconnect(this);
            peer->deleteLater();
        });
    }
}

void MetricsExport::read(QTcpSocket* peer)
{
    const QByteArray come = peer->peek(longestRequest + 1);
    const qsizetype end = come.indexOf("\r\n\r\n");
    if (end < 0 && come.size() <= longestRequest)
        return;
    peer->disconnect(this);
    connect(peer, &QTcpSocket::disconnected, this, [this, peer] {
        --peers_;
        peer->deleteLater();
    });
    peer->findChild<QTimer*>()->start(timings_.answer);
    if (end < 0 || end > longestRequest)
        say(peer, "431 Request Header Fields Too Large", {}, "The request is too long.\n");
    else
        answer(peer, come.left(end));
}

/// A page of some web site must not read it through a name that it made to lead here.
bool MetricsExport::isForUs(const QByteArray& host) const
{
    const QByteArray name = hostWithoutPort(host);
    return !isLoopback() || name.compare("localhost", Qt::CaseInsensitive) == 0 ||
           !QHostAddress(QString::fromLatin1(name)).isNull();
}

void MetricsExport::answer(QTcpSocket* peer, const QByteArray& request)
{
    QList<QByteArray> lines = request.split('\n');
    for (QByteArray& line : lines) {
        if (line.endsWith('\r'))
            line.chop(1);
    }
    const QList<QByteArray> first = lines.takeFirst().split(' ');
    const QByteArray host = headerOf(lines, "Host");
    const bool http = first.size() == 3 && first[2].startsWith("HTTP/1.") &&
                      first[1].startsWith('/') && !(host.isEmpty() && first[2] != "HTTP/1.0");
    if (!http) {
        say(peer, "400 Bad Request", {}, "That is no request of HTTP/1.1.\n");
    } else if (first[0] != "GET" && first[0] != "HEAD") {
        say(peer, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "This can only be read.\n");
    } else if (!host.isEmpty() && !isForUs(host)) {
        say(peer, "403 Forbidden", {}, "It is not served under that name.\n", first[0] == "GET");
    } else if (first[1] != "/metrics" && !first[1].startsWith("/metrics?")) {
        say(peer, "404 Not Found", {}, "The page is /metrics.\n", first[0] == "GET");
    } else if (!update_) {
        say(peer, "503 Service Unavailable", {}, "Nothing is observed yet.\n", first[0] == "GET");
    } else {
        if (written_ != update_) {
            page_ = QByteArray::fromStdString(open_metrics_page(*update_));
            written_ = update_;
        }
        const QByteArray accepted = headerOf(lines, "Accept");
        const bool open = accepted.isEmpty() || accepted.contains("openmetrics-text") ||
                          (accepted.contains("*/*") && !accepted.contains("text/plain"));
        say(peer, "200 OK",
            "Content-Type: " + (open ? openMetricsType : olderTextType) +
                "\r\nCache-Control: no-store\r\n",
            page_, first[0] == "GET");
    }
}

void MetricsExport::say(QTcpSocket* peer, const QByteArray& status, const QByteArray& headers,
                        const QByteArray& body, bool bodyToo)
{
    const QByteArray type = headers.contains("Content-Type:")
                                ? QByteArray()
                                : QByteArray("Content-Type: text/plain; charset=utf-8\r\n");
    peer->write("HTTP/1.1 " + status + "\r\n" + headers + type +
                "X-Content-Type-Options: nosniff\r\nContent-Length: " +
                QByteArray::number(body.size()) + "\r\nConnection: close\r\n\r\n");
    if (bodyToo)
        peer->write(body);
    peer->disconnectFromHost();
}

} // namespace poolscope
