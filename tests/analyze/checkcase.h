// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"
#include "core/analyze/checknames.h"

#include <QTest>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

// Pools and servers as they are told of, and cases of the configuration check.
namespace poolscope::test {

using Config = std::vector<std::pair<std::string, std::string>>;
using Severity = ConfigSeverity;
using namespace std::chrono_literals;

inline const Timestamp began = timestamp_from_us(1'763'735'320'000'000);
inline const TargetId server_id{1}, process_id{2}, pooler_id{3};

// What the agents tell of each kind, in their own words: resources/agents (PoolKind.java,
// sqlalchemy.py, watch.rs, pool.go) and core/pool/poolconfig.cpp.
inline const Config hikari{{"maximumPoolSize", "10"},     {"minimumIdle", "10"},
                           {"connectionTimeout", "5000"}, {"validationTimeout", "5000"},
                           {"idleTimeout", "600000"},     {"maxLifetime", "1800000"},
                           {"keepaliveTime", "0"},        {"initializationFailTimeout", "1"}};
inline const Config dbcp2{{"maxTotal", "8"},
                          {"maxIdle", "8"},
                          {"minIdle", "0"},
                          {"initialSize", "0"},
                          {"maxWaitMillis", "5000"},
                          {"maxConnLifetimeMillis", "-1"},
                          {"minEvictableIdleTimeMillis", "1800000"},
                          {"timeBetweenEvictionRunsMillis", "-1"},
                          {"testOnBorrow", "true"},
                          {"testWhileIdle", "false"},
                          {"removeAbandonedOnBorrow", "false"},
                          {"removeAbandonedOnMaintenance", "false"},
                          {"removeAbandonedTimeout", "300"},
                          {"rollbackOnReturn", "true"}};
inline const Config tomcat{{"maxActive", "20"},
                           {"maxIdle", "20"},
                           {"minIdle", "5"},
                           {"initialSize", "5"},
                           {"maxWait", "30000"},
                           {"maxAge", "0"},
                           {"minEvictableIdleTimeMillis", "60000"},
                           {"validationInterval", "3000"},
                           {"testOnBorrow", "true"},
                           {"testWhileIdle", "false"},
                           {"removeAbandoned", "false"},
                           {"removeAbandonedTimeout", "60"}};
inline const Config druid{{"maxActive", "8"},
                          {"minIdle", "0"},
                          {"initialSize", "0"},
                          {"maxWait", "5000"},
                          {"minEvictableIdleTimeMillis", "1800000"},
                          {"maxEvictableIdleTimeMillis", "25200000"},
                          {"phyTimeoutMillis", "-1"},
                          {"keepAlive", "false"},
                          {"testOnBorrow", "false"},
                          {"testWhileIdle", "true"},
                          {"removeAbandoned", "false"},
                          {"removeAbandonedTimeoutMillis", "300000"}};
inline const Config sqlalchemy{{"pool_size", "5"},
                               {"max_overflow", "10"},
                               {"pool_timeout", "30.0"},
                               {"pool_recycle", "-1"},
                               {"pool_pre_ping", "true"},
                               {"pool_use_lifo", "false"},
                               {"pool_reset_on_return", "rollback"}};
inline const Config go{{"MaxOpenConns", "20"},
                       {"MaxIdleConns", "5"},
                       {"ConnMaxLifetime", "5m0s"},
                       {"ConnMaxIdleTime", "1m0s"}};
inline const Config r2d2{
    {"max_size", "10"},           {"min_idle", "none"},     {"test_on_check_out", "true"},
    {"connection_timeout", "5s"}, {"idle_timeout", "600s"}, {"max_lifetime", "1800s"}};
inline const Config ours{{"max_connections", "10"},
                         {"max_per_user", "0"},
                         {"min_idle", "0"},
                         {"acquire_timeout", "5 s"},
                         {"idle_timeout", "300 s"},
                         {"max_connection_age", "3600 s"},
                         {"validation_on_acquire", "true"},
                         {"health_check", "false"},
                         {"health_check_interval", "60 s"},
                         {"leak_detection", "true"},
                         {"leak_threshold", "30 s"},
                         {"leak_critical_threshold", "300 s"},
                         {"automatic_cleanup", "true"},
                         {"cleanup_interval", "60 s"},
                         {"stack_capture", "always"}};
inline const Config bouncer{{"pool_mode", "transaction"}, {"pool_size", "20"},
                            {"reserve_pool_size", "0"},   {"max_db_connections", "0"},
                            {"max_client_conn", "100"},   {"query_wait_timeout", "120"},
                            {"server_lifetime", "3600"},  {"server_idle_timeout", "600"},
                            {"client_idle_timeout", "0"}};

inline Config with(Config config, const char* name, const char* value)
{
    for (auto& [known, its] : config) {
        if (known == name) {
            its = value;
            return config;
        }
    }
    config.emplace_back(name, value);
    return config;
}

inline Config without(Config config, const char* name)
{
    std::erase_if(config, [&](const auto& each) { return each.first == name; });
    return config;
}

inline Pool pool_of(const char* kind, const Config& config, const char* name = "orders")
{
    Pool pool;
    pool.name = Text{std::string(name)};
    pool.kind = Text{std::string(kind)};
    pool.database = Text{std::string("postgresql://db1:5432/shop")};
    pool.configuration = config;
    return pool;
}

inline CheckTarget process_of(std::vector<Pool> pools, TargetId id = process_id)
{
    CheckTarget target;
    target.info = {id, "pool", "shop-api", "pool://web-1:7070"};
    target.pools = std::move(pools);
    return target;
}

/// With transactions that end, so that this says nothing.
inline CheckTarget server_of(std::int32_t max = 100, std::int32_t reserved = 3,
                             std::vector<ServerSetting> settings = {})
{
    CheckTarget target;
    target.info = {server_id, "postgresql", "shop-db", "postgresql://dba@db1:5432/postgres"};
    target.facts.emplace();
    target.facts->max_connections = max;
    target.facts->reserved = reserved;
    settings.push_back(
        {SettingScope::server, "", "idle_in_transaction_session_timeout", "60000", "ms"});
    target.settings = ServerSettings{std::move(settings), true};
    return target;
}

inline ServerSetting limit_of(SettingScope scope, const char* subject, const char* value)
{
    return {scope, subject, std::string(connection_limit), value, ""};
}

inline CheckTarget pooler_of(std::vector<Pool> pools)
{
    CheckTarget target;
    target.info = {pooler_id, "pgbouncer", "bouncer", "pgbouncer://stats@db1:6432"};
    target.pools = std::move(pools);
    return target;
}

inline Pool bouncer_pool(const char* name, const Config& config, std::int64_t max = 20)
{
    Pool pool = pool_of("pgbouncer", config, name);
    pool.database = Text{std::string("db1:5432/shop")};
    pool.max = max;
    return pool;
}

inline Pool behind_bouncer(const char* kind, const Config& config, const char* name = "orders")
{
    Pool pool = pool_of(kind, config, name);
    pool.database = Text{std::string("postgresql://db1:6432/shop")};
    return pool;
}

inline Pool used(Pool pool, Duration p99, std::uint64_t count = 5000)
{
    pool.use_time = DurationSummary{count, {}, p99 / 10, p99};
    return pool;
}

inline CheckInput alone(const Pool& pool)
{
    return {{process_of({pool})}, {}, {}};
}

inline CheckInput on(const CheckTarget& server, std::vector<Pool> pools)
{
    return {{server, process_of(std::move(pools))}, {}, {}};
}

/// `used` connections all the time, a point a second, uses of `use_s`.
inline PoolSeries load(double seconds, std::int64_t in_use, std::int64_t pending,
                       double use_s = 0.1)
{
    PoolSeries series{process_id, Text{std::string("orders")}, {}};
    for (int i = 0; i <= static_cast<int>(seconds); ++i) {
        PoolPoint point;
        point.time = began + std::chrono::seconds{i};
        point.used = in_use;
        point.pending = pending;
        const double uses = static_cast<double>(in_use) / use_s * i;
        point.use_time =
            DurationSummary{static_cast<std::uint64_t>(uses),
                            Duration{static_cast<std::int64_t>(in_use * 1'000'000 * i)},
                            {},
                            {}};
        series.points.push_back(point);
    }
    return series;
}

inline CheckInput loaded(Pool pool, const PoolSeries& series)
{
    return {{process_of({std::move(pool)})}, {}, {series}};
}

struct Case
{
    const char* name;
    CheckInput input;
    CheckOptions options{};
    std::string rule{}; ///< empty: nothing is to be found
    std::string setting{};
    std::string value{};
    std::string proposed{};
    Severity severity = Severity::warning;
    std::string beside{}; ///< a rule that it raises too
};

inline const CheckOptions callers{2s, {}};
inline const CheckOptions firewall{{}, 350s};

inline void add_rows(const std::vector<Case>& cases)
{
    QTest::addColumn<std::size_t>("index");
    for (std::size_t i = 0; i < cases.size(); ++i)
        QTest::newRow(cases[i].name) << i;
}

/// The one finding that the case names, and nothing else.
inline void judge_case(const Case& c)
{
    ConfigReport report = check_configuration(c.input, c.options);
    if (!c.beside.empty())
        std::erase_if(report.findings, [&](const auto& each) { return each.rule == c.beside; });
    std::string all;
    for (const ConfigFinding& each : report.findings)
        all += each.rule + " (" + each.setting + " " + each.value + " -> " + each.proposed + ") ";
    if (c.rule.empty()) {
        QVERIFY2(report.findings.empty(), all.c_str());
        return;
    }
    QVERIFY2(report.findings.size() == 1, all.c_str());
    const ConfigFinding& found = report.findings.front();
    QCOMPARE(found.rule, c.rule);
    QCOMPARE(found.setting, c.setting);
    QCOMPARE(found.value, c.value);
    QCOMPARE(found.proposed, c.proposed);
    QCOMPARE(found.severity, c.severity);
    QVERIFY(found.sentence.size() > 30 && found.sentence.back() == '.');
    for (const std::string& sentence : found.evidence)
        QVERIFY2(sentence.back() == '.', sentence.c_str());
}

/// A rule that no case raises is not tested.
inline bool all_told(const std::vector<Case>& cases, const std::set<std::string>& rules)
{
    std::set<std::string> told;
    for (const Case& each : cases) {
        if (!each.rule.empty())
            told.insert(each.rule);
    }
    return std::includes(told.begin(), told.end(), rules.begin(), rules.end());
}

} // namespace poolscope::test
