// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgconninfo.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <algorithm>

namespace poolscope {

namespace {

constexpr qint64 largestFile = 1 << 20;

/// In the order in which libpq looks. Where the library was built to look when nothing is set
/// cannot be asked of it: Debian, Red Hat and the project's own packages are tried.
QStringList serviceFiles()
{
    QStringList files;
    const QString named = qEnvironmentVariable("PGSERVICEFILE");
    files += named.isEmpty() ? QDir::homePath() + QStringLiteral("/.pg_service.conf") : named;
    const QString folder = qEnvironmentVariable("PGSYSCONFDIR");
    QStringList folders{folder};
    if (folder.isEmpty())
        folders = {QStringLiteral("/etc/postgresql-common"), QStringLiteral("/etc/sysconfig/pgsql"),
                   QStringLiteral("/etc")};
    for (const QString& each : folders)
        files += each + QStringLiteral("/pg_service.conf");
    return files;
}

/// The next field of a password file's line: ends at ':', a backslash takes the next as it is.
QString nextField(const QString& line, qsizetype& at)
{
    QString field;
    for (; at < line.size() && line.at(at) != QLatin1Char(':'); ++at) {
        if (line.at(at) == QLatin1Char('\\') && at + 1 < line.size())
            ++at;
        field += line.at(at);
    }
    ++at;
    return field;
}

} // namespace

std::vector<std::pair<QString, PgParams>> readServiceFile(const QString& path)
{
    std::vector<std::pair<QString, PgParams>> sections;
    QFile file(path);
    if (!QFileInfo(path).isFile() || !file.open(QIODevice::ReadOnly))
        return sections;
    const QString text = QString::fromUtf8(file.read(largestFile));
    for (const QString& raw : text.split(QLatin1Char('\n'))) {
        const QString line = raw.trimmed();
        if (line.isEmpty() || line.startsWith(QLatin1Char('#')))
            continue;
        if (line.startsWith(QLatin1Char('['))) {
            const qsizetype end = line.indexOf(QLatin1Char(']'));
            sections.push_back({line.mid(1, end < 0 ? -1 : end - 1), {}});
            continue;
        }
        const qsizetype equals = line.indexOf(QLatin1Char('='));
        if (equals > 0 && !sections.empty())
            sections.back().second.insert({line.left(equals).trimmed(), line.mid(equals + 1)});
    }
    return sections;
}

PgParams serviceParams(const QString& service)
{
    for (const QString& path : serviceFiles()) {
        for (const auto& [name, params] : readServiceFile(path)) {
            if (name == service && !params.empty())
                return params;
        }
    }
    return {};
}

std::vector<ServiceEntry> pgServices()
{
    std::vector<ServiceEntry> services;
    for (const QString& path : serviceFiles()) {
        for (const auto& [name, params] : readServiceFile(path)) {
            const bool known = std::any_of(services.begin(), services.end(),
                                           [&n = name](const auto& s) { return s.name == n; });
            if (known || name.isEmpty())
                continue;
            const auto value = [&p = params](const char* key) {
                const auto found = p.find(QString::fromLatin1(key));
                return found == p.end() ? QString() : found->second;
            };
            QString host = value("host").isEmpty() ? value("hostaddr") : value("host");
            if (!host.isEmpty() && !value("port").isEmpty())
                host += QLatin1Char(':') + value("port");
            services.push_back({name, host});
        }
    }
    return services;
}

QString passwordFromFile(const QString& path, const QString& host, const QString& port,
                         const QString& database, const QString& user)
{
    const QString name = path.isEmpty() ? QDir::homePath() + QStringLiteral("/.pgpass") : path;
    const QFileInfo info(name);
    constexpr auto others = QFileDevice::ReadGroup | QFileDevice::WriteGroup |
                            QFileDevice::ReadOther | QFileDevice::WriteOther;
    QFile file(name);
    // libpq ignores a file that others may read, and so do we.
    if (!info.isFile() || (info.permissions() & others) || !file.open(QIODevice::ReadOnly))
        return {};
    const QString wanted[] = {
        host.isEmpty() || host.startsWith(QLatin1Char('/')) ? QStringLiteral("localhost") : host,
        port, database, user};
    for (const QString& raw : QString::fromUtf8(file.read(largestFile)).split(QLatin1Char('\n'))) {
        if (raw.startsWith(QLatin1Char('#')))
            continue;
        qsizetype at = 0;
        const bool matches = std::all_of(std::begin(wanted), std::end(wanted), [&](const auto& w) {
            const qsizetype before = at;
            const QString field = nextField(raw, at);
            return raw.mid(before, at - before) == QLatin1String("*:") || field == w;
        });
        if (matches && at <= raw.size()) {
            QString secret = raw.mid(at);
            while (secret.endsWith(QLatin1Char('\r')))
                secret.chop(1);
            QString plain;
            for (qsizetype i = 0; i < secret.size(); ++i) {
                if (secret.at(i) == QLatin1Char('\\') && i + 1 < secret.size())
                    ++i;
                plain += secret.at(i);
            }
            return plain;
        }
    }
    return {};
}

} // namespace poolscope
