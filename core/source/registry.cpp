// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/registry.h"

#include "core/source/agentaddress.h"
#include "core/source/agentsource.h"
#include "core/source/bouncersource.h"
#include "core/source/demosource.h"
#include "core/source/metricsaddress.h"
#include "core/source/metricssource.h"
#include "core/source/mysqlsource.h"
#include "core/source/pgconninfo.h"
#include "core/source/postgressource.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>

namespace poolscope {

namespace {

const QString& acceptedForms()
{
    static const QString forms = QStringLiteral(
        "Give a recording, postgresql://user@host:5432/database, host=… dbname=… user=…, "
        "service=…, mysql://user@host:3306, pgbouncer://user@host:6432, pool://localhost:7007, "
        "pool+unix:///path/of/the.sock, prometheus+http://host:9090/metrics, "
        "prometheus+http://host:9090/api/v1 (a fleet), expvar+http://host:8080/debug/vars, or "
        "demo:.");
    return forms;
}

QString schemeOf(const QString& target)
{
    static const QRegularExpression scheme(QStringLiteral("^([a-zA-Z][a-zA-Z0-9+.-]*):"));
    return scheme.match(target).captured(1).toLower();
}

bool isPostgresUri(const QString& target)
{
    return target.startsWith(QLatin1String("postgresql://")) ||
           target.startsWith(QLatin1String("postgres://"));
}

bool isDemo(const QString& target)
{
    return target == QLatin1String("demo:") || target == QLatin1String("demo://");
}

Result<std::unique_ptr<Source>> makePoolSource(TargetId id, const AttachRequest& request)
{
    const Result<AgentAddress> given = parseAgentUrl(request.target);
    if (!given)
        return given.error();
    const Result<AgentAddress> address = reachableAddress(given.value(), request.sshHost);
    if (!address)
        return address.error();
    TargetInfo info;
    info.id = id;
    info.kind = "pool";
    info.name = plain_line(given.value().name().toStdString(), 64);
    info.url = plain_line(given.value().url().toStdString(), 4096);
    return std::unique_ptr<Source>(std::make_unique<AgentSource>(info, request, address.value()));
}

/// What no file is.
Result<TargetKind> classifyAddress(const QString& target)
{
    if (target.trimmed().isEmpty())
        return Error{"No target is given.", acceptedForms().toStdString()};
    if (isDemo(target))
        return TargetKind::demo;
    if (isAgentUrl(target)) {
        const Result<AgentAddress> address = parseAgentUrl(target);
        if (!address)
            return address.error();
        return TargetKind::pool;
    }
    if (isBouncerUrl(target)) {
        const Result<PgParams> params = parseBouncerUrl(target);
        if (!params)
            return params.error();
        return TargetKind::pgbouncer;
    }
    if (isMetricsUrl(target)) {
        const Result<MetricsAddress> address = parseMetricsUrl(target);
        if (!address)
            return address.error();
        return TargetKind::metrics;
    }
    if (isMySqlUrl(target)) {
        const Result<MySqlAddress> address = parseMySqlUrl(target);
        if (!address)
            return address.error();
        return TargetKind::mysql;
    }
    const bool conninfo =
        !target.contains(QLatin1String("://")) && target.contains(QLatin1Char('='));
    if (isPostgresUri(target) || conninfo) {
        const Result<PgParams> params = parseConninfo(target);
        if (!params)
            return params.error();
        return TargetKind::postgresql;
    }
    const QString scheme = schemeOf(target);
    if (target.contains(QLatin1String("://")) && !scheme.isEmpty())
        return Error{"Poolscope cannot attach to " + scheme.left(32).toStdString() + ":// targets.",
                     acceptedForms().toStdString()};
    if (target.endsWith(QLatin1String(".poolrec")) || target.contains(QLatin1Char('/')))
        return Error{"There is no file " + plain_line(target.toStdString(), 256) + ".",
                     "Check the path; a recording ends in .poolrec."};
    return Error{"\"" + plain_line(target.toStdString(), 256) +
                     "\" is neither a file nor a target.",
                 acceptedForms().toStdString()};
}

} // namespace

Result<TargetKind> classifyTarget(const QString& target)
{
    return classifyTarget(target, QFileInfo::exists(target));
}

Result<TargetKind> classifyTarget(const QString& target, bool isPath)
{
    if (isPath)
        return TargetKind::recording;
    return classifyAddress(target);
}

Result<TargetKind> classifyKnown(const QString& target)
{
    if (QDir::isAbsolutePath(target))
        return TargetKind::recording;
    return classifyAddress(target);
}

QString withoutSecrets(const QString& target)
{
    if (QDir::isAbsolutePath(target))
        return target;
    if (isDemo(target))
        return QStringLiteral("demo:");
    if (isAgentUrl(target))
        return agentUrlWithoutSecrets(target);
    if (isBouncerUrl(target)) {
        const QString stripped = bouncerUrlWithoutSecrets(target);
        return stripped.isEmpty() ? QStringLiteral("pgbouncer://") : stripped;
    }
    if (isMetricsUrl(target))
        return metricsUrlWithoutSecrets(target);
    if (isMySqlUrl(target))
        return mysqlUrlWithoutSecrets(target);
    const bool uri = target.contains(QLatin1String("://"));
    if (isPostgresUri(target) || (!uri && target.contains(QLatin1Char('=')))) {
        QString stripped = conninfoWithoutSecrets(target);
        if (!stripped.isEmpty())
            return stripped;
        return isPostgresUri(target) ? schemeOf(target) + QLatin1String("://")
                                     : QStringLiteral("postgresql://");
    }
    const QString scheme = schemeOf(target);
    return uri && !scheme.isEmpty() ? scheme + QLatin1String("://") : QString();
}

Duration usualInterval(const QString& target)
{
    if (!isMetricsUrl(target))
        return std::chrono::seconds{1};
    const Result<MetricsAddress> address = parseMetricsUrl(target);
    const bool fleet = address && address.value().format == MetricsAddress::Format::query;
    return fleet ? std::chrono::seconds{15} : std::chrono::seconds{5};
}

Result<std::unique_ptr<Source>> makeSource(TargetId id, const AttachRequest& request)
{
    const Result<TargetKind> kind = classifyTarget(request.target);
    if (!kind)
        return kind.error();
    if (kind.value() == TargetKind::recording)
        return Error{"A recording is opened, not attached to.", "Use Open instead of Attach."};
    const Result<Done> ssh =
        request.sshHost.isEmpty() ? Result<Done>{Done{}} : checkSshHost(request.sshHost);
    if (!ssh)
        return ssh.error();
    if (kind.value() == TargetKind::pool)
        return makePoolSource(id, request);
    if (kind.value() == TargetKind::demo) {
        if (!request.sshHost.isEmpty())
            return Error{"The demo runs on this machine.", "Leave the host for ssh out."};
        return std::unique_ptr<Source>(std::make_unique<DemoSource>(id, request));
    }
    if (kind.value() == TargetKind::pgbouncer) {
        const Result<PgParams> params = parseBouncerUrl(request.target);
        if (!params)
            return params.error();
        return std::unique_ptr<Source>(
            std::make_unique<BouncerSource>(id, request, params.value()));
    }
    if (kind.value() == TargetKind::metrics) {
        const Result<MetricsAddress> address = parseMetricsUrl(request.target);
        if (!address)
            return address.error();
        return std::unique_ptr<Source>(
            std::make_unique<MetricsSource>(id, request, address.value()));
    }
    if (kind.value() == TargetKind::mysql) {
        const Result<MySqlAddress> address = parseMySqlUrl(request.target);
        if (!address)
            return address.error();
        return std::unique_ptr<Source>(std::make_unique<MySqlSource>(id, request, address.value()));
    }
    const Result<PgParams> params = parseConninfo(request.target);
    if (!params)
        return params.error();
    return std::unique_ptr<Source>(std::make_unique<PostgresSource>(id, request, params.value()));
}

} // namespace poolscope
