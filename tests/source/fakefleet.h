// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/source/metricsserver.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QUrl>
#include <QUrlQuery>

#include <functional>

namespace poolscope::test {

/// A query API that knows the series that a test gives it: it understands what a fleet is asked
/// for, a name or a regular expression of names, and takes other matchers as they come.
class FakeFleet : public MetricsServer
{
    Q_OBJECT
public:
    struct Series
    {
        QString name;
        QJsonObject labels;
        QString value;
    };

    FakeFleet()
    {
        onRequest = [this](QTcpSocket* socket, const QByteArray& path) {
            reply(socket, path);
        };
    }
    QString apiUrl(const char* behind = "") const { return url("/api/v1") + QLatin1String(behind); }
    void add(const char* name, const char* pool, const char* instance, const char* value,
             const char* poolLabel = "pool", const char* job = "shop")
    {
        series.append({QLatin1String(name),
                       {{QLatin1String(poolLabel), QLatin1String(pool)},
                        {QStringLiteral("instance"), QLatin1String(instance)},
                        {QStringLiteral("job"), QLatin1String(job)}},
                       QLatin1String(value)});
    }
    void sayJson(QTcpSocket* socket, const QJsonObject& json, const QByteArray& status = "200 OK")
    {
        say(socket, QJsonDocument(json).toJson(QJsonDocument::Compact),
            "Content-Type: application/json\r\n", status);
    }
    static QJsonObject error(const char* type, const char* words)
    {
        return {{QStringLiteral("status"), QStringLiteral("error")},
                {QStringLiteral("errorType"), QLatin1String(type)},
                {QStringLiteral("error"), QLatin1String(words)}};
    }
    static int namesIn(const QString& selector)
    {
        return static_cast<int>(selector.count(QLatin1Char('|'))) + 1;
    }

    QList<Series> series;
    QList<QPair<QString, QString>> scraped; ///< instance (of job shop) and its page
    bool tellsScraped = true;
    QJsonObject more;      ///< members that every answer has beside its data
    QStringList selectors; ///< all that was asked for
    /// What a series was at an instant, in seconds; empty: not known.
    std::function<QString(const Series&, double at)> past;
    /// True: it has answered by itself.
    std::function<bool(QTcpSocket*, const QString& selector)> onQuery;

private:
    void reply(QTcpSocket* socket, const QByteArray& path)
    {
        const QUrl asked(QString::fromLatin1("http://x" + path));
        if (asked.path() == QLatin1String("/api/v1/targets")) {
            replyScraped(socket);
            return;
        }
        const bool ofPast = past && asked.path() == QLatin1String("/api/v1/query_range");
        if (asked.path() != QLatin1String("/api/v1/query") && !ofPast) {
            say(socket, {}, textType, "404 Not Found");
            return;
        }
        // As a server reads it: a plus sign that is not encoded is a blank.
        QByteArray query =
            QUrlQuery(asked).queryItemValue(QStringLiteral("query"), QUrl::FullyEncoded).toLatin1();
        const QString selector = QUrl::fromPercentEncoding(query.replace('+', ' '));
        selectors += selector;
        if (!onQuery || !onQuery(socket, selector))
            sayJson(socket, answer(selector, ofPast ? QUrlQuery(asked) : QUrlQuery()));
    }

    void replyScraped(QTcpSocket* socket)
    {
        if (!tellsScraped) {
            say(socket, {}, textType, "404 Not Found");
            return;
        }
        QJsonArray active;
        for (const auto& [instance, where] : scraped)
            active.append(QJsonObject{{QStringLiteral("labels"),
                                       QJsonObject{{QStringLiteral("job"), QStringLiteral("shop")},
                                                   {QStringLiteral("instance"), instance}}},
                                      {QStringLiteral("scrapeUrl"), where}});
        sayJson(socket,
                {{QStringLiteral("status"), QStringLiteral("success")},
                 {QStringLiteral("data"), QJsonObject{{QStringLiteral("activeTargets"), active}}}});
    }

    QJsonArray valuesOf(const Series& one, const QUrlQuery& range) const
    {
        const auto number = [&](const char* name) {
            return range.queryItemValue(QLatin1String(name)).toDouble();
        };
        QJsonArray values;
        for (double at = number("start"); at <= number("end") && number("step") > 0;
             at += number("step")) {
            if (const QString value = past(one, at); !value.isEmpty())
                values.append(QJsonArray{at, value});
        }
        return values;
    }

    QJsonObject answer(const QString& selector, const QUrlQuery& range) const
    {
        static const QRegularExpression which(
            QStringLiteral("^\\{__name__=(~?)\"([^\"]*)\"(?:,.*)?\\}$"));
        const auto found = which.match(selector);
        const QString pattern = found.captured(1).isEmpty()
                                    ? QRegularExpression::escape(found.captured(2))
                                    : found.captured(2);
        const QRegularExpression names(QRegularExpression::anchoredPattern(pattern));
        QJsonArray result;
        for (const Series& one : series) {
            if (!names.match(one.name).hasMatch())
                continue;
            QJsonObject metric = one.labels;
            metric.insert(QStringLiteral("__name__"), one.name);
            QJsonObject entry{{QStringLiteral("metric"), metric}};
            if (range.isEmpty())
                entry.insert(QStringLiteral("value"), QJsonArray{1795271320.412, one.value});
            else
                entry.insert(QStringLiteral("values"), valuesOf(one, range));
            result.append(entry);
        }
        QJsonObject all = more;
        all.insert(QStringLiteral("status"), QStringLiteral("success"));
        all.insert(QStringLiteral("data"), QJsonObject{{QStringLiteral("resultType"),
                                                        range.isEmpty() ? QStringLiteral("vector")
                                                                        : QStringLiteral("matrix")},
                                                       {QStringLiteral("result"), result}});
        return all;
    }
};

} // namespace poolscope::test
