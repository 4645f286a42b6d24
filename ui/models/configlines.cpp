// SPDX-License-Identifier: GPL-3.0-or-later
// How a proposed value is written where a pool or a server is configured.
#include "ui/models/configrows.h"

#include "core/analyze/checknames.h"
#include "ui/models/formatter.h"

namespace poolscope {

namespace {

/// Null where that system has no setting of that name.
const SettingName* settingNameOf(const std::string& kind, const std::string& setting)
{
    for (const SettingName& each : setting_names()) {
        if (each.kind == kind && each.label() == setting)
            return &each;
    }
    return nullptr;
}

/// Whole seconds, else milliseconds; null where it is no duration.
struct WrittenTime
{
    qint64 number = 0;
    bool seconds = true;
};
std::optional<WrittenTime> timeOf(const std::string& text)
{
    bool never = false;
    const auto read = read_written_duration(text, never);
    if (!read || never)
        return std::nullopt;
    const std::int64_t us = to_us(*read);
    return us % 1'000'000 == 0 ? WrittenTime{us / 1'000'000, true} : WrittenTime{us / 1000, false};
}

QString goLine(const SettingName& name, const QString& setting, const std::string& proposed)
{
    QString value = Formatter::line(proposed, 128);
    if (name.unit == SettingUnit::written) {
        const auto time = timeOf(proposed);
        if (!time)
            return {};
        value = QStringLiteral("%1 * time.%2")
                    .arg(time->number)
                    .arg(time->seconds ? QLatin1String("Second") : QLatin1String("Millisecond"));
    }
    return QStringLiteral("db.%1(%2)").arg(setting, value);
}

QString rustLine(const SettingName& name, const QString& setting, const std::string& proposed)
{
    QString value = Formatter::line(proposed, 128);
    bool some = name.trait == PoolTrait::min_idle;
    if (name.unit == SettingUnit::written) {
        const auto time = timeOf(proposed);
        if (!time)
            return {};
        value = QStringLiteral("Duration::%1(%2)")
                    .arg(time->seconds ? QLatin1String("from_secs") : QLatin1String("from_millis"))
                    .arg(time->number);
        some = name.trait != PoolTrait::acquire_timeout;
    }
    if (some)
        value = QStringLiteral("Some(%1)").arg(value);
    return QStringLiteral(".%1(%2)").arg(setting, value);
}

QString cppLine(const SettingName& name, const QString& setting, const std::string& proposed)
{
    QString value = Formatter::line(proposed, 128);
    if (name.unit == SettingUnit::written) {
        const auto time = timeOf(proposed);
        if (!time)
            return {};
        value = QStringLiteral("std::chrono::%1{%2}")
                    .arg(time->seconds ? QLatin1String("seconds") : QLatin1String("milliseconds"))
                    .arg(time->number);
    }
    return QStringLiteral("config.%1 = %2;").arg(setting, value);
}

QString pythonLine(const SettingName& name, const QString& setting, const QString& proposed)
{
    QString value = proposed;
    if (name.unit == SettingUnit::flag && !value.isEmpty())
        value[0] = value.at(0).toUpper();
    return QStringLiteral("%1=%2").arg(setting, value);
}

} // namespace

QString settingLine(const CheckInput& input, const ConfigFinding& finding)
{
    if (finding.proposed.empty())
        return {};
    const QString setting = Formatter::line(finding.setting, 128);
    const QString proposed = Formatter::line(finding.proposed, 128);
    const Pool* const pool = configPool(input, finding);
    if (!pool) {
        const CheckTarget* const target = configTarget(input, finding.target);
        if (!target || !finding.pool.is_null())
            return {};
        return target->info.kind == "postgresql"
                   ? QStringLiteral("%1 = '%2'").arg(setting, proposed)
               : target->info.kind == "mysql" ? QStringLiteral("%1 = %2").arg(setting, proposed)
                                              : QString();
    }
    const std::string& kind = pool->kind.str();
    const SettingName* const name = settingNameOf(kind, finding.setting);
    if (!name)
        return {};
    if (kind == "database/sql")
        return goLine(*name, setting, finding.proposed);
    if (kind == "r2d2" || kind == "diesel")
        return rustLine(*name, setting, finding.proposed);
    if (kind == "poolscope")
        return cppLine(*name, setting, finding.proposed);
    if (kind == "sqlalchemy")
        return pythonLine(*name, setting, proposed);
    if (kind == "pgbouncer")
        return QStringLiteral("%1 = %2").arg(setting, proposed);
    return QStringLiteral("%1=%2").arg(setting, proposed); // as in Java's .properties
}

} // namespace poolscope
