// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <QString>
#include <QUrl>

namespace poolscope {

/// Where a page of metrics is: `prometheus+http://host:port/path`, `prometheus+https://…`, or the
/// same with `expvar+`. Where the path ends in /api/v1 it is no page but a query API, which knows
/// those of a whole fleet; there `match={job="shop"}` in the query asks for a part of it.
struct MetricsAddress
{
    enum class Format { text, expvar, query };

    Format format = Format::text;
    QUrl url;         ///< http or https, with a path; holds no user and no password
    QString user;     ///< for HTTP's basic authentication; else a secret is a bearer token
    QString password; ///< if the URL had one; never to be shown or kept

    bool isTls() const { return url.scheme() == QStringLiteral("https"); }
    /// This machine's own, whatever a resolver says.
    bool isLoopback() const;
    quint16 port() const;
    /// As it is given, without the password; attaching to it again works.
    QString shown() const;
    /// "host:port", for sentences.
    QString label() const;
};

/// Whether the target is meant for a page of metrics, right or wrong.
bool isMetricsUrl(const QString& target);
/// Without a path it is /metrics, or /debug/vars. An error says what is wrong with it: also where a
/// query looks like a secret, which would be shown.
Result<MetricsAddress> parseMetricsUrl(const QString& target);
/// Of one that cannot be read only the scheme is kept.
QString metricsUrlWithoutSecrets(const QString& target);

} // namespace poolscope
