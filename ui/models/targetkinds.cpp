// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/targetkinds.h"

#include "ui/models/formatter.h"
#include "ui/models/translate.h"

#include <algorithm>

namespace poolscope {

namespace {

QString schemeOf(const QString& target)
{
    const qsizetype end = target.indexOf(QLatin1Char(':'));
    const QString scheme = target.left(std::max<qsizetype>(end, 0)).trimmed().toLower();
    const bool word = std::all_of(scheme.begin(), scheme.end(), [](QChar c) {
        return c.isLetterOrNumber() || c == u'+' || c == u'-' || c == u'.';
    });
    return word ? scheme : QString();
}

std::vector<TargetWords> allWords()
{
    const QString pgpass = tr("Passwords come from ~/.pgpass, PGPASSFILE or the service file, else "
                              "they are asked for; nothing is stored.");
    const QString bearer = tr("A token comes from POOLSCOPE_METRICS_TOKEN, else it is asked for if "
                              "the endpoint wants one; nothing is stored.");
    return {
        {TargetFamily::postgresql, tr("PostgreSQL"),
         QStringLiteral("postgresql://user@host:5432/database"),
         tr("pg_monitor to see all, pg_signal_backend to end sessions"), QStringLiteral("database"),
         false, pgpass},
        {TargetFamily::mysql, tr("MySQL, MariaDB"),
         QStringLiteral("mysql://user@host:3306/database"),
         tr("PROCESS to see all, CONNECTION ADMIN to end sessions"), QStringLiteral("server"),
         false, tr("Passwords come from ~/.my.cnf, else they are asked for; nothing is stored.")},
        {TargetFamily::bouncer, tr("PgBouncer"),
         QStringLiteral("pgbouncer://user@host:6432/pgbouncer"),
         tr("stats_users to see, admin_users to end clients"), QStringLiteral("pooler"), false,
         tr("Passwords come from ~/.pgpass, else they are asked for; nothing is stored.")},
        {TargetFamily::process, tr("A process with Poolscope's agent"),
         QStringLiteral("pool://localhost:7007"),
         tr("its token; those of this machine are listed above"), QStringLiteral("process"), true,
         tr("A token comes from POOLSCOPE_TOKEN, else it is asked for if the process wants one; "
            "nothing is stored.")},
        {TargetFamily::metrics, tr("Prometheus metrics"),
         QStringLiteral("prometheus+http://host:9090/metrics"),
         tr("to read the page; figures alone, no holders"), QStringLiteral("metrics"), true,
         bearer},
        {TargetFamily::metrics, tr("A fleet, by its Prometheus"),
         QStringLiteral("prometheus+http://host:9090/api/v1"),
         tr("to query the server; figures alone, of every process that it scrapes"),
         QStringLiteral("metrics"), true, bearer},
        {TargetFamily::metrics, tr("Go's expvar"),
         QStringLiteral("expvar+http://host:8080/debug/vars"),
         tr("to read the page; figures alone, no holders"), QStringLiteral("metrics"), true,
         bearer},
    };
}

} // namespace

const std::vector<TargetWords>& targetWords()
{
    static const std::vector<TargetWords> words = allWords();
    return words;
}

TargetFamily familyOf(const QString& target)
{
    const QString scheme = schemeOf(target);
    const auto is = [&scheme](const char* name) {
        return scheme == QLatin1String(name);
    };
    if (is("mysql") || is("mariadb"))
        return TargetFamily::mysql;
    if (is("pgbouncer"))
        return TargetFamily::bouncer;
    if (is("pool") || scheme.startsWith(QLatin1String("pool+")))
        return TargetFamily::process;
    if (is("demo"))
        return TargetFamily::demo;
    for (const char* const name : {"prometheus", "openmetrics", "metrics", "expvar"}) {
        if (is(name) || scheme.startsWith(QLatin1String(name) + QLatin1Char('+')))
            return TargetFamily::metrics;
    }
    return TargetFamily::postgresql;
}

TargetFamily familyOf(const TargetInfo& info)
{
    const TargetFamily kind = familyOf(QString::fromStdString(info.kind) + QLatin1Char(':'));
    // A source may call itself otherwise than its URL does.
    return kind != TargetFamily::postgresql ? kind : familyOf(QString::fromStdString(info.url));
}

const TargetWords& wordsOf(TargetFamily family)
{
    if (family == TargetFamily::demo)
        family = TargetFamily::process;
    const auto& all = targetWords();
    return *std::find_if(all.begin(), all.end(),
                         [family](const TargetWords& words) { return words.family == family; });
}

const TargetWords& wordsOf(const QString& target)
{
    const TargetFamily family = familyOf(target);
    const QString start = schemeOf(target).section(QLatin1Char('+'), 0, 0);
    const auto& all = targetWords();
    // What asks a server for many ends alike, whatever its host.
    const auto asksServer = [](const QString& url) {
        const QString path = url.section(QLatin1Char('?'), 0, 0);
        return path.endsWith(QLatin1String("/api/v1")) || path.endsWith(QLatin1String("/api/v1/"));
    };
    const auto found = std::find_if(all.begin(), all.end(), [&](const TargetWords& words) {
        return words.family == family && !start.isEmpty() && words.form.startsWith(start) &&
               asksServer(words.form) == asksServer(target);
    });
    return found != all.end() ? *found : wordsOf(family);
}

bool tellsPools(const TargetSummary& target)
{
    const TargetFamily family = familyOf(target.info);
    return target.agent || (family != TargetFamily::postgresql && family != TargetFamily::mysql);
}

bool tellsHolders(const TargetSummary& target)
{
    return tellsPools(target) && (target.agent || familyOf(target.info) != TargetFamily::metrics);
}

bool tellsXmin(const TargetSummary& target)
{
    return !tellsPools(target) && familyOf(target.info) == TargetFamily::postgresql;
}

QString productOf(const TargetSummary& target)
{
    const TargetFamily family = familyOf(target.info);
    if (target.agent && family != TargetFamily::bouncer)
        return tr("pools of %1").arg(Formatter::line(target.agent->process, 60));
    QString version = target.agent   ? Formatter::line(target.agent->agent, 80)
                      : target.facts ? Formatter::line(target.facts->version, 80)
                                     : QString();
    QString name = wordsOf(family).name;
    if (family == TargetFamily::mysql)
        name = version.contains(QLatin1String("MariaDB"), Qt::CaseInsensitive)
                   ? QStringLiteral("MariaDB")
                   : QStringLiteral("MySQL");
    else if (const QString url = QString::fromStdString(target.info.url); familyOf(url) == family)
        name = wordsOf(url).name;
    // Some servers say their name themselves.
    if (version.startsWith(name, Qt::CaseInsensitive))
        version = version.mid(name.size()).trimmed();
    // "10.11.6-MariaDB-0+deb12u1" and "15.8 (Debian 15.8-1)": the number says enough.
    version = version.section(QLatin1Char(' '), 0, 0).section(QLatin1Char('-'), 0, 0);
    return version.isEmpty() ? name : name + QLatin1Char(' ') + version;
}

} // namespace poolscope
