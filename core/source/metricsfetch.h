// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QObject>
#include <QString>
#include <QTimer>
#include <QUrl>

#include <chrono>
#include <functional>
#include <memory>

class QNetworkAccessManager;
class QNetworkReply;

namespace poolscope {

/// Gets one page by HTTP, in pieces, unpacked where it comes compressed. All of a thread share one
/// manager and with it one thread for the network, however many there are. Follows no redirect,
/// asks for no credentials, keeps no cookies.
class MetricsFetch : public QObject
{
    Q_OBJECT
public:
    struct Request
    {
        QUrl url;
        QString host;             ///< that it is meant for, where the way leads through a tunnel
        QByteArray hostHeader;    ///< the same
        QByteArray accept;        ///< content types
        QByteArray authorization; ///< header; may be empty
        std::chrono::milliseconds limit{10000}; ///< to its last byte
        qint64 longest = 0;                     ///< unpacked, in bytes
    };
    enum class End {
        complete, ///< with whatever status
        tooLong,  ///< longer than `longest`
        timedOut, ///< `bytes` of it had come
        refused,  ///< nobody listens
        unknownHost,
        untrusted,  ///< TLS: `words` say why
        noTls,      ///< asked by TLS, it speaks none, or not this one
        unpackable, ///< packed wrongly, or far longer than `longest` (Qt does not tell which)
        cutOff,     ///< closed before its end
        other,      ///< `words` say what
    };
    struct Outcome
    {
        End end = End::other;
        int status = 0; ///< of HTTP; 0: none came
        QString words;
        QString contentType; ///< lower case, without parameters
        QUrl redirect;       ///< absolute; empty: none
        qint64 bytes = 0;    ///< of the page, unpacked
        QByteArray refusal;  ///< the beginning of what came with another status than 200
        std::chrono::milliseconds took{};
    };

    explicit MetricsFetch(QObject* parent = nullptr);
    ~MetricsFetch() override;

    /// `piece` gets the page of a status 200 alone.
    void start(const Request& request, std::function<void(const QByteArray&)> piece);
    /// Silent from here on.
    void cancel();
    bool isActive() const { return reply_ != nullptr; }

signals:
    void done(const poolscope::MetricsFetch::Outcome& outcome);

private:
    void readable();
    void finished();
    void end(const Outcome& outcome);
    Outcome heard() const;

    std::shared_ptr<QNetworkAccessManager> manager_;
    QNetworkReply* reply_ = nullptr;
    std::function<void(const QByteArray&)> piece_;
    QTimer limit_;
    std::chrono::steady_clock::time_point begun_;
    qint64 longest_ = 0;
    qint64 bytes_ = 0;
    QByteArray refusal_;
    QString tlsWords_;
    bool encrypted_ = false; ///< TLS was agreed upon
};

} // namespace poolscope
