// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/metricssource.h"
#include "tests/source/poolprobe.h"
#include "tests/support/places.h"

#include <QFile>
#include <QTimer>

#include <chrono>

namespace poolscope::test {

inline QByteArray dataPage(const char* name)
{
    QFile file(inTree("tests/data/metrics/") + QLatin1String(name));
    if (!file.open(QIODevice::ReadOnly))
        qFatal("no %s", name);
    return file.readAll();
}

inline QByteArray goPage(int used, int waits, double started = 100)
{
    return QStringLiteral("go_sql_in_use_connections{db_name=\"orders\"} %1\n"
                          "go_sql_in_use_connections{db_name=\"audit\"} 1\n"
                          "go_sql_wait_count_total{db_name=\"orders\"} %2\n"
                          "process_start_time_seconds %3\n")
        .arg(used)
        .arg(waits)
        .arg(started)
        .toUtf8();
}

/// A source with waits that are short, polling ten times a second.
struct MetricsProbe : PoolProbe
{
    explicit MetricsProbe(const QString& target, const QString& secret = {}, bool begin = true)
        : PoolProbe(target, secret)
    {
        if (auto* const made = metrics()) {
            MetricsSource::Timings timings;
            timings.answer = std::chrono::milliseconds{5000};
            timings.firstRetry = std::chrono::milliseconds{50};
            timings.longestRetry = std::chrono::milliseconds{200};
            made->setTimings(timings);
        }
        if (begin && metrics() != nullptr)
            start();
    }
    MetricsSource* metrics() { return qobject_cast<MetricsSource*>(&source()); }
    const Pool* pool(const char* name) const
    {
        const auto found = pools().pools.find(Text{std::string(name)});
        return found == pools().pools.end() ? nullptr : &found->second;
    }
    bool says(const char* words) const { return sentence().contains(QLatin1String(words)); }
    bool advises(const char* words) const { return nextStep().contains(QLatin1String(words)); }
    QByteArray everything() const
    {
        QByteArray all;
        for (const Fact& fact : facts) {
            if (const auto* const status = std::get_if<StatusChanged>(&fact))
                all +=
                    QByteArray::fromStdString(status->status.sentence + status->status.next_step);
            if (const auto* const gap = std::get_if<Gap>(&fact))
                all += QByteArray::fromStdString(gap->reason);
        }
        return all;
    }
};

/// Polls ten times a second, also where a busy machine makes the source ask more seldom.
struct Nudge
{
    explicit Nudge(MetricsProbe& probe)
    {
        QObject::connect(&timer, &QTimer::timeout, &timer,
                         [&probe] { probe.source().sampleNow(); });
        timer.start(100);
    }
    QTimer timer;
};

} // namespace poolscope::test
