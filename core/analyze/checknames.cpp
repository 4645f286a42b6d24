// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/checknames.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace poolscope {

namespace {

using Trait = PoolTrait;
using Unit = SettingUnit;
constexpr std::int64_t no_never = SettingName::none_is_never;

// Defaults and meanings as in the pools' own documentation and sources: HikariCP 5, Commons DBCP 2,
// Tomcat JDBC 10, Alibaba Druid 1.2, SQLAlchemy 2, Go 1.19, r2d2 0.8, PgBouncer 1.25.
constexpr std::array all_setting_names{
    SettingName{"hikaricp", Trait::max_size, "maximumPoolSize", Unit::count, no_never, "10", {}},
    SettingName{"hikaricp", Trait::min_idle, "minimumIdle", Unit::count, no_never, {}, {}},
    SettingName{"hikaricp",
                Trait::acquire_timeout,
                "connectionTimeout",
                Unit::milliseconds,
                0,
                "30000",
                {}},
    SettingName{"hikaricp", Trait::lifetime, "maxLifetime", Unit::milliseconds, 0, "1800000", {}},
    SettingName{
        "hikaricp", Trait::idle_timeout, "idleTimeout", Unit::milliseconds, 0, "600000", {}},
    SettingName{"hikaricp", Trait::keepalive, "keepaliveTime", Unit::milliseconds, 0, {}, {}},
    SettingName{"hikaricp",
                Trait::leak_threshold,
                "leakDetectionThreshold",
                Unit::milliseconds,
                0,
                "0",
                {}},

    SettingName{"dbcp2", Trait::max_size, "maxTotal", Unit::count, -1, "8", {}},
    SettingName{"dbcp2", Trait::min_idle, "minIdle", Unit::count, no_never, "0", {}},
    SettingName{"dbcp2", Trait::max_idle, "maxIdle", Unit::count, -1, "8", {}},
    SettingName{"dbcp2", Trait::acquire_timeout, "maxWaitMillis", Unit::milliseconds, -1, "-1", {}},
    SettingName{"dbcp2", Trait::lifetime, "maxConnLifetimeMillis", Unit::milliseconds, 0, "-1", {}},
    SettingName{"dbcp2",
                Trait::idle_timeout,
                "minEvictableIdleTimeMillis",
                Unit::milliseconds,
                0,
                "1800000",
                {}},
    SettingName{"dbcp2",
                Trait::eviction_every,
                "timeBetweenEvictionRunsMillis",
                Unit::milliseconds,
                0,
                "-1",
                {}},
    SettingName{"dbcp2", Trait::validation, "testOnBorrow", Unit::flag, no_never, "true", {}},
    SettingName{
        "dbcp2", Trait::idle_validation, "testWhileIdle", Unit::flag, no_never, "false", {}},
    SettingName{
        "dbcp2", Trait::abandoned, "removeAbandonedOnBorrow", Unit::flag, no_never, "false", {}},
    SettingName{"dbcp2",
                Trait::abandoned_second,
                "removeAbandonedOnMaintenance",
                Unit::flag,
                no_never,
                "false",
                {}},
    SettingName{"dbcp2",
                Trait::abandoned_after,
                "removeAbandonedTimeout",
                Unit::seconds,
                no_never,
                "300",
                {}},

    SettingName{"dbcp", Trait::max_size, "maxActive", Unit::count, -1, "8", {}},
    SettingName{"dbcp", Trait::min_idle, "minIdle", Unit::count, no_never, "0", {}},
    SettingName{"dbcp", Trait::max_idle, "maxIdle", Unit::count, -1, "8", {}},
    SettingName{"dbcp", Trait::acquire_timeout, "maxWait", Unit::milliseconds, 0, "-1", {}},
    SettingName{"dbcp", Trait::validation, "testOnBorrow", Unit::flag, no_never, {}, {}},
    SettingName{"dbcp", Trait::abandoned, "removeAbandoned", Unit::flag, no_never, "false", {}},

    SettingName{"tomcat-jdbc", Trait::max_size, "maxActive", Unit::count, no_never, "100", {}},
    SettingName{"tomcat-jdbc", Trait::min_idle, "minIdle", Unit::count, no_never, "10", {}},
    SettingName{"tomcat-jdbc", Trait::max_idle, "maxIdle", Unit::count, no_never, {}, {}},
    SettingName{
        "tomcat-jdbc", Trait::acquire_timeout, "maxWait", Unit::milliseconds, 0, "30000", {}},
    SettingName{"tomcat-jdbc", Trait::lifetime, "maxAge", Unit::milliseconds, 0, "0", {}},
    SettingName{"tomcat-jdbc",
                Trait::idle_timeout,
                "minEvictableIdleTimeMillis",
                Unit::milliseconds,
                0,
                "60000",
                {}},
    SettingName{"tomcat-jdbc",
                Trait::eviction_every,
                "timeBetweenEvictionRunsMillis",
                Unit::milliseconds,
                0,
                "5000",
                {}},
    SettingName{
        "tomcat-jdbc", Trait::validation, "testOnBorrow", Unit::flag, no_never, "false", {}},
    SettingName{
        "tomcat-jdbc", Trait::idle_validation, "testWhileIdle", Unit::flag, no_never, "false", {}},
    SettingName{
        "tomcat-jdbc", Trait::abandoned, "removeAbandoned", Unit::flag, no_never, "false", {}},
    SettingName{"tomcat-jdbc",
                Trait::abandoned_after,
                "removeAbandonedTimeout",
                Unit::seconds,
                no_never,
                "60",
                {}},

    SettingName{"druid", Trait::max_size, "maxActive", Unit::count, no_never, "8", {}},
    SettingName{"druid", Trait::min_idle, "minIdle", Unit::count, no_never, "0", {}},
    SettingName{"druid", Trait::acquire_timeout, "maxWait", Unit::milliseconds, 0, "-1", {}},
    SettingName{"druid", Trait::lifetime, "phyTimeoutMillis", Unit::milliseconds, 0, "-1", {}},
    SettingName{"druid",
                Trait::idle_timeout,
                "maxEvictableIdleTimeMillis",
                Unit::milliseconds,
                0,
                "25200000",
                {}},
    SettingName{"druid", Trait::validation, "testOnBorrow", Unit::flag, no_never, "false", {}},
    SettingName{"druid", Trait::idle_validation, "testWhileIdle", Unit::flag, no_never, "true", {}},
    SettingName{"druid", Trait::abandoned, "removeAbandoned", Unit::flag, no_never, "false", {}},
    SettingName{
        "druid", Trait::abandoned_after, "removeAbandonedTimeout", Unit::seconds, no_never, {}, {}},
    SettingName{"druid",
                Trait::abandoned_after,
                "removeAbandonedTimeoutMillis",
                Unit::milliseconds,
                no_never,
                "300000",
                {}},

    SettingName{"sqlalchemy", Trait::max_size, "pool_size", Unit::count, 0, "5", {}},
    SettingName{"sqlalchemy", Trait::overflow, "max_overflow", Unit::count, -1, "10", {}},
    SettingName{
        "sqlalchemy", Trait::acquire_timeout, "pool_timeout", Unit::seconds, no_never, "30", {}},
    SettingName{"sqlalchemy", Trait::lifetime, "pool_recycle", Unit::seconds, -1, "-1", {}},
    SettingName{
        "sqlalchemy", Trait::validation, "pool_pre_ping", Unit::flag, no_never, "false", {}},

    SettingName{"database/sql", Trait::max_size, "MaxOpenConns", Unit::count, 0, "0",
                "SetMaxOpenConns"},
    SettingName{"database/sql", Trait::max_idle, "MaxIdleConns", Unit::count, no_never, "2",
                "SetMaxIdleConns"},
    SettingName{"database/sql", Trait::lifetime, "ConnMaxLifetime", Unit::written, 0, "0s",
                "SetConnMaxLifetime"},
    SettingName{"database/sql", Trait::idle_timeout, "ConnMaxIdleTime", Unit::written, 0, "0s",
                "SetConnMaxIdleTime"},

    SettingName{"r2d2", Trait::max_size, "max_size", Unit::count, no_never, "10", {}},
    SettingName{"r2d2", Trait::min_idle, "min_idle", Unit::count, no_never, {}, {}},
    SettingName{
        "r2d2", Trait::acquire_timeout, "connection_timeout", Unit::written, no_never, "30s", {}},
    SettingName{"r2d2", Trait::lifetime, "max_lifetime", Unit::written, no_never, "1800s", {}},
    SettingName{"r2d2", Trait::idle_timeout, "idle_timeout", Unit::written, no_never, "600s", {}},
    SettingName{"r2d2", Trait::validation, "test_on_check_out", Unit::flag, no_never, "true", {}},

    // Diesel's pools are r2d2's.
    SettingName{"diesel", Trait::max_size, "max_size", Unit::count, no_never, "10", {}},
    SettingName{"diesel", Trait::min_idle, "min_idle", Unit::count, no_never, {}, {}},
    SettingName{
        "diesel", Trait::acquire_timeout, "connection_timeout", Unit::written, no_never, "30s", {}},
    SettingName{"diesel", Trait::lifetime, "max_lifetime", Unit::written, no_never, "1800s", {}},
    SettingName{"diesel", Trait::idle_timeout, "idle_timeout", Unit::written, no_never, "600s", {}},
    SettingName{"diesel", Trait::validation, "test_on_check_out", Unit::flag, no_never, "true", {}},

    SettingName{"poolscope", Trait::max_size, "max_connections", Unit::count, no_never, "10", {}},
    SettingName{"poolscope", Trait::min_idle, "min_idle", Unit::count, no_never, "0", {}},
    SettingName{"poolscope",
                Trait::acquire_timeout,
                "acquire_timeout",
                Unit::written,
                no_never,
                "30 s",
                {}},
    SettingName{"poolscope", Trait::lifetime, "max_connection_age", Unit::written, 0, "3600 s", {}},
    SettingName{"poolscope", Trait::idle_timeout, "idle_timeout", Unit::written, 0, "300 s", {}},
    SettingName{
        "poolscope", Trait::eviction_every, "automatic_cleanup", Unit::flag, no_never, "false", {}},
    SettingName{
        "poolscope", Trait::validation, "validation_on_acquire", Unit::flag, no_never, "false", {}},
    SettingName{
        "poolscope", Trait::idle_validation, "health_check", Unit::flag, no_never, "false", {}},
    SettingName{
        "poolscope", Trait::leak_detection, "leak_detection", Unit::flag, no_never, "false", {}},
    SettingName{"poolscope", Trait::leak_threshold, "leak_threshold", Unit::written, 0, "30 s", {}},

    SettingName{"pgbouncer", Trait::max_size, "pool_size", Unit::count, no_never, {}, {}},
    SettingName{"pgbouncer", Trait::max_size, "default_pool_size", Unit::count, no_never, "20", {}},
    SettingName{"pgbouncer", Trait::reserve, "reserve_pool_size", Unit::count, no_never, {}, {}},
    SettingName{"pgbouncer", Trait::reserve, "reserve_pool", Unit::count, no_never, "0", {}},
    SettingName{"pgbouncer", Trait::database_limit, "max_db_connections", Unit::count, 0, "0", {}},
    SettingName{
        "pgbouncer", Trait::client_limit, "max_client_conn", Unit::count, no_never, "100", {}},
    SettingName{"pgbouncer", Trait::min_idle, "min_pool_size", Unit::count, no_never, "0", {}},
    SettingName{
        "pgbouncer", Trait::acquire_timeout, "query_wait_timeout", Unit::seconds, 0, "120", {}},
    // 0: used once, then closed.
    SettingName{
        "pgbouncer", Trait::lifetime, "server_lifetime", Unit::seconds, no_never, "3600", {}},
    SettingName{
        "pgbouncer", Trait::idle_timeout, "server_idle_timeout", Unit::seconds, 0, "600", {}},
    SettingName{"pgbouncer", Trait::client_idle, "client_idle_timeout", Unit::seconds, 0, "0", {}},
    SettingName{"pgbouncer", Trait::mode, "pool_mode", Unit::word, no_never, "session", {}},
};

constexpr double longest_setting_s = 100.0 * 365 * 24 * 3600;

std::optional<double> setting_number(std::string_view text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

bool read_count(const SettingName& name, PoolSetting& setting)
{
    const auto number = setting_number(setting.value);
    if (!number || std::abs(*number) > 1e9 || *number != std::floor(*number))
        return false;
    setting.count = static_cast<std::int64_t>(*number);
    setting.never = name.never != no_never && setting.count <= name.never;
    return setting.never || setting.count >= 0;
}

bool read_duration(const SettingName& name, PoolSetting& setting)
{
    if (name.unit == Unit::written) {
        const auto read = read_written_duration(setting.value, setting.never);
        if (!read)
            return false;
        setting.duration = *read;
    } else {
        const auto number = setting_number(setting.value);
        // Connectors say "for ever" with the largest number there is.
        if (!number || std::abs(*number) > 1e19)
            return false;
        const double seconds = name.unit == Unit::milliseconds ? *number / 1000 : *number;
        setting.never = (name.never != no_never && *number <= static_cast<double>(name.never)) ||
                        *number >= 2147483647.0 || seconds > longest_setting_s;
        if (!setting.never && seconds < 0)
            return false;
        setting.duration = setting.never ? Duration{} : Duration{std::llround(seconds * 1e6)};
    }
    if (name.never == 0 && setting.duration == Duration{})
        setting.never = true;
    return true;
}

bool read_setting(PoolSetting& setting)
{
    switch (setting.name->unit) {
    case Unit::count:
        return read_count(*setting.name, setting);
    case Unit::flag:
        setting.on = setting.value == "true" || setting.value == "True" || setting.value == "1";
        return setting.on || setting.value == "false" || setting.value == "False" ||
               setting.value == "0";
    case Unit::word:
        return !setting.value.empty();
    default:
        return read_duration(*setting.name, setting);
    }
}

} // namespace

std::span<const SettingName> setting_names()
{
    return all_setting_names;
}

std::optional<PoolSetting> PoolSettings::of(PoolTrait trait) const
{
    const SettingName* last = nullptr;
    for (const SettingName& name : all_setting_names) {
        if (name.trait != trait || name.kind != pool_->kind.str())
            continue;
        last = &name;
        const auto told = std::find_if(pool_->configuration.begin(), pool_->configuration.end(),
                                       [&](const auto& each) { return each.first == name.name; });
        if (told == pool_->configuration.end())
            continue;
        PoolSetting setting;
        setting.name = &name;
        setting.value = plain_line(told->second, 64);
        return read_setting(setting) ? std::optional(setting) : std::nullopt;
    }
    if (!complete_ || !last || last->standard.empty())
        return std::nullopt;
    PoolSetting setting;
    setting.name = last;
    setting.value = std::string(last->standard);
    setting.standard = true;
    return read_setting(setting) ? std::optional(setting) : std::nullopt;
}

std::string_view PoolSettings::label(PoolTrait trait) const
{
    if (const auto told = of(trait))
        return told->name->label();
    for (const SettingName& name : all_setting_names) {
        if (name.trait == trait && name.kind == pool_->kind.str())
            return name.label();
    }
    return {};
}

std::string PoolSettings::written(PoolTrait trait, Duration value) const
{
    const auto told = of(trait);
    const SettingName* name = told ? told->name : nullptr;
    for (const SettingName& each : all_setting_names) {
        if (!name && each.trait == trait && each.kind == pool_->kind.str())
            name = &each;
    }
    const std::int64_t us = to_us(value);
    if (name && name->unit == Unit::milliseconds)
        return std::to_string(us / 1000);
    const bool whole = us % 1'000'000 == 0;
    std::string seconds =
        whole ? std::to_string(us / 1'000'000) : fmt::format("{}", static_cast<double>(us) / 1e6);
    if (name && name->unit == Unit::seconds)
        return seconds;
    return seconds + (pool_->kind.str() == "poolscope" ? " s" : "s");
}

std::string kind_in_words(const Text& kind)
{
    constexpr std::array<std::array<std::string_view, 2>, 10> words{{
        {"hikaricp", "HikariCP"},
        {"dbcp2", "Commons DBCP 2"},
        {"dbcp", "Commons DBCP"},
        {"tomcat-jdbc", "Tomcat JDBC"},
        {"druid", "Alibaba Druid"},
        {"sqlalchemy", "SQLAlchemy"},
        {"database/sql", "database/sql"},
        {"diesel", "Diesel"},
        {"poolscope", "Poolscope's pool"},
        {"pgbouncer", "PgBouncer"},
    }};
    for (const auto& [name, shown] : words) {
        if (kind.str() == name)
            return std::string(shown);
    }
    return kind.empty() ? std::string{"the pool"} : plain_line(kind.str(), 64);
}

std::optional<Duration> read_written_duration(std::string_view text, bool& never)
{
    never = text == "none" || text == "None";
    if (never)
        return Duration{};
    double seconds = 0;
    bool any = false;
    const auto skip_spaces = [&] {
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    };
    for (skip_spaces(); !text.empty(); skip_spaces()) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
        const auto number = setting_number(text.substr(0, digits));
        text.remove_prefix(digits);
        skip_spaces();
        const std::size_t letters = std::min(text.find_first_of("0123456789. "), text.size());
        const std::string_view unit = text.substr(0, letters);
        text.remove_prefix(letters);
        const double factor = unit == "h"                                                  ? 3600
                              : unit == "m"                                                ? 60
                              : unit == "s"                                                ? 1
                              : unit == "ms"                                               ? 1e-3
                              : unit == "us" || unit == "\xC2\xB5s" || unit == "\xCE\xBCs" ? 1e-6
                              : unit == "ns"                                               ? 1e-9
                              : unit == "d"                                                ? 86400
                                                                                           : 0;
        if (!number || factor == 0)
            return std::nullopt;
        seconds += *number * factor;
        any = true;
        if (seconds > longest_setting_s)
            return std::nullopt;
    }
    if (!any)
        return std::nullopt;
    return Duration{std::llround(seconds * 1e6)};
}

} // namespace poolscope
