// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/alertrows.h"

#include "ui/models/cells_p.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace poolscope {

namespace {

QString jsonName(std::string_view name)
{
    return QString::fromLatin1(name.data(), std::ssize(name));
}

TreeCell alertSeverityCell(const Alert& alert)
{
    const std::array<QString, 3> names{tr("info"), tr("warning"), tr("critical")};
    constexpr std::array<Emphasis, 3> loud{Emphasis::secondary, Emphasis::warning,
                                           Emphasis::critical};
    const auto at = static_cast<std::size_t>(alert.severity);
    TreeCell cell = words(names.at(at), alert.calls() ? loud.at(at) : Emphasis::secondary);
    cell.sort = static_cast<int>(alert.severity);
    return cell;
}

/// "acknowledged until 15:31:58"
QString answerWords(const Alert& alert, const Formatter& format, Timestamp now)
{
    const QString until = format.instant(alert.answered_until.value_or(now), now);
    return alert.answer == AlertAnswer::silenced ? tr("silenced until %1").arg(until)
                                                 : tr("acknowledged until %1").arg(until);
}

TreeCell alertStateCell(const Alert& alert, const Formatter& format, Timestamp now)
{
    const std::array<QString, 3> names{tr("pending"), tr("firing"), tr("resolved")};
    TreeCell cell = words(names.at(static_cast<std::size_t>(alert.state)),
                          alert.calls() ? Emphasis::strong : Emphasis::secondary);
    if (alert.answer) {
        cell.text += QStringLiteral(", ") + answerWords(alert, format, now);
        cell.tip = cell.text;
    }
    cell.copy = jsonName(name_of(alert.state));
    return cell;
}

TreeCell alertAgeCell(const Alert& alert, Timestamp now)
{
    const Duration age = std::max(Duration{}, now - alert.since);
    TreeCell cell;
    cell.text = Formatter::ageCell(age);
    if (alert.longer)
        cell.text = tr("over %1").arg(cell.text);
    cell.sort = QVariant::fromValue<qlonglong>(to_us(age));
    cell.copy = Formatter::iso(alert.since);
    cell.tip = alert.longer ? tr("It began before. The mark on the timeline shows when.")
                            : Formatter::iso(alert.since);
    return cell;
}

QString alertNumber(double value, AlertMeasure measure)
{
    switch (measure) {
    case AlertMeasure::used_ratio:
    case AlertMeasure::connections_ratio:
        return QString::number(value * 100, 'f', 0) + QStringLiteral(" %");
    case AlertMeasure::wait:
        return Formatter::ageCell(Duration{qRound64(value * 1'000'000)});
    case AlertMeasure::circuit_open:
        return value >= 1 ? tr("open") : value > 0 ? tr("half-open") : tr("closed");
    case AlertMeasure::wait_growth:
        return QString::number(value, 'f', 1) + QStringLiteral("x");
    default:
        return Formatter::count(qRound64(value));
    }
}

TreeCell alertValueCell(const Alert& alert)
{
    if (!alert.value)
        return words(Formatter::notReported(), Emphasis::caption);
    TreeCell cell;
    cell.text = alertNumber(*alert.value, alert.measure);
    cell.sort = *alert.value;
    cell.copy = QString::number(*alert.value);
    cell.tip = tr("The rule's threshold is %1.").arg(alertNumber(alert.threshold, alert.measure));
    return cell;
}

} // namespace

QString alertId(const Alert& alert)
{
    const QString pool = alert.pool.is_null()
                             ? QString()
                             : QStringLiteral("p") + QString::fromStdString(alert.pool.str());
    return QStringLiteral("%1/%2/%3")
        .arg(QString::number(alert.target.value), pool, QString::fromStdString(alert.rule));
}

AlertCount countAlerts(const Update& update)
{
    AlertCount count;
    for (const TargetSummary& target : update.targets) {
        for (const Alert& alert : target.alerts) {
            const bool firing = alert.state == AlertState::firing;
            count.firing += firing;
            count.calling += alert.calls();
            count.warning += alert.calls() && alert.severity == AlertSeverity::warning;
            count.critical += alert.calls() && alert.severity == AlertSeverity::critical;
            count.pending += alert.state == AlertState::pending;
        }
    }
    return count;
}

std::unique_ptr<TreeModel> makeAlertModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Severity"), {}, false, false},
            {tr("State"), tr("Pending until its condition held for the rule's time"), false, false},
            {tr("For"), tr("How long its condition holds, or since when it no longer does"), true,
             true},
            {tr("Where"), tr("The pool, or the target itself"), false, false},
            {tr("Value"), {}, true, true},
            {tr("What it says"), {}, false, false},
            {tr("Rule"), {}, false, false}},
        parent);
}

TreeNodes alertRows(const std::vector<TargetSummary>& targets, Timestamp now,
                    const Formatter& format)
{
    struct Row
    {
        const TargetSummary* target;
        const Alert* alert;
    };
    std::vector<Row> all;
    for (const TargetSummary& target : targets) {
        for (const Alert& alert : target.alerts)
            all.push_back({&target, &alert});
    }
    // Of several targets together: what fires, then what calls, then the worse; else as each has
    // them.
    const auto rank = [](const Row& row) {
        constexpr std::array<int, 3> order{1, 0, 2}; // pending, firing, resolved
        return std::make_tuple(order.at(static_cast<std::size_t>(row.alert->state)),
                               !row.alert->calls(), -static_cast<int>(row.alert->severity));
    };
    std::stable_sort(all.begin(), all.end(),
                     [&](const Row& a, const Row& b) { return rank(a) < rank(b); });
    TreeNodes rows;
    for (const auto& [target, shown] : all) {
        const Alert& alert = *shown;
        const QString name = Formatter::line(target->info.name);
        auto node = std::make_unique<TreeNode>();
        node->id = alertId(alert);
        QString where = alert.pool.is_null() ? name : Formatter::line(alert.pool.str(), 100);
        if (!alert.pool.is_null() && targets.size() > 1)
            where = name + QStringLiteral(": ") + where;
        node->cells = {alertSeverityCell(alert),
                       alertStateCell(alert, format, now),
                       alertAgeCell(alert, now),
                       words(where),
                       alertValueCell(alert),
                       words(Formatter::line(alert.sentence)),
                       words(Formatter::line(alert.rule), Emphasis::secondary)};
        if (alert.calls() && alert.severity != AlertSeverity::info)
            node->severity =
                static_cast<int>(alert.severity == AlertSeverity::critical ? LeakSeverity::critical
                                                                           : LeakSeverity::alert);
        rows.push_back(std::move(node));
    }
    return rows;
}

} // namespace poolscope
