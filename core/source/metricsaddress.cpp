// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/metricsaddress.h"

#include "core/base/text.h"
#include "core/source/agentaddress.h"
#include "core/source/fleetpoll.h"

#include <QUrlQuery>

#include <array>
#include <utility>

namespace poolscope {

namespace {

struct MetricsScheme
{
    QLatin1String name;
    MetricsAddress::Format format;
    QLatin1String http;
    QLatin1String path;
};

using Format = MetricsAddress::Format;
constexpr std::array<MetricsScheme, 4> metricsSchemes{{
    {QLatin1String("prometheus+http"), Format::text, QLatin1String("http"),
     QLatin1String("/metrics")},
    {QLatin1String("prometheus+https"), Format::text, QLatin1String("https"),
     QLatin1String("/metrics")},
    {QLatin1String("expvar+http"), Format::expvar, QLatin1String("http"),
     QLatin1String("/debug/vars")},
    {QLatin1String("expvar+https"), Format::expvar, QLatin1String("https"),
     QLatin1String("/debug/vars")},
}};

const MetricsScheme* schemeIn(const QString& target)
{
    const QString given = target.section(QStringLiteral("://"), 0, 0).toLower();
    if (given.size() == target.size())
        return nullptr;
    for (const MetricsScheme& scheme : metricsSchemes) {
        if (given == scheme.name)
            return &scheme;
    }
    return nullptr;
}

bool looksSecret(const QString& name)
{
    for (const char* const word : {"token", "pass", "pwd", "secret", "key", "auth", "sig"}) {
        if (name.contains(QLatin1String(word), Qt::CaseInsensitive))
            return true;
    }
    return false;
}

constexpr std::size_t longestMatchers = 2000; // bytes: with it all must fit into one request

bool isQueryApi(const QString& path)
{
    return path.endsWith(QLatin1String("/api/v1")) || path.endsWith(QLatin1String("/api/v1/"));
}

} // namespace

bool MetricsAddress::isLoopback() const
{
    return !loopbackAddresses(url.host()).empty();
}

quint16 MetricsAddress::port() const
{
    return static_cast<quint16>(url.port(isTls() ? 443 : 80));
}

QString MetricsAddress::shown() const
{
    QUrl full = url;
    full.setUserName(user);
    const QString kind =
        format == Format::expvar ? QStringLiteral("expvar+") : QStringLiteral("prometheus+");
    return kind + full.toString(QUrl::FullyEncoded);
}

QString MetricsAddress::label() const
{
    const QString shape =
        url.host().contains(QLatin1Char(':')) ? QStringLiteral("[%1]:%2") : QStringLiteral("%1:%2");
    return shape.arg(url.host()).arg(port());
}

bool isMetricsUrl(const QString& target)
{
    return schemeIn(target) != nullptr;
}

Result<MetricsAddress> parseMetricsUrl(const QString& target)
{
    const MetricsScheme* const scheme = schemeIn(target);
    const QString rest = target.section(QStringLiteral("://"), 1);
    const Error unreadable{"The address of the metrics cannot be read.",
                           "Write prometheus+http://HOST:PORT/metrics, prometheus+https://…, "
                           "expvar+http://HOST:PORT/debug/vars, or, for a whole fleet, "
                           "prometheus+http://HOST:PORT/api/v1."};
    if (scheme == nullptr)
        return unreadable;
    QUrl url(scheme->http + QStringLiteral("://") + rest, QUrl::TolerantMode);
    if (!url.isValid() || url.host().isEmpty() || url.port() == 0 || url.hasFragment())
        return unreadable;
    const QUrlQuery query(url);
    for (const auto& [name, value] : query.queryItems()) {
        if (looksSecret(name))
            return Error{"The address holds \"" + plain_line(name.toStdString(), 64) +
                             "\", which looks like a secret and would be shown.",
                         "Leave it out: Poolscope asks for a token where the server wants one, and "
                         "takes it from POOLSCOPE_METRICS_TOKEN."};
    }
    MetricsAddress address;
    address.format = scheme->format;
    address.user = url.userName(QUrl::FullyDecoded);
    address.password = url.password(QUrl::FullyDecoded);
    if (address.user.isEmpty() && !address.password.isEmpty())
        return Error{"The address has a password, and no user.",
                     "Write USER:PASSWORD@HOST, or leave it out and give the token when asked."};
    url.setUserInfo(QString());
    if (url.path().isEmpty())
        url.setPath(scheme->path);
    if (isQueryApi(url.path()) && scheme->format == Format::text) {
        address.format = Format::query;
        if (url.path().endsWith(QLatin1Char('/')))
            url.setPath(url.path().chopped(1));
        if (fleetMatchers(url).size() > longestMatchers)
            return Error{"What \"match\" asks for is too long.", "Ask for less at once."};
    }
    address.url = url;
    return address;
}

QString metricsUrlWithoutSecrets(const QString& target)
{
    if (const Result<MetricsAddress> address = parseMetricsUrl(target))
        return address.value().shown();
    const MetricsScheme* const scheme = schemeIn(target);
    return scheme == nullptr ? QString() : scheme->name + QStringLiteral("://");
}

} // namespace poolscope
