// SPDX-License-Identifier: GPL-3.0-or-later
// The names that pools and their exporters give to what they count. tests/data/metrics has pages of
// most of them.
#include "core/source/metricsnames.h"

#include "core/base/stringhash.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace poolscope {

namespace {

constexpr double nanosecond = 1e-3;
constexpr double millisecond = 1e3;
constexpr double second = 1e6;

struct Row
{
    std::string_view name;
    PoolFigure figure;
    double unit = 1;
};

struct Table
{
    MetricsFamily family;
    std::vector<Row> rows;
};

using F = PoolFigure;

/// https://github.com/brettwooldridge/HikariCP: Micrometer's names, and those of its own collector
/// for Prometheus.
Table hikari()
{
    return {{"hikaricp", {"pool"}, {}, "maximumPoolSize", "minimumIdle"},
            {{"hikaricp_connections", F::total},
             {"hikaricp_connections_active", F::used},
             {"hikaricp_connections_idle", F::idle},
             {"hikaricp_connections_pending", F::pending},
             {"hikaricp_connections_max", F::max},
             {"hikaricp_connections_min", F::idle_min},
             {"hikaricp_connections_timeout", F::timeouts},
             {"hikaricp_connections_acquire_seconds", F::wait, second},
             {"hikaricp_connections_usage_seconds", F::use, second},
             {"hikaricp_connections_creation_seconds", F::create, second},
             {"hikaricp_active_connections", F::used},
             {"hikaricp_idle_connections", F::idle},
             {"hikaricp_pending_threads", F::pending},
             {"hikaricp_max_connections", F::max},
             {"hikaricp_min_connections", F::idle_min},
             {"hikaricp_connection_timeout", F::timeouts},
             {"hikaricp_connection_acquired_nanos", F::wait, nanosecond},
             {"hikaricp_connection_usage_millis", F::use, millisecond},
             {"hikaricp_connection_creation_millis", F::create, millisecond}}};
}

/// What HikariCP tells Dropwizard's metrics: these stand behind "<pool>_pool_".
Table dropwizard()
{
    return {{"hikaricp", {}, {}, "maximumPoolSize", "minimumIdle"},
            {{"TotalConnections", F::total},
             {"ActiveConnections", F::used},
             {"IdleConnections", F::idle},
             {"PendingConnections", F::pending},
             {"MaxConnections", F::max},
             {"MinConnections", F::idle_min},
             {"ConnectionTimeoutRate", F::timeouts},
             {"Wait", F::wait, second},
             {"Usage", F::use, millisecond},
             {"ConnectionCreation", F::create, millisecond}}};
}

/// Spring Boot's, of whatever DataSource it knows: HikariCP, Tomcat, DBCP2, UCP.
Table spring()
{
    return {{"jdbc", {"name"}, {}, {}, {}},
            {{"jdbc_connections_active", F::used},
             {"jdbc_connections_idle", F::idle},
             {"jdbc_connections_max", F::max},
             {"jdbc_connections_min", F::idle_min}}};
}

/// Quarkus'. The most ever used is not how many may be.
Table agroal()
{
    return {{"agroal", {"datasource"}, {}, {}, {}},
            {{"agroal_active_count", F::used},
             {"agroal_available_count", F::idle},
             {"agroal_awaiting_count", F::pending}}};
}

Table r2dbc()
{
    return {{"r2dbc", {"name"}, {}, {}, {}},
            {{"r2dbc_pool_acquired_connections", F::used},
             {"r2dbc_pool_idle_connections", F::idle},
             {"r2dbc_pool_allocated_connections", F::total},
             {"r2dbc_pool_pending_connections", F::pending},
             {"r2dbc_pool_max_allocated_connections", F::max},
             {"r2dbc_pool_acquired", F::used},
             {"r2dbc_pool_idle", F::idle},
             {"r2dbc_pool_allocated", F::total},
             {"r2dbc_pool_pending", F::pending},
             {"r2dbc_pool_max_allocated", F::max}}};
}

Table go()
{
    return {{"database/sql", {"db_name"}, {}, "MaxOpenConns", {}},
            {{"go_sql_in_use_connections", F::used},
             {"go_sql_idle_connections", F::idle},
             {"go_sql_open_connections", F::total},
             {"go_sql_max_open_connections", F::max},
             {"go_sql_wait_count", F::wait_count},
             {"go_sql_wait_duration_seconds", F::wait_total, second}}};
}

/// A conventional name, its variants, and what exporters hang on them.
Table opentelemetry()
{
    return {{"opentelemetry",
             {"db_client_connection_pool_name", "db_client_connections_pool_name", "pool_name"},
             {},
             {},
             {}},
            {{"db_client_connection_count", F::state},
             {"db_client_connection_idle_max", F::idle_max},
             {"db_client_connection_idle_min", F::idle_min},
             {"db_client_connection_max", F::max},
             {"db_client_connection_pending_requests", F::pending},
             {"db_client_connection_timeouts", F::timeouts},
             {"db_client_connection_create_time_seconds", F::create, second},
             {"db_client_connection_wait_time_seconds", F::wait, second},
             {"db_client_connection_use_time_seconds", F::use, second},
             {"db_client_connection_npgsql_pending_requests", F::pending},
             {"db_client_connection_npgsql_timeouts", F::timeouts},
             {"db_client_connections_usage", F::state},
             {"db_client_connections_usage_connections", F::state},
             {"db_client_connections_idle_max", F::idle_max},
             {"db_client_connections_idle_min", F::idle_min},
             {"db_client_connections_max", F::max},
             {"db_client_connections_pending_requests", F::pending},
             {"db_client_connections_timeouts", F::timeouts},
             {"db_client_connections_create_time", F::create, millisecond},
             {"db_client_connections_wait_time", F::wait, millisecond},
             {"db_client_connections_use_time", F::use, millisecond},
             {"db_client_connections_create_time_milliseconds", F::create, millisecond},
             {"db_client_connections_wait_time_milliseconds", F::wait, millisecond},
             {"db_client_connections_use_time_milliseconds", F::use, millisecond},
             {"db_client_connections_create_time_seconds", F::create, second},
             {"db_client_connections_wait_time_seconds", F::wait, second},
             {"db_client_connections_use_time_seconds", F::use, second}}};
}

/// Three exporters of PgBouncer. Where a server is neither linked to a client nor free it counts
/// into the total alone.
Table pgbouncer()
{
    return {{"pgbouncer", {}, {"database", "user"}, "pool_size", {}},
            {{"pgbouncer_pools_server_active_connections", F::used},
             {"pgbouncer_pools_server_active_connections", F::total},
             {"pgbouncer_pools_server_active_cancel_connections", F::used},
             {"pgbouncer_pools_server_active_cancel_connections", F::total},
             {"pgbouncer_pools_server_being_canceled_connections", F::total},
             {"pgbouncer_pools_server_idle_connections", F::idle},
             {"pgbouncer_pools_server_idle_connections", F::total},
             {"pgbouncer_pools_server_used_connections", F::idle},
             {"pgbouncer_pools_server_used_connections", F::total},
             {"pgbouncer_pools_server_testing_connections", F::total},
             {"pgbouncer_pools_server_login_connections", F::total},
             {"pgbouncer_pools_client_waiting_connections", F::pending},
             {"pgbouncer_databases_pool_size", F::limit},
             {"pgbouncer_databases_database_pool_size", F::limit},
             {"pgbouncer_databases_reserve_pool", F::reserve},
             {"pgbouncer_databases_database_reserve_pool_size", F::reserve},
             {"pgbouncer_exporter_pools_active_server", F::used},
             {"pgbouncer_exporter_pools_active_server", F::total},
             {"pgbouncer_exporter_pools_idle_server", F::idle},
             {"pgbouncer_exporter_pools_idle_server", F::total},
             {"pgbouncer_exporter_pools_used_server", F::idle},
             {"pgbouncer_exporter_pools_used_server", F::total},
             {"pgbouncer_exporter_pools_tested_server", F::total},
             {"pgbouncer_exporter_pools_login_server", F::total},
             {"pgbouncer_exporter_pools_waiting_clients", F::pending},
             {"pgbouncer_exporter_database_pool_size", F::limit},
             {"pgbouncer_waiting_clients", F::pending}}};
}

bool is_counter(PoolFigure figure)
{
    return figure == F::timeouts || figure == F::wait_count || figure == F::wait_total;
}

bool is_duration(PoolFigure figure)
{
    return figure == F::wait || figure == F::use || figure == F::create;
}

class Names
{
public:
    Names()
        : tables_{hikari(), spring(), agroal(), r2dbc(), go(), opentelemetry(), pgbouncer()}
        , dropwizard_(dropwizard())
    {
        for (const Table& table : tables_)
            add(whole_, table);
        add(behind_, dropwizard_);
    }

    std::span<const MetricsMeaning> find(std::string_view name, std::string_view& pool) const
    {
        const auto found = whole_.find(name);
        if (found != whole_.end())
            return found->second;
        constexpr std::string_view between = "_pool_";
        const std::size_t at = name.rfind(between);
        if (at == std::string_view::npos || at == 0)
            return {};
        const auto behind = behind_.find(name.substr(at + between.size()));
        if (behind == behind_.end())
            return {};
        pool = name.substr(0, at);
        return behind->second;
    }

    std::vector<MetricsQuestion> questions() const
    {
        std::vector<MetricsQuestion> all;
        for (const Table& table : tables_)
            all.push_back(question_of(table, false));
        all.push_back(question_of(dropwizard_, true));
        return all;
    }

private:
    using Meanings = StringTable<std::vector<MetricsMeaning>>;

    static MetricsQuestion question_of(const Table& table, bool behind)
    {
        MetricsQuestion question{table.family.kind, {}, behind};
        Meanings known;
        add(known, table);
        for (const auto& [name, meanings] : known) {
            if (meanings.front().part != MetricPart::bucket)
                question.names.push_back(name);
        }
        std::sort(question.names.begin(), question.names.end());
        return question;
    }

    static void add(Meanings& to, const Table& table)
    {
        for (const Row& row : table.rows) {
            const std::string name(row.name);
            const auto put = [&](const std::string& key, MetricPart part) {
                to[key].push_back({&table.family, row.figure, part, row.unit});
            };
            put(name, MetricPart::value);
            if (is_counter(row.figure))
                put(name + "_total", MetricPart::value);
            if (is_duration(row.figure)) {
                put(name + "_sum", MetricPart::sum);
                put(name + "_count", MetricPart::count);
                put(name + "_bucket", MetricPart::bucket);
            }
        }
    }

    std::array<Table, 7> tables_;
    Table dropwizard_;
    Meanings whole_;
    Meanings behind_;
};

constexpr std::array<std::string_view, 14> processes{
    "application", "app",   "service_name", "job",      "exported_job",      "cluster",
    "namespace",   "pod",   "hostname",     "instance", "exported_instance", "service_instance_id",
    "pid",         "target"};

const Names& all_names()
{
    static const Names names;
    return names;
}

} // namespace

std::span<const MetricsMeaning> meanings_of(std::string_view name, std::string_view& pool)
{
    return all_names().find(name, pool);
}

const std::vector<MetricsQuestion>& metrics_questions()
{
    static const std::vector<MetricsQuestion> questions = all_names().questions();
    return questions;
}

std::span<const std::string_view> process_labels()
{
    return processes;
}

} // namespace poolscope
