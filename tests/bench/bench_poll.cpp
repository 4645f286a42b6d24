// SPDX-License-Identifier: GPL-3.0-or-later
// What a poll costs the server, in its own CPU time, against what the plain view costs. Ratios of
// one run, medians over repeats in both orders.  bench_poll [SESSIONS…]
#include "core/base/clock.h"
#include "core/source/pgstatements.h"
#include "tests/support/pgcluster.h"

#include <QCoreApplication>
#include <QFile>

#include <fmt/core.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;

namespace {

struct Case
{
    const char* name;
    std::string sql;
    bool prepared;
    bool binary;
    enum class Values { none, first, again, steady } values = Values::none;
    std::vector<double> microseconds{};
};

/// CPU time of one process in nanoseconds.
qint64 cpuOf(int pid)
{
    QFile file(QStringLiteral("/proc/%1/schedstat").arg(pid));
    return file.open(QIODevice::ReadOnly) ? file.readAll().split(' ').first().toLongLong() : 0;
}

class Meter
{
public:
    explicit Meter(const QString& conninfo)
        : conn_(PQconnectdb(conninfo.toUtf8().constData()), PQfinish)
    {
        // As the source does it, with its facts.
        PQclear(PQexec(conn_.get(), "SET plan_cache_mode = force_generic_plan"));
    }

    bool prepare(const Case& c)
    {
        if (!c.prepared)
            return true;
        PGresult* const r = PQprepare(conn_.get(), c.name, c.sql.c_str(), 0, nullptr);
        const bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
        if (!good)
            fmt::print(stderr, "{}: {}", c.name, PQerrorMessage(conn_.get()));
        PQclear(r);
        return good;
    }

    bool once(const Case& c)
    {
        const std::string since =
            c.values == Case::Values::first
                ? "-infinity"
                : format_iso8601(SystemClock{}.now() - std::chrono::seconds{2});
        const char* const values[] = {since.c_str(), "t", "{}", "{}"};
        const int count = c.values == Case::Values::none     ? 0
                          : c.values == Case::Values::steady ? 4
                                                             : 2;
        PGresult* const r = c.prepared ? PQexecPrepared(conn_.get(), c.name, count, values, nullptr,
                                                        nullptr, c.binary)
                                       : PQexec(conn_.get(), c.sql.c_str());
        const bool good = PQresultStatus(r) == PGRES_TUPLES_OK;
        rows_ = PQntuples(r);
        PQclear(r);
        return good;
    }

    bool measure(Case& c)
    {
        constexpr int warm = 6, many = 60;
        for (int i = 0; i < warm; ++i) {
            if (!once(c))
                return false;
        }
        const int pid = PQbackendPID(conn_.get());
        const qint64 before = cpuOf(pid);
        for (int i = 0; i < many; ++i)
            once(c);
        // The server accounts its last slice when it goes to sleep.
        std::this_thread::sleep_for(std::chrono::milliseconds{3});
        c.microseconds.push_back(static_cast<double>(cpuOf(pid) - before) / 1000.0 / many);
        return true;
    }

private:
    std::unique_ptr<PGconn, void (*)(PGconn*)> conn_;
    int rows_ = 0;
};

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values.at(values.size() / 2);
}

bool run(const PgCluster& cluster, int sessions)
{
    std::vector<PgClient> idle;
    for (int i = 0; i < sessions; ++i) {
        idle.emplace_back(cluster.conninfo());
        if (!idle.back().exec(
                QStringLiteral("SELECT relname, reltuples FROM pg_class WHERE relkind = "
                               "'r' AND relname LIKE 'order%' ORDER BY 1 LIMIT 10")))
            return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{2500}); // they are idle, and old enough
    const int v = cluster.versionNumber();
    std::vector<Case> cases{
        {"SELECT 1", "SELECT 1", true, true},
        {"snapshot: count(*), text", "SELECT count(*) FROM pg_stat_get_activity(NULL)", false,
         false},
        {"snapshot: count(*), prepared", "SELECT count(*) FROM pg_stat_get_activity(NULL)", true,
         true},
        {"our first poll", full_poll_statement(v).sql, true, true, Case::Values::first},
        {"our full poll", full_poll_statement(v).sql, true, true, Case::Values::again},
        {"our steady poll", steady_poll_statement(v).sql, true, true, Case::Values::steady},
        {"the plain view, text",
         "SELECT pid, datname, usename, application_name, state, wait_event_type, wait_event, "
         "xact_start, query_start, backend_start, state_change, client_addr, client_port, "
         "backend_xid, backend_xmin, backend_type, query FROM pg_stat_activity",
         false, false},
    };
    Meter meter(cluster.conninfo());
    for (const Case& c : cases) {
        if (!meter.prepare(c))
            return false;
    }
    for (int repeat = 0; repeat < 9; ++repeat) {
        for (std::size_t i = 0; i < cases.size(); ++i) {
            if (!meter.measure(cases.at(repeat % 2 ? cases.size() - 1 - i : i)))
                return false;
        }
    }
    const double snapshot = median(cases.at(1).microseconds);
    const double view = median(cases.back().microseconds);
    fmt::print("{} idle sessions, PostgreSQL {}\n{:<32}{:>10}{:>12}{:>12}\n", sessions, v / 10000,
               "", "us", "x snapshot", "x view");
    for (const Case& c : cases) {
        const double us = median(c.microseconds);
        fmt::print("{:<32}{:>10.0f}{:>12.2f}{:>12.2f}\n", c.name, us, us / snapshot, us / view);
    }
    fmt::print("\n");
    return true;
}

} // namespace

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    std::vector<int> counts;
    for (int i = 1; i < argc; ++i)
        counts.push_back(std::clamp(std::atoi(argv[i]), 1, 2000));
    if (counts.empty())
        counts = {10, 100, 500};
    if (!PgCluster::available()) {
        fmt::print("SKIP: no PostgreSQL server is installed\n");
        return 0;
    }
    PgCluster cluster;
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 2100")};
    if (!cluster.start(options)) {
        fmt::print(stderr, "{}\n", cluster.error().toStdString());
        return 1;
    }
    for (const int count : counts) {
        if (!run(cluster, count))
            return 1;
    }
    return 0;
}
