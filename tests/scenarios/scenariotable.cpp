// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenarios/scenariotable.h"

#include <algorithm>
#include <set>

namespace poolscope::test {

namespace {

bool isCause(const QString& told)
{
    return told != QStringLiteral("undecided") && told != QStringLiteral("nothing") &&
           told != QStringLiteral("failed");
}

QString percent(int part, int all)
{
    return all == 0 ? QStringLiteral("    -")
                    : QStringLiteral("%1").arg(static_cast<double>(part) / all, 5, 'f', 3);
}

double median(const std::vector<double>& sorted)
{
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
}

} // namespace

void ScenarioTable::add(const ScenarioRow& row, ScenarioVerdict verdict)
{
    const QString truth =
        row.healthy() ? QStringLiteral("healthy") : row.causes.join(QLatin1Char('+'));
    ++told_[truth][verdict.told];
    const bool whole = verdict.sources == static_cast<std::size_t>(Sources::agentAndServer);
    const QStringList truths = row.truth(verdict.sources);
    // What two causes share counts for the first of them.
    const QString counted = truths.contains(verdict.told) ? verdict.told
                            : truths.isEmpty()            ? QString()
                                                          : truths.first();
    const bool right = truths.contains(verdict.told) || verdict.told == QStringLiteral("both");
    if (isCause(verdict.told))
        ++(right ? causes_[counted].right : causes_[verdict.told].wrongly);
    if (row.mustTell(verdict.sources)) {
        ++causes_[counted].toTell;
        causes_[counted].told += right ? 1 : 0;
    }
    if (right && verdict.firstRight && row.mustTell(verdict.sources)) {
        const double from = std::max(0.0, verdict.strained.value_or(0));
        delays_.push_back(
            {row.name, std::max(0.0, *verdict.firstRight - from), *verdict.firstRight,
             std::max(0.0, std::min(*verdict.firstRight, verdict.firstNamed.value_or(1e9)) - from),
             verdict.sources});
    }
    falseLeaks_ += verdict.falseLeak ? 1 : 0;
    if (row.healthy() && !row.mayAlert) {
        ++healthy_;
        alertedHealthy_ += verdict.earlyAlerts.isEmpty() ? 0 : 1;
    } else if (!row.healthy() && whole) {
        ++incidents_;
        warned_ += verdict.alertsOk ? 1 : 0;
    }
    rows_[row.name].push_back(std::move(verdict));
}

const std::vector<ScenarioVerdict>* ScenarioTable::of(const QString& row) const
{
    const auto found = rows_.find(row);
    return found == rows_.end() ? nullptr : &found->second;
}

double ScenarioTable::precision() const
{
    int right = 0;
    int all = 0;
    for (const auto& [name, cause] : causes_) {
        right += cause.right;
        all += cause.right + cause.wrongly;
    }
    return all == 0 ? 1 : static_cast<double>(right) / all;
}

double ScenarioTable::recall() const
{
    int told = 0;
    int all = 0;
    for (const auto& [name, cause] : causes_) {
        told += cause.told;
        all += cause.toTell;
    }
    return all == 0 ? 1 : static_cast<double>(told) / all;
}

std::vector<double> ScenarioTable::namings() const
{
    std::vector<double> all;
    for (const Delay& delay : delays_) {
        if (delay.sources == static_cast<std::size_t>(Sources::agentAndServer))
            all.push_back(delay.named);
    }
    std::sort(all.begin(), all.end());
    return all;
}

QString ScenarioTable::confusion() const
{
    std::set<QString> columns;
    for (const auto& [truth, told] : told_) {
        for (const auto& [name, count] : told)
            columns.insert(name);
    }
    QString text = QStringLiteral("true cause (down), told cause (across), recordings\n%1")
                       .arg(QString(), -32);
    for (const QString& column : columns)
        text += QStringLiteral("%1").arg(column, 17);
    for (const auto& [truth, told] : told_) {
        text += QStringLiteral("\n%1").arg(truth, -32);
        for (const QString& column : columns) {
            const auto found = told.find(column);
            text += QStringLiteral("%1").arg(
                found == told.end() ? QStringLiteral(".") : QString::number(found->second), 17);
        }
    }
    return text + QLatin1Char('\n');
}

QString ScenarioTable::figures() const
{
    QString text =
        QStringLiteral("\n%1 precision   recall  (told of those to be told)\n").arg(QString(), -20);
    for (const auto& [name, cause] : causes_)
        text += QStringLiteral("%1     %2    %3  (%4 of %5)\n")
                    .arg(name, -20)
                    .arg(percent(cause.right, cause.right + cause.wrongly),
                         percent(cause.told, cause.toTell))
                    .arg(cause.told)
                    .arg(cause.toTell);
    return text + QStringLiteral("%1     %2    %3\n")
                      .arg(QStringLiteral("all"), -20)
                      .arg(precision(), 5, 'f', 3)
                      .arg(recall(), 5, 'f', 3);
}

QString ScenarioTable::delaysText() const
{
    QString text =
        QStringLiteral("\ndelay to the right verdict [s]    n   median  worst  (from the "
                       "first wait)   median  worst  (from the onset)\n");
    for (std::size_t i = 0; i < sourcesCount; ++i) {
        std::vector<double> waits;
        std::vector<double> onsets;
        const Delay* worst = nullptr;
        for (const Delay& each : delays_) {
            if (each.sources != i)
                continue;
            waits.push_back(each.fromWait);
            onsets.push_back(each.fromOnset);
            if (worst == nullptr || each.fromWait > worst->fromWait)
                worst = &each;
        }
        if (worst == nullptr)
            continue;
        std::sort(waits.begin(), waits.end());
        std::sort(onsets.begin(), onsets.end());
        text += QStringLiteral("%1%2   %3  %4  %5   %6  %7\n")
                    .arg(QLatin1String(sourcesNames.at(i)), -30)
                    .arg(waits.size(), 5)
                    .arg(median(waits), 6, 'f', 1)
                    .arg(waits.back(), 5, 'f', 1)
                    .arg(QStringLiteral("(%1)").arg(worst->row), -20)
                    .arg(median(onsets), 6, 'f', 1)
                    .arg(onsets.back(), 5, 'f', 1);
    }
    return text;
}

/// By name: each has a reason, or is to be mended.
QString ScenarioTable::lateText() const
{
    QString text;
    for (const Delay& each : delays_) {
        if (each.fromWait > goal_s)
            text += QStringLiteral("%1, %2: %3 s from the first wait, candidates named at %4 s\n")
                        .arg(each.row, QLatin1String(sourcesNames.at(each.sources)))
                        .arg(each.fromWait, 0, 'f', 1)
                        .arg(each.named, 0, 'f', 1);
    }
    return text.isEmpty() ? text : QStringLiteral("\nlater than %1 s:\n").arg(goal_s) + text;
}

QString ScenarioTable::alertsText() const
{
    return QStringLiteral("\nfalse leaks: %1\nhealthy recordings on which a default alert fires: "
                          "%2 of %3\nincidents with one before the first timeout: %4 of %5\n")
        .arg(falseLeaks_)
        .arg(alertedHealthy_)
        .arg(healthy_)
        .arg(warned_)
        .arg(incidents_);
}

QString ScenarioTable::text() const
{
    QString wrong;
    for (const auto& [row, verdicts] : rows_) {
        for (const ScenarioVerdict& each : verdicts) {
            if (!each.ok)
                wrong += QStringLiteral("%1, %2: told %3: %4\n")
                             .arg(row, QLatin1String(sourcesNames.at(each.sources)), each.told,
                                  each.complaint);
            if (!each.alertsOk)
                wrong +=
                    QStringLiteral("%1, %2: alerts: %3, first at %4 s, first timeout at %5 s\n")
                        .arg(row, QLatin1String(sourcesNames.at(each.sources)),
                             each.earlyAlerts.join(QStringLiteral(", ")))
                        .arg(each.firstAlert.value_or(-1))
                        .arg(each.firstTimeout.value_or(-1));
        }
    }
    return confusion() + figures() + delaysText() + lateText() + alertsText() +
           (wrong.isEmpty() ? QString() : QStringLiteral("\nnot as it should be:\n") + wrong);
}

} // namespace poolscope::test
