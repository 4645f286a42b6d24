// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/alertmessage.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

constexpr std::size_t longestTold = 1000;

QString told(std::string_view text)
{
    return QString::fromStdString(plain_line(text, longestTold));
}

QJsonObject objectOf(const AlertNews& news)
{
    const Alert& alert = news.alert;
    return {{QStringLiteral("target"), told(news.target.url)},
            {QStringLiteral("name"), told(news.target.name)},
            {QStringLiteral("pool"),
             alert.pool.is_null() ? QJsonValue() : QJsonValue(told(alert.pool.str()))},
            {QStringLiteral("rule"), told(alert.rule)},
            {QStringLiteral("measure"), told(name_of(alert.measure))},
            {QStringLiteral("severity"), told(name_of(alert.severity))},
            {QStringLiteral("state"), told(name_of(alert.state))},
            {QStringLiteral("since"), told(format_iso8601(alert.since))},
            {QStringLiteral("longer"), alert.longer},
            {QStringLiteral("value"), alert.value ? QJsonValue(*alert.value) : QJsonValue()},
            {QStringLiteral("threshold"), alert.threshold},
            {QStringLiteral("sentence"), told(alert.sentence)}};
}

/// Of several the environment names one: what fires before what is over, then the worse.
bool tellsMore(const AlertNews& a, const AlertNews& b)
{
    const auto rank = [](const AlertNews& news) {
        return std::tuple(news.alert.state == AlertState::firing, news.alert.severity);
    };
    return rank(a) > rank(b);
}

} // namespace

AlertMessage alertMessage(const std::vector<AlertNews>& news, std::size_t leftOut, Timestamp now)
{
    QJsonArray alerts;
    for (const AlertNews& each : news)
        alerts.append(objectOf(each));
    const auto firing = std::count_if(news.begin(), news.end(), [](const AlertNews& each) {
        return each.alert.state == AlertState::firing;
    });
    const auto resolved = std::ssize(news) - firing;
    const QJsonObject object{{QStringLiteral("time"), told(format_iso8601(now))},
                             {QStringLiteral("firing"), static_cast<qint64>(firing)},
                             {QStringLiteral("resolved"), static_cast<qint64>(resolved)},
                             {QStringLiteral("left_out"), static_cast<qint64>(leftOut)},
                             {QStringLiteral("alerts"), alerts}};
    const AlertNews& first = *std::min_element(news.begin(), news.end(), tellsMore);
    return {QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n',
            {{QStringLiteral("POOLSCOPE_ALERT_STATE"), told(name_of(first.alert.state))},
             {QStringLiteral("POOLSCOPE_ALERT_SEVERITY"), told(name_of(first.alert.severity))},
             {QStringLiteral("POOLSCOPE_ALERT_RULE"), told(first.alert.rule)},
             {QStringLiteral("POOLSCOPE_ALERT_TARGET"), told(first.target.name)},
             {QStringLiteral("POOLSCOPE_ALERT_POOL"),
              first.alert.pool.is_null() ? QString() : told(first.alert.pool.str())},
             {QStringLiteral("POOLSCOPE_ALERT_SENTENCE"), told(first.alert.sentence)},
             {QStringLiteral("POOLSCOPE_ALERT_FIRING"), QString::number(firing)},
             {QStringLiteral("POOLSCOPE_ALERT_RESOLVED"), QString::number(resolved)}}};
}

} // namespace poolscope
