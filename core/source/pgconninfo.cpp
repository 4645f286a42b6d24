// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgconninfo.h"

#include <QHostAddress>
#include <QRegularExpression>
#include <QUrl>

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <numeric>

namespace poolscope {

namespace {

struct FreeOptions
{
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

/// `trouble`: libpq's own words, which may hold a part of the text.
Options parsed(const QString& text, QString* trouble = nullptr)
{
    char* words = nullptr;
    Options options{PQconninfoParse(text.toUtf8().constData(), &words)};
    if (trouble)
        *trouble = QString::fromUtf8(words);
    PQfreemem(words);
    return options;
}

/// How many letters are to be put in, left out or changed.
int editsBetween(const QString& a, const QString& b)
{
    std::vector<int> row(static_cast<std::size_t>(b.size()) + 1);
    std::iota(row.begin(), row.end(), 0);
    for (qsizetype i = 0; i < a.size(); ++i) {
        int diagonal = row[0];
        row[0] = static_cast<int>(i) + 1;
        for (std::size_t j = 1; j < row.size(); ++j) {
            const int changed = diagonal + (a[i] != b[static_cast<qsizetype>(j) - 1]);
            diagonal = row[j];
            row[j] = std::min({changed, diagonal + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

/// What libpq may object to: an option that it does not know. That is told only where it is nearly
/// one that it knows: it may as well be a piece of a password.
Error objection(const QString& trouble)
{
    Error error{"This is not a connection string that libpq can read.",
                "Write postgresql://user@host:5432/database, or host=… dbname=… user=…, or "
                "service=…. Characters such as @ / ? # in a URI are written %40 %2F %3F %23."};
    static const QRegularExpression option(
        QStringLiteral("(?:connection option|query parameter:) \"([a-z_]{3,40})\""));
    const QString written = option.match(trouble).captured(1);
    if (written.isEmpty())
        return error;
    error.sentence = "This connection string has an option that libpq does not know.";
    const Options known = parsed(QString());
    for (const PQconninfoOption* o = known.get(); o && o->keyword; ++o) {
        const QString keyword = QString::fromLatin1(o->keyword);
        if (editsBetween(written, keyword) > 2)
            continue;
        error.sentence = "libpq does not know the connection option " + written.toStdString() + ".";
        error.next_step = "Did you mean " + keyword.toStdString() + "?";
        break;
    }
    return error;
}

bool isSecret(const PQconninfoOption& option)
{
    const QLatin1String keyword(option.keyword);
    return (option.dispchar && option.dispchar[0] == '*') || keyword == QLatin1String("password") ||
           keyword == QLatin1String("sslpassword");
}

bool isUri(const QString& text)
{
    return text.startsWith(QLatin1String("postgresql://")) ||
           text.startsWith(QLatin1String("postgres://"));
}

QString percent(const QString& text)
{
    return QString::fromLatin1(QUrl::toPercentEncoding(text));
}

QString quoted(const QString& value)
{
    static const QRegularExpression plain(QStringLiteral("^[^\\s'\\\\]+$"));
    if (plain.match(value).hasMatch())
        return value;
    QString out = value;
    out.replace(QLatin1Char('\\'), QLatin1String("\\\\"));
    out.replace(QLatin1Char('\''), QLatin1String("\\'"));
    return QLatin1Char('\'') + out + QLatin1Char('\'');
}

/// A password with a raw '@' or '/' makes libpq take a part of it for the host or the database:
/// such a text must not be shown at all.
bool partOfPasswordAstray(const QString& uri)
{
    QString rest = uri.section(QStringLiteral("://"), 1);
    // As libpq does: the user and password end at the first '@', if no '/' comes before.
    const qsizetype at = rest.indexOf(QLatin1Char('@')), slash = rest.indexOf(QLatin1Char('/'));
    if (at >= 0 && (slash < 0 || at < slash))
        rest = rest.mid(at + 1);
    rest = rest.section(QLatin1Char('?'), 0, 0);
    const QString path = rest.section(QLatin1Char('/'), 1);
    return rest.contains(QLatin1Char('@')) || path.contains(QLatin1Char('/'));
}

bool portsReadable(const QString& ports)
{
    static const QRegularExpression numbers(QStringLiteral("^[0-9, ]*$"));
    return numbers.match(ports).hasMatch();
}

QString uriOf(const QString& scheme, PgParams params)
{
    const auto take = [&](const char* key) {
        const QString name = QString::fromLatin1(key);
        QString value = params[name];
        params.erase(name);
        return value;
    };
    const QString user = take("user"), hosts = take("host"), ports = take("port");
    const QString database = take("dbname");
    QString out = scheme + QLatin1String("://");
    if (!user.isEmpty())
        out += percent(user) + QLatin1Char('@');
    const QStringList hostList = hosts.split(QLatin1Char(','));
    const QStringList portList = ports.split(QLatin1Char(','));
    for (qsizetype i = 0; i < hostList.size(); ++i) {
        const QString& host = hostList.at(i);
        const bool six = host.contains(QLatin1Char(':')) && !host.startsWith(QLatin1Char('/'));
        out += i ? QStringLiteral(",") : QString();
        out += six ? QLatin1Char('[') + host + QLatin1Char(']') : percent(host);
        const QString port = portList.size() == 1 ? portList.first() : portList.value(i);
        if (!port.isEmpty())
            out += QLatin1Char(':') + port;
    }
    if (!database.isEmpty())
        out += QLatin1Char('/') + percent(database);
    QChar separator = QLatin1Char('?');
    for (const auto& [key, value] : params) {
        out += separator + key + QLatin1Char('=') + percent(value);
        separator = QLatin1Char('&');
    }
    return out;
}

} // namespace

QString valueOf(const PgParams& params, const char* key)
{
    const auto found = params.find(QString::fromLatin1(key));
    return found == params.end() ? QString() : found->second;
}

Result<PgParams> parseConninfo(const QString& target)
{
    QString trouble;
    const Options options = parsed(target, &trouble);
    if (!options)
        return objection(trouble);
    PgParams params;
    for (const PQconninfoOption* o = options.get(); o->keyword; ++o) {
        if (o->val)
            params[QString::fromLatin1(o->keyword)] = QString::fromUtf8(o->val);
    }
    return params;
}

Result<PgParams> effectiveParams(const PgParams& given)
{
    PgParams params = given;
    QString service = params.contains(QStringLiteral("service"))
                          ? params.at(QStringLiteral("service"))
                          : qEnvironmentVariable("PGSERVICE");
    if (!service.isEmpty()) {
        const PgParams entry = serviceParams(service);
        if (entry.empty())
            return Error{"There is no service \"" + service.toStdString() +
                             "\" in pg_service.conf.",
                         "Look into ~/.pg_service.conf, or the file that PGSERVICEFILE names."};
        params.insert(entry.begin(), entry.end());
    }
    const Options options = parsed(QString());
    for (const PQconninfoOption* o = options.get(); o && o->keyword; ++o) {
        const QString keyword = QString::fromLatin1(o->keyword);
        if (params.contains(keyword))
            continue;
        if (o->envvar && qEnvironmentVariableIsSet(o->envvar))
            params[keyword] = qEnvironmentVariable(o->envvar);
        else if (o->compiled)
            params[keyword] = QString::fromUtf8(o->compiled);
    }
    if (params[QStringLiteral("user")].isEmpty()) {
        const Options defaults{PQconndefaults()};
        for (const PQconninfoOption* o = defaults.get(); o && o->keyword; ++o) {
            if (QLatin1String(o->keyword) == QLatin1String("user") && o->val)
                params[QStringLiteral("user")] = QString::fromUtf8(o->val);
        }
    }
    if (params[QStringLiteral("dbname")].isEmpty())
        params[QStringLiteral("dbname")] = params[QStringLiteral("user")];
    return params;
}

std::optional<int> connectTimeout(const PgParams& effective)
{
    bool number = false;
    const int seconds = valueOf(effective, "connect_timeout").trimmed().toInt(&number);
    if (!number)
        return std::nullopt;
    return seconds <= 0 ? 0 : std::max(seconds, 2);
}

QString conninfoWithoutSecrets(const QString& target)
{
    const Options options = parsed(target);
    if (!options || (isUri(target) && partOfPasswordAstray(target)))
        return {};
    PgParams params;
    QStringList pairs;
    for (const PQconninfoOption* o = options.get(); o->keyword; ++o) {
        if (!o->val || isSecret(*o))
            continue;
        const QString keyword = QString::fromLatin1(o->keyword);
        const QString value = QString::fromUtf8(o->val);
        if (keyword == QLatin1String("port") && !portsReadable(value))
            return {};
        params[keyword] = value;
        pairs += keyword + QLatin1Char('=') + quoted(value);
    }
    if (!isUri(target))
        return pairs.join(QLatin1Char(' '));
    return uriOf(target.section(QLatin1Char(':'), 0, 0), params);
}

QString poolerUrl(const PgParams& effective)
{
    PgParams console;
    for (const char* const key : {"host", "port"}) {
        if (const QString value = valueOf(effective, key); !value.isEmpty())
            console[QString::fromLatin1(key)] = value;
    }
    // Who is in there already may be let in again.
    if (valueOf(effective, "dbname") == QLatin1String("pgbouncer"))
        console[QStringLiteral("user")] = valueOf(effective, "user");
    return uriOf(QStringLiteral("pgbouncer"), console);
}

QString PgEndpoint::label() const
{
    if (!beyond.isEmpty())
        return beyond;
    if (isLocalSocket())
        return host.isEmpty() ? QStringLiteral("the local socket, port ") + port
                              : host + QStringLiteral("/.s.PGSQL.") + port;
    const QString name = host.isEmpty() ? address : host;
    return name.contains(QLatin1Char(':')) ? QStringLiteral("[%1]:%2").arg(name, port)
                                           : name + QLatin1Char(':') + port;
}

bool PgEndpoint::isLocalSocket() const
{
    return address.isEmpty() && (host.isEmpty() || host.startsWith(QLatin1Char('/')) ||
                                 host.startsWith(QLatin1Char('@')));
}

bool PgEndpoint::needsLookup() const
{
    return address.isEmpty() && !isLocalSocket() && QHostAddress(host).isNull();
}

Result<std::vector<PgEndpoint>> endpointsOf(const PgParams& effective)
{
    const auto list = [&](const char* key) {
        const auto found = effective.find(QString::fromLatin1(key));
        return found == effective.end() || found->second.isEmpty()
                   ? QStringList()
                   : found->second.split(QLatin1Char(','));
    };
    const QStringList hosts = list("host"), addresses = list("hostaddr"), ports = list("port");
    const qsizetype count = std::max<qsizetype>({1, hosts.size(), addresses.size()});
    if ((!hosts.isEmpty() && !addresses.isEmpty() && hosts.size() != addresses.size()) ||
        (ports.size() > 1 && ports.size() != count))
        return Error{"The connection string names a different number of hosts, addresses or ports.",
                     "Give one port for all hosts, or one for each."};
    std::vector<PgEndpoint> endpoints;
    for (qsizetype i = 0; i < count; ++i) {
        PgEndpoint endpoint{hosts.value(i).trimmed(), addresses.value(i).trimmed(),
                            ports.size() == 1 ? ports.first().trimmed() : ports.value(i).trimmed()};
        if (endpoint.port.isEmpty())
            endpoint.port = QStringLiteral("5432");
        endpoints.push_back(endpoint);
    }
    return endpoints;
}

} // namespace poolscope
