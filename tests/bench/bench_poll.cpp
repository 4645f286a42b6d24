// SPDX-License-Identifier: GPL-3.0-or-later
// What a poll costs the server, in CPU time of its own process, against the plain view, the bare
// snapshot, and a default refresh of pg_activity (where POOLSCOPE_PG_ACTIVITY names a python that
// can import it). All in turns in one run, in both orders; medians.  bench_poll [SESSIONS…]
#include "core/base/clock.h"
#include "core/source/pgrows.h"
#include "core/source/pgsessions.h"
#include "core/source/pgstatements.h"
#include "tests/support/pgcluster.h"

#include <QCoreApplication>
#include <QFile>
#include <QProcess>

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;

namespace {

constexpr int warm = 4, many = 30, repeats = 9;

/// CPU time of one process in nanoseconds.
qint64 cpuOf(int pid)
{
    QFile file(QStringLiteral("/proc/%1/schedstat").arg(pid));
    return file.open(QIODevice::ReadOnly) ? file.readAll().split(' ').first().toLongLong() : 0;
}

struct Case
{
    const char* name;
    int pid; ///< of the server's process
    std::function<bool(int times)> run;
    std::vector<double> microseconds{};

    bool measure()
    {
        if (!run(warm))
            return false;
        const qint64 before = cpuOf(pid);
        if (!run(many))
            return false;
        // The server accounts its last slice when it goes to sleep.
        std::this_thread::sleep_for(std::chrono::milliseconds{3});
        microseconds.push_back(static_cast<double>(cpuOf(pid) - before) / 1000.0 / many);
        return true;
    }
    double median() const
    {
        std::vector<double> sorted = microseconds;
        std::sort(sorted.begin(), sorted.end());
        return sorted.at(sorted.size() / 2);
    }
};

/// One connection that asks as the source does: prepared, binary, planned once.
class Meter
{
public:
    explicit Meter(const QString& conninfo)
        : conn_(PQconnectdb(conninfo.toUtf8().constData()), PQfinish)
    {
        PQclear(PQexec(conn_.get(), "SET plan_cache_mode = force_generic_plan"));
    }
    int pid() const { return PQbackendPID(conn_.get()); }

    std::function<bool(int)> text(const std::string& sql)
    {
        return [this, sql](int times) {
            for (int i = 0; i < times; ++i) {
                if (!good(PQexec(conn_.get(), sql.c_str())))
                    return false;
            }
            return true;
        };
    }
    std::function<bool(int)> prepared(const PgStatement& statement)
    {
        PQclear(PQprepare(conn_.get(), statement.name, statement.sql.c_str(), 0, nullptr));
        return [this, name = statement.name](int times) {
            for (int i = 0; i < times; ++i) {
                if (!once(name, {}))
                    return false;
            }
            return true;
        };
    }
    /// With what the source would ask for by now.
    std::function<bool(int)> poll(const PgStatement& statement, bool whole, bool blockers)
    {
        PQclear(PQprepare(conn_.get(), statement.name, statement.sql.c_str(), 0, nullptr));
        return [this, name = statement.name, whole, blockers](int times) {
            for (int i = 0; i < times; ++i) {
                if (!once(name, values(whole, blockers)))
                    return false;
            }
            return true;
        };
    }
    std::function<bool(int)> first(const PgStatement& statement)
    {
        PQclear(PQprepare(conn_.get(), statement.name, statement.sql.c_str(), 0, nullptr));
        return [this, name = statement.name](int times) {
            for (int i = 0; i < times; ++i) {
                if (!once(name, {"t"}))
                    return false;
            }
            return true;
        };
    }
    /// The last poll becomes what is known, as in the source.
    void learn()
    {
        TextPool texts;
        sessions_.absorb(read_poll(result_.get(), TargetId{1}, pid(), texts), false);
    }
    bool crowded() const { return sessions_.crowded(); }
    int rows() const { return PQntuples(result_.get()); }

private:
    std::vector<std::string> values(bool whole, bool blockers) const
    {
        return {format_iso8601(SystemClock{}.now() - std::chrono::seconds{2}), blockers ? "t" : "f",
                array_of(sessions_.wanted(whole)), array_of(sessions_.textless())};
    }
    bool once(const char* name, const std::vector<std::string>& values)
    {
        std::vector<const char*> texts;
        for (const std::string& value : values)
            texts.push_back(value.c_str());
        return good(PQexecPrepared(conn_.get(), name, static_cast<int>(texts.size()), texts.data(),
                                   nullptr, nullptr, 1));
    }
    bool good(PGresult* result)
    {
        result_.reset(result);
        if (PQresultStatus(result) == PGRES_TUPLES_OK)
            return true;
        fmt::print(stderr, "{}", PQresultErrorMessage(result));
        return false;
    }

    std::unique_ptr<PGconn, void (*)(PGconn*)> conn_;
    std::unique_ptr<PGresult, void (*)(PGresult*)> result_{nullptr, PQclear};
    PgSessions sessions_{TargetId{1}};
};

/// pg_activity, driven through its own functions by a script beside this file.
class Peer
{
public:
    explicit Peer(const QString& conninfo)
    {
        const QString python = qEnvironmentVariable("POOLSCOPE_PG_ACTIVITY");
        if (python.isEmpty())
            return;
        process_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process_.start(python,
                       {QStringLiteral(POOLSCOPE_BENCH_DIR "/pg_activity_refresh.py"), conninfo});
        const QList<QByteArray> hello = line().split(' ');
        pid_ = hello.first().toInt();
        version_ = hello.last();
    }
    ~Peer()
    {
        process_.closeWriteChannel();
        process_.waitForFinished(5000);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    int pid() const { return pid_; }
    QByteArray version() const { return version_; }
    bool refresh(int times)
    {
        process_.write(QByteArray::number(times) + '\n');
        return line() == "done";
    }

private:
    QByteArray line()
    {
        while (!process_.canReadLine()) {
            if (!process_.waitForReadyRead(60000))
                return {};
        }
        return process_.readLine().trimmed();
    }
    QProcess process_;
    int pid_ = 0;
    QByteArray version_;
};

/// The sessions of the story. Busy: a tenth runs a statement, a tenth is idle in a transaction that
/// wrote, up to 10 wait for a row's lock.
std::vector<PgClient> crowd(const PgCluster& cluster, int sessions, bool busy)
{
    PgClient admin(cluster.conninfo());
    admin.exec(QStringLiteral("DROP TABLE IF EXISTS t; CREATE TABLE t (id int, n int);"
                              "INSERT INTO t VALUES (0, 0)"));
    std::vector<PgClient> clients;
    for (int i = 0; i < sessions; ++i) {
        clients.emplace_back(cluster.conninfo());
        clients.back().exec(
            QStringLiteral("SELECT relname, reltuples FROM pg_class WHERE relkind = "
                           "'r' AND relname LIKE 'order%' ORDER BY 1 LIMIT 10"));
    }
    if (!busy)
        return clients;
    const int tenth = std::max(1, sessions / 10);
    int next = 0;
    const auto client = [&]() -> PgClient& {
        return clients.at(static_cast<std::size_t>(next++));
    };
    client().exec(QStringLiteral("BEGIN; UPDATE t SET n = 1"));
    for (int i = 0; i < tenth; ++i)
        client().exec(QStringLiteral("BEGIN; INSERT INTO t VALUES (%1, 0)").arg(i + 1));
    for (int i = 0; i < tenth; ++i)
        client().send(QStringLiteral("SELECT pg_sleep(600)"));
    for (int i = 0; i < std::min(10, sessions / 5); ++i)
        client().send(QStringLiteral("UPDATE t SET n = 2 WHERE id = 0"));
    return clients;
}

void print(const std::vector<Case>& cases)
{
    std::map<std::string_view, double> base;
    for (const Case& c : cases)
        base[c.name] = c.median();
    const double snapshot = base["snapshot, prepared"], view = base["the plain view, text"];
    const double peer = base["pg_activity's refresh"];
    for (const Case& c : cases) {
        const double us = c.median();
        fmt::print("{:<34}{:>9.0f}{:>12.2f}{:>10.2f}{:>16}\n", c.name, us, us / snapshot, us / view,
                   peer > 0 ? fmt::format("1/{:.1f}", peer / us) : "-");
    }
    fmt::print("\n");
}

bool run(const PgCluster& cluster, int sessions, bool busy)
{
    const int v = cluster.versionNumber();
    std::vector<PgClient> clients = crowd(cluster, sessions, busy);
    std::this_thread::sleep_for(std::chrono::milliseconds{2500}); // idle ones are old by then
    Meter meter(cluster.conninfo());
    Peer peer(cluster.conninfo());
    const std::string snapshot = "SELECT count(*) FROM pg_stat_get_activity(NULL)";
    const auto first = meter.first(first_poll_statement(v));
    const auto full = meter.poll(full_poll_statement(v), true, true);
    const auto same = meter.poll(full_poll_statement(v), true, false);
    const auto steady = meter.poll(steady_poll_statement(v), false, true);
    // What the source would know by now, and which statement it would choose.
    if (!first(1))
        return false;
    meter.learn();
    if (!full(1))
        return false;
    meter.learn();
    const bool crowded = meter.crowded();
    const int changed = meter.rows();
    std::vector<Case> cases;
    cases.push_back({"SELECT 1, prepared", meter.pid(), meter.prepared({"bench_one", "SELECT 1"})});
    cases.push_back({"snapshot, text", meter.pid(), meter.text(snapshot)});
    cases.push_back({"snapshot, prepared", meter.pid(), meter.prepared({"bench_snap", snapshot})});
    cases.push_back({"our first poll", meter.pid(), first});
    cases.push_back({"our full poll", meter.pid(), full});
    // The view does not tell who blocks whom.
    if (busy)
        cases.push_back({"our full poll, without blockers", meter.pid(), same});
    cases.push_back(
        {crowded ? "picking (not chosen: crowded)" : "our steady poll", meter.pid(), steady});
    cases.push_back({"the plain view, text", meter.pid(),
                     meter.text("SELECT pid, datname, usename, application_name, state,"
                                " wait_event_type, wait_event, xact_start, query_start,"
                                " backend_start, state_change, client_addr, client_port,"
                                " backend_xid, backend_xmin, backend_type, query"
                                " FROM pg_stat_activity")});
    if (peer.pid() > 0)
        cases.push_back({"pg_activity's refresh", peer.pid(), [&peer](int times) {
                             return peer.refresh(times);
                         }});
    for (int repeat = 0; repeat < repeats; ++repeat) {
        for (std::size_t i = 0; i < cases.size(); ++i) {
            if (!cases.at(repeat % 2 ? cases.size() - 1 - i : i).measure())
                return false;
        }
    }
    fmt::print("PostgreSQL {}, {} sessions, {}: a poll sends {} rows; pg_activity {}\n{:<34}{:>9}"
               "{:>12}{:>10}{:>16}\n",
               v / 10000, sessions, busy ? "busy" : "idle", changed,
               peer.pid() > 0 ? peer.version().toStdString() : "is not here", "", "us",
               "x snapshot", "x view", "of pg_activity");
    print(cases);
    PgClient(cluster.conninfo())
        .exec(QStringLiteral("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datid IS"
                             " NOT NULL AND pid <> pg_backend_pid()"));
    return true;
}

} // namespace

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    std::vector<int> counts;
    for (int i = 1; i < argc; ++i)
        counts.push_back(std::clamp(std::atoi(argv[i]), 10, 2000));
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
        for (const bool busy : {false, true}) {
            if (!run(cluster, count, busy))
                return 1;
        }
    }
    return 0;
}
