// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/capture/update.h"

#include <QByteArray>
#include <QHostAddress>
#include <QObject>
#include <QString>
#include <QTcpServer>

#include <chrono>

class QTcpSocket;

namespace poolscope {

/// Serves the latest update as a page of OpenMetrics at /metrics, for Prometheus and its like. It
/// can be read and nothing else: GET and HEAD, a request a connection. Whoever is slow, sends much
/// or comes with many is turned away. One thread; never blocks.
class MetricsExport : public QObject
{
    Q_OBJECT
public:
    static constexpr int mostPeers = 32;
    static constexpr qint64 longestRequest = 8192; ///< bytes
    struct Timings
    {
        std::chrono::milliseconds request{5000}; ///< until its header is there
        std::chrono::milliseconds answer{15000}; ///< until all of the page was taken
    };

    explicit MetricsExport(QObject* parent = nullptr);
    ~MetricsExport() override;

    /// Before listen().
    void setTimings(const Timings& timings) { timings_ = timings; }
    /// "9466" (of this machine's own 127.0.0.1), "HOST:PORT" with an address of this machine, or
    /// "localhost:PORT". Port 0 takes a free one. An error says why that cannot be.
    Result<Done> listen(const QString& address);
    /// Only this machine can reach it.
    bool isLoopback() const { return server_.serverAddress().isLoopback(); }
    /// "http://127.0.0.1:9466/metrics"
    QString url() const;

    void show(const UpdatePtr& update);
    int peers() const { return peers_; } ///< connected now

private:
    void come();
    void read(QTcpSocket* peer);
    void answer(QTcpSocket* peer, const QByteArray& request);
    void say(QTcpSocket* peer, const QByteArray& status, const QByteArray& headers,
             const QByteArray& body, bool bodyToo = true);
    bool isForUs(const QByteArray& host) const;

    QTcpServer server_;
    Timings timings_;
    UpdatePtr update_;
    UpdatePtr written_; ///< what page_ shows
    QByteArray page_;
    int peers_ = 0;
};

} // namespace poolscope
