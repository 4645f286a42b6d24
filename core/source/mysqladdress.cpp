// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqladdress.h"

#include <QFile>
#include <QHostAddress>
#include <QRegularExpression>
#include <QUrl>
#include <QUrlQuery>

#include <mysql.h>

#include <algorithm>
#include <array>
#include <memory>

namespace poolscope {

namespace {

/// Neither a socket that a server can have nor a port that one has: asked to connect there, the
/// library reads its option files and gives up at once, whatever protocol they name.
constexpr unsigned int no_port = 1;
constexpr const char* no_socket = "/dev/null/none";
constexpr std::array<const char*, 3> usual_sockets{
    "/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/var/run/mysql/mysql.sock"};

const QRegularExpression& urlForm()
{
    static const QRegularExpression form(QStringLiteral(
        R"(^(mysql|mariadb)://(?:([^/?#]*)@)?(\[[^\]@/]*\]|[^:/?#@\[\]]*)(?::(\d{1,5}))?(?:/([^?#/]*))?(?:\?([^#]*))?$)"));
    return form;
}

QString decoded(const QString& text)
{
    return QUrl::fromPercentEncoding(text.toUtf8());
}

bool hasControl(const QString& text)
{
    return std::any_of(text.begin(), text.end(), [](QChar c) { return c.unicode() < 0x20; });
}

std::optional<MySqlTls> tlsOf(const QString& word)
{
    const QString w = word.toLower().replace(QLatin1Char('-'), QLatin1Char('_'));
    if (w == QLatin1String("disabled") || w == QLatin1String("disable"))
        return MySqlTls::disabled;
    if (w == QLatin1String("preferred") || w == QLatin1String("prefer"))
        return MySqlTls::preferred;
    if (w == QLatin1String("required") || w == QLatin1String("require"))
        return MySqlTls::required;
    if (w == QLatin1String("verify_ca"))
        return MySqlTls::verify_ca;
    if (w == QLatin1String("verify_identity") || w == QLatin1String("verify_full"))
        return MySqlTls::verify_identity;
    return std::nullopt;
}

QString plainKey(const QString& key)
{
    return key.toLower().replace(QLatin1Char('_'), QLatin1Char('-'));
}

std::optional<Error> readOption(MySqlAddress& address, const QString& key, const QString& value)
{
    const QString k = plainKey(key);
    if (k == QLatin1String("socket"))
        address.socket = value;
    else if (k == QLatin1String("ssl-ca"))
        address.ca = value;
    else if (k == QLatin1String("ssl-capath"))
        address.caPath = value;
    else if (k == QLatin1String("ssl-cert"))
        address.certificate = value;
    else if (k == QLatin1String("ssl-key"))
        address.key = value;
    else if (k == QLatin1String("defaults-file"))
        address.optionFile = value;
    else if (k == QLatin1String("user"))
        address.user = value;
    else if (k == QLatin1String("password"))
        address.password = value;
    else if (k == QLatin1String("connect-timeout")) {
        bool number = false;
        address.connectTimeout = value.toInt(&number);
        if (!number || *address.connectTimeout < 0)
            return Error{"The address of the MySQL server has a connect-timeout that is none.",
                         "Give seconds; 0 waits for long."};
    } else if (k == QLatin1String("ssl-mode") || k == QLatin1String("sslmode")) {
        address.tls = tlsOf(value);
        if (!address.tls)
            return Error{"The address of the MySQL server has an ssl-mode that is none.",
                         "Use disabled, preferred, required, verify_ca or verify_identity."};
    } else {
        return Error{"The address of the MySQL server has an option that Poolscope does not know.",
                     "Known are socket, ssl-mode, ssl-ca, ssl-capath, ssl-cert, ssl-key, "
                     "connect-timeout and defaults-file."};
    }
    return std::nullopt;
}

QString optionOf(MYSQL* handle, mysql_option option)
{
    const char* text = nullptr;
    if (mysql_get_optionv(handle, option, static_cast<void*>(&text)) != 0 || !text)
        return {};
    return QString::fromUtf8(text);
}

bool flagOf(MYSQL* handle, mysql_option option)
{
    my_bool set = 0;
    return mysql_get_optionv(handle, option, static_cast<void*>(&set)) == 0 && set != 0;
}

} // namespace

bool isMySqlUrl(const QString& target)
{
    return target.startsWith(QLatin1String("mysql://")) ||
           target.startsWith(QLatin1String("mariadb://"));
}

Result<MySqlAddress> parseMySqlUrl(const QString& target)
{
    const QRegularExpressionMatch match = urlForm().match(target);
    const Error unread{"The address of the MySQL server cannot be read.",
                       "Write mysql://USER@HOST:PORT/DATABASE, or mysql://USER@/?socket=/PATH; "
                       "write @ : / ? # within a name as %40 %3A %2F %3F %23."};
    if (!match.hasMatch())
        return unread;
    MySqlAddress address;
    const QString who = match.captured(2);
    address.user = decoded(who.section(QLatin1Char(':'), 0, 0));
    if (who.contains(QLatin1Char(':')))
        address.password = decoded(who.section(QLatin1Char(':'), 1));
    address.host = match.captured(3);
    if (address.host.startsWith(QLatin1Char('[')))
        address.host = address.host.mid(1, address.host.size() - 2);
    address.host = decoded(address.host);
    const QString port = match.captured(4);
    address.port = port.toInt();
    address.database = decoded(match.captured(5));
    if ((!port.isEmpty() && (address.port < 1 || address.port > 65535)) ||
        (!port.isEmpty() && address.host.isEmpty()))
        return unread;
    const QUrlQuery query(match.captured(6));
    for (const auto& [key, value] : query.queryItems(QUrl::FullyDecoded)) {
        if (const auto error = readOption(address, key, value))
            return *error;
    }
    // As MySQL's own clients have it, localhost is the socket where one is named.
    if (!address.socket.isEmpty() &&
        address.host.compare(QLatin1String("localhost"), Qt::CaseInsensitive) == 0) {
        address.host.clear();
        address.port = 0;
    }
    if (!address.socket.isEmpty() && !address.host.isEmpty())
        return Error{"The address of the MySQL server names both a host and a socket.",
                     "A socket is on this machine: write mysql://USER@/?socket=/PATH, or leave the "
                     "socket out."};
    for (const QString* text : {&address.user, &address.host, &address.database, &address.socket}) {
        if (hasControl(*text))
            return unread;
    }
    return address;
}

QString mysqlUrlWithoutSecrets(const QString& target)
{
    QString scheme = target.section(QLatin1String("://"), 0, 0) + QStringLiteral("://");
    const QRegularExpressionMatch match = urlForm().match(target);
    if (!match.hasMatch())
        return scheme;
    QString text = scheme;
    const QString user = match.captured(2).section(QLatin1Char(':'), 0, 0);
    if (!user.isEmpty())
        text += user + QLatin1Char('@');
    text += match.captured(3);
    if (!match.captured(4).isEmpty())
        text += QLatin1Char(':') + match.captured(4);
    // Another name may be a misspelt one with a password.
    static const QStringList known{QStringLiteral("user"),
                                   QStringLiteral("socket"),
                                   QStringLiteral("ssl-mode"),
                                   QStringLiteral("sslmode"),
                                   QStringLiteral("ssl-ca"),
                                   QStringLiteral("ssl-capath"),
                                   QStringLiteral("ssl-cert"),
                                   QStringLiteral("ssl-key"),
                                   QStringLiteral("connect-timeout"),
                                   QStringLiteral("defaults-file")};
    QStringList options;
    for (const QString& option : match.captured(6).split(QLatin1Char('&'), Qt::SkipEmptyParts)) {
        if (known.contains(plainKey(decoded(option.section(QLatin1Char('='), 0, 0)))))
            options += option;
    }
    if (!match.captured(5).isEmpty() || !options.isEmpty())
        text += QLatin1Char('/') + match.captured(5);
    if (!options.isEmpty())
        text += QLatin1Char('?') + options.join(QLatin1Char('&'));
    return text;
}

QString MySqlAddress::label() const
{
    if (host.isEmpty())
        return socket.isEmpty() ? QStringLiteral("the local socket") : socket;
    const QString number = QString::number(port == 0 ? mysql_default_port : port);
    return host.contains(QLatin1Char(':')) ? QStringLiteral("[%1]:%2").arg(host, number)
                                           : host + QLatin1Char(':') + number;
}

QString MySqlAddress::name() const
{
    QString where = host.isEmpty() ? QStringLiteral("local") : host;
    if (!host.isEmpty() && QHostAddress(host).isNull())
        where = host.section(QLatin1Char('.'), 0, 0);
    return database.isEmpty() ? where : where + QLatin1Char('/') + database;
}

PgEndpoint MySqlAddress::endpoint() const
{
    if (host.isEmpty())
        return {socket.isEmpty() ? QStringLiteral("/") : socket, {}, {}};
    PgEndpoint endpoint{host, {}, QString::number(port == 0 ? mysql_default_port : port)};
    if (!QHostAddress(host).isNull())
        endpoint.address = host;
    return endpoint;
}

MySqlAddress effectiveAddress(const MySqlAddress& given)
{
    MySqlAddress out = given;
    const std::unique_ptr<MYSQL, void (*)(MYSQL*)> probe(mysql_init(nullptr), mysql_close);
    if (!probe)
        return out;
    const QByteArray file = QFile::encodeName(given.optionFile);
    if (!file.isEmpty())
        mysql_optionsv(probe.get(), MYSQL_READ_DEFAULT_FILE, file.constData());
    mysql_optionsv(probe.get(), MYSQL_READ_DEFAULT_GROUP, "poolscope");
    const unsigned int none = MYSQL_PROTOCOL_MEMORY; // there is none such on this system
    mysql_optionsv(probe.get(), MYSQL_OPT_PROTOCOL, &none);
    mysql_real_connect(probe.get(), "127.0.0.1", "nobody", "", nullptr, no_port, no_socket,
                       CLIENT_REMEMBER_OPTIONS);
    const auto fill = [&](QString& text, mysql_option option) {
        if (text.isEmpty())
            text = optionOf(probe.get(), option);
    };
    // Those that a connection has of its own are only told of one that stands: what the files say
    // is in the options.
    const st_mysql_options& read = probe->options;
    const auto take = [](QString& text, const char* from) {
        if (text.isEmpty() && from)
            text = QString::fromUtf8(from);
    };
    // A host of the file belongs to its socket and port: with a host or socket of the URL, neither.
    if (out.host.isEmpty() && out.socket.isEmpty()) {
        take(out.host, read.host);
        take(out.socket, read.unix_socket);
        if (out.socket == QLatin1String(no_socket))
            out.socket.clear();
        if (out.host == QLatin1String("localhost") && out.port == 0)
            out.host.clear();
    }
    if (out.port == 0 && !out.host.isEmpty()) {
        if (read.port != 0 && read.port != no_port && read.port <= 65535)
            out.port = static_cast<int>(read.port);
    }
    take(out.user, read.user);
    if (out.password.isNull()) {
        const QString password = QString::fromUtf8(read.password);
        out.password = password.isEmpty() ? qEnvironmentVariable("MYSQL_PWD") : password;
    }
    take(out.database, read.db);
    fill(out.ca, MYSQL_OPT_SSL_CA);
    fill(out.caPath, MYSQL_OPT_SSL_CAPATH);
    fill(out.certificate, MYSQL_OPT_SSL_CERT);
    fill(out.key, MYSQL_OPT_SSL_KEY);
    if (!out.connectTimeout && read.connect_timeout > 0)
        out.connectTimeout = static_cast<int>(std::min(read.connect_timeout, 86400U));
    out.pluginDir = optionOf(probe.get(), MYSQL_PLUGIN_DIR);
    if (!out.tls) {
        if (flagOf(probe.get(), MYSQL_OPT_SSL_VERIFY_SERVER_CERT))
            out.tls = MySqlTls::verify_identity;
        else if (!out.ca.isEmpty() || !out.caPath.isEmpty())
            out.tls = MySqlTls::verify_ca;
        // With a certificate of one's own, too: one that cannot be read is no reason to go without.
        else if (flagOf(probe.get(), MYSQL_OPT_SSL_ENFORCE) || !out.certificate.isEmpty() ||
                 !out.key.isEmpty())
            out.tls = MySqlTls::required;
        else
            out.tls = MySqlTls::preferred;
    }
    if (out.user.isEmpty())
        out.user = qEnvironmentVariable("USER");
    if (out.user.isEmpty())
        out.user = QStringLiteral("root");
    if (out.host.isEmpty() && out.socket.isEmpty()) {
        for (const char* path : usual_sockets) {
            if (out.socket.isEmpty() && QFile::exists(QString::fromLatin1(path)))
                out.socket = QString::fromLatin1(path);
        }
        if (out.socket.isEmpty())
            out.socket = QString::fromLatin1(usual_sockets.front());
    }
    return out;
}

} // namespace poolscope
