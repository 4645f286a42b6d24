// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentlink.h"

#include <QLocalSocket>
#include <QTcpSocket>

namespace poolscope {

namespace {

constexpr qint64 mostUnread = 1 << 20;
constexpr qint64 mostUnwritten = 256 * 1024;

AgentLink::End endOf(QLocalSocket::LocalSocketError error)
{
    switch (error) {
    case QLocalSocket::ServerNotFoundError:
        return AgentLink::End::absent;
    case QLocalSocket::ConnectionRefusedError:
        return AgentLink::End::refused;
    case QLocalSocket::SocketAccessError:
        return AgentLink::End::denied;
    case QLocalSocket::PeerClosedError:
        return AgentLink::End::closed;
    default:
        return AgentLink::End::other;
    }
}

AgentLink::End endOf(QAbstractSocket::SocketError error)
{
    switch (error) {
    case QAbstractSocket::ConnectionRefusedError:
        return AgentLink::End::refused;
    case QAbstractSocket::RemoteHostClosedError:
        return AgentLink::End::closed;
    default:
        return AgentLink::End::other;
    }
}

} // namespace

AgentLink::AgentLink(QObject* parent)
    : QObject(parent)
{
    limit_.setSingleShot(true);
    connect(&limit_, &QTimer::timeout, this, [this] { finish(End::timedOut, {}); });
}

AgentLink::~AgentLink()
{
    close();
}

void AgentLink::open(const AgentAddress& address, std::chrono::milliseconds limit)
{
    close();
    limit_.start(limit);
    if (address.isLocal()) {
        openLocal(address.path);
        return;
    }
    first_.reset();
    hosts_ = loopbackAddresses(address.host);
    port_ = address.port;
    openNext();
}

void AgentLink::openLocal(const QString& path)
{
    auto* const socket = new QLocalSocket;
    device_ = socket;
    socket->setReadBufferSize(mostUnread);
    connect(socket, &QLocalSocket::connected, this, [this] {
        limit_.stop();
        connected_ = true;
        emit opened();
    });
    connect(socket, &QLocalSocket::readyRead, this, &AgentLink::readable);
    connect(socket, &QLocalSocket::disconnected, this, [this] { finish(End::closed, {}); });
    connect(
        socket, &QLocalSocket::errorOccurred, this,
        [this, socket](QLocalSocket::LocalSocketError error) {
            if (device_ == socket)
                finish(endOf(error), socket->errorString());
        },
        // It may come from within connectToServer, before the caller knows of anything.
        Qt::QueuedConnection);
    socket->connectToServer(path);
}

void AgentLink::openNext()
{
    if (hosts_.empty()) // not for addresses as reachableAddress() has them
        return;
    const QHostAddress host = hosts_.front();
    hosts_.erase(hosts_.begin());
    auto* const socket = new QTcpSocket;
    device_ = socket;
    socket->setReadBufferSize(mostUnread);
    connect(socket, &QTcpSocket::connected, this, [this, socket] {
        limit_.stop();
        connected_ = true;
        socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
        socket->setSocketOption(QAbstractSocket::KeepAliveOption, 1);
        emit opened();
    });
    connect(socket, &QTcpSocket::readyRead, this, &AgentLink::readable);
    connect(socket, &QTcpSocket::disconnected, this, [this] { finish(End::closed, {}); });
    connect(
        socket, &QTcpSocket::errorOccurred, this,
        [this, socket](QAbstractSocket::SocketError error) {
            if (device_ != socket)
                return;
            if (!connected_ && !first_)
                first_ = {endOf(error), socket->errorString()};
            if (connected_ || hosts_.empty()) {
                // Of several addresses the first one is meant, the second may not even exist.
                const auto [how, words] =
                    connected_ ? std::pair{endOf(error), socket->errorString()} : *first_;
                finish(how, words);
                return;
            }
            discard();
            openNext();
        },
        Qt::QueuedConnection);
    socket->connectToHost(host, port_);
}

std::size_t AgentLink::read(std::span<char> room)
{
    if (device_ == nullptr)
        return 0;
    const qint64 got = device_->read(room.data(), static_cast<qint64>(room.size()));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool AgentLink::write(std::string_view bytes)
{
    const auto size = static_cast<qint64>(bytes.size());
    if (!isOpen() || device_->bytesToWrite() + size > mostUnwritten)
        return false;
    return device_->write(bytes.data(), size) == size;
}

void AgentLink::finish(End how, const QString& words)
{
    // Both `disconnected` and an error tell of one end: the first of them counts.
    if (!connected_ && !limit_.isActive() && how != End::timedOut)
        return;
    limit_.stop();
    connected_ = false;
    if (device_ != nullptr)
        device_->disconnect(this);
    emit ended(how, words);
}

void AgentLink::close()
{
    limit_.stop();
    hosts_.clear();
    discard();
}

void AgentLink::discard()
{
    connected_ = false;
    if (device_ == nullptr)
        return;
    QIODevice* const device = device_;
    device_ = nullptr;
    device->disconnect(this);
    if (auto* const local = qobject_cast<QLocalSocket*>(device))
        local->abort();
    else if (auto* const tcp = qobject_cast<QTcpSocket*>(device))
        tcp->abort();
    device->deleteLater();
}

} // namespace poolscope
