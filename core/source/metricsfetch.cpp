// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/metricsfetch.h"

#include <QNetworkAccessManager>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QSslError>
#include <QStringList>

#include <utility>

namespace poolscope {

namespace {

/// Held unread at most; a page is read as it comes.
constexpr qint64 readAhead = qint64{256} << 10;
/// Of a page that is an error's: read at most, and kept.
constexpr qint64 longestRefusal = qint64{64} << 10;
constexpr qint64 keptRefusal = qint64{4} << 10;

std::shared_ptr<QNetworkAccessManager> sharedManager()
{
    thread_local std::weak_ptr<QNetworkAccessManager> shared;
    std::shared_ptr<QNetworkAccessManager> manager = shared.lock();
    if (!manager) {
        manager = std::make_shared<QNetworkAccessManager>();
        manager->setProxy(QNetworkProxy(QNetworkProxy::NoProxy));
        manager->setRedirectPolicy(QNetworkRequest::ManualRedirectPolicy);
        shared = manager;
    }
    return manager;
}

MetricsFetch::End endOfFetch(QNetworkReply::NetworkError error)
{
    switch (error) {
    case QNetworkReply::ConnectionRefusedError:
        return MetricsFetch::End::refused;
    case QNetworkReply::HostNotFoundError:
        return MetricsFetch::End::unknownHost;
    case QNetworkReply::SslHandshakeFailedError:
        return MetricsFetch::End::untrusted;
    case QNetworkReply::RemoteHostClosedError:
        return MetricsFetch::End::cutOff;
    case QNetworkReply::UnknownContentError:
        return MetricsFetch::End::unpackable;
    case QNetworkReply::TimeoutError:
        return MetricsFetch::End::timedOut;
    default:
        return MetricsFetch::End::other;
    }
}

} // namespace

MetricsFetch::MetricsFetch(QObject* parent)
    : QObject(parent)
{
    limit_.setSingleShot(true);
    connect(&limit_, &QTimer::timeout, this, [this] {
        Outcome late = heard();
        late.end = End::timedOut;
        end(late);
    });
}

MetricsFetch::~MetricsFetch()
{
    cancel();
}

void MetricsFetch::start(const Request& request, std::function<void(const QByteArray&)> piece)
{
    cancel();
    if (!manager_)
        manager_ = sharedManager(); // here: a source may be made on another thread
    piece_ = std::move(piece);
    bytes_ = 0;
    refusal_.clear();
    longest_ = request.longest;
    tlsWords_.clear();
    encrypted_ = false;
    QNetworkRequest asked(request.url);
    asked.setHeader(QNetworkRequest::UserAgentHeader, QStringLiteral("poolscope"));
    asked.setRawHeader("Accept", request.accept);
    if (!request.authorization.isEmpty())
        asked.setRawHeader("Authorization", request.authorization);
    if (!request.hostHeader.isEmpty())
        asked.setRawHeader("Host", request.hostHeader);
    if (!request.host.isEmpty())
        asked.setPeerVerifyName(request.host);
    asked.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                       QNetworkRequest::ManualRedirectPolicy);
    asked.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    asked.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    asked.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    asked.setAttribute(QNetworkRequest::CacheLoadControlAttribute, QNetworkRequest::AlwaysNetwork);
    asked.setAttribute(QNetworkRequest::CacheSaveControlAttribute, false);
    asked.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    asked.setDecompressedSafetyCheckThreshold(request.longest);
    begun_ = std::chrono::steady_clock::now();
    reply_ = manager_->get(asked);
    reply_->setReadBufferSize(readAhead);
    connect(reply_, &QNetworkReply::readyRead, this, &MetricsFetch::readable);
    connect(reply_, &QNetworkReply::finished, this, &MetricsFetch::finished);
    connect(reply_, &QNetworkReply::sslErrors, this, [this](const QList<QSslError>& errors) {
        QStringList words;
        for (const QSslError& error : errors)
            words += error.errorString();
        words.removeDuplicates();
        tlsWords_ = words.join(QStringLiteral("; "));
    });
    connect(reply_, &QNetworkReply::encrypted, this, [this] { encrypted_ = true; });
    limit_.start(request.limit);
}

void MetricsFetch::cancel()
{
    limit_.stop();
    piece_ = nullptr;
    if (QNetworkReply* const reply = std::exchange(reply_, nullptr)) {
        reply->disconnect(this);
        reply->abort();
        reply->deleteLater();
    }
}

MetricsFetch::Outcome MetricsFetch::heard() const
{
    Outcome outcome;
    outcome.status = reply_->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    outcome.contentType = reply_->header(QNetworkRequest::ContentTypeHeader)
                              .toString()
                              .section(QLatin1Char(';'), 0, 0)
                              .trimmed()
                              .toLower();
    outcome.bytes = bytes_;
    outcome.refusal = refusal_;
    outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun_);
    const QUrl redirect = reply_->attribute(QNetworkRequest::RedirectionTargetAttribute).toUrl();
    if (!redirect.isEmpty())
        outcome.redirect = reply_->url().resolved(redirect);
    return outcome;
}

void MetricsFetch::readable()
{
    const QNetworkReply* const mine = reply_;
    if (mine == nullptr)
        return;
    const int status = reply_->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    while (reply_ == mine && reply_->bytesAvailable() > 0) {
        const QByteArray piece = reply_->read(readAhead);
        if (piece.isEmpty())
            return;
        bytes_ += piece.size();
        if (status != 200 && refusal_.size() < keptRefusal)
            refusal_ += piece.left(keptRefusal - refusal_.size());
        if (status != 200 && bytes_ > longestRefusal) {
            Outcome enough = heard();
            enough.end = End::complete;
            end(enough);
        } else if (bytes_ > longest_) {
            Outcome tooLong = heard();
            tooLong.end = End::tooLong;
            end(tooLong);
        } else if (status == 200 && piece_) {
            piece_(piece);
        }
    }
}

void MetricsFetch::finished()
{
    const QNetworkReply* const mine = reply_;
    readable();
    if (mine == nullptr || reply_ != mine) // whoever read it may have asked for the next
        return;
    Outcome outcome = heard();
    const QNetworkReply::NetworkError error = reply_->error();
    outcome.words = tlsWords_.isEmpty() ? reply_->errorString() : tlsWords_;
    // What HTTP says with a status is an error to Qt as well.
    const bool answered = outcome.status != 0 && outcome.status != 200;
    outcome.end = error == QNetworkReply::NoError || answered ? End::complete : endOfFetch(error);
    // Nothing was wrong with a certificate: there was none.
    const bool tls = reply_->url().scheme() == QLatin1String("https");
    if (tls && !encrypted_ && tlsWords_.isEmpty() &&
        (outcome.end == End::untrusted || outcome.end == End::cutOff))
        outcome.end = End::noTls;
    end(outcome);
}

void MetricsFetch::end(const Outcome& outcome)
{
    cancel();
    emit done(outcome);
}

} // namespace poolscope
